//! One step of a playbook: its fields checked, its references resolved, its texts compiled. Owns what all kinds have in
//! common; the rest of each kind is in its own file.

mod action;
mod choice;
mod delay;
mod end;
mod parallel;

use std::collections::BTreeMap;

use updraft_protocol::playbook::{Step, StepExit, StepKind};
use updraft_protocol::{Catalogue, Json, Name, Span, StepId, TaskStatus};

use super::arguments::Schemas;
use super::graph::{Edge, Field};
use super::mistakes::Mistakes;
use super::span::span;
use super::suggest::Suggestions;
use super::{Standing, StepIndex};
use crate::mistake::Mistake;
use crate::references::References;
use crate::template::{Budget, Template};

pub use action::{PlannedAction, RetryPolicy};
pub use choice::PlannedIf;
pub use delay::PlannedDelay;
pub use end::PlannedEnd;
pub use parallel::PlannedParallel;

/// The integration name of steps that Updraft itself decides.
pub(crate) const UPDRAFT: &str = "updraft";

/// One step of a plan.
#[derive(Debug)]
pub struct PlannedStep {
    /// Its id.
    pub id: StepId,
    /// The tool; `updraft` for steps that Updraft itself decides.
    pub integration: Name,
    /// The action of the tool; the kind of the step if Updraft itself decides it.
    pub action: Name,
    /// The steps that follow it.
    pub exits: Exits,
    /// Its kind, with the fields of that kind.
    pub kind: PlannedKind,
}

impl PlannedStep {
    /// The step that follows on the same path after a task of this step with this status and response. `None` if the
    /// path ends, or the task was ended from outside.
    pub fn next(&self, status: TaskStatus, response: Option<&Json>) -> Option<StepIndex> {
        let exit = match (status, &self.kind) {
            (TaskStatus::Completed, PlannedKind::If(_)) => PlannedIf::exit(response),
            (TaskStatus::Completed, _) => StepExit::Success,
            (TaskStatus::Failed, _) => StepExit::Failure,
            (TaskStatus::Unknown, _) => StepExit::Unknown,
            (TaskStatus::Executing | TaskStatus::Retrying | TaskStatus::Cancelled, _) => return None,
        };
        self.exits.get(exit)
    }

    /// The first steps of the bodies that it opens.
    pub fn bodies(&self) -> &[StepIndex] {
        match &self.kind {
            PlannedKind::Parallel(parallel) => &parallel.branches,
            _ => &[],
        }
    }

    /// Its approximate size in memory.
    pub(crate) fn bytes(&self) -> usize {
        /// The step itself, its names, and its place in the index of ids.
        const STEP_BYTES: usize = size_of::<PlannedStep>() + 512;
        STEP_BYTES
            + match &self.kind {
                PlannedKind::Action(action) => action.arguments.bytes(),
                PlannedKind::Parallel(parallel) => parallel.branches.len() * size_of::<StepIndex>(),
                PlannedKind::If(choice) => choice.condition.bytes(),
                PlannedKind::Delay(_) => 0,
                PlannedKind::End(end) => end.output.as_ref().map_or(0, Template::bytes),
            }
    }
}

/// The steps that follow one step, by its exit. This is the only record of a step's successors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exits([Option<StepIndex>; 4]);

impl Exits {
    /// The step that follows this exit.
    pub fn get(&self, exit: StepExit) -> Option<StepIndex> {
        self.0[Self::at(exit)]
    }

    fn set(&mut self, exit: StepExit, to: Option<StepIndex>) {
        self.0[Self::at(exit)] = to;
    }

    fn at(exit: StepExit) -> usize {
        match exit {
            StepExit::Success => 0,
            StepExit::Otherwise => 1,
            StepExit::Failure => 2,
            StepExit::Unknown => 3,
        }
    }
}

/// The kind of a step.
#[derive(Debug)]
pub enum PlannedKind {
    /// Calls a security tool.
    Action(PlannedAction),
    /// Runs several paths at once and continues when all have ended.
    Parallel(PlannedParallel),
    /// Chooses between two paths.
    If(PlannedIf),
    /// Waits.
    Delay(PlannedDelay),
    /// Ends its path.
    End(PlannedEnd),
}

/// A step after its fields were checked.
#[derive(Debug)]
pub(super) struct Checked {
    /// The planned step; `None` if it has a mistake.
    pub(super) planned: Option<PlannedStep>,
    /// The steps that it leads to.
    pub(super) edges: Vec<Edge>,
    /// The field that reads other steps.
    pub(super) reading: &'static str,
    references: References,
}

