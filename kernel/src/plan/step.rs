//! One step of a playbook: its fields checked, its references resolved, its texts compiled. Owns what all kinds have in
//! common; the rest of each kind is in its own file.

mod action;
mod already;
mod apart;
mod approval;
mod beside;
mod cache;
mod call;
mod choice;
mod delay;
mod draft;
mod end;
mod finally;
mod for_each;
mod leave;
mod lock;
mod parallel;
mod repeat;
mod scopes;
mod set;
mod sub_playbook;
mod switch;
mod undo;
mod wait_for;
mod wait_until;

use std::collections::BTreeMap;

use updraft_protocol::playbook::{OnLastFailure, Step, StepExit, StepKind};
use updraft_protocol::{Catalogue, FailureKind, Name, Playbook, Span, StepId, TaskState, TaskStatus};

use super::arguments::Schemas;
use super::exits::{Exits, Follows};
use super::flat::Flat;
use super::graph::Edge;
use super::inputs::lacking;
use super::mistakes::Mistakes;
use super::reads::StepReads;
use super::span::span;
use super::suggest::Suggestions;
use super::{PlannedInputs, PlannedOutputs, Standing, StepIndex};
use crate::mistake::Mistake;
use crate::references::References;
use crate::template::{Budget, Template};
use draft::Draft;

pub use action::{PlannedAction, RetryPolicy};
pub use already::PlannedAlready;
pub use apart::CallApart;
pub use approval::PlannedApproval;
pub(crate) use approval::REFUSE;
pub(crate) use beside::APPROVAL;
pub use beside::{BesideBody, PlannedBeside};
pub use cache::{CachedKey, PlannedCache};
pub use choice::PlannedIf;
pub use delay::PlannedDelay;
pub use end::PlannedEnd;
pub(crate) use finally::{DO, FINALLY};
pub use finally::{PlannedCleanup, PlannedFinally};
pub use for_each::{ItemNames, PlannedForEach};
pub use lock::{PlannedBodyLock, PlannedLock};
pub use parallel::{PlannedBranch, PlannedParallel};
pub(crate) use repeat::RESULT;
pub(super) use repeat::names_of;
pub use repeat::{PlannedCarried, PlannedRepeat, ROUND};
pub use set::PlannedSet;
pub use sub_playbook::PlannedSubPlaybook;
pub use switch::{PlannedCase, PlannedSwitch};
pub(super) use undo::add_undos;
pub(crate) use undo::{OUTPUT, UNDO};
pub use undo::{PlannedContainment, PlannedUndo};
pub use wait_for::PlannedWaitFor;
pub use wait_until::PlannedWaitUntil;

/// The integration name of steps that Updraft itself decides.
pub(crate) const UPDRAFT: &str = "updraft";

/// One step of a plan.
#[derive(Debug)]
pub struct PlannedStep {
    /// Its id.
    pub id: StepId,
    /// Whether its author wrote the id.
    pub is_named: bool,
    /// The tool; `updraft` where Updraft decides the step itself.
    pub integration: Name,
    /// The action of the tool; the kind of the step if Updraft itself decides it.
    pub action: Name,
    /// What follows it.
    pub exits: Exits,
    /// What runs in any case: the `finally` of a step of that kind, or what follows where another one was cancelled.
    pub cleanup: Option<PlannedCleanup>,
    /// The lock of a target that the steps in its bodies have.
    pub lock: Option<Box<PlannedBodyLock>>,
    /// Its kind, with the fields of that kind.
    pub kind: PlannedKind,
    /// What its result comes of.
    pub(super) reads: StepReads,
}

impl PlannedStep {
    /// What follows on the same path where a task of this step ended with this status in this state. `None` if the task
    /// has not ended by itself.
    pub fn follows(&self, status: TaskStatus, state: &TaskState) -> Option<Follows> {
        let response = state.response.as_ref();
        let is_timeout = |kind| matches!(kind, FailureKind::Timeout | FailureKind::Expired);
        let timed_out = || state.error.as_ref().is_some_and(|error| is_timeout(error.kind));
        let exit = match (status, &self.kind) {
            (TaskStatus::Completed, PlannedKind::If(choice)) => return Some(choice.follows(response)),
            (TaskStatus::Completed, PlannedKind::Switch(choice)) => return Some(choice.follows(response)),
            (TaskStatus::Completed, PlannedKind::Approval(approval)) => {
                return Some(approval.follows(response));
            }
            (TaskStatus::Completed, _) => StepExit::Success,
            (TaskStatus::Failed, _) if timed_out() => StepExit::Timeout,
            (TaskStatus::Failed, _) => StepExit::Failure,
            (TaskStatus::Unknown, _) => StepExit::Unknown,
            (
                TaskStatus::Executing | TaskStatus::Retrying | TaskStatus::Waiting | TaskStatus::Cancelled,
                _,
            ) => return None,
        };
        Some(self.exits.get(exit))
    }

    /// The lock that its bodies have as a whole: that of a `for_each` is for each item.
    pub(crate) fn lock_of_whole(&self) -> Option<&PlannedBodyLock> {
        self.lock.as_deref().filter(|_| !matches!(self.kind, PlannedKind::ForEach(_)))
    }

