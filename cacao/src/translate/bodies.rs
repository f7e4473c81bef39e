//! Bodies: the steps from an entry on become one native list, in an order in which each comes before those that follow it. Owns
//! how steps are linked, where a path ends, and what branches may share.
//!
//! Two branches of an `if` or a `switch` that nothing but an `end` follows may lead to the same steps: as these run in any case, they stand behind
//! the step that chooses, in the same list, so that a chain of such choices stays as long as it is written. Other steps are in one
//! body alone; a step `end` does nothing and may be in several.

use std::collections::BTreeMap;
use std::rc::Rc;

use updraft_protocol::Value;
use updraft_protocol::authored::{AGAIN, EXCEPTION};

use crate::model::WorkflowStepKind;
use crate::rule::Rule;

use super::Translator;
use super::graph::{StepSet, order};
use super::names::Names;
use super::native::{Fields, map, step};
use super::scope::Scope;

/// How a path ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PathEnd {
    /// With the execution, completed.
    Main,
    /// With the execution, failed: the steps after a failure.
    Exception,
    /// With a body that something follows.
    Nested,
}

/// What a body is in.
#[derive(Debug, Clone)]
pub(super) struct Around {
    /// The variables.
    pub(super) scope: Scope,
    /// What it is, in words: ``on_true of `if-condition--1` ``.
    pub(super) body: String,
    /// The ids of the steps around, for messages.
    pub(super) chain: Vec<String>,
    /// How an `end` in it may end the path.
    pub(super) end: PathEnd,
    /// Whether something follows the list that it becomes.
    pub(super) is_branch: bool,
    /// The steps that follow this body and others that share them, with the first.
    pub(super) stop: Option<(usize, Rc<StepSet>)>,
    /// How many bodies with a scope of their own are around.
    pub(super) scopes: usize,
    /// The branch of a `parallel` that it is in, the innermost; empty on the main line.
    pub(super) path: String,
    /// Whether it is what follows a failure, whose steps are others than those of the main line.
    pub(super) is_exception: bool,
}

/// A list of native steps.
pub(super) struct List {
    pub(super) steps: Vec<Fields>,
    /// The id of the step to which paths go that end before the last step, if one does.
    pub(super) leaves: Option<String>,
}

/// What follows a step, as ids of the same list.
#[derive(Debug, Clone, Default)]
pub(super) struct After {
    /// Where it fails.
    pub(super) failure: Option<String>,
}

