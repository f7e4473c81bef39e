//! The trace of a dry run: what it came to, the tasks in the order in which they began, the calls, and what was not answered. Owns
//! what is kept of the updates of a machine, and the bounds on it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use updraft_protocol::limits::{DRY_RUN_BYTES, DRY_RUN_TASKS};
use updraft_protocol::{
    AuthoredNames, Effect, ExecutionStatus, Failure, Json, Name, TaskId, TaskStatus, TaskUpdate, Timestamp,
    Wait,
};

use crate::answers::{CallMade, QuestionAsked, TaskPlace};

/// How a dry run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TraceEnd {
    /// The execution has ended.
    Ended(ExecutionStatus),
    /// Something was asked to which there is no answer.
    NeedsAnswer,
    /// The playbook refuses the alert or the variables, for these reasons: nothing began.
    Refused(Vec<String>),
    /// A bound was reached: the words say which.
    Beyond(&'static str),
}

/// A task of a dry run.
#[derive(Debug, Clone)]
pub struct TracedTask {
    /// Where it stands.
    pub place: TaskPlace,
    /// Its tool; `updraft` where Updraft itself decides the step.
    pub integration: Name,
    /// The action of the tool, or the kind of the step.
    pub action: Name,
    /// Its status.
    pub status: TaskStatus,
    /// The number of its attempts.
    pub attempts: u32,
    /// When it began.
    pub began: Timestamp,
    /// When it ended, by the clock of the run.
    pub ended: Option<Timestamp>,
    /// Its output.
    pub output: Option<Json>,
    /// Why its newest failed attempt failed.
    pub error: Option<Box<Failure>>,
    /// What it waits for, or last waited for.
    pub wait: Option<Box<Wait>>,
}

/// A call of a dry run.
#[derive(Debug, Clone)]
pub struct TracedCall {
    /// The call.
    pub made: CallMade,
    /// Where its answer is from; none where it has none.
    pub from: Option<Arc<str>>,
}

/// What was asked and not answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unanswered {
    /// The place of its task.
    pub step: String,
    /// What was asked: `http.request {"url":…}`, `approval "Isolate?"`, `signal closed`, `playbook isolate`.
    pub asked: String,
}

/// What a dry run came to.
#[derive(Debug, Clone)]
pub struct RunTrace {
    /// How it ended.
    pub end: TraceEnd,
    /// Its output.
    pub output: Option<Json>,
    /// Why it failed.
    pub failure: Option<Box<Failure>>,
    /// Its tasks, in the order in which they began.
    pub tasks: Vec<TracedTask>,
    /// Its calls, in their order.
    pub calls: Vec<TracedCall>,
    /// The questions, rendered, in their order.
    pub questions: Vec<QuestionAsked>,
    /// What was asked and not answered.
    pub unanswered: Vec<Unanswered>,
    /// What was given and could not be used, for people: an answer of somebody who is not asked.
    pub notes: Vec<String>,
    /// When it began and when it ended, by its own clock.
    pub clock: (Timestamp, Timestamp),
}

impl RunTrace {
    /// The trace of a run that was refused.
    pub(crate) fn refused(mistakes: Vec<String>, now: Timestamp) -> Self {
        Self {
            end: TraceEnd::Refused(mistakes),
            output: None,
            failure: None,
            tasks: Vec::new(),
            calls: Vec::new(),
            questions: Vec::new(),
            unanswered: Vec::new(),
            notes: Vec::new(),
            clock: (now, now),
        }
    }

    /// What it came to, in a word: a status of executions, `needs_answer`, `refused`, `unfinished`.
    pub fn word(&self) -> &'static str {
        match &self.end {
            TraceEnd::Ended(status) => status.as_str(),
            TraceEnd::NeedsAnswer => "needs_answer",
            TraceEnd::Refused(_) => "refused",
            TraceEnd::Beyond(_) => "unfinished",
        }
    }
}

/// What is kept while a run goes on.
#[derive(Debug, Default)]
pub(crate) struct Keeper {
    pub(crate) tasks: Vec<TracedTask>,
    /// The index of each task.
    by_id: BTreeMap<TaskId, usize>,
    pub(crate) calls: Vec<TracedCall>,
    pub(crate) questions: Vec<QuestionAsked>,
    pub(crate) unanswered: Vec<Unanswered>,
    pub(crate) notes: Vec<String>,
    bytes: usize,
}

impl Keeper {
    /// Keeps what an update says of a task of the executions at `within`; gives the task.
    pub(crate) fn write(
        &mut self,
        (names, within): (&AuthoredNames, &Arc<str>),
        update: &TaskUpdate,
    ) -> Option<&TracedTask> {
        let state = &update.state;
        if let Some(head) = &update.head {
            let place = TaskPlace::of(names, (within, &head.scope, &head.step_id), |_| false);
            self.by_id.insert(update.task_id, self.tasks.len());
            self.tasks.push(TracedTask {
                place,
                integration: head.integration.clone(),
                action: head.action.clone(),
                status: state.status,
                attempts: state.attempt,
                began: state.started_date.unwrap_or(state.updated_date),
                ended: None,
                output: None,
                error: None,
                wait: None,
            });
        }
        let task = self.by_id.get(&update.task_id).and_then(|at| self.tasks.get_mut(*at))?;
        (task.status, task.attempts) = (state.status, state.attempt);
        if state.status.ended() && task.ended.is_none() {
            task.ended = Some(state.updated_date);
        }
        if let Some(output) = &state.response {
            self.bytes += output.as_str().len();
            task.output = Some(output.clone());
        }
        task.error = state.error.clone().or(task.error.take());
        task.wait = state.wait.clone().or(task.wait.take());
        Some(task)
    }

    /// The task with this id.
    pub(crate) fn task(&self, id: TaskId) -> Option<&TracedTask> {
        self.by_id.get(&id).and_then(|at| self.tasks.get(*at))
    }

    /// Keeps a call; its answer is told later.
    pub(crate) fn call(&mut self, made: CallMade) {
        self.bytes += size_of::<CallMade>() + made.arguments.to_string().len();
        self.calls.push(TracedCall { made, from: None });
    }

    /// Tells where the answer of the newest call is from.
    pub(crate) fn answered(&mut self, from: Arc<str>) {
        if let Some(call) = self.calls.last_mut() {
            call.from = Some(from);
        }
    }

    /// Whether more is kept than may be.
    pub(crate) fn is_full(&self) -> bool {
        self.tasks.len() > DRY_RUN_TASKS || self.bytes > DRY_RUN_BYTES
    }
}

/// The word for an effect.
pub fn effect_word(effect: Effect) -> &'static str {
    match effect {
        Effect::Read => "read",
        Effect::Write => "write",
    }
}
