//! Documents and their updates: every change of a task or of the execution is written here, and read here.

use std::sync::Arc;

use updraft_protocol::{
    CallRecord, ExecutionDocument, ExecutionEnding, ExecutionState, ExecutionStatus, ExecutionUpdate,
    Failure, FailureKind, Gate, Json, ReceivedSignals, Revision, StepId, TaskDocument, TaskHead, TaskId,
    TaskState, TaskStatus, TaskUpdate, Timestamp, Update, Wait, WaitKind,
};

use super::output::kept_bytes;
use super::scope::ScopeId;
use super::task::{Phase, Task};
use super::task_seq::TaskSeq;
use super::{Effects, Machine};
use crate::plan::{PlannedAction, StepIndex};

impl Machine {
    /// A new task, its intent among the writes.
    pub(super) fn create(
        &mut self,
        scope: ScopeId,
        step: StepIndex,
        now: Timestamp,
        effects: &mut Effects,
    ) -> TaskSeq {
        let task = self.add(scope, step, now);
        let state = self.task(task).state.clone();
        self.write_task(task, state, effects);
        task
    }

    /// A new task that waits, its intent among the writes.
    pub(super) fn create_waiting(
        &mut self,
        scope: ScopeId,
        step: StepIndex,
        wait: Wait,
        effects: &mut Effects,
    ) -> TaskSeq {
        self.create_waiting_with(scope, step, (wait, None), effects)
    }

    /// A new task that waits for what it calls, its intent and the record of its call among the writes.
    pub(super) fn create_calling(
        &mut self,
        scope: ScopeId,
        step: StepIndex,
        (wait, call): (Wait, Arc<CallRecord>),
        effects: &mut Effects,
    ) -> TaskSeq {
        self.create_waiting_with(scope, step, (wait, Some(call)), effects)
    }

    fn create_waiting_with(
        &mut self,
        scope: ScopeId,
        step: StepIndex,
        (wait, call): (Wait, Option<Arc<CallRecord>>),
        effects: &mut Effects,
    ) -> TaskSeq {
        let task = self.add(scope, step, wait.since);
        let state = &mut self.task_mut(task).state;
        state.call = call;
        if wait.kind.is_answered() {
            state.status = TaskStatus::Waiting;
        }
        state.wait = Some(Box::new(wait));
        let state = state.clone();
        self.write_task(task, state, effects);
        task
    }

    /// A new task that is not written yet.
    pub(super) fn add(&mut self, scope: ScopeId, step: StepIndex, now: Timestamp) -> TaskSeq {
        let seq = self.tasks.next();
        let path = self.scopes.path(scope).clone();
        let state = TaskState { started_date: Some(now), ..TaskState::change(TaskStatus::Executing, 1, now) };
        self.tasks.insert(Task {
            seq,
            id: self.id_of(scope, step),
            step,
            scope,
            path,
            state,
            revision: Revision { epoch: self.epoch, seq: 0 },
            phase: Phase::Running,
            call: 0,
            taken_from: None,
        });
        seq
    }

    /// The intent of an attempt, with the record of its call.
    pub(super) fn write_attempt(
        &mut self,
        task: TaskSeq,
        attempt: u32,
        call: Option<Arc<CallRecord>>,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let status = TaskStatus::Executing;
        let change = TaskState { status, attempt, call, ..self.unchanged(task, now) };
        self.change(task, change, effects);
    }

    pub(super) fn write_retry(
        &mut self,
        task: TaskSeq,
        failure: Failure,
        due: Timestamp,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let earlier_attempts = self.earlier_attempts(task);
        let (key, gate) = self.kept_passed(task);
        let wait = Wait { earlier_attempts, key, gate, ..Wait::until(WaitKind::Retry, now, due) };
        let wait = Some(Box::new(wait));
        let (status, error) = (TaskStatus::Retrying, Some(Box::new(failure)));
        let change = TaskState { status, error, wait, ..self.unchanged(task, now) };
        self.change(task, change, effects);
    }

    /// What a task tells beside its outcome.
    pub(super) fn write_failure(
        &mut self,
        task: TaskSeq,
        failure: Failure,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let change = TaskState { error: Some(Box::new(failure)), ..self.unchanged(task, now) };
        self.change(task, change, effects);
    }

    /// A task waits, and keeps its status.
    pub(super) fn write_wait(&mut self, task: TaskSeq, wait: Wait, now: Timestamp, effects: &mut Effects) {
        let change = TaskState { wait: Some(Box::new(wait)), ..self.unchanged(task, now) };
        self.change(task, change, effects);
    }

    /// An attempt was withdrawn: it does not count.
    pub(super) fn write_withdrawn(
        &mut self,
        task: TaskSeq,
        action: &PlannedAction,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        // A wait for configuration, or for room, continues after the next start.
        let state = &self.task(task).state;
        let looks = |kind| matches!(kind, WaitKind::Configuration | WaitKind::Guardrail);
        let missed = state.wait.clone().filter(|wait| looks(wait.kind));
        if let Some((wait, failure)) = missed.zip(state.error.clone()) {
            return self.write_unmade(task, *failure, *wait, now, effects);
        }
        let message = "the engine stopped before the request was sent";
        let failure = Failure::new(FailureKind::Unreachable, message).with_may_have_acted(false);
        let attempt = state.attempt.saturating_sub(1);
        let until = self.retry_due(task, attempt, action, &failure, now);
        let wait = Wait::until(WaitKind::Retry, now, until);
        self.write_unmade(task, failure, wait, now, effects);
    }

