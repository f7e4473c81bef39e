//! The plan: a checked playbook, with its references resolved and its templates and conditions compiled. Owns the shape
//! of a checked playbook; never changes once made, never runs anything.

mod arguments;
mod authored;
mod branch;
mod check;
mod earlier;
mod endpoints;
mod exits;
mod flat;
mod form;
mod graph;
mod inputs;
mod keywords;
mod malformed;
mod mistakes;
mod outputs;
mod reads;
mod schema;
mod span;
mod step;
mod suggest;
mod types;
mod variables;

use std::collections::BTreeMap;
use std::time::Duration;

use updraft_protocol::{Catalogue, Json, Name, Playbook, StepId, Value};

pub use crate::mistake::Mistake;
pub use arguments::{ArgumentsSchema, check_arguments};
pub use exits::{Exits, Follows};
pub use form::PlannedForm;
pub use inputs::PlannedInputs;
pub use outputs::PlannedOutputs;
pub use schema::check_schema;
pub(crate) use step::{APPROVAL, DO, FINALLY, OUTPUT, REFUSE, RESULT, UNDO, UPDRAFT};
pub use step::{
    BesideBody, CachedKey, CallApart, ItemNames, PlannedAction, PlannedAlready, PlannedApproval,
    PlannedBeside, PlannedBodyLock, PlannedBranch, PlannedCache, PlannedCarried, PlannedCase, PlannedCleanup,
    PlannedContainment, PlannedDelay, PlannedEnd, PlannedFinally, PlannedForEach, PlannedIf, PlannedKind,
    PlannedLock, PlannedParallel, PlannedRepeat, PlannedSet, PlannedStep, PlannedSubPlaybook, PlannedSwitch,
    PlannedUndo, PlannedWaitFor, PlannedWaitUntil, ROUND, RetryPolicy,
};
pub use types::PlannedTypes;

/// The index of a step in [`Plan::steps`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepIndex(u32);

impl StepIndex {
    /// The first step of a playbook.
    pub(crate) const FIRST: Self = Self(0);

    fn at(at: usize) -> Self {
        Self(u32::try_from(at).unwrap_or(u32::MAX))
    }

    /// The index into [`Plan::steps`].
    pub fn get(self) -> usize {
        self.0 as usize
    }
}

/// A playbook without mistakes.
#[derive(Debug)]
pub struct Plan {
    /// The playbook's name.
    pub name: Name,
    /// The playbook's version.
    pub version: u32,
    /// The timeout of an execution.
    pub timeout: Option<Duration>,
    /// How many tasks of one execution run at once, if the playbook sets it.
    pub tasks_at_once: Option<usize>,
    /// What its variables may be, if it says so.
    pub types: Option<PlannedTypes>,
    /// The values of its constants.
    pub constants: BTreeMap<String, Value>,
    /// The same as text.
    pub(crate) constants_json: Json,
    /// What it asks of its input, if it says so.
    pub inputs: Option<PlannedInputs>,
    /// What an execution that completes gives, in place of the output of its last step.
    pub outputs: Option<PlannedOutputs>,
    /// The first step.
    pub start: StepIndex,
    /// The steps in the order in which they are written, those of a step's bodies after it; after all of them the undos that
    /// the execution makes.
    pub steps: Vec<PlannedStep>,
    /// The secrets that its author names, each with the first place that names it: `steps[3].arguments.headers.X`.
    pub secrets: BTreeMap<Name, String>,
    /// Stored tasks name their step by its id.
    by_id: BTreeMap<StepId, StepIndex>,
}

impl Plan {
    /// Checks a playbook against the registered tools.
    ///
    /// # Errors
    /// The mistakes, in the order of their places, at most [`updraft_protocol::limits::MISTAKES`].
    pub fn check(playbook: &Playbook, catalogue: &Catalogue) -> Result<Self, Vec<Mistake>> {
        check::check(playbook, catalogue, Standing::New)
    }

    /// The plan of a playbook that was accepted before, perhaps by an engine with other tools. A tool that is missing
    /// now is no mistake: its steps have [`PlannedAction::missing`].
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

    /// Whether its executions undo something before some of their ends.
    pub fn takes_back(&self) -> bool {
        self.steps.last().and_then(PlannedAction::of).is_some_and(|action| action.undoes.is_some())
    }

    /// Its approximate size in memory; compiled templates take most.
    pub fn bytes(&self) -> usize {
        let inputs = self.inputs.as_ref().map_or(0, PlannedInputs::bytes);
        let outputs = self.outputs.as_ref().map_or(0, PlannedOutputs::bytes);
        let types = self.types.as_ref().map_or(0, PlannedTypes::bytes);
        // Constants are kept as a tree too, which is several times the size of their text.
        let constants = 8 * self.constants_json.as_str().len();
        inputs + outputs + types + constants + self.steps.iter().map(PlannedStep::bytes).sum::<usize>()
    }

    /// The index of the step with this id.
    pub fn index_of(&self, id: &StepId) -> Option<StepIndex> {
        self.by_id.get(id).copied()
    }
}

/// Whether a playbook is new, or was accepted before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Its author can still correct it.
    New,
    /// It is in use already.
    Accepted,
}

#[cfg(test)]
mod tests;
