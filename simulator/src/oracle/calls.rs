//! Calls and waits: the calls of tools, their actions and answers under each key, and the end of each wait.

use std::collections::BTreeMap;
use std::time::Duration;

use updraft_kernel::invariant::{self, Violation};
use updraft_kernel::machine::{Effects, Machine, StartAttempt, Timer};
use updraft_kernel::plan::{PlannedAction, PlannedApproval, PlannedKind};
use updraft_protocol::limits::CHILD_WAIT;
use updraft_protocol::{
    Failure, Json, Revision, Span, TaskDocument, TaskId, TaskStatus, TaskUpdate, Timestamp, UndoStatus,
    Update, Value, WaitKind,
};

use super::pauses::{began_again, counted_attempts};
use super::rounds::next_round;
use super::{Oracle, broken};
use crate::event::Incarnation;
use crate::generator::WAITS_UNTIL;

/// The calls of a tool under one key, and its actions.
#[derive(Debug)]
pub(super) struct Calls {
    step: String,
    calls: u64,
    acts: usize,
    attempt: u32,
    /// The newest attempt that was sent, and the incarnation of the actor that sent it.
    sent: Option<(u32, Incarnation)>,
    /// The calls that were reported as not having acted.
    denied: u64,
    arguments: Value,
    answers: BTreeMap<u32, Vec<Json>>,
}

impl Oracle {
    /// How often a tool was called under a key.
    pub fn calls_of(&self, task: TaskId) -> u64 {
        self.calls.get(&task).map_or(0, |calls| calls.calls)
    }

    /// A tool is called: its intent must be durable, and its arguments the same as before.
    pub fn called(&mut self, machine: &Machine, start: &StartAttempt) -> Result<(), Violation> {
        let step = machine.plan().step(start.step);
        let PlannedKind::Action(action) = &step.kind else {
            return broken("steps in order", format!("{} is no action", step.id));
        };
        self.is_not_taken(start)?;
        let intent = self.intents.get(&(start.task_id, start.attempt)).copied();
        let durable = self.durable.get(&updraft_protocol::DocumentId::Task(start.task_id)).copied();
        if intent.is_none() || durable < intent {
            return broken(
                "apply, persist, act",
                format!("{} acts on {intent:?}, durable is {durable:?}", step.id),
            );
        }
        if start.attempt > self.most_attempts(machine.peid(), action.retry.attempts) {
            return broken("attempts", format!("{} has attempt {}", step.id, start.attempt));
        }
        let calls = self.calls.entry(start.task_id).or_insert_with(|| Calls {
            step: step.id.to_string(),
            calls: 0,
            acts: 0,
            attempt: start.attempt,
            sent: None,
            denied: 0,
            arguments: start.arguments.clone(),
            answers: BTreeMap::new(),
        });
        calls.calls += 1;
        if calls.step != step.id.as_str() || calls.arguments != start.arguments {
            let what = format!("{}: {} after {}", step.id, start.arguments, calls.arguments);
            return broken("asked the same", what);
        }
        if start.attempt < calls.attempt {
            return broken("attempts", format!("{}: {} after {}", step.id, start.attempt, calls.attempt));
        }
        calls.attempt = start.attempt;
        if action.at_most_once && calls.calls > 1 + calls.denied {
            return broken("acted as asked", format!("{} is at most once, and may have acted", step.id));
        }
        Ok(())
    }

    /// A waiting call has its permit.
    pub fn permitted(&mut self, task: TaskId) {
        self.permitted.insert(task);
    }

    /// An attempt begins: if its call may have to wait for a permit, it must have one.
    pub(super) fn has_its_place(&mut self, machine: &Machine, start: &StartAttempt) -> Result<(), Violation> {
        let action = PlannedAction::of(machine.plan().step(start.step));
        if action.is_some_and(|action| action.takes_permit) && !self.permitted.remove(&start.task_id) {
            return broken("permit before intent", format!("{} begins without its place", start.task_id));
        }
        Ok(())
    }

    /// A call that waits for a permit has not been attempted, even if its process dies: an unknown task must have been
    /// begun, in this incarnation or an earlier one.
    pub(super) fn unknown_was_begun(&self, update: &TaskUpdate) -> Result<(), Violation> {
        let state = &update.state;
        if state.status == TaskStatus::Unknown && !self.intents.contains_key(&(update.task_id, state.attempt))
        {
            let what =
                format!("attempt {} of {} did not begin and is unknown", state.attempt, update.task_id);
            return broken("permit before intent", what);
        }
        Ok(())
    }