impl Checked {
    /// The steps that it reads, with the places that read them.
    pub(super) fn reads(&self) -> impl Iterator<Item = (&str, &str)> {
        self.references.steps.iter().map(|(id, path)| (id.as_str(), path.as_str()))
    }
}

/// Checks steps one by one.
pub(super) struct Steps<'a> {
    catalogue: &'a Catalogue,
    standing: Standing,
    schemas: Schemas,
    by_id: &'a BTreeMap<StepId, StepIndex>,
    suggestions: Suggestions,
    /// The budget that the texts of all steps share.
    budget: Budget,
    /// The mistakes found so far.
    pub(super) mistakes: Mistakes,
    /// Whether every id is unique, and every reference leads to a step.
    pub(super) resolved: bool,
}

/// A step that is being checked.
struct Draft {
    at: usize,
    edges: Vec<Edge>,
    references: References,
    reading: &'static str,
}

impl<'a> Steps<'a> {
    pub(super) fn new(
        (catalogue, standing): (&'a Catalogue, Standing),
        by_id: &'a BTreeMap<StepId, StepIndex>,
        mistakes: Mistakes,
        resolved: bool,
    ) -> Self {
        Self {
            catalogue,
            standing,
            schemas: Schemas::default(),
            by_id,
            suggestions: Suggestions::default(),
            budget: Budget::new(),
            mistakes,
            resolved,
        }
    }

    /// The step that the playbook starts with.
    pub(super) fn start(&mut self, id: &StepId) -> Option<StepIndex> {
        let found = self.by_id.get(id).copied();
        if found.is_none() {
            let message = self.no_step(id.as_str());
            self.mistakes.header("start", message);
            self.resolved = false;
        }
        found
    }

    /// Checks one step.
    pub(super) fn check(&mut self, at: usize, step: &Step) -> Checked {
        let mut draft = Draft { at, edges: vec![], references: References::default(), reading: "" };
        let kind = match &step.kind {
            StepKind::Action(action) => {
                PlannedAction::check(self, &mut draft, action).map(PlannedKind::Action)
            }
            StepKind::Parallel(parallel) => {
                PlannedParallel::check(self, &mut draft, parallel).map(PlannedKind::Parallel)
            }
            StepKind::If(choice) => PlannedIf::check(self, &mut draft, choice).map(PlannedKind::If),
            StepKind::Delay(delay) => Some(PlannedKind::Delay(PlannedDelay::check(self, &draft, delay))),
            StepKind::End(end) => PlannedEnd::check(self, &mut draft, end).map(PlannedKind::End),
        };
        let mut exits = Exits::default();
        for next in step.kind.exits() {
            exits.set(next.exit, self.follow(&mut draft, Field::Next(next.field), next.to));
        }
        self.reads(&draft);
        let names = match &step.kind {
            StepKind::Action(action) => Some((action.integration.clone(), action.action.clone())),
            // These names are constants of ours, so they are valid.
            other => Name::new(UPDRAFT).ok().zip(Name::new(other.name()).ok()),
        };
        let planned = kind.zip(names).map(|(kind, (integration, action))| PlannedStep {
            id: step.id.clone(),
            integration,
            action,
            exits,
            kind,
        });
        Checked { planned, edges: draft.edges, reading: draft.reading, references: draft.references }
    }

    /// The steps that the texts read must exist.
    fn reads(&mut self, draft: &Draft) {
        for (id, path) in &draft.references.steps {
            if !StepId::new(id).is_ok_and(|id| self.by_id.contains_key(&id)) {
                let message = self.no_step(id);
                self.mistakes.inside(draft.at, draft.reading, Mistake::new(path, message));
            }
        }
    }

    fn span(&mut self, at: usize, field: &str, value: Span, zero: bool) {
        if let Err(message) = span(value, zero) {
            self.mistakes.step(at, field, message);
        }
    }

    fn follow(&mut self, draft: &mut Draft, field: Field, id: &StepId) -> Option<StepIndex> {
        let found = self.by_id.get(id).copied();
        match found {
            Some(to) => draft.edges.push(Edge { field, to: to.get() }),
            None => {
                let message = self.no_step(id.as_str());
                self.mistakes.step(draft.at, &field.to_string(), message);
                self.resolved = false;
            }
        }
        found
    }

    fn no_step(&mut self, id: &str) -> String {
        if self.mistakes.full() {
            return String::new();
        }
        let near = self.suggestions.get(id, self.by_id.keys().map(StepId::as_str));
        format!("no step \"{id}\"{near}")
    }
}
