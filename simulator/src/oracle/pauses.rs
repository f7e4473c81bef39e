//! Pauses, skips and other ends of waits: an execution that was told to be paused stays so, through crashes too, until it is
//! asked to go on; an approval is skipped by an operator alone; a wait of which the end was changed ends then.

use std::collections::BTreeSet;

use updraft_kernel::invariant::Violation;
use updraft_kernel::machine::Machine;
use updraft_protocol::{
    Applied, ControlKind, ControlRecord, ControlRefusal, ExecutionDocument, ExecutionId, FailureKind,
    TaskDocument, TaskId, TaskStatus, Timestamp, WaitKind,
};

use super::{Oracle, broken};
use crate::execution::{Ask, Verdict, asked};
use crate::scenario::ClientControl;

/// The ends that people ask of one wait.
#[derive(Debug, Default)]
pub(super) struct AskedEnds {
    asked: BTreeSet<Timestamp>,
    /// The one that was asked for last.
    last: Option<Timestamp>,
    /// The one that was told to be applied, until another is asked for.
    told: Option<Timestamp>,
    was_told: bool,
}

impl AskedEnds {
    /// Whether the wait may end then; `None` if it may still have the end that it had before anybody asked.
    pub(super) fn allow(&self, due: Timestamp) -> Option<bool> {
        match self.told {
            Some(told) => Some(due == told),
            None if self.asked.contains(&due) => Some(true),
            None => self.was_told.then_some(false),
        }
    }
}

impl Oracle {
    /// A pause, or its end, was answered.
    pub fn pause_told(
        &mut self,
        control: ClientControl,
        machine: &Machine,
        told: &Result<Applied, ControlRefusal>,
    ) -> Result<(), Violation> {
        self.pauses.insert(control);
        // It may have been asked to go on meanwhile, which is not answered yet. A pause for a failure ends by itself.
        let pause = machine.document().state.pause.filter(|_| machine.is_paused());
        if pause.is_some_and(|pause| pause.cause.asked().is_some()) {
            self.paused.insert(machine.peid());
        }
        match told {
            Ok(Applied::Paused | Applied::Resumed | Applied::Repeated) | Err(ControlRefusal::NotPaused) => {
                Ok(())
            }
            Err(ControlRefusal::Ended(status)) if status.ended() => Ok(()),
            other => broken("pauses", format!("{control:?} of {} was told {other:?}", machine.peid())),
        }
    }

    /// An execution of a paused scope was asked to pause, or to go on.
    pub fn scope_told(&mut self, machine: &Machine) {
        let pause = machine.document().state.pause.filter(|_| machine.is_paused());
        if pause.is_some_and(|pause| pause.cause.asked().is_some()) {
            self.paused.insert(machine.peid());
        }
    }

    /// The attempts that a step has: all of them again each time that a person resumes its execution.
    pub(super) fn most_attempts(&self, of: ExecutionId, attempts: u32) -> u32 {
        let resumes = self.resumes.get(&of).copied().unwrap_or_default();
        attempts.saturating_mul(resumes.saturating_add(1))
    }

    /// An execution is asked to go on, or to wait no longer.
    pub fn asked(&mut self, ask: &Ask, peid: ExecutionId) {
        match ask {
            Ask::Resume(..) | Ask::LetGo(_) => {
                self.paused.remove(&peid);
                *self.resumes.entry(peid).or_default() += 1;
            }
            Ask::Skip(_, task, _) => {
                self.skipped.insert(*task);
            }
            Ask::ExtendWait(_, task, until, _) => {
                let ends = self.ends.entry(*task).or_default();
                ends.asked.insert(*until);
                ends.last = Some(*until);
                ends.told = ends.told.filter(|told| told == until);
            }
            _ => {}
        }
    }

    /// A skip was answered: an approval is skipped by a person with the right to it alone.
    pub fn skip_told(
        &mut self,
        control: ClientControl,
        task: TaskId,
        machine: &Machine,
        told: &Result<Applied, ControlRefusal>,
    ) -> Result<(), Violation> {
        self.skips.insert(control);
        let tasks = machine.task_documents();
        let gate = tasks.iter().find(|found| found.task_request_id == task);
        let is_gate =
            gate.is_some_and(|gate| gate.state.wait.as_ref().is_some_and(|wait| wait.gate.is_some()));
        if *told == Ok(Applied::Skipped) && is_gate && !control.may_operate() {
            return broken("skips", format!("{task} is an approval, and {control:?} was {told:?}"));
        }
        Ok(())
    }

    /// Another end of a wait was answered.
    pub fn end_told(
        &mut self,
        control: ClientControl,
        task: TaskId,
        until: Timestamp,
        told: &Result<Applied, ControlRefusal>,
    ) {
        self.skips.insert(control);
        if matches!(told, Ok(Applied::Extended | Applied::Repeated)) {
            let ends = self.ends.entry(task).or_default();
            ends.was_told = true;
            // Another one that was asked for meanwhile may be applied, and is not answered yet.
            ends.told = ends.last.filter(|last| *last == until);
        }
    }

