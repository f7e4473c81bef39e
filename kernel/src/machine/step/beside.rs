//! The bodies beside the wait of an approval: opens a scope for each when it is due. The end of the wait cancels them; their
//! own end, and their failure, ends nothing.

use std::time::Duration;

use serde::Serialize;
use updraft_protocol::limits::REMINDERS;
use updraft_protocol::{ExecutionId, Json, ScopePath, StepId, TaskId, Timestamp};

use crate::machine::asking::Asking;
use crate::machine::cancel::Cancel;
use crate::machine::scope::{Locals, ScopeId};
use crate::machine::task::{Ending, Phase};
use crate::machine::task_seq::TaskSeq;
use crate::machine::walk::Go;
use crate::machine::{Effects, Machine};
use crate::plan::{BesideBody, PlannedApproval, PlannedKind, StepIndex};

/// What the bodies read: what is asked, and how it is answered.
#[derive(Serialize)]
struct Asked<'a> {
    /// The task, which an answer names.
    id: TaskId,
    execution: ExecutionId,
    question: &'a str,
    choices: &'a [StepId],
    until: String,
    /// The number of this reminder.
    reminder: Option<u32>,
}

impl Machine {
    /// An approval with bodies waits: those begin that are due, or had begun before a resume. `ending` is how it was decided
    /// before a resume; nothing further begins then.
    pub(super) fn ask_with_bodies(
        &mut self,
        task: TaskSeq,
        approval: &PlannedApproval,
        ending: Option<Ending>,
        effects: &mut Effects,
        work: &mut Vec<Go>,
    ) {
        let Some((since, until)) = self.wait_of(task).and_then(|wait| Some((wait.since, wait.until?))) else {
            return;
        };
        let is_decided = ending.is_some();
        let reminder = approval.beside.on_reminder.map(|(every, _)| (0, since.after(every)));
        let escalation = approval.beside.on_escalation.map(|(after, _)| since.after(after));
        let asking = Asking { until, reminder, escalation, ending };
        self.task_mut(task).phase = Phase::Asking(Box::new(asking));
        let first = work.len();
        if !is_decided || self.has_begun(task, BesideBody::Open) {
            self.open_beside(task, BesideBody::Open, approval.beside.on_open, work);
        }
        if self.has_begun(task, BesideBody::Escalation) {
            self.escalate(task, approval, work);
        }
        self.open_recorded_reminders(task, approval, work);
        work[first..].reverse();
        if is_decided {
            self.losers.push(task);
        }
        self.wait_in_phase(task, effects);
    }

    /// Opens the reminders that were recorded; the next one is the first that is due later, or the newest if it has not begun.
    fn open_recorded_reminders(&mut self, task: TaskSeq, approval: &PlannedApproval, work: &mut Vec<Go>) {
        let Some((every, start)) = approval.beside.on_reminder else { return };
        if self.recorded.is_empty() {
            return;
        }
        let mut newest = None;
        for number in 0..REMINDERS {
            if self.has_begun(task, BesideBody::Reminder(number)) {
                self.open_beside(task, BesideBody::Reminder(number), Some(start), work);
                newest = Some(number);
            }
        }
        if let (Some(newest), Phase::Asking(asking)) = (newest, &mut self.task_mut(task).phase)
            && let Some((_, first)) = asking.reminder
        {
            asking.reminder = later(first, every, newest + 1);
        }
    }

    /// Something is due for an approval that waits: its end, or a body.
    pub(in crate::machine) fn asking_due(&mut self, task: TaskSeq, now: Timestamp, effects: &mut Effects) {
        let plan = self.plan.clone();
        let PlannedKind::Approval(approval) = &plan.step(self.task(task).step).kind else { return };
        let Phase::Asking(asking) = &self.task(task).phase else { return };
        if asking.until <= now {
            let ending = Ending::Failed(self.expired(task));
            return self.decide_asked(task, ending, now, effects);
        }
        let (reminder, escalates) = (asking.reminder, asking.escalation.is_some_and(|due| due <= now));
        let mut work = Vec::new();
        if escalates {
            self.escalate(task, approval, &mut work);
        }
        if let (Some((number, due)), Some((every, start))) = (reminder, approval.beside.on_reminder)
            && due <= now
        {
            // What was missed meanwhile is not made up for.
            let missed = u32::try_from(now.since(due) / u64::try_from(every.as_millis()).unwrap_or(1).max(1));
            let newest = number.saturating_add(missed.unwrap_or(u32::MAX));
            let first = self.wait_of(task).map_or(now, |wait| wait.since.after(every));
            if newest < REMINDERS && !self.is_reminding(task) {
                self.open_beside(task, BesideBody::Reminder(newest), Some(start), &mut work);
            }
            if let Phase::Asking(asking) = &mut self.task_mut(task).phase {
                asking.reminder = later(first, every, newest.saturating_add(1));
            }
        }
        self.wait_in_phase(task, effects);
        work.reverse();
        work.into_iter().for_each(|go| self.go(go, now, effects));
    }

