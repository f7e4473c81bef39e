//! Children: the executions that steps `playbook` started. Owns what the report of a child means for its task, and when
//! a child is asked to stop. A task that waits for a child ends by a report of it alone, so that nothing of the child
//! runs on unseen; whatever else would end the task stops the child first.

use updraft_protocol::limits::{CHILD_LOOK, INPUT_BYTES};
use updraft_protocol::{
    Effect, ExecutionDocument, ExecutionHead, ExecutionId, ExecutionStatus, Failure, FailureKind, Json,
    PlaybookId, Span, TaskDocument, TaskId, TaskStatus, Timestamp, WaitKind,
};

use super::scope::ScopeId;
use super::task::{Ending, Phase};
use super::task_seq::TaskSeq;
use super::{Act, Effects, Machine, StartChild};
use crate::plan::{Plan, PlannedKind, PlannedSubPlaybook, StepIndex};

/// What became of a child.
#[derive(Debug, Clone, PartialEq)]
pub enum ChildReport {
    /// It is accepted.
    Started,
    /// It cannot be started.
    Refused(Failure),
    /// It has ended.
    Ended {
        /// How it ended.
        status: ExecutionStatus,
        /// Its output.
        output: Option<Json>,
        /// Why it failed.
        error: Option<Box<Failure>>,
    },
}

impl ChildReport {
    /// The report of a child that has ended.
    pub fn of(document: &ExecutionDocument) -> Self {
        let state = &document.state;
        Self::Ended {
            status: state.execution_status,
            output: state.output.clone(),
            error: state.error.clone(),
        }
    }

    /// The report of a child that was to be stopped and has never begun.
    pub fn never_began() -> Self {
        Self::Ended { status: ExecutionStatus::Cancelled, output: None, error: None }
    }
}

/// The head of a child: what it is for and for whom is as in its parent.
///
/// # Errors
/// Its input is not what its playbook asks for.
pub fn head_of_child(
    parent: &ExecutionHead,
    start: &StartChild,
    (pid, plan, variables): (PlaybookId, &Plan, Json),
    now: Timestamp,
) -> Result<ExecutionHead, Failure> {
    let refused = |why: String| {
        let message = format!("playbook \"{}\" version {}: {why}", plan.name, plan.version);
        Failure::new(FailureKind::Child, message)
    };
    let input = match &plan.inputs {
        Some(inputs) => {
            let given = start.input.tree().map_err(|error| refused(error.to_string()))?;
            let filled = inputs.filled(&given).map_err(|mistakes| {
                let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
                refused(mistakes.join("; "))
            })?;
            Json::from(&filled)
        }
        None => start.input.clone(),
    };
    let bytes = input.as_str().len();
    if bytes > INPUT_BYTES {
        return Err(refused(format!("the input has {bytes} bytes; at most {INPUT_BYTES} are allowed")));
    }
    if let Some(what) = input.unreadable() {
        return Err(refused(format!("the input is {what}")));
    }
    Ok(ExecutionHead {
        tenant_code: parent.tenant_code.clone(),
        pid,
        playbook_name: plan.name.clone(),
        playbook_version: plan.version,
        uid: parent.uid.clone(),
        alert_id: parent.alert_id.clone(),
        priority: parent.priority,
        createddate: now,
        input,
        variables,
        idempotency_key: None,
        input_hash: None,
        parent: Some(start.parent),
        rerun_of: None,
        cache: parent.cache,
    })
}

/// The tasks whose children may go on where an execution has ended without its machine.
pub fn children_of(tasks: &[TaskDocument]) -> Vec<TaskId> {
    let is_left = |task: &&TaskDocument| {
        let waits = task.state.wait.as_ref().is_some_and(|wait| wait.kind == WaitKind::Child);
        waits && matches!(task.state.status, TaskStatus::Waiting | TaskStatus::Cancelled)
    };
    tasks.iter().filter(is_left).map(|task| task.task_request_id).collect()
}

impl Machine {
    /// The id of the task of a step in a scope.
    pub(super) fn id_of(&self, scope: ScopeId, step: StepIndex) -> TaskId {
        TaskId::derive(self.peid, self.scopes.path(scope), &self.plan.step(step).id)
    }

    /// Whether a task waits for its child.
    pub fn has_children(&self) -> bool {
        self.tasks.iter().any(|task| self.waits_for_child(task.seq))
    }

    /// Whether a report of its child may end this task.
    pub fn awaits_child(&self, id: TaskId) -> bool {
        let task = self.tasks.iter().find(|task| task.id == id);
        task.is_some_and(|task| matches!(task.phase, Phase::Waiting(_) | Phase::ChildStops(_)))
    }