impl Translator<'_> {
    /// The steps of the main line.
    pub(super) fn main_line(&mut self, start: usize, scope: &Scope) -> Vec<Fields> {
        let around = Around {
            scope: scope.clone(),
            body: "the main line".to_owned(),
            chain: Vec::new(),
            end: PathEnd::Main,
            is_branch: false,
            stop: None,
            scopes: 0,
            path: String::new(),
            is_exception: false,
        };
        let List { mut steps, leaves } = self.list(start, &around);
        steps.extend(leaves.map(|id| step(&id, [("end", Value::Null)])));
        steps
    }

    /// The steps of a body whose paths all come to its end.
    pub(super) fn nested(&mut self, entry: usize, around: &Around) -> Vec<Fields> {
        let List { mut steps, leaves } = self.list(entry, around);
        steps.extend(leaves.map(|id| step(&id, [("set", Value::Object(map([])))])));
        steps
    }

    /// The list from an entry on.
    pub(super) fn list(&mut self, entry: usize, around: &Around) -> List {
        if around.stop.as_ref().is_some_and(|(first, _)| *first == entry) {
            return List { steps: Vec::new(), leaves: None };
        }
        let Some(nodes) = self.nodes(entry, around) else { return List { steps: Vec::new(), leaves: None } };
        let mut entries = BTreeMap::new();
        for node in &nodes {
            let id = self.own_id(node.step, around);
            let first = match (self.graph.step(node.step).delay, self.has_first_values(node.step)) {
                (Some(1..), _) => self.names.step(&id, "delay"),
                (_, true) => self.names.step(&id, "variables"),
                _ => id.clone(),
            };
            entries.insert(node.step, (id, first));
        }
        let mut leaves = None;
        let first = self.graph.id(entry).as_str();
        let mut leave = |names: &mut Names| -> String {
            leaves.get_or_insert_with(|| names.step(first, "return")).clone()
        };
        let mut steps = Vec::new();
        for (at, node) in nodes.iter().enumerate() {
            let to = |target: usize| entries.get(&target).map(|(_, first)| first.clone());
            let failure = self.graph.failure(node.step).map(|target| match to(target) {
                Some(id) => id,
                None => leave(&mut self.names),
            });
            let follows = node.success.and_then(to);
            let next = nodes.get(at + 1).and_then(|next| to(next.step));
            let next = match follows {
                Some(id) if Some(&id) == next.as_ref() => None,
                Some(id) => Some(id),
                None if next.is_none() => None,
                None if self.ends_its_path(node.step, around) => None,
                None => Some(leave(&mut self.names)),
            };
            let Some((id, first)) = entries.get(&node.step).cloned() else { continue };
            let mut group = self.group(node.step, (&id, &first), &After { failure }, around);
            if node.ends {
                let id = self.names.step(&id, "end");
                group.push(self.path_end(node.step, &id, around));
            }
            if let (Some(last), Some(next)) = (group.last_mut(), next)
                && !last.contains_key("end")
                && !last.contains_key("fail")
            {
                last.insert("next".to_owned(), Value::from(next));
            }
            steps.append(&mut group);
        }
        List { steps, leaves }
    }

    /// Whether an `end` is a native step that ends the path.
    fn ends_its_path(&self, number: usize, around: &Around) -> bool {
        let ends = around.stop.is_some() || !around.is_branch;
        self.graph.is_end(number) && ends && around.end != PathEnd::Nested
    }

    /// The native id of a step. One that runs after a failure, and on the main line as well, is another step there; and so is an
    /// `end` in several bodies.
    fn own_id(&mut self, number: usize, around: &Around) -> String {
        let id = self.graph.id(number).as_str();
        let word = match around.is_exception {
            true if self.owners.contains_key(&(false, number)) || self.ended.contains(&number) => EXCEPTION,
            _ if self.graph.is_end(number) && !self.ended.insert(number) => AGAIN,
            _ => return id.to_owned(),
        };
        self.names.step(id, word)
    }

    /// The step `end`.
    pub(super) fn end(&mut self, number: usize, id: &str, around: &Around) -> Fields {
        if self.ends_its_path(number, around) || around.stop.is_some() {
            return self.path_end(number, id, around);
        }
        step(id, [("set", Value::Object(map([])))])
    }

    /// The end of a path behind this step, although something may follow the list.
    pub(super) fn path_end(&mut self, number: usize, id: &str, around: &Around) -> Fields {
        match around.end {
            PathEnd::Main => step(id, [("end", Value::Null)]),
            PathEnd::Exception => self.exception_end(id),
            PathEnd::Nested => {
                let message = "ends a branch that other branches share steps with, inside of a body that something follows; let all \
                               branches of the choice lead to these steps, or let none";
                self.found(Rule::SharedStep, number, "", message);
                step(id, [("set", Value::Object(map([])))])
            }
        }
    }
}

/// A step of a body.
struct Node {
    step: usize,
    /// The step of the same body that follows.
    success: Option<usize>,
    /// Whether the path ends with it, although something follows the body.
    ends: bool,
}