    /// The request of an attempt is sent.
    pub fn sent(&mut self, task: TaskId, attempt: u32, incarnation: Incarnation) {
        if let Some(calls) = self.calls.get_mut(&task) {
            calls.sent = Some((attempt, incarnation));
        }
    }

    /// An attempt was reported as failed without its tool acting.
    pub fn denied(&mut self, task: TaskId) {
        if let Some(calls) = self.calls.get_mut(&task) {
            calls.denied += 1;
        }
    }

    /// An attempt was withdrawn before it was sent: it did not count, and the wait before it begins again.
    pub fn withdrawn(&mut self, task: TaskId, attempt: u32) {
        self.denied(task);
        self.dues.remove(&(task, attempt.saturating_sub(1)));
    }

    /// A task that was never sent is never unknown: an actor that reports it must have sent its request. After a crash
    /// this cannot be known.
    pub fn unknown_was_sent(&self, effects: &Effects, incarnation: Incarnation) -> Result<(), Violation> {
        let unknown = effects.writes.iter().filter_map(|update| match update {
            Update::Task(task) if task.state.status == TaskStatus::Unknown => Some(task),
            _ => None,
        });
        // A call that a child made is not one of its task.
        for task in unknown.filter(|task| !self.has_child(task.task_id)) {
            let sent = self.calls.get(&task.task_id).and_then(|calls| calls.sent);
            if sent != Some((task.state.attempt, incarnation)) {
                return broken("unknown is said", format!("{} was never sent and is unknown", task.task_id));
            }
        }
        Ok(())
    }

    /// A tool acts.
    pub fn acted(&mut self, task: TaskId) {
        if let Some(calls) = self.calls.get_mut(&task) {
            calls.acts += 1;
        }
    }

    /// A tool will answer.
    pub fn answered(&mut self, task: TaskId, attempt: u32, output: &Json) {
        if let Some(calls) = self.calls.get_mut(&task) {
            calls.answers.entry(attempt).or_default().push(output.clone());
        }
    }

    /// A wait begins: as long as the playbook and the tool demand, and after a crash until the same instant.
    pub fn armed(&mut self, machine: &Machine, timer: Timer, due: Timestamp) -> Result<(), Violation> {
        if timer == Timer::Turn {
            return Ok(());
        }
        let Timer::Task(seq) = timer else {
            let before = *self.deadlines.entry(machine.peid()).or_insert(due);
            return if before == due {
                Ok(())
            } else {
                broken("waits are kept", format!("{due} after {before}"))
            };
        };
        let tasks = machine.task_documents();
        let Some(task) = tasks.iter().find(|task| task.head.task_seq == seq.0) else {
            return broken("waits are kept", format!("there is no task {}", seq.0));
        };
        if self.skipped.contains(&task.task_request_id) || self.asks_child_again(task, due) {
            return Ok(());
        }
        let step = machine.plan().index_of(&task.head.step_id).map(|index| machine.plan().step(index));
        // The timer of a wait that is over may still be handed out.
        let is_action = step.and_then(PlannedAction::of).is_some();
        let cleans_up = task.state.wait.as_ref().is_some_and(|wait| wait.kind == WaitKind::Cleanup);
        let is_over = task.state.status != TaskStatus::Retrying
            || began_again(task, due)
            || self.is_of_an_earlier_wait(task, due);
        if is_action && is_over && !cleans_up {
            return Ok(());
        }
        if let Some(wait) = task.state.wait.as_ref().filter(|wait| wait.kind == WaitKind::Cleanup) {
            return self.cleanup_armed(step, task, wait, due);
        }
        if let Some(armed) = self.cooldown_armed(machine, (step, task), due) {
            return armed;
        }
        if let Some(PlannedKind::Repeat(repeat)) = step.map(|step| &step.kind) {
            let earlier = self.dues.range((task.task_request_id, 0)..(task.task_request_id, u32::MAX));
            let is_current = task.state.wait.as_ref().is_some_and(|wait| wait.until == Some(due));
            if !is_current && earlier.into_iter().any(|(_, earlier)| *earlier == due) {
                return Ok(());
            }
            let Some(round) = next_round(repeat, task, due)? else { return Ok(()) };
            let before = *self.dues.entry((task.task_request_id, round)).or_insert(due);
            let told = || format!("round {round} waits until {due} after {before}");
            return if before == due { Ok(()) } else { broken("waits are kept", told()) };
        }
        if let Some(PlannedKind::Approval(approval)) = step.map(|step| &step.kind)
            && beside(approval, due.since(task.state.started_date.unwrap_or_default()))
        {
            return Ok(());
        }
        if self.ends_as_asked(task, due)? {
            return Ok(());
        }
        let before = *self.dues.entry((task.task_request_id, task.state.attempt)).or_insert(due);
        if before != due {
            return broken(
                "waits are kept",
                format!("{} waits until {due} after {before}", task.head.step_id),
            );
        }
        self.lasts_as_planned(machine, task, due)
    }