    /// Its approximate size in memory.
    pub(crate) fn bytes(&self) -> usize {
        /// The step itself, its names, and its place in the index of ids.
        const STEP_BYTES: usize = size_of::<PlannedStep>() + 512;
        STEP_BYTES
            + self.reads.bytes()
            + self.lock.as_deref().map_or(0, PlannedBodyLock::bytes)
            + match &self.kind {
                PlannedKind::Action(action) => action.texts().map(Template::bytes).sum(),
                PlannedKind::Parallel(parallel) => parallel.branches.len() * size_of::<PlannedBranch>(),
                PlannedKind::If(choice) => choice.condition.bytes(),
                PlannedKind::Switch(choice) => choice.bytes(),
                PlannedKind::ForEach(each) => each.bytes(),
                PlannedKind::Repeat(repeat) => repeat.bytes(),
                PlannedKind::Set(set) => set.values.bytes(),
                PlannedKind::Delay(_) | PlannedKind::Finally(_) => 0,
                PlannedKind::WaitUntil(wait) => wait.instant.bytes(),
                PlannedKind::Approval(approval) => approval.bytes(),
                PlannedKind::WaitFor(wait) => wait.key.as_ref().map_or(0, Template::bytes),
                PlannedKind::SubPlaybook(child) => child.texts().map(Template::bytes).sum(),
                PlannedKind::End(end) => end.texts().map(Template::bytes).sum(),
            }
    }
}

/// The kind of a step.
#[derive(Debug)]
pub enum PlannedKind {
    /// Calls a security tool.
    Action(PlannedAction),
    /// Runs several branches at once and goes on when they have ended.
    Parallel(PlannedParallel),
    /// Chooses between two bodies.
    If(PlannedIf),
    /// Chooses between several bodies.
    Switch(PlannedSwitch),
    /// Runs a body for each item.
    ForEach(PlannedForEach),
    /// Repeats a body as long as a condition says.
    Repeat(PlannedRepeat),
    /// Gives variables new values.
    Set(PlannedSet),
    /// Waits.
    Delay(PlannedDelay),
    /// Waits until an instant that is given.
    WaitUntil(PlannedWaitUntil),
    /// Waits for a signal.
    WaitFor(PlannedWaitFor),
    /// Asks people.
    Approval(Box<PlannedApproval>),
    /// Runs a body, and what runs in any case after it.
    Finally(PlannedFinally),
    /// Runs another playbook.
    SubPlaybook(Box<PlannedSubPlaybook>),
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
    /// What it reads when a body of its own, or the action itself, has ended.
    in_body: References,
    /// The field that reads this.
    pub(super) reading_in_body: &'static str,
}

impl Checked {
    /// The fields of the input that it reads must be among the inputs.
    pub(super) fn check_inputs(&self, at: usize, inputs: Option<&PlannedInputs>, mistakes: &mut Mistakes) {
        let read = [(self.reading, &self.references), (self.reading_in_body, &self.in_body)];
        for (field, references) in read {
            for message in lacking(references, inputs) {
                mistakes.step(at, field, message);
            }
        }
    }

    /// The data that it reads.
    pub(super) fn references(&self) -> &References {
        &self.references
    }

    /// The data that it reads when a body of its own has ended.
    pub(super) fn references_in_body(&self) -> &References {
        &self.in_body
    }

    /// The steps that it reads when a body of its own has ended, with the places that read them.
    pub(super) fn reads_in_body(&self) -> impl Iterator<Item = (&str, &str)> {
        self.in_body.steps.iter().map(|(id, path)| (id.as_str(), path.as_str()))
    }

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
    flat: &'a Flat<'a>,
    by_id: &'a BTreeMap<StepId, StepIndex>,
    suggestions: Suggestions,
    /// What follows the last failure of an action that does not say it.
    on_last_failure: OnLastFailure,
    /// The budget that the texts of all steps share.
    budget: Budget,
    /// The mistakes found so far.
    pub(super) mistakes: Mistakes,
}

