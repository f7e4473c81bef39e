//! Flattening: all steps of a playbook in one row, each with where its path goes on. A playbook is a tree of lists of steps: the
//! list of a branch is in a scope of its own, the list of a choice, a handler or a `catch` is on the path of the step that
//! owns it. Owns the numbers of steps, and which scope and list each is in; checks no field.

mod outer;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use updraft_protocol::StepId;
use updraft_protocol::limits::{PLAYBOOK_STEPS, SCOPE_DEPTH};
use updraft_protocol::playbook::{
    ALREADY, Body, BodyRun, FinallyPlace, Handler, ON_CANCEL, Playbook, Step, StepExit, StepKind, VERIFY,
};

use super::exits::Follows;
use super::mistakes::Mistakes;
use super::step::{FINALLY, names_of};
use super::{APPROVAL, ItemNames, StepIndex};
use outer::Outer;

/// A scope: an index into [`Flat::scopes`].
pub(super) type ScopeIndex = usize;

/// The steps of a playbook in the order in which they are written, those of a step's bodies after it.
#[derive(Debug)]
pub(super) struct Flat<'p> {
    pub(super) steps: Vec<FlatStep<'p>>,
    pub(super) scopes: Vec<FlatScope>,
    lists: Vec<List>,
}

/// One step.
#[derive(Debug)]
pub(super) struct FlatStep<'p> {
    pub(super) step: &'p Step,
    /// Its id, written or made.
    pub(super) id: StepId,
    /// Where it is written: `steps[3].then[0]`.
    pub(super) place: String,
    /// The scope that it runs in.
    pub(super) scope: ScopeIndex,
    /// The list that it is written in.
    pub(super) list: usize,
    /// Whether it asks for the action after it whether what that does was so already.
    asks: bool,
    /// The first step of each of its bodies, in their order. `None` for a body without steps.
    pub(super) starts: Vec<Option<StepIndex>>,
    /// The step after those of the bodies of its kind: the bodies of its handlers follow.
    pub(super) end_of_bodies: usize,
    /// The step that follows: the one that it names, the next of its list, or what follows its list.
    pub(super) next: Option<StepIndex>,
    /// The steps that its handlers name.
    pub(super) handlers: BTreeMap<StepExit, StepIndex>,
    /// Where its path goes on after a failure that it does not handle itself.
    pub(super) caught: Follows,
}

/// A branch, whose steps run in a scope of their own; the first is the main line.
#[derive(Debug, Clone, Copy)]
pub(super) struct FlatScope {
    /// The scope around it; the main line is around itself.
    pub(super) parent: ScopeIndex,
    /// The step that opens it. `None` for the main line.
    pub(super) opener: Option<usize>,
    /// Whether it is opened any number of times.
    pub(super) repeats: bool,
    /// Whether what follows its opener sees its steps.
    pub(super) is_seen_into: bool,
    depth: usize,
}

/// A list of steps on one path.
#[derive(Debug, Clone, Copy)]
struct List {
    /// The step on whose path the list is.
    owner: Option<usize>,
    /// The list whose `catch` takes what is not caught here.
    outer: Option<usize>,
    /// Where a failure in it goes. `None` without a `catch`.
    catch: Option<Catch>,
}

/// Where a path goes on after a failure that a `catch` takes.
#[derive(Debug, Clone, Copy)]
enum Catch {
    Step(usize),
    /// To what follows the list: its `catch` has no steps.
    AfterList,
}

impl<'p> Flat<'p> {
    /// The steps of `playbook`, at most [`PLAYBOOK_STEPS`] and one, so that too many are noticed.
    pub(super) fn of(playbook: &'p Playbook, mistakes: &mut Mistakes) -> Self {
        let main = FlatScope { parent: 0, opener: None, repeats: false, is_seen_into: true, depth: 0 };
        let mut flat = Self { steps: Vec::new(), scopes: vec![main], lists: Vec::new() };
        let outer = Outer { scope: 0, owner: None, list: None, verifies: false, asks: false };
        flat.list(&playbook.steps, playbook.catch.as_ref(), ("steps", "catch"), outer, mistakes);
        for (flat, walked) in flat.steps.iter_mut().zip(playbook.walk()) {
            flat.id = walked.id;
        }
        flat
    }