    /// A wait lasts as long as its step and its tool say.
    fn lasts_as_planned(
        &self,
        machine: &Machine,
        task: &TaskDocument,
        due: Timestamp,
    ) -> Result<(), Violation> {
        let Some(index) = machine.plan().index_of(&task.head.step_id) else { return Ok(()) };
        match &machine.plan().step(index).kind {
            PlannedKind::Action(action) if task.state.status == TaskStatus::Retrying => {
                // What cleans up is not bound by the timeout of the execution.
                if machine.ending().is_none() && self.too_long(action, task, task.state.updated_date) {
                    return broken(
                        "waits are kept",
                        format!("{} waits longer than it may", task.head.step_id),
                    );
                }
                wait(action, task, due)
            }
            kind => {
                let started = task.state.started_date.unwrap_or_default();
                if lasts(kind, due.since(started)) {
                    Ok(())
                } else {
                    broken("waits are kept", format!("{} until {due}", task.head.step_id))
                }
            }
        }
    }

    /// A task's status must agree with the tool's actions.
    pub(super) fn task_is_true(
        &self,
        action: &PlannedAction,
        task: &TaskDocument,
        poisoned: bool,
    ) -> Result<(), Violation> {
        let (id, step) = (task.task_request_id, &task.head.step_id);
        let calls = self.calls.get(&id);
        let acts = calls.map_or(0, |calls| calls.acts);
        let kind = task.state.error.as_ref().map(|error| error.kind);
        let status = task.state.status;
        // What expires is released without a call.
        let is_released = task.state.undo.as_ref().is_some_and(|undo| undo.status == UndoStatus::Released);
        if status == TaskStatus::Completed && !poisoned && !(is_released && action.undoes.is_some()) {
            invariant::acted_as_asked(action.at_most_once, id, &vec![id; acts])?;
            let answers = calls.and_then(|calls| calls.answers.get(&task.state.attempt));
            let given = task.state.response.as_ref();
            if !answers.into_iter().flatten().any(|answer| Some(answer) == given) {
                return broken("the answer is the tool's", format!("{step} completed with {given:?}"));
            }
        }
        if !action.at_most_once {
            return Ok(());
        }
        if acts > 1 {
            return broken("acted as asked", format!("{step} is at most once and acted {acts} times"));
        }
        let denied = matches!(status, TaskStatus::Cancelled | TaskStatus::Failed);
        if denied && acts > 0 && !poisoned {
            return broken("unknown is said", format!("{step} acted and is {status} with {kind:?}"));
        }
        Ok(())
    }

    /// A failed step must have used all its attempts, unless its failure is not retryable, or its tool asked for a
    /// longer delay than the step or its execution allows.
    pub(super) fn gave_up_rightly(
        &self,
        action: &PlannedAction,
        task: &TaskDocument,
    ) -> Result<(), Violation> {
        let (state, step) = (&task.state, &task.head.step_id);
        let Some(error) = state.error.as_ref().filter(|_| state.status == TaskStatus::Failed) else {
            return Ok(());
        };
        if !error.retryable() || counted_attempts(task) >= action.retry.attempts {
            return Ok(());
        }
        let held = state.wait.as_ref().filter(|wait| wait.kind == WaitKind::LastFailure);
        let failed = held.map_or(state.updated_date, |wait| wait.since);
        let until = failed.after(error.retry_after().unwrap_or_default());
        let last = action.within.map(|within| state.started_date.unwrap_or_default().after(within));
        if last.is_some_and(|last| until.after(action.retry.max) >= last) {
            return Ok(());
        }
        if !self.too_long(action, task, failed) {
            return broken(
                "attempts",
                format!("{step} failed after attempt {} with {error:?}", state.attempt),
            );
        }
        if !error.message.contains(&until.to_string()) {
            return broken("waits are kept", format!("{step} does not say until when: {error}"));
        }
        Ok(())
    }

