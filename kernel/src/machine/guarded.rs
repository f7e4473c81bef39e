//! Calls that a guardrail holds back: they wait for room, or for people who let them pass. The task is written with its wait
//! and has not been attempted, so that it may leave memory; it asks again when its time has come. Knows no guardrail: the
//! driver asks them, before the intent of a call is written.

use std::sync::Arc;
use std::time::Duration;

use updraft_protocol::{
    Failure, FailureKind, Gate, GivenAnswer, Name, Span, StepId, TaskId, TaskState, TaskStatus, Timestamp,
    Value, Wait, WaitKind,
};

use super::approval::missing;
use super::permit::WaitingCall;
use super::task::{Ending, Phase, Task};
use super::task_seq::TaskSeq;
use super::{Effects, Machine, Ready};
use crate::guardrail::GuardrailSet;
use crate::plan::{PlannedAction, PlannedKind, REFUSE, StepIndex};

/// The choice by which people let a call pass.
const LET_PASS: &str = "approve";

/// What people answer who are asked whether a call may pass.
pub fn pass_choices() -> Vec<StepId> {
    [LET_PASS, REFUSE].into_iter().filter_map(|choice| StepId::new(choice).ok()).collect()
}

/// Whether a person who is asked that says no.
pub fn refuses_to_pass(choice: &StepId) -> bool {
    choice.as_str() == REFUSE
}

/// How a guardrail holds a call back.
#[derive(Debug, Clone, PartialEq)]
pub enum CallHold {
    /// It waits for room.
    Room {
        /// The guardrail.
        guardrail: Name,
        /// Why there is none.
        why: String,
        /// When it asks again.
        look: Timestamp,
        /// How long it may wait in all.
        longest: Duration,
    },
    /// It waits for people.
    People {
        /// The guardrail.
        guardrail: Name,
        /// What they are asked.
        question: String,
        /// Who they are.
        gate: Gate,
        /// How long they have.
        longest: Duration,
    },
}

/// A call that guardrails are asked about.
#[derive(Debug, Clone, Copy)]
pub struct GuardedWait<'a> {
    /// Its step.
    pub step: StepIndex,
    /// Its arguments.
    pub arguments: &'a Value,
    /// What it contains.
    pub contains: Option<&'a Arc<str>>,
    /// Since when it waits for room, if it does.
    pub since: Option<Timestamp>,
    /// The guardrails of which people let it pass, separated by commas, and their answers.
    pub passed: Option<(&'a str, &'a [GivenAnswer])>,
}

impl Machine {
    /// From now on these guardrails are asked.
    pub fn guard(&mut self, guardrails: &Arc<GuardrailSet>) {
        self.guardrails = guardrails.clone();
    }