    /// An approval is decided: its bodies are cancelled, and it ends unless a call in them is waited for.
    pub(in crate::machine) fn decide_asked(
        &mut self,
        task: TaskSeq,
        ending: Ending,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let open: Vec<ScopeId> = self.scopes.opened_by(task).collect();
        for scope in open {
            self.cancel_scope(scope, Cancel::Path, now, effects);
        }
        if self.scopes.opened_by(task).next().is_none() {
            let next = self.end_opener(task, ending, now, effects);
            return self.go(next, now, effects);
        }
        if let Phase::Asking(asking) = &mut self.task_mut(task).phase {
            asking.ending = Some(ending);
        }
    }

    /// Ends an approval that had been decided before a resume, once what was recorded of its bodies has been walked.
    pub(in crate::machine) fn end_decided(&mut self, task: TaskSeq, now: Timestamp, effects: &mut Effects) {
        if let Phase::Asking(asking) = &self.task(task).phase
            && let Some(ending) = asking.ending.clone()
        {
            self.decide_asked(task, ending, now, effects);
        }
    }

    /// A body beside a wait has ended: nothing follows, unless the approval waited for it alone.
    pub(in crate::machine) fn end_beside(
        &mut self,
        (scope, task): (ScopeId, TaskSeq),
        now: Timestamp,
        effects: &mut Effects,
        work: &mut Vec<Go>,
    ) {
        let ended = self.scopes.drop(scope);
        self.leave(ended);
        let Phase::Asking(asking) = &self.task(task).phase else { return };
        if let Some(ending) = asking.ending.clone()
            && self.scopes.opened_by(task).next().is_none()
        {
            work.push(self.end_opener(task, ending, now, effects));
        }
    }

    fn escalate(&mut self, task: TaskSeq, approval: &PlannedApproval, work: &mut Vec<Go>) {
        let start = approval.beside.on_escalation.map(|(_, start)| start);
        self.open_beside(task, BesideBody::Escalation, start, work);
        if let Phase::Asking(asking) = &mut self.task_mut(task).phase {
            asking.escalation = None;
        }
    }

    fn open_beside(&mut self, task: TaskSeq, body: BesideBody, start: Option<StepIndex>, work: &mut Vec<Go>) {
        let Some(start) = start else { return };
        let path = self.path_beside(task, body);
        let locals = Locals::of_approval(&self.asked(task, body));
        let inner = self.scopes.open(path, (self.task(task).scope, task), Some(locals));
        let Phase::Asking(asking) = &self.task(task).phase else { return };
        let is_decided = asking.ending.is_some();
        if let Some(scope) = self.scopes.get_mut(inner) {
            scope.cancelled |= is_decided;
        }
        work.push(Go::Enter(inner, start));
    }

    fn asked(&self, task: TaskSeq, body: BesideBody) -> Json {
        let wait = self.wait_of(task);
        let gate = wait.and_then(|wait| wait.gate.as_deref());
        let asked = Asked {
            id: self.task(task).id,
            execution: self.peid,
            question: wait.and_then(|wait| wait.subject.as_deref()).unwrap_or_default(),
            choices: gate.map_or(&[], |gate| &gate.choices),
            until: wait.and_then(|wait| wait.until).unwrap_or_default().to_string(),
            reminder: if let BesideBody::Reminder(number) = body { Some(number) } else { None },
        };
        serde_json::to_value(&asked).unwrap_or_default().into()
    }

    fn has_begun(&self, task: TaskSeq, body: BesideBody) -> bool {
        self.recorded.has_in(&self.path_beside(task, body))
    }

    /// Whether a reminder runs.
    fn is_reminding(&self, task: TaskSeq) -> bool {
        let is_reminder = |scope: ScopeId| {
            let opened = self.scopes.path(scope).opened_by();
            let body = opened.and_then(|(_, _, name)| BesideBody::named(name));
            matches!(body, Some(BesideBody::Reminder(_)))
        };
        self.scopes.opened_by(task).any(is_reminder)
    }

    fn path_beside(&self, task: TaskSeq, body: BesideBody) -> ScopePath {
        let task = self.task(task);
        self.scopes.path(task.scope).inside(&self.plan.step(task.step).id, &body.name())
    }
}

/// The reminder of this number, where the first is due at `first`.
fn later(first: Timestamp, every: Duration, number: u32) -> Option<(u32, Timestamp)> {
    (number < REMINDERS).then(|| (number, first.after(every.saturating_mul(number))))
}
