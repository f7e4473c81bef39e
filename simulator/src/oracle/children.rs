//! Sub-playbooks: each task starts one execution at most, whose end is its own, and which does not go on without it.

use std::collections::BTreeMap;
use std::time::Duration;

use updraft_kernel::invariant::{self, Violation};
use updraft_kernel::machine::Machine;
use updraft_kernel::plan::{PlannedKind, PlannedSubPlaybook};
use updraft_protocol::{
    DocumentId, ExecutionDocument, ExecutionId, FailureKind, TaskDocument, TaskId, TaskState, TaskStatus,
    Timestamp, WaitKind,
};

use super::{Oracle, State, broken};
use crate::scenario::MILLIS;
use crate::store::SimulatedStore;

/// How long a child may go on after its parent was stopped: longer than any failure lasts, shorter than its waits may.
const SOON: u64 = 3_600_000 * MILLIS;

/// A time within which a child begins, whatever fails.
const LONG: Duration = Duration::from_secs(3_600);

/// How long the news of its end may take by the clock of its process, which is set forward twice at most meanwhile. The
/// longest time of a step is longer.
const LATE: Duration = Duration::from_secs(9_000);

impl Oracle {
    /// Whether a task has waited for a child.
    pub(super) fn has_child(&self, task: TaskId) -> bool {
        let waits = |state: &State| match state {
            State::Task(state) => state.wait.as_ref().is_some_and(|wait| wait.kind == WaitKind::Child),
            State::Execution(_) => false,
        };
        self.decided.get(&DocumentId::Task(task)).is_some_and(|states| states.values().any(waits))
    }

    /// Whether this is the instant at which the child of a task is asked to stop again.
    pub(super) fn asks_child_again(&self, task: &TaskDocument, due: Timestamp) -> bool {
        let wait = task.state.wait.as_ref().filter(|wait| wait.kind == WaitKind::Child);
        self.stopping.contains(&task.task_request_id) && wait.is_some_and(|wait| wait.until != Some(due))
    }

    /// A task that waits for its child ends after it, unless the whole execution ends at once.
    pub(super) fn waited_for_its_child(
        &self,
        machine: &Machine,
        task: &TaskDocument,
        after: &TaskState,
    ) -> Result<(), Violation> {
        let is_child = after.wait.as_ref().is_some_and(|wait| wait.kind == WaitKind::Child);
        let step = machine.plan().index_of(&task.head.step_id).map(|step| &machine.plan().step(step).kind);
        let waits = matches!(step, Some(PlannedKind::SubPlaybook(child)) if child.waits);
        if !(is_child && waits && after.status.ended()) || machine.ended() {
            return Ok(());
        }
        let peid = ExecutionId::of_child(task.task_request_id);
        let is_ended =
            |state: &State| matches!(state, State::Execution(state) if state.execution_status.ended());
        let child = DocumentId::Execution(peid);
        match self.decided.get(&child) {
            // A crash may have lost its beginning.
            Some(states) if self.durable.contains_key(&child) && !states.values().any(is_ended) => {
                let what = format!("{} is {}, and {peid} goes on", task.head.step_id, after.status);
                broken("a child is waited for", what)
            }
            _ => Ok(()),
        }
    }

    /// Each task starts one child at most, and has said so before.
    pub(super) fn one_for_each_task(store: &SimulatedStore) -> Result<(), Violation> {
        let mut started: BTreeMap<TaskId, ExecutionId> = BTreeMap::new();
        for document in store.executions.values() {
            let Some(parent) = document.head.parent else { continue };
            if let Some(first) = started.insert(parent.task, document.peid) {
                let what = format!("{first} and {} are started by {}", document.peid, parent.task);
                return broken("one child for a task", what);
            }
            if !store.tasks.contains_key(&parent.task) && !store.tainted.contains(&parent.peid) {
                let what = format!("{} is started by {}, which is nowhere", document.peid, parent.task);
                return broken("one child for a task", what);
            }
        }
        Ok(())
    }

    /// What a task says of its child is so.
    pub(super) fn child_is_true(
        &self,
        step: &PlannedSubPlaybook,
        (document, task): (&ExecutionDocument, &TaskDocument),
        store: &SimulatedStore,
    ) -> Result<(), Violation> {
        let peid = ExecutionId::of_child(task.task_request_id);
        let is_tainted = |peid| store.tainted.contains(peid);
        if is_tainted(&peid) || is_tainted(&document.peid) {
            return Ok(());
        }
        let Some(child) = store.executions.get(&peid) else {
            let kind = task.state.error.as_ref().map(|error| error.kind);
            let is_late =
                kind == Some(FailureKind::Expired) && step.timeout.is_none_or(|timeout| timeout > LONG);
            let what = format!("{} is {}, and its child is nowhere", task.head.step_id, task.state.status);
            let is_begun = task.state.status == TaskStatus::Completed || is_late;
            return if is_begun { broken("children are there", what) } else { Ok(()) };
        };
        if !step.waits {
            return Ok(());
        }
        invariant::ends_as_its_child(task, child.state.execution_status)?;
        let told = child.state.finished_date.map(|ended| task.state.updated_date.since(ended));
        if told.is_some_and(|told| u128::from(told) > LATE.as_millis()) {
            return broken(
                "children are heard",
                format!("{} ended {told:?} ms after its child", task.head.step_id),
            );
        }
        let (above, below) = (self.ended_at.get(&document.peid), self.ended_at.get(&peid));
        match (above, below) {
            (Some(above), Some(below)) if *below > above.saturating_add(SOON) => {
                let late = (below - above) / MILLIS;
                broken("a cancel goes down", format!("{peid} ended {late} ms after its parent"))
            }
            _ => Ok(()),
        }
    }
}
