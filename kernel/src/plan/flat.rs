//! Flattening: the bodies of a playbook as one list of steps, each with where its path goes on. Owns the numbers of steps
//! and which body and list each step is in; checks no field.

use std::collections::BTreeMap;

use updraft_protocol::StepId;
use updraft_protocol::limits::{PLAYBOOK_STEPS, SCOPE_DEPTH};
use updraft_protocol::playbook::{Body, BodyRun, Handler, Playbook, Step, StepExit};

use super::StepIndex;
use super::mistakes::Mistakes;
use super::step::Follows;

/// A scope's body: an index into [`Flat::bodies`].
pub(super) type BodyIndex = usize;

/// The steps of a playbook in the order in which they are written, those of a step's bodies after it.
#[derive(Debug)]
pub(super) struct Flat<'p> {
    pub(super) steps: Vec<FlatStep<'p>>,
    pub(super) bodies: Vec<ScopeBody>,
    lists: Vec<List>,
}

/// One step.
#[derive(Debug)]
pub(super) struct FlatStep<'p> {
    pub(super) step: &'p Step,
    /// Its id, written or made.
    pub(super) id: StepId,
    /// Where it stands: `steps[3].then[0]`.
    pub(super) place: String,
    /// The body that runs in a scope of its own and that the step belongs to, also inside of choices and handlers.
    pub(super) body: BodyIndex,
    /// The list that it is written in.
    pub(super) list: usize,
    /// The first steps of its bodies, in their order. `None` where a body has no steps.
    pub(super) starts: Vec<Option<StepIndex>>,
    /// The step that follows: the one that it names, the next of its list, or what follows its list.
    pub(super) next: Option<StepIndex>,
    /// The steps that its handlers name.
    pub(super) handlers: BTreeMap<StepExit, StepIndex>,
    /// Where its path goes on after a failure that it does not handle itself.
    pub(super) caught: Follows,
}

/// A body that runs in a scope of its own; the first is the main line.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScopeBody {
    /// The body around it; the main line is around itself.
    pub(super) parent: BodyIndex,
    /// The step that opens it. `None` for the main line.
    pub(super) opener: Option<usize>,
    depth: usize,
}

/// A list of steps on one path.
#[derive(Debug, Clone, Copy)]
struct List {
    /// The step on whose path the list is.
    owner: Option<usize>,
    /// The list whose `catch` takes what is not caught here.
    outer: Option<usize>,
    /// The first step of its `catch`, if it has one.
    catch: Option<Catch>,
}

/// Where a path goes on after a failure that is caught.
#[derive(Debug, Clone, Copy)]
enum Catch {
    Step(usize),
    /// There are no steps in it: the path goes on after the list.
    Nothing,
}

impl<'p> Flat<'p> {
    /// The steps of `playbook`, at most [`PLAYBOOK_STEPS`] and one, so that too many are noticed.
    pub(super) fn of(playbook: &'p Playbook, mistakes: &mut Mistakes) -> Self {
        let main = ScopeBody { parent: 0, opener: None, depth: 0 };
        let mut flat = Self { steps: Vec::new(), bodies: vec![main], lists: Vec::new() };
        let outer = Outer { body: 0, owner: None, list: None };
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
            let at = self.steps.len();
            if let Some(previous) = previous.replace(at) {
                self.steps[previous].next = index(at);
            }
            self.step(step, format!("{place}[{number}]"), Outer { list: Some(list), ..outer }, mistakes);
        }
        if let Some(body) = catch {
            let caught = self.steps.len();
            let places = (catch_place, format!("{catch_place}.catch"));
            self.list(&body.steps, body.catch.as_deref(), (places.0, &places.1), outer, mistakes);
            let is_empty = self.steps.len() == caught;
            self.lists[list].catch = Some(if is_empty { Catch::Nothing } else { Catch::Step(caught) });
        }
        if steps.is_empty() { None } else { index(start) }
    }

    fn step(&mut self, step: &'p Step, place: String, outer: Outer, mistakes: &mut Mistakes) {
        let at = self.steps.len();
        self.steps.push(FlatStep {
            step,
            id: StepId::made(step.kind.name(), 0),
            place: place.clone(),
            body: outer.body,
            list: outer.list.unwrap_or_default(),
            starts: Vec::new(),
            next: None,
            handlers: BTreeMap::new(),
            caught: Follows::Nothing,
        });
        for nested in step.bodies() {
            let inside = match nested.run {
                BodyRun::OnPath => Outer { owner: Some(at), ..outer },
                BodyRun::InScope(_) => Outer { body: self.open(at, mistakes), owner: None, list: None },
            };
            let whole = format!("{place}.{}", nested.field);
            let places = match nested.body.catch {
                Some(_) => (format!("{whole}.do"), format!("{whole}.catch")),
                None => (whole, String::new()),
            };
            let start = self.list(
                &nested.body.steps,
                nested.body.catch.as_deref(),
                (&places.0, &places.1),
                inside,
                mistakes,
            );
            self.steps[at].starts.push(start);
        }
    }

    fn open(&mut self, opener: usize, mistakes: &mut Mistakes) -> BodyIndex {
        let parent = self.steps[opener].body;
        let depth = self.bodies[parent].depth + 1;
        if depth == SCOPE_DEPTH + 1 {
            let message = format!("bodies with a scope of their own are nested more than {SCOPE_DEPTH} deep");
            mistakes.at(opener, &self.steps[opener].place, message);
        }
        self.bodies.push(ScopeBody { parent, opener: Some(opener), depth });
        self.bodies.len() - 1
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
                Some(Catch::Nothing) => return Follows::to(owner.and_then(|owner| self.steps[owner].next)),
                None => next = outer,
            }
        }
        Follows::Nothing
    }

    /// Whether the step `to` is in the same list as the step numbered `at`.
    pub(super) fn are_siblings(&self, at: usize, to: StepIndex) -> bool {
        self.steps[at].list == self.steps[to.get()].list
    }
}

/// What is around a list.
#[derive(Debug, Clone, Copy)]
struct Outer {
    body: BodyIndex,
    /// The step on whose path the list is.
    owner: Option<usize>,
    /// The list that this step is in.
    list: Option<usize>,
}

fn index(at: usize) -> Option<StepIndex> {
    u32::try_from(at).ok().map(StepIndex)
}
