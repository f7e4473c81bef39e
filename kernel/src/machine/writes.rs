//! Documents and their updates: every change of a task or of the execution is written here, and read here.

use std::sync::Arc;

use updraft_protocol::{
    ExecutionDocument, ExecutionState, ExecutionStatus, ExecutionUpdate, Failure, FailureKind, Json,
    Revision, StepId, TaskDocument, TaskHead, TaskId, TaskState, TaskStatus, TaskUpdate, Timestamp, Update,
};

use super::output::kept_bytes;
use super::path::PathId;
use super::task::{Phase, Task, TaskSeq};
use super::{Effects, Machine};
use crate::plan::StepIndex;

impl Machine {
    /// A new task, its intent among the writes.
    pub(super) fn create(
        &mut self,
        path: PathId,
        step: StepIndex,
        now: Timestamp,
        effects: &mut Effects,
    ) -> TaskSeq {
        let task = self.create_ended(path, step, now);
        let state = self.task(task).state.clone();
        self.write_task(task, state, effects);
        task
    }

    /// A new task that ends at once: its only write is that of its end.
    pub(super) fn create_ended(&mut self, path: PathId, step: StepIndex, now: Timestamp) -> TaskSeq {
        let seq = TaskSeq(u32::try_from(self.tasks.len()).unwrap_or(u32::MAX - 1) + 1);
        let state = TaskState {
            status: TaskStatus::Executing,
            attempt: 1,
            response: None,
            error: None,
            started_date: Some(now),
            updated_date: now,
            runtime: None,
        };
        let revision = Revision { epoch: self.epoch, seq: 0 };
        if self.tasks.len() == self.tasks.capacity() {
            // From one on: what waits for its first tool has no other.
            self.tasks.reserve_exact(self.tasks.len().max(1));
        }
        self.tasks.push(Task { seq, step, path, state, revision, phase: Phase::Running });
        seq
    }

    pub(super) fn write_attempt(
        &mut self,
        task: TaskSeq,
        attempt: u32,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        self.change(task, effects, |state| {
            state.status = TaskStatus::Executing;
            state.attempt = attempt;
            state.updated_date = now;
        });
    }

    pub(super) fn write_retry(
        &mut self,
        task: TaskSeq,
        failure: Failure,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        self.change(task, effects, |state| {
            state.status = TaskStatus::Retrying;
            state.error = Some(failure);
            state.updated_date = now;
        });
    }

    /// An attempt that was made is one that was not.
    pub(super) fn write_withdrawn(&mut self, task: TaskSeq, now: Timestamp, effects: &mut Effects) {
        let message = "the engine stopped before the request was sent";
        let failure = Failure::new(FailureKind::Unreachable, message).with_may_have_acted(false);
        // A wait for what is missing goes on in the next life.
        let missed = self.task(task).state.error.clone().filter(|error| error.wait.is_some());
        self.write_unmade(task, missed.unwrap_or(failure), now, effects);
    }

    /// The attempt does not count, for this reason.
    pub(super) fn write_unmade(
        &mut self,
        task: TaskSeq,
        failure: Failure,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        self.change(task, effects, |state| {
            state.status = TaskStatus::Retrying;
            state.attempt = state.attempt.saturating_sub(1);
            state.error = Some(failure);
            state.updated_date = now;
        });
    }

    pub(super) fn write_end(
        &mut self,
        task: TaskSeq,
        status: TaskStatus,
        response: Option<Json>,
        error: Option<Failure>,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        self.change(task, effects, |state| {
            state.status = status;
            state.response = response;
            if error.is_some() {
                state.error = error;
            }
            state.updated_date = now;
            state.runtime = Some(now.since(state.started_date.unwrap_or(now)));
        });
    }

