//! The plan: a playbook that was checked, its references resolved, its templates and conditions
//! compiled. Owns what a checked playbook looks like; never changes once made, never runs anything.

mod arguments;
mod branch;
mod check;
mod endpoints;
mod graph;
mod mistake;
mod paths;
mod references;
mod span;
mod step;
mod suggest;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use updraft_protocol::playbook::EndStatus;
use updraft_protocol::{Catalogue, Effect, Name, Playbook, SecretReference, StepId};

use crate::condition::Condition;
use crate::template::Template;

pub use arguments::check_schema;
pub use mistake::Mistake;
pub(crate) use references::{References, step_read};
pub(crate) use step::UPDRAFT;
pub(crate) use suggest::suggestion;

/// Where a step stands in [`Plan::steps`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepIndex(u32);

impl StepIndex {
    /// The index into [`Plan::steps`].
    pub fn get(self) -> usize {
        self.0 as usize
    }
}

/// A playbook that was found to be free of mistakes.
#[derive(Debug)]
pub struct Plan {
    /// The playbook's name.
    pub name: Name,
    /// The playbook's version.
    pub version: u32,
    /// How long an execution may take.
    pub timeout: Option<Duration>,
    /// How many tasks of one execution run at once, where the playbook says so.
    pub tasks_at_once: Option<usize>,
    /// The first step.
    pub start: StepIndex,
    /// The steps, in the order of the playbook.
    pub steps: Vec<PlannedStep>,
    /// The secrets that its author names, each with the first place that names it: `steps[3].arguments.headers.X`.
    pub secrets: BTreeMap<Name, String>,
    /// Stored tasks name their step by its id.
    by_id: BTreeMap<StepId, StepIndex>,
}

impl Plan {
    /// Checks a playbook against the tools that there are.
    ///
    /// # Errors
    /// The mistakes, in the order of their places, at most [`updraft_protocol::limits::MISTAKES`].
    pub fn check(playbook: &Playbook, catalogue: &Catalogue) -> Result<Self, Vec<Mistake>> {
        check::check(playbook, catalogue, Standing::New)
    }

    /// The plan of a playbook that was accepted before, perhaps by an engine with other tools. What has gone since is no
    /// mistake: a step without its tool is [`PlannedAction::missing`].
    ///
    /// # Errors
    /// The mistakes in the playbook itself.
    pub fn of_accepted(playbook: &Playbook, catalogue: &Catalogue) -> Result<Self, Vec<Mistake>> {
        check::check(playbook, catalogue, Standing::Accepted)
    }

    /// The step at `index`.
    pub fn step(&self, index: StepIndex) -> &PlannedStep {
        &self.steps[index.get()]
    }

    /// About how many bytes it takes in memory; compiled templates take most.
    pub fn bytes(&self) -> usize {
        self.steps.iter().map(PlannedStep::bytes).sum()
    }

    /// Where the step with this id stands.
    pub fn index_of(&self, id: &StepId) -> Option<StepIndex> {
        self.by_id.get(id).copied()
    }
}

/// Whether somebody waits for the verdict on a playbook, or it was accepted before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Its author can still mend it.
    New,
    /// It runs already.
    Accepted,
}

/// One step of a plan.
#[derive(Debug)]
pub struct PlannedStep {
    /// Its id.
    pub id: StepId,
    /// The tool; `updraft` where Updraft decides the step itself.
    pub integration: Name,
    /// What the tool does; the kind of the step where Updraft decides it.
    pub action: Name,
    /// What it does.
    pub kind: PlannedKind,
}

impl PlannedStep {
    /// About how many bytes it takes in memory.
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

/// What a step does.
#[derive(Debug)]
pub enum PlannedKind {
    /// Calls a security tool.
    Action(PlannedAction),
    /// Runs several paths at once and goes on when all have ended.
    Parallel(PlannedParallel),
    /// Chooses between two paths.
    If(PlannedIf),
    /// Waits.
    Delay(PlannedDelay),
    /// Ends its path.
    End(PlannedEnd),
}

/// A call of a security tool.
#[derive(Debug)]
pub struct PlannedAction {
    /// What the tool is told.
    pub arguments: Template,
    /// The secrets that the arguments refer to, by their places.
    pub secrets: Arc<[SecretReference]>,
    /// What the action does to the world.
    pub effect: Effect,
    /// The integration or action that this engine does not have: its attempts wait for it. None where all is there.
    pub missing: Option<String>,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// How often and when it is tried again.
    pub retry: RetryPolicy,
    /// Whether the tool must not act twice.
    pub at_most_once: bool,
    /// The next step when it completed.
    pub on_success: Option<StepIndex>,
    /// The next step when its last attempt failed.
    pub on_failure: Option<StepIndex>,
    /// The next step when nobody knows whether it acted.
    pub on_unknown: Option<StepIndex>,
}

/// Several paths at once.
#[derive(Debug)]
pub struct PlannedParallel {
    /// The first step of each path; never empty.
    pub branches: Vec<StepIndex>,
    /// The next step when all paths have completed.
    pub on_success: Option<StepIndex>,
    /// The next step when all paths have ended and one failed.
    pub on_failure: Option<StepIndex>,
}

/// A choice between two paths.
#[derive(Debug)]
pub struct PlannedIf {
    /// What decides.
    pub condition: Condition,
    /// The next step where it holds.
    pub then: Option<StepIndex>,
    /// The next step where it does not.
    pub otherwise: Option<StepIndex>,
    /// The next step where it cannot be decided.
    pub on_failure: Option<StepIndex>,
}

/// A wait.
#[derive(Debug)]
pub struct PlannedDelay {
    /// How long.
    pub duration: Duration,
    /// The next step.
    pub on_success: Option<StepIndex>,
}

/// The end of a path.
#[derive(Debug)]
pub struct PlannedEnd {
    /// How it ends.
    pub status: EndStatus,
    /// What it gives.
    pub output: Option<Template>,
}

/// When a failed attempt is tried again: exponential back-off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryPolicy {
    /// Attempts in all, the first included.
    pub attempts: u32,
    /// The longest wait before the second attempt.
    pub initial: Duration,
    /// The longest random wait before any attempt.
    pub max: Duration,
    /// By how much the longest wait grows from one attempt to the next.
    pub multiplier: f64,
    /// The longest time that a tool may ask to be left alone.
    pub give_up_after: Duration,
}

#[cfg(test)]
mod tests;