    /// What guardrails are asked about a call that waits.
    pub fn guarded_call(&self, task: TaskId) -> Option<GuardedWait<'_>> {
        let call = self.waiting_calls.iter().find(|call| call.task_id == task)?;
        let (step, arguments, contains) = call.asked();
        let wait = match call.work {
            Ready::Again(seq) => self.wait_of(seq),
            Ready::Enter(..) => None,
        };
        let since = wait.filter(|wait| wait.kind == WaitKind::Guardrail).map(|wait| wait.since);
        let passed = wait.and_then(passed);
        Some(GuardedWait { step, arguments, contains, since, passed })
    }

    /// The step of a call of which people are asked whether it may pass, and the guardrails that asked, separated by commas.
    pub fn asked_to_pass(&self, task: TaskId) -> Option<(StepIndex, &str)> {
        let task =
            self.tasks.iter().find(|known| known.id == task).filter(|task| self.is_asked_to_pass(task))?;
        Some((task.step, task.state.wait.as_ref()?.key.as_deref()?))
    }

    /// Whether guardrails are asked before a call.
    pub(super) fn is_guarded(&self, step: StepIndex) -> bool {
        if self.guardrails.is_empty() {
            return false;
        }
        let step = self.plan.step(step);
        self.guardrails.concerns(&self.head.tenant_code, &step.integration, &step.action)
    }

    /// A guardrail holds a call back. A call that no longer waits is left as it is.
    pub(super) fn held_back(&mut self, task: TaskId, hold: CallHold, now: Timestamp, effects: &mut Effects) {
        let Some(at) = self.waiting_calls.iter().position(|call| call.task_id == task) else { return };
        let WaitingCall { work, began, .. } = self.waiting_calls.remove(at);
        self.running -= 1;
        let (seq, _) = self.count_attempt(work, began);
        self.running -= 1;
        match hold {
            CallHold::Room { guardrail, why, look, longest } => {
                self.wait_for_room(seq, (guardrail, why), (look, longest), now, effects);
            }
            CallHold::People { guardrail, question, gate, longest } => {
                let until = now.after(longest);
                let before = self.wait_of(seq).and_then(passed).map(|(names, _)| format!("{names},"));
                let key = format!("{}{guardrail}", before.unwrap_or_default());
                let wait = Wait {
                    subject: Some(question.into()),
                    key: Some(key.into()),
                    gate: Some(Box::new(gate)),
                    earlier_attempts: self.earlier_attempts(seq),
                    ..Wait::until(WaitKind::Approval, now, until)
                };
                let attempt = self.task(seq).state.attempt.saturating_sub(1);
                let wait = Some(Box::new(wait));
                let change =
                    TaskState { status: TaskStatus::Waiting, attempt, wait, ..self.unchanged(seq, now) };
                self.change(seq, change, effects);
                self.wait(seq, until, effects);
            }
        }
    }

    fn wait_for_room(
        &mut self,
        task: TaskSeq,
        (guardrail, why): (Name, String),
        (look, longest): (Timestamp, Duration),
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let subject: Arc<str> = guardrail.as_str().into();
        let waits = self.wait_of(task).filter(|wait| wait.kind == WaitKind::Guardrail);
        let since = waits.map_or(now, |wait| wait.since);
        let is_known = waits.is_some_and(|wait| wait.subject.as_ref() == Some(&subject));
        let failure = Failure::new(FailureKind::Denied, format!("guardrail \"{guardrail}\" (cap): {why}"));
        let until = since.after(longest);
        if now >= until {
            let message = format!("{}; it was waited for {}", failure.message, Span(longest));
            return self.deny(task, failure.with_message(message), now, effects);
        }
        if is_known && self.task(task).state.status == TaskStatus::Retrying {
            // Nothing is written: it waits as before, and the attempt that was counted does not count.
            self.task_mut(task).state.attempt -= 1;
        } else {
            let wait = Wait { subject: Some(subject), ..Wait::until(WaitKind::Guardrail, since, until) };
            self.write_unmade(task, failure, wait, now, effects);
        }
        self.wait(task, look.min(until), effects);
    }

    /// A guardrail does not let the call of a task pass.
    fn deny(&mut self, task: TaskSeq, failure: Failure, now: Timestamp, effects: &mut Effects) {
        let plan = self.plan.clone();
        if let Some(action) = PlannedAction::of(plan.step(self.task(task).step)) {
            self.last_attempt_failed(task, action, failure, now, effects);
        }
    }

    /// Whether people are asked whether a call may pass.
    pub(super) fn is_asked_to_pass(&self, task: &Task) -> bool {
        let asks = task.state.wait.as_ref().is_some_and(|wait| wait.kind == WaitKind::Approval);
        let is_action = matches!(self.plan.step(task.step).kind, PlannedKind::Action(_));
        asks && is_action
            && task.state.status == TaskStatus::Waiting
            && matches!(task.phase, Phase::Waiting(_))
    }

    /// Nobody has let a call pass in time.
    pub(super) fn not_let_pass(&self, task: TaskSeq) -> Failure {
        let waited = self.wait_of(task).map_or(0, |wait| wait.until.unwrap_or(wait.since).since(wait.since));
        let message = format!("nobody has let it pass a guardrail within {}", Span::millis(waited));
        Failure::new(FailureKind::Denied, message)
    }

    /// People have decided about a call, or their answers are kept until more have come.
    pub(super) fn decided_to_pass(
        &mut self,
        task: TaskSeq,
        gate: Gate,
        now: Timestamp,
        effects: &mut Effects,
    ) -> bool {
        let Some(last) = gate.answers.last().filter(|last| missing(&gate, last.choice.as_str()) == 0) else {
            self.write_gate(task, gate, now, effects);
            return false;
        };
        if last.choice.as_str() == REFUSE {
            let message = format!("{} has not let it pass a guardrail", last.uid);
            self.write_gate(task, gate, now, effects);
            self.settle(task, Ending::Failed(Failure::new(FailureKind::Denied, message)), now, effects);
            return true;
        }
        let asked = self.wait_of(task);
        let (key, earlier_attempts) =
            asked.map_or((None, 0), |wait| (wait.key.clone(), wait.earlier_attempts));
        let wait = Wait {
            key,
            gate: Some(Box::new(gate)),
            earlier_attempts,
            ..Wait::until(WaitKind::Retry, now, now)
        };
        let (status, wait) = (TaskStatus::Retrying, Some(Box::new(wait)));
        let change = TaskState { status, wait, ..self.unchanged(task, now) };
        self.change(task, change, effects);
        self.task_mut(task).phase = Phase::Ready;
        self.ready.push_back(Ready::Again(task));
        true
    }

    /// That people have let the call of a task pass, which its later waits keep.
    pub(super) fn kept_passed(&self, task: TaskSeq) -> (Option<Arc<str>>, Option<Box<Gate>>) {
        let wait = self.wait_of(task).filter(|wait| passed(wait).is_some());
        wait.map_or((None, None), |wait| (wait.key.clone(), wait.gate.clone()))
    }
}

/// The guardrails of which people have let a call pass.
fn passed(wait: &Wait) -> Option<(&str, &[GivenAnswer])> {
    let gate = wait.gate.as_deref().filter(|_| wait.kind != WaitKind::Approval)?;
    Some((wait.key.as_deref()?, &gate.answers))
}