    /// A child reports to its task. Ignored if the task no longer waits for it.
    pub(super) fn child_reported(
        &mut self,
        id: TaskId,
        report: ChildReport,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let Some(task) = self.tasks.iter().find(|task| task.id == id).map(|task| task.seq) else { return };
        let plan = self.plan.clone();
        let PlannedKind::SubPlaybook(child) = &plan.step(self.task(task).step).kind else { return };
        let is_stopped = self.is_stopping(task);
        if !is_stopped && !matches!(self.task(task).phase, Phase::Waiting(_)) {
            return;
        }
        let ending = match report {
            ChildReport::Started if child.waits || is_stopped => return,
            ChildReport::Started => {
                let peid = ExecutionId::of_child(id).to_string();
                Ending::Completed(Some(Json::from(serde_json::Value::from(peid))))
            }
            ChildReport::Refused(failure) => Ending::Failed(failure),
            ChildReport::Ended { status, output, error } => {
                self.ending_of_child(task, child, (status, output, error))
            }
        };
        // A task that was cancelled, and whose child has ended for it, cleans up.
        if ending == Ending::Cancelled && self.clean_up_cancelled(task, now, effects) {
            return;
        }
        self.settle(task, ending, now, effects);
    }

    /// The end of a child is that of its task: a step that was left unknown in the child leaves the task unknown.
    fn ending_of_child(
        &self,
        task: TaskSeq,
        child: &PlannedSubPlaybook,
        (status, output, error): (ExecutionStatus, Option<Json>, Option<Box<Failure>>),
    ) -> Ending {
        let peid = ExecutionId::of_child(self.task(task).id);
        match status {
            // What the child did is done, whatever its output looks like.
            ExecutionStatus::Completed => self
                .keep(output.unwrap_or_else(Json::null), Effect::Write)
                .map_or_else(Ending::Failed, |output| Ending::Completed(Some(output))),
            ExecutionStatus::Cancelled if self.is_in_cancelled_scope(task) => Ending::Cancelled,
            ExecutionStatus::Cancelled if self.is_stopping(task) => {
                Ending::Failed(child.expired(self.waited_for(task)))
            }
            ExecutionStatus::TimedOut => Ending::Failed(Failure::new(
                FailureKind::Expired,
                format!("sub-playbook {peid} has timed out"),
            )),
            ExecutionStatus::Failed
            | ExecutionStatus::Cancelled
            | ExecutionStatus::Queued
            | ExecutionStatus::Executing
            | ExecutionStatus::Paused => {
                let unknown = error.as_ref().is_some_and(|error| error.kind == FailureKind::UnknownOutcome);
                let kind = if unknown { FailureKind::UnknownOutcome } else { FailureKind::Child };
                let why = error.map_or_else(String::new, |error| format!(": {}", error.message));
                let failure = Failure::new(kind, format!("sub-playbook {peid} is {status}{why}"));
                if unknown { Ending::Unknown(failure) } else { Ending::Failed(failure) }
            }
        }
    }

    pub(super) fn is_in_cancelled_scope(&self, task: TaskSeq) -> bool {
        self.scopes.get(self.task(task).scope).is_some_and(|scope| scope.cancelled)
    }

    /// The time of a step `playbook` is over: its child is stopped, whose report then ends the task. A child that was
    /// stopped a while ago and has not ended is stopped again.
    pub(super) fn child_overdue(
        &mut self,
        task: TaskSeq,
        child: &PlannedSubPlaybook,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        self.stop_child(task, now, effects);
        if !child.waits {
            self.settle(task, Ending::Failed(child.expired(self.waited_for(task))), now, effects);
        }
    }

    /// Stops the child of a task that waits for one. Without effect on other tasks.
    pub(super) fn stop_child(&mut self, task: TaskSeq, now: Timestamp, effects: &mut Effects) {
        let PlannedKind::SubPlaybook(_) = &self.plan.step(self.task(task).step).kind else { return };
        let stops = match self.task(task).phase {
            Phase::Waiting(_) | Phase::Ready => true,
            Phase::ChildStops(again) => again <= now,
            _ => false,
        };
        if stops {
            self.task_mut(task).phase = Phase::ChildStops(now.after(CHILD_LOOK));
            self.wait_in_phase(task, effects);
            effects.acts.push(Act::StopChild(self.task(task).id));
        }
    }

    /// How long a task could wait for its child.
    fn waited_for(&self, task: TaskSeq) -> Span {
        let wait = self.wait_of(task);
        let waited = wait.and_then(|wait| Some(wait.until?.since(wait.since)));
        Span::millis(waited.unwrap_or_default())
    }

    fn is_stopping(&self, task: TaskSeq) -> bool {
        matches!(self.task(task).phase, Phase::ChildStops(_))
    }

    /// Whether the report of a child will end this task.
    pub(super) fn waits_for_child(&self, task: TaskSeq) -> bool {
        let task = self.task(task);
        let waits = matches!(&self.plan.step(task.step).kind, PlannedKind::SubPlaybook(child) if child.waits);
        waits && matches!(task.phase, Phase::Waiting(_) | Phase::ChildStops(_))
    }
}

impl PlannedSubPlaybook {
    /// It took longer than this.
    fn expired(&self, waited: Span) -> Failure {
        let what = if self.waits { "end" } else { "begin" };
        let message = format!("the sub-playbook did not {what} within {waited}");
        Failure::new(FailureKind::Expired, message)
    }
}