impl Translator<'_> {
    /// The steps of a body, each before those that follow it; `None` where they are refused.
    fn nodes(&mut self, entry: usize, around: &Around) -> Option<Vec<Node>> {
        let mut found = vec![entry];
        let mut numbers = BTreeMap::from([(entry, 0)]);
        let mut follow: Vec<Vec<usize>> = Vec::new();
        let mut followed = Vec::new();
        let stop = around.stop.as_ref().map(|(first, _)| *first);
        let mut at = 0;
        while let Some(step) = found.get(at).copied() {
            at += 1;
            if !self.owns(step, around) {
                return None;
            }
            let joined = self.shared(step, around).ok()?;
            let success = joined.as_ref().map_or_else(|| self.graph.success(step), |(first, _)| Some(*first));
            let ends = stop.is_some() && success.is_none() && !self.graph.is_end(step);
            let success = success.filter(|next| Some(*next) != stop);
            let failure = self.graph.failure(step).filter(|next| Some(*next) != stop);
            let mut next = Vec::new();
            // What follows a failure is visited first, so that what follows else stands right behind the step.
            for to in [failure, success].into_iter().flatten() {
                let number = *numbers.entry(to).or_insert_with(|| {
                    found.push(to);
                    found.len() - 1
                });
                next.push(number);
            }
            follow.push(next);
            followed.push((success, ends));
        }
        let order = order(&follow).ok()?;
        let nodes = order.into_iter().rev().map(|at| {
            let (success, ends) = followed[at];
            Node { step: found[at], success, ends }
        });
        Some(nodes.collect())
    }

    /// Whether the step is of this body: a step of another one is refused.
    fn owns(&mut self, number: usize, around: &Around) -> bool {
        if self.graph.is_end(number) {
            return true;
        }
        let key = (around.is_exception, number);
        match self.owners.get(&key) {
            Some(owner) => {
                let message = format!(
                    "is in {owner} and in {}: a step is in one body; let each branch have its own `end`, and the step that \
                     opens them go on to this step",
                    around.body
                );
                self.found(Rule::SharedStep, number, "", message);
                false
            }
            None => {
                self.owners.insert(key, around.body.clone());
                true
            }
        }
    }

    /// The steps that branches of a choice share, with the first of them.
    pub(super) fn shared(
        &mut self,
        number: usize,
        around: &Around,
    ) -> Result<Option<(usize, Rc<StepSet>)>, ()> {
        let step = self.graph.step(number);
        let chooses = matches!(step.kind, WorkflowStepKind::If(_) | WorkflowStepKind::Switch(_));
        let only_ends = self.graph.success(number).is_none_or(|next| self.graph.is_end(next));
        if !chooses || !only_ends || step.on_failure.is_some() {
            return Ok(None);
        }
        let mut entries: Vec<usize> = self.graph.branches(number).into_iter().map(|(_, to)| to).collect();
        entries.sort_unstable();
        entries.dedup();
        let (mut once, mut twice) = (StepSet::default(), StepSet::default());
        for entry in &entries {
            for step in self.graph.from(*entry).iter() {
                if once.contains(step) && !self.graph.is_end(step) {
                    twice.insert(step);
                }
                once.insert(step);
            }
        }
        // A branch may go straight to what follows all of them.
        if let Some((first, after)) = &around.stop {
            for step in after.iter().filter(|step| once.contains(*step) && !self.graph.is_end(*step)) {
                twice.insert(step);
            }
            if !twice.contains(*first) && twice.iter().next().is_none() {
                return Ok(None);
            }
        }
        if let [only] = entries[..]
            && self.graph.branches(number).len() > 1
            && !self.graph.is_end(only)
        {
            return self.without_more(number, (only, Rc::new(self.graph.from(only))));
        }
        let mut alone = StepSet::default();
        once.iter().filter(|step| !twice.contains(*step)).for_each(|step| alone.insert(step));
        let first: Vec<usize> = twice
            .iter()
            .filter(|step| entries.contains(step) || self.graph.lead_into(*step, &alone))
            .collect();
        match first[..] {
            [] => Ok(None),
            [first] => self.without_more(number, (first, Rc::new(twice))),
            _ => {
                let told: Vec<String> =
                    first.iter().map(|step| format!("`{}`", self.graph.id(*step))).collect();
                let message = format!(
                    "its branches share steps that begin in several places, {}: let the branches end, and the step go on to \
                     what they share",
                    told.join(" and ")
                );
                self.found(Rule::SharedStep, number, "", message);
                Err(())
            }
        }
    }

    /// Refuses a time limit and variables of a step whose branches share steps, which would not hold for these.
    fn without_more(
        &mut self,
        number: usize,
        shared: (usize, Rc<StepSet>),
    ) -> Result<Option<(usize, Rc<StepSet>)>, ()> {
        let step = self.graph.step(number);
        if step.timeout.is_none_or(|timeout| timeout == 0) && step.variables.is_empty() {
            return Ok(Some(shared));
        }
        let message = "its branches share steps, and it has a timeout or variables of its own, which are for all that its branches \
                       do: let the branches end, and the step go on to what they share";
        self.found(Rule::SharedStep, number, "", message);
        Err(())
    }
}