    /// The attempt does not count, for this reason.
    pub(super) fn write_unmade(
        &mut self,
        task: TaskSeq,
        failure: Failure,
        wait: Wait,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let attempt = self.task(task).state.attempt.saturating_sub(1);
        let (key, gate) = self.kept_passed(task);
        let wait = Wait { earlier_attempts: self.earlier_attempts(task), key, gate, ..wait };
        let (status, error, wait) = (TaskStatus::Retrying, Some(Box::new(failure)), Some(Box::new(wait)));
        let change = TaskState { status, attempt, error, wait, ..self.unchanged(task, now) };
        self.change(task, change, effects);
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
        let started = self.task(task).state.started_date.unwrap_or(now);
        let undo = self.undo_at_end(task, status, (response.as_ref(), error.as_ref()), now);
        let registration_due = undo.as_deref().and_then(|undo| undo.registration_due(now));
        let (error, runtime) = (error.map(Box::new), Some(now.since(started)));
        let wait = self.record_of_rounds(task, now).map(Box::new);
        let unchanged = self.unchanged(task, now);
        let change =
            TaskState { status, response, error, runtime, wait, undo, registration_due, ..unchanged };
        self.change(task, change, effects);
    }

    /// A change that sets no field but the instant.
    pub(super) fn unchanged(&self, task: TaskSeq, now: Timestamp) -> TaskState {
        let TaskState { status, attempt, .. } = self.task(task).state;
        TaskState::change(status, attempt, now)
    }

    /// Changes a task's state and writes the fields that the change sets.
    pub(super) fn change(&mut self, task: TaskSeq, change: TaskState, effects: &mut Effects) {
        let first = self.task(task).revision.seq == 0;
        let state = &mut self.task_mut(task).state;
        let kept_before = kept_bytes(state);
        let written = if first {
            state.merge(change);
            state.clone()
        } else {
            state.merge(change.clone());
            change
        };
        let kept = kept_bytes(state);
        self.output_bytes = self.output_bytes + kept - kept_before;
        self.write_task(task, written, effects);
    }

    fn write_task(&mut self, task: TaskSeq, state: TaskState, effects: &mut Effects) {
        let before = self.task(task).revision.seq;
        let head = (before == 0).then(|| Arc::new(self.task_head(self.task(task))));
        let revision = Revision { epoch: self.epoch, seq: before + 1 };
        self.task_mut(task).revision = revision;
        effects.writes.push(Update::from(TaskUpdate {
            task_id: self.task(task).id,
            peid: self.peid,
            revision,
            head,
            state,
            positions: Default::default(),
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
            finished_date: Some(now),
            playbook_runtime: Some(now.since(started)),
            output,
            error: error.map(Box::new),
            controls: self.state.controls.clone(),
            ..self.unchanged_execution(now)
        };
        self.state.merge(change.clone());
        self.write_execution(change, false, effects);
    }

    /// A person has answered an approval that still waits.
    pub(super) fn write_gate(&mut self, task: TaskSeq, gate: Gate, now: Timestamp, effects: &mut Effects) {
        let wait = self.task(task).state.wait.clone();
        let wait = wait.map(|wait| Box::new(Wait { gate: Some(Box::new(gate)), ..*wait }));
        let change = TaskState { wait, ..self.unchanged(task, now) };
        self.change(task, change, effects);
    }

    /// The signals of the execution have changed.
    pub(super) fn write_signals(&mut self, signals: ReceivedSignals, now: Timestamp, effects: &mut Effects) {
        let change = ExecutionState { signals: Some(Arc::new(signals)), ..self.unchanged_execution(now) };
        self.state.merge(change.clone());
        self.write_execution(change, false, effects);
    }

    /// A change of the execution that sets no field but the instant.
    pub(super) fn unchanged_execution(&self, now: Timestamp) -> ExecutionState {
        ExecutionState::change(self.state.execution_status, now)
    }

    /// The end of the execution is decided, and steps run before it: a pause is over.
    pub(super) fn write_ending(&mut self, ending: ExecutionEnding, now: Timestamp, effects: &mut Effects) {
        let change = ExecutionState {
            execution_status: ExecutionStatus::Executing,
            ending: Some(Box::new(ending)),
            controls: self.state.controls.clone(),
            ..self.unchanged_execution(now)
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
            positions: Default::default(),
        }));
    }

    fn task_head(&self, task: &Task) -> TaskHead {
        let step = self.plan.step(task.step);
        TaskHead {
            peid: self.peid,
            task_seq: task.seq.0,
            step_id: step.id.clone(),
            scope: task.path.clone(),
            tenant_code: self.head.tenant_code.clone(),
            alert_id: self.head.alert_id.clone(),
            integration: step.integration.clone(),
            action: step.action.clone(),
            taken_from: task.taken_from.as_deref().copied(),
        }
    }

    /// The current document of the execution.
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
        let task = self.tasks.iter().find(|task| task.id == task_id)?;
        Some(&self.plan.step(task.step).id)
    }

    /// The documents of its tasks that are in memory, in order: all but those of ended items that were forgotten.
    pub fn task_documents(&self) -> Vec<TaskDocument> {
        let document = |task: &Task| TaskDocument {
            task_request_id: task.id,
            head: Arc::new(self.task_head(task)),
            state: task.state.clone(),
            epoch: task.revision.epoch,
            seq: task.revision.seq,
        };
        self.tasks.iter().map(document).collect()
    }

    pub(super) fn task(&self, seq: TaskSeq) -> &Task {
        &self.tasks[seq]
    }

    pub(super) fn task_mut(&mut self, seq: TaskSeq) -> &mut Task {
        &mut self.tasks[seq]
    }
}