    /// Adds the steps of a list and of its `catch`; gives the first.
    fn list(
        &mut self,
        steps: &'p [Step],
        catch: Option<&'p Body>,
        (place, catch_place): (&str, &str),
        outer: Outer,
        mistakes: &mut Mistakes,
    ) -> Option<StepIndex> {
        let list = self.lists.len();
        self.lists.push(List { owner: outer.owner, outer: outer.list, catch: None });
        let start = self.steps.len();
        let mut previous: Option<usize> = None;
        for (number, step) in steps.iter().enumerate() {
            if self.steps.len() > PLAYBOOK_STEPS {
                break;
            }
            let place = match finally_of(step) {
                _ if outer.verifies => place.to_owned(),
                Some(FinallyPlace::Playbook) => FINALLY.to_owned(),
                Some(FinallyPlace::Body) => place.to_owned(),
                _ => format!("{place}[{number}]"),
            };
            for on_path in step.with_asking() {
                let at = self.steps.len();
                if let Some(previous) = previous.replace(at) {
                    self.steps[previous].next = index(at);
                }
                let asks = !std::ptr::eq(on_path, step);
                let place = if asks { format!("{place}.{ALREADY}") } else { place.clone() };
                self.step(on_path, place, Outer { list: Some(list), asks, ..outer }, mistakes);
            }
        }
        if let Some(body) = catch {
            let start = self.body(body, catch_place.to_owned(), outer, mistakes);
            let catch = start.map_or(Catch::AfterList, |start| Catch::Step(start.get()));
            self.lists[list].catch = Some(catch);
        }
        if steps.is_empty() { None } else { index(start) }
    }

    fn step(&mut self, step: &'p Step, place: String, outer: Outer, mistakes: &mut Mistakes) {
        let at = self.steps.len();
        self.steps.push(FlatStep {
            step,
            id: StepId::made(step.kind.name(), 0),
            place: place.clone(),
            scope: outer.scope,
            list: outer.list.unwrap_or_default(),
            asks: outer.asks,
            starts: Vec::new(),
            end_of_bodies: at + 1,
            next: None,
            handlers: BTreeMap::new(),
            caught: Follows::Unhandled,
        });
        let own = step.kind.bodies().len();
        for (number, nested) in step.bodies().into_iter().enumerate() {
            let inside = match nested.run {
                BodyRun::OnPath => Outer { owner: Some(at), ..outer },
                BodyRun::InScope(_) => self.open(at, false, mistakes),
                BodyRun::Alone => {
                    let inside = self.open(at, false, mistakes);
                    self.scopes[inside.scope].is_seen_into = nested.field != ON_CANCEL;
                    inside
                }
                BodyRun::Repeated => self.open(at, true, mistakes),
            };
            let inside = Outer { verifies: nested.field == VERIFY || verifies(step), ..inside };
            let start = match finally_of(step) {
                Some(FinallyPlace::Playbook) if nested.field != FINALLY => {
                    let catch = nested.body.catch.as_deref();
                    self.list(&nested.body.steps, catch, ("steps", "catch"), inside, mistakes)
                }
                Some(FinallyPlace::Playbook) => self.body(nested.body, FINALLY.to_owned(), inside, mistakes),
                // Its `do` and its `catch` are fields of one body.
                Some(FinallyPlace::Body) if nested.field != FINALLY && nested.body.catch.is_some() => {
                    self.body(nested.body, place.clone(), inside, mistakes)
                }
                // The call of a `verify` is written in it.
                _ if verifies(step) => self.body(nested.body, place.clone(), inside, mistakes),
                _ => self.body(nested.body, format!("{place}.{}", nested.field), inside, mistakes),
            };
            self.steps[at].starts.push(start);
            if number < own {
                self.steps[at].end_of_bodies = self.steps.len();
            }
        }
    }

    /// Adds the steps of a body that is written at `place`; gives the first.
    fn body(
        &mut self,
        body: &'p Body,
        place: String,
        outer: Outer,
        mistakes: &mut Mistakes,
    ) -> Option<StepIndex> {
        let places = match body.catch {
            Some(_) => (format!("{place}.do"), format!("{place}.catch")),
            None => (place, String::new()),
        };
        self.list(&body.steps, body.catch.as_deref(), (&places.0, &places.1), outer, mistakes)
    }