    /// Whether a tool asks for a longer delay than its step allows, or until after its execution's timeout.
    fn too_long(&self, action: &PlannedAction, task: &TaskDocument, failed: Timestamp) -> bool {
        let Some(asked) = task.state.error.as_deref().and_then(Failure::retry_after) else { return false };
        let deadline = self.deadlines.get(&task.head.peid);
        let until = failed.after(asked);
        asked > action.retry.give_up_after || deadline.is_some_and(|deadline| until >= *deadline)
    }

    /// A delay must not have ended early.
    pub(super) fn delay_is_kept(task: &TaskDocument, wait: Duration) -> Result<(), Violation> {
        let (state, step) = (&task.state, &task.head.step_id);
        let due = state.started_date.unwrap_or_default().after(wait);
        if state.status == TaskStatus::Completed && state.updated_date < due {
            return broken("waits are kept", format!("{step} went on before {due}"));
        }
        Ok(())
    }

    /// An instant is waited for; only one that had passed when its step began is in no wait.
    pub(super) fn instant_is_kept(task: &TaskDocument) -> Result<(), Violation> {
        let (state, step) = (&task.state, &task.head.step_id);
        let due = state.wait.as_ref().and_then(|wait| wait.until);
        if state.status == TaskStatus::Completed && due.is_some_and(|due| state.updated_date < due) {
            return broken("waits are kept", format!("{step} went on before {due:?}"));
        }
        Ok(())
    }

    /// The newest revision of a document that was decided.
    pub(super) fn newest_durable(&self, document: updraft_protocol::DocumentId) -> Option<Revision> {
        self.durable.get(&document).copied()
    }
}

/// Whether a step of this kind waits for so many milliseconds.
fn lasts(kind: &PlannedKind, millis: u64) -> bool {
    let is = |span: Duration| span.as_millis() == millis.into();
    match kind {
        PlannedKind::Approval(approval) => approval.timeout.is_some_and(is),
        PlannedKind::WaitFor(wait) => wait.timeout.is_some_and(is),
        PlannedKind::SubPlaybook(child) => is(child.timeout.unwrap_or(CHILD_WAIT)),
        PlannedKind::Delay(delay) => is(delay.duration),
        PlannedKind::WaitUntil(_) => {
            WAITS_UNTIL.iter().any(|span| span.parse().is_ok_and(|Span(span)| is(span)))
        }
        _ => true,
    }
}

/// Whether a body beside the wait of an approval begins after so many milliseconds.
fn beside(approval: &PlannedApproval, millis: u64) -> bool {
    let (every, after) = (approval.beside.on_reminder, approval.beside.on_escalation);
    every.is_some_and(|(every, _)| u128::from(millis).is_multiple_of(every.as_millis()))
        || after.is_some_and(|(after, _)| after.as_millis() == millis.into())
}

/// The wait before a retry: the whole delay that the tool asked for, and then a random time within the playbook's
/// limit.
fn wait(action: &PlannedAction, task: &TaskDocument, due: Timestamp) -> Result<(), Violation> {
    let policy = &action.retry;
    let asked = task.state.error.as_deref().and_then(Failure::retry_after).unwrap_or_default();
    let may_be_asked = task.state.updated_date.after(asked);
    let steps = i32::try_from(counted_attempts(task).saturating_sub(1)).unwrap_or(i32::MAX);
    let ceiling = policy.initial.as_secs_f64() * policy.multiplier.powi(steps);
    let ceiling = ceiling.min(policy.max.as_secs_f64());
    let waits = due.since(may_be_asked) as f64 / 1_000.0;
    if due < may_be_asked || waits > ceiling + 0.001 {
        return broken(
            "waits are kept",
            format!("{} waits until {due}: {waits} s of {ceiling} after {may_be_asked}", task.head.step_id),
        );
    }
    Ok(())
}