    /// Changes a task's state; the fields that changed are written.
    fn change(&mut self, task: TaskSeq, effects: &mut Effects, change: impl FnOnce(&mut TaskState)) {
        let before = self.task(task).state.clone();
        let first = self.task(task).revision.seq == 0;
        let state = &mut self.task_mut(task).state;
        change(state);
        let changed = if first { state.clone() } else { difference(&before, state) };
        let (kept_before, kept) = (kept_bytes(&before), kept_bytes(state));
        self.output_bytes = self.output_bytes + kept - kept_before;
        self.write_task(task, changed, effects);
    }

    fn write_task(&mut self, task: TaskSeq, state: TaskState, effects: &mut Effects) {
        let before = self.task(task).revision.seq;
        let head = (before == 0).then(|| Arc::new(self.task_head(self.task(task))));
        let revision = Revision { epoch: self.epoch, seq: before + 1 };
        self.task_mut(task).revision = revision;
        effects.writes.push(Update::from(TaskUpdate {
            task_id: self.task(task).id(self.peid),
            peid: self.peid,
            revision,
            head,
            state,
        }));
    }

    pub(super) fn write_execution_end(
        &mut self,
        status: ExecutionStatus,
        output: Option<Json>,
        error: Option<Failure>,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let started = self.state.started_date.unwrap_or(self.head.createddate);
        let change = ExecutionState {
            execution_status: status,
            started_date: None,
            updated_date: now,
            finished_date: Some(now),
            playbook_runtime: Some(now.since(started)),
            output,
            error,
        };
        self.state.merge(change.clone());
        self.write_execution(change, false, effects);
    }

    pub(super) fn write_execution(&mut self, state: ExecutionState, new: bool, effects: &mut Effects) {
        self.revision = Revision { epoch: self.epoch, seq: self.revision.seq + 1 };
        effects.writes.push(Update::from(ExecutionUpdate {
            peid: self.peid,
            revision: self.revision,
            head: new.then(|| self.head.clone()),
            state,
        }));
    }

    fn task_head(&self, task: &Task) -> TaskHead {
        let step = self.plan.step(task.step);
        TaskHead {
            peid: self.peid,
            task_seq: task.seq.0,
            step_id: step.id.clone(),
            iteration: 0,
            tenant_code: self.head.tenant_code.clone(),
            alert_id: self.head.alert_id.clone(),
            integration: step.integration.clone(),
            action: step.action.clone(),
        }
    }

    /// The execution's document as it stands.
    pub fn document(&self) -> ExecutionDocument {
        ExecutionDocument {
            peid: self.peid,
            head: self.head.clone(),
            state: self.state.clone(),
            epoch: self.revision.epoch,
            seq: self.revision.seq,
        }
    }

    /// The step that a task runs.
    pub fn step_of(&self, task_id: TaskId) -> Option<&StepId> {
        let task = self.tasks.iter().find(|task| task.id(self.peid) == task_id)?;
        Some(&self.plan.step(task.step).id)
    }

    /// The documents of its tasks, in order.
    pub fn task_documents(&self) -> Vec<TaskDocument> {
        let document = |task: &Task| TaskDocument {
            task_request_id: task.id(self.peid),
            head: Arc::new(self.task_head(task)),
            state: task.state.clone(),
            epoch: task.revision.epoch,
            seq: task.revision.seq,
        };
        self.tasks.iter().map(document).collect()
    }

    pub(super) fn task(&self, seq: TaskSeq) -> &Task {
        &self.tasks[seq.index()]
    }

    pub(super) fn task_mut(&mut self, seq: TaskSeq) -> &mut Task {
        &mut self.tasks[seq.index()]
    }
}

/// The change that leads from one state to a later one: fields that stayed are left out.
fn difference(before: &TaskState, after: &TaskState) -> TaskState {
    fn changed<T: Clone + PartialEq>(before: &Option<T>, after: &Option<T>) -> Option<T> {
        if before == after { None } else { after.clone() }
    }
    TaskState {
        status: after.status,
        attempt: after.attempt,
        response: changed(&before.response, &after.response),
        error: changed(&before.error, &after.error),
        started_date: changed(&before.started_date, &after.started_date),
        updated_date: after.updated_date,
        runtime: changed(&before.runtime, &after.runtime),
    }
}
