//! Reruns: what one has taken over is not called again and was not undone, and both executions tell of it.

use updraft_kernel::invariant::{self, Violation};
use updraft_kernel::machine::{Machine, StartAttempt};
use updraft_kernel::plan::Plan;
use updraft_protocol::{
    ControlHistory, ControlKind, ControlRecord, ExecutionDocument, ExecutionId, ExecutionState, TaskDocument,
    Update,
};

use super::{Oracle, Shown, State, broken};
use crate::execution::asked;
use crate::store::SimulatedStore;

impl Oracle {
    /// A rerun has begun, and may not be durable yet.
    pub fn began_again(&mut self, machine: &Machine) {
        let tasks = machine.task_documents();
        let taken = tasks.iter().filter(|task| task.head.taken_from.is_some());
        self.taken.extend(taken.map(|task| task.task_request_id));
    }

    /// The first execution tells of its rerun.
    pub fn noted(&mut self, first: &ExecutionDocument, note: &Update) {
        let Update::Execution(update) = note else { return };
        let mut state = first.state.clone();
        state.merge(update.state.clone());
        self.decided.entry(note.document()).or_default().insert(note.revision(), State::Execution(state));
    }

    /// A rerun was accepted.
    pub fn reran(&mut self, number: usize, peid: ExecutionId) {
        self.reruns.insert(number, peid);
    }

    /// Whether a rerun was accepted.
    pub fn is_rerun(&self, number: usize) -> bool {
        self.reruns.contains_key(&number)
    }

    /// What was taken over is not called.
    pub(super) fn is_not_taken(&self, start: &StartAttempt) -> Result<(), Violation> {
        if self.taken.contains(&start.task_id) {
            return broken("a kept result stands", format!("{} is called again", start.task_id));
        }
        Ok(())
    }

    /// A rerun has what it may have of the execution that it is the rerun of, which tells of it.
    pub(super) fn rerun_is_true(
        &self,
        (document, tasks): (&ExecutionDocument, &[TaskDocument]),
        plan: &Plan,
        store: &SimulatedStore,
    ) -> Result<(), Violation> {
        let Some(rerun_of) = &document.head.rerun_of else { return Ok(()) };
        let Some(first) = store.executions.get(&rerun_of.peid) else {
            return broken("reruns", format!("{} is the rerun of what is nowhere", document.peid));
        };
        let mut told = records(&first.state).iter().filter(|record| record.execution == Some(document.peid));
        if !told.any(|record| record.kind == ControlKind::Rerun && record.asked == rerun_of.asked) {
            return broken("reruns", format!("{} does not tell of {}", first.peid, document.peid));
        }
        let before = store.tasks_of(rerun_of.peid);
        let both = (&before[..], tasks);
        let (from, is_same_input) = (rerun_of.from.as_ref(), document.head.input == first.head.input);
        invariant::kept_results_stand(both, from, is_same_input)?;
        // Every call is told of the input.
        let is_call = |task: &&TaskDocument| task.head.integration.as_str() == "tool";
        let mut taken = tasks.iter().filter(|task| task.head.taken_from.is_some());
        if let Some(call) = taken.find(is_call).filter(|_| !is_same_input) {
            return broken(
                "a kept result stands",
                format!("{} is kept for another input", call.head.step_id),
            );
        }
        if is_same_input { invariant::what_stands_is_kept(plan, both, from) } else { Ok(()) }
    }
}

impl Shown {
    /// Whether nothing but its controls has changed: an execution that was run again tells of it.
    pub(super) fn tells_of_a_rerun(&self, after: &Self) -> bool {
        let (Some(State::Execution(before)), Some(State::Execution(after))) = (&self.state, &after.state)
        else {
            return false;
        };
        differs_by_reruns(before, after)
    }
}

/// Whether an execution is the same after its end, but for the reruns of which it tells.
pub(super) fn differs_by_reruns(before: &ExecutionState, after: &ExecutionState) -> bool {
    let ExecutionState { controls, updated_date, .. } = after.clone();
    let is_rerun = |record: &ControlRecord| record.kind == ControlKind::Rerun && record.asked == asked();
    let (had, has) = (records(before), records(after));
    *after == ExecutionState { controls, updated_date, ..before.clone() }
        && has.len() > had.len()
        && has[..had.len()] == *had
        && has[had.len()..].iter().all(is_rerun)
}

fn records(state: &ExecutionState) -> &[ControlRecord] {
    state.controls.as_deref().map_or(&[], |ControlHistory { newest, .. }| newest)
}
