//! The plan: a playbook that was checked, its references resolved, its templates and conditions
//! compiled. Owns what a checked playbook looks like; never changes once made, never runs anything.

mod arguments;
mod bodies;
mod branch;
mod check;
mod endpoints;
mod graph;
mod mistakes;
mod span;
mod step;
mod suggest;

use std::collections::BTreeMap;
use std::time::Duration;

use updraft_protocol::{Catalogue, Name, Playbook, StepId};

pub use crate::mistake::Mistake;
pub use arguments::check_schema;
pub(crate) use step::UPDRAFT;
pub use step::{
    Exits, PlannedAction, PlannedDelay, PlannedEnd, PlannedIf, PlannedKind, PlannedParallel, PlannedStep,
    RetryPolicy,
};

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

#[cfg(test)]
mod tests;