    /// A scope, and what is around the list in it.
    fn open(&mut self, opener: usize, repeats: bool, mistakes: &mut Mistakes) -> Outer {
        let parent = self.steps[opener].scope;
        let depth = self.scopes[parent].depth + 1;
        if depth == SCOPE_DEPTH + 1 {
            let message = format!("bodies with a scope of their own are nested more than {SCOPE_DEPTH} deep");
            mistakes.at(opener, &self.steps[opener].place, message);
        }
        let scope = FlatScope { parent, opener: Some(opener), repeats, is_seen_into: !repeats, depth };
        self.scopes.push(scope);
        Outer { scope: self.scopes.len() - 1, owner: None, list: None, verifies: false, asks: false }
    }

    /// The scopes that a step is in, from the innermost, without the main line.
    fn scopes_around(&self, at: usize) -> impl Iterator<Item = FlatScope> {
        let inner = |scope: &FlatScope| scope.opener.is_some();
        let first = Some(self.scopes[self.steps[at].scope]).filter(inner);
        std::iter::successors(first, move |scope| Some(self.scopes[scope.parent]).filter(inner))
    }

    /// The main line, branch or item that a step is on: the rounds of a loop, and the body and
    /// the steps of a `finally`, are on the path around it.
    pub(super) fn path_of(&self, at: usize) -> ScopeIndex {
        self.path_of_scope(self.steps[at].scope)
    }

    fn path_of_scope(&self, mut scope: ScopeIndex) -> ScopeIndex {
        while let Some(opener) = self.scopes[scope].opener
            && match self.steps[opener].step.kind {
                StepKind::Repeat(_) => self.scopes[scope].repeats,
                StepKind::Finally(_) => true,
                _ => false,
            }
        {
            scope = self.scopes[scope].parent;
        }
        scope
    }

    /// A path and those around it, the main line last.
    pub(super) fn paths_around(&self, path: ScopeIndex) -> impl Iterator<Item = ScopeIndex> {
        std::iter::successors(Some(path), |path| {
            self.scopes[*path].opener.map(|_| self.path_of_scope(self.scopes[*path].parent))
        })
    }

    /// The variables of the path around a loop that its rounds set.
    pub(super) fn set_in_rounds_of(&self, opener: usize) -> Vec<Arc<str>> {
        let mut names = BTreeSet::new();
        let path = self.path_of(opener);
        for (at, step) in self.steps.iter().enumerate().skip(opener + 1) {
            if let StepKind::Set(set) = &step.step.kind
                && self.path_of(at) == path
                && self.scopes_around(at).any(|scope| scope.repeats && scope.opener == Some(opener))
            {
                names.extend(set.set.keys().map(String::as_str));
            }
        }
        names.into_iter().map(Arc::from).collect()
    }

    /// Whether a step is in this scope, or in one inside of it.
    pub(super) fn is_inside(&self, at: usize, scope: ScopeIndex) -> bool {
        let mut here = self.steps[at].scope;
        while here != scope && self.scopes[here].opener.is_some() {
            here = self.scopes[here].parent;
        }
        here == scope
    }

    /// The names that the loops around a step give.
    pub(super) fn names_around(&self, at: usize) -> Vec<Arc<str>> {
        let loops = self.scopes_around(at).filter(|scope| scope.repeats).filter_map(|scope| scope.opener);
        loops.flat_map(|opener| self.names_of(opener)).collect()
    }

    /// The names that a step gives its body.
    fn names_of(&self, opener: usize) -> Vec<Arc<str>> {
        match &self.steps[opener].step.kind {
            StepKind::ForEach(each) => ItemNames::of(each).all().to_vec(),
            StepKind::Repeat(repeat) => names_of(repeat),
            StepKind::Approval(_) => vec![APPROVAL.into()],
            _ => Vec::new(),
        }
    }

    /// Whether a step has ended when a repeated body of `opener` has: it is in that body, and in no body that is
    /// repeated inside of it.
    pub(super) fn is_in_body_of(&self, at: usize, opener: usize) -> bool {
        self.scopes_around(at).find(|scope| scope.repeats).is_some_and(|scope| scope.opener == Some(opener))
    }