    /// Whether a wait ends when a person has asked for it; false if it may still have the end that it had before.
    pub(super) fn ends_as_asked(&self, task: &TaskDocument, due: Timestamp) -> Result<bool, Violation> {
        let is_extendable = task.state.wait.as_ref().is_some_and(|wait| wait.kind.is_extendable());
        let ends = self.ends.get(&task.task_request_id).filter(|_| is_extendable);
        match ends.and_then(|ends| ends.allow(due)) {
            Some(false) => {
                let what = format!("{} waits until {due}: {ends:?}", task.head.step_id);
                broken("waits are kept", what).map(|()| false)
            }
            allowed => Ok(allowed.is_some()),
        }
    }

    /// A wait of which the end was changed must not have ended by itself before.
    pub(super) fn end_is_kept(&self, task: &TaskDocument) -> Result<(), Violation> {
        let (state, step) = (&task.state, &task.head.step_id);
        let Some((wait, ends)) = state.wait.as_ref().zip(self.ends.get(&task.task_request_id)) else {
            return Ok(());
        };
        // A task that was cancelled cleans up: its wait is then another one.
        if let Some(told) = ends.told
            && wait.kind != WaitKind::Cleanup
            && wait.until != Some(told)
        {
            return broken("waits are kept", format!("{step} was told to wait until {told}: {wait:?}"));
        }
        // A sub-playbook, or the body before a cleanup, may have timed out itself.
        let expired = wait.kind.is_extendable()
            && state.error.as_ref().is_some_and(|error| error.kind == FailureKind::Expired);
        let is_over = state.status == TaskStatus::Completed && wait.kind == WaitKind::Delay;
        if (expired || is_over) && wait.until.is_some_and(|until| state.updated_date < until) {
            return broken("waits are kept", format!("{step} ended before its changed time"));
        }
        Ok(())
    }

    /// The document of an execution has the cancel that ended it, and each end of a wait that was told to be changed.
    pub(super) fn controls_are_recorded(
        &self,
        document: &ExecutionDocument,
        tasks: &[TaskDocument],
    ) -> Result<(), Violation> {
        let history = document.state.controls.as_deref();
        let records = || history.iter().flat_map(|history| &history.newest);
        let cancelled = |(peid, verdict): &(ExecutionId, Verdict)| {
            *peid == document.peid && *verdict == Verdict::Cancelled
        };
        if self.cancels.values().any(cancelled) && !records().any(|known| known.kind == ControlKind::Cancel) {
            return broken("controls are recorded", format!("{} was cancelled: {history:?}", document.peid));
        }
        let told = tasks
            .iter()
            .filter_map(|task| Some((task.task_request_id, self.ends.get(&task.task_request_id)?.told?)));
        for (_, signal, told) in self.signals.values().filter(|(peid, ..)| *peid == document.peid) {
            let is_given =
                |known: &&ControlRecord| known.signal.as_ref().is_some_and(|given| given.id == signal.id);
            let times = records().filter(is_given).filter(|known| known.asked == asked()).count();
            if told.is_ok() && times != 1 {
                let what = format!("{} is recorded {times} times: {history:?}", signal.id);
                return broken("controls are recorded", what);
            }
        }
        // One that had this end before changes nothing, and is told so.
        for (task, until) in told.filter(|(task, until)| self.dues.get(&(*task, 1)) != Some(until)) {
            if !records().any(|known| known.task == Some(task) && known.until == Some(until)) {
                return broken("controls are recorded", format!("{task} waits until {until}: {history:?}"));
            }
        }
        Ok(())
    }

    /// An actor begins: its execution is paused if that was told.
    pub fn is_still_paused(&self, machine: &Machine) -> Result<(), Violation> {
        let ends = machine.ended() || machine.ending().is_some();
        if machine.is_paused() || ends || !self.paused.contains(&machine.peid()) {
            return Ok(());
        }
        broken("pauses", format!("{} was told to be paused, and goes on", machine.peid()))
    }
}

/// The attempts of a task since a person resumed it last.
pub(super) fn counted_attempts(task: &TaskDocument) -> u32 {
    let earlier = task.state.wait.as_ref().map_or(0, |wait| wait.earlier_attempts);
    task.state.attempt.saturating_sub(earlier)
}

impl Oracle {
    /// Whether a task was to wait until `due` after an earlier attempt.
    pub(super) fn is_of_an_earlier_wait(&self, task: &TaskDocument, due: Timestamp) -> bool {
        let id = task.task_request_id;
        self.decided_dues.range((id, 0)..(id, task.state.attempt)).any(|(_, earlier)| *earlier == due)
    }
}

/// Whether a person has resumed a task since it was to wait until `due`.
pub(super) fn began_again(task: &TaskDocument, due: Timestamp) -> bool {
    task.state.wait.as_ref().is_some_and(|wait| wait.earlier_attempts > 0 && wait.until != Some(due))
}