impl<'a> Steps<'a> {
    pub(super) fn new(
        (catalogue, standing, on_last_failure): (&'a Catalogue, Standing, Option<OnLastFailure>),
        flat: &'a Flat<'a>,
        by_id: &'a BTreeMap<StepId, StepIndex>,
        mistakes: Mistakes,
    ) -> Self {
        Self {
            catalogue,
            standing,
            schemas: Schemas::default(),
            flat,
            by_id,
            suggestions: Suggestions::default(),
            on_last_failure: on_last_failure.unwrap_or_default(),
            budget: Budget::new(),
            mistakes,
        }
    }

    /// Checks one step.
    pub(super) fn check(&mut self, at: usize) -> Checked {
        let flat = &self.flat.steps[at];
        let step = flat.step;
        let mut draft = Draft {
            at,
            place: flat.place.clone(),
            edges: vec![],
            references: References::default(),
            in_body: References::default(),
            reading: "",
            reading_in_body: "",
        };
        self.budget.set_locals(self.flat.names_around(at));
        let kind = self.kind(step, &mut draft);
        let lock = PlannedBodyLock::check(self, &mut draft, step);
        let cleanup = self.cleanup(&mut draft);
        let exits = self.exits(&mut draft);
        self.reads(&draft);
        let names = match &step.kind {
            StepKind::Action(action) => Some((action.integration.clone(), action.action.clone())),
            // These names are constants of ours, so they are valid.
            other => Name::new(UPDRAFT).ok().zip(Name::new(other.name()).ok()),
        };
        let planned = kind.zip(names).zip(lock).map(|((kind, (integration, action)), lock)| PlannedStep {
            id: flat.id.clone(),
            is_named: step.id.is_some(),
            integration,
            action,
            exits,
            cleanup,
            lock,
            kind,
            reads: StepReads::of([&draft.references, &draft.in_body], self.flat.inside_of(at), self.by_id),
        });
        Checked {
            planned,
            edges: draft.edges,
            reading: draft.reading,
            references: draft.references,
            in_body: draft.in_body,
            reading_in_body: draft.reading_in_body,
        }
    }

    /// The kind of a step, with its fields checked.
    fn kind(&mut self, step: &Step, draft: &mut Draft) -> Option<PlannedKind> {
        match &step.kind {
            StepKind::Action(action) => {
                PlannedAction::check(self, draft, action, step.handlers.on_unknown.is_some())
                    .map(PlannedKind::Action)
            }
            StepKind::Parallel(parallel) => {
                PlannedParallel::check(self, draft, parallel).map(PlannedKind::Parallel)
            }
            StepKind::If(choice) => PlannedIf::check(self, draft, choice).map(PlannedKind::If),
            StepKind::Switch(choice) => PlannedSwitch::check(self, draft, choice).map(PlannedKind::Switch),
            StepKind::ForEach(each) => PlannedForEach::check(self, draft, each).map(PlannedKind::ForEach),
            StepKind::Repeat(repeat) => PlannedRepeat::check(self, draft, repeat).map(PlannedKind::Repeat),
            StepKind::Set(set) => PlannedSet::check(self, draft, set).map(PlannedKind::Set),
            StepKind::Delay(delay) => Some(PlannedKind::Delay(PlannedDelay::check(self, draft, delay))),
            StepKind::WaitUntil(wait) => {
                PlannedWaitUntil::check(self, draft, wait).map(PlannedKind::WaitUntil)
            }
            StepKind::WaitFor(wait) => PlannedWaitFor::check(self, draft, wait).map(PlannedKind::WaitFor),
            StepKind::Approval(approval) => {
                PlannedApproval::check(self, draft, approval).map(Box::new).map(PlannedKind::Approval)
            }
            StepKind::Finally(finally) => {
                PlannedFinally::check(self, draft, finally).map(PlannedKind::Finally)
            }
            StepKind::SubPlaybook(child) => {
                PlannedSubPlaybook::check(self, draft, child).map(Box::new).map(PlannedKind::SubPlaybook)
            }
            StepKind::End(end) => PlannedEnd::check(self, draft, end).map(PlannedKind::End),
            StepKind::Fail(fail) => PlannedEnd::check_fail(self, draft, fail).map(PlannedKind::End),
        }
    }

    /// What runs in any case.
    fn cleanup(&mut self, draft: &mut Draft) -> Option<PlannedCleanup> {
        let step = self.flat.steps[draft.at].step;
        match (&step.kind, &step.handlers.on_cancel) {
            (StepKind::Finally(finally), _) => PlannedCleanup::of_finally(self, draft, &finally.cleanup),
            (_, Some(cleanup)) => PlannedCleanup::on_cancel(self, draft, cleanup),
            (_, None) => None,
        }
    }

    /// The steps that the texts read must be there.
    fn reads(&mut self, draft: &Draft) {
        let read = draft.references.steps.iter().map(|read| (draft.reading, read));
        let read_in_body = draft.in_body.steps.iter().map(|read| (draft.reading_in_body, read));
        for (field, (id, path)) in read.chain(read_in_body) {
            if !StepId::new(id).is_ok_and(|id| self.by_id.contains_key(&id)) {
                let message = self.suggestions.no_step(id, self.by_id, &self.mistakes);
                self.mistakes.inside(draft.at, field, Mistake::new(path, message));
            }
        }
    }

    /// The outputs of the playbook, which may read every step.
    pub(super) fn outputs(&mut self, playbook: &Playbook) -> Option<PlannedOutputs> {
        let outputs = PlannedOutputs::check(playbook, &mut self.budget, &mut self.mistakes)?;
        for (id, path) in &outputs.references().steps {
            if !StepId::new(id).is_ok_and(|id| self.by_id.contains_key(&id)) {
                let message = self.suggestions.no_step(id, self.by_id, &self.mistakes);
                self.mistakes.header(path, message);
            }
        }
        Some(outputs)
    }

    fn span(&mut self, at: usize, field: &str, value: Span, zero: bool) {
        if let Err(message) = span(value, zero) {
            self.mistakes.step(at, field, message);
        }
    }
}