    /// Whether an `until` asks a step again until what it gives has changed.
    pub(super) fn is_asked_until(&self, at: usize) -> bool {
        let mut openers = self.scopes_around(at).filter_map(|scope| scope.opener);
        openers.any(|opener| {
            matches!(&self.steps[opener].step.kind, StepKind::Repeat(repeat) if repeat.after.is_some())
        })
    }

    /// The step that repeats the body of the step `at`, if the step `reader` is not in that body.
    pub(super) fn repeated_by(&self, at: usize, reader: usize) -> Option<usize> {
        let around: Vec<_> = self.scopes_around(reader).map(|scope| scope.opener).collect();
        let loops = self.scopes_around(at).filter(|scope| scope.repeats && !around.contains(&scope.opener));
        loops.last().and_then(|scope| scope.opener)
    }

    /// Resolves where the path of each step goes on. Every id that a step names in place of the next one, or for a
    /// handler, has to be that of a step of the same list.
    pub(super) fn follow(
        &mut self,
        named: &mut impl FnMut(&Self, usize, &str, &StepId) -> Option<StepIndex>,
    ) {
        // An owner comes before the steps of its bodies, so that what follows it is known when theirs is looked for.
        for at in 0..self.steps.len() {
            let (step, list) = (self.steps[at].step, self.steps[at].list);
            let next = step.next.as_ref().and_then(|id| named(self, at, "next", id));
            let after = self.lists[list].owner.and_then(|owner| self.steps[owner].next);
            self.steps[at].next = next.or(self.steps[at].next).or(after);
            for (field, exit, handler) in step.handlers.given() {
                if let Handler::Step(id) = handler
                    && let Some(to) = named(self, at, field, id)
                {
                    self.steps[at].handlers.insert(exit, to);
                }
            }
        }
        for at in 0..self.steps.len() {
            self.steps[at].caught = self.catch_of(self.steps[at].list);
        }
    }

    fn catch_of(&self, list: usize) -> Follows {
        let mut next = Some(list);
        while let Some(list) = next {
            let List { owner, outer, catch } = self.lists[list];
            match catch {
                Some(Catch::Step(step)) => return Follows::to(index(step)),
                Some(Catch::AfterList) => return Follows::to(owner.and_then(|owner| self.steps[owner].next)),
                None => next = outer,
            }
        }
        Follows::Unhandled
    }

    /// The step in whose body a step is. `None` on the main line.
    pub(super) fn inside_of(&self, at: usize) -> Option<StepIndex> {
        let FlatStep { list, scope, .. } = self.steps[at];
        self.lists[list].owner.or(self.scopes[scope].opener).and_then(index)
    }

    /// Where a path that goes on to this step begins: at the one before it that asks, if there is one.
    pub(super) fn entry(&self, to: StepIndex) -> StepIndex {
        let before = to.get().checked_sub(1).filter(|before| self.steps[*before].asks);
        before.and_then(index).unwrap_or(to)
    }

    /// The action whose handlers a step has that is read from one of its fields.
    pub(super) fn handled_as(&self, at: usize) -> usize {
        if self.steps[at].asks { at + 1 } else { self.verified_by(at).map_or(at, StepIndex::get) }
    }

    /// The action that a loop verifies.
    pub(super) fn verified_by(&self, at: usize) -> Option<StepIndex> {
        let owner = self.lists[self.steps[at].list].owner.filter(|_| verifies(self.steps[at].step));
        owner.and_then(index)
    }

    /// Whether the step `to` is in the same list as the step numbered `at`.
    pub(super) fn are_siblings(&self, at: usize, to: StepIndex) -> bool {
        self.steps[at].list == self.steps[to.get()].list
    }
}

/// Whether a step is the loop of a `verify`.
fn verifies(step: &Step) -> bool {
    matches!(&step.kind, StepKind::Repeat(repeat) if repeat.verifies)
}

/// Where the `finally` of a step is written that is of this kind.
fn finally_of(step: &Step) -> Option<FinallyPlace> {
    match &step.kind {
        StepKind::Finally(finally) => Some(finally.place()),
        _ => None,
    }
}

fn index(at: usize) -> Option<StepIndex> {
    u32::try_from(at).ok().map(StepIndex)
}
