//! One execution at work, whatever carries it: the glue around a [`Machine`], as a machine itself. Owns what was decided and
//! is not durable yet, the one commit under way, the acts that wait for it, the controls that wait for an answer, and when
//! the execution may leave memory. Never performs anything, and reads no clock.
//!
//! Whoever carries an execution tells it what happened ([`Execution::on`]) and then does what it asks for
//! ([`Execution::next_command`]), one command after the other, until there is none. No list of commands is kept.
//!
//! **From act to call.** The machine decides on an attempt: a write (the intent) and [`Act::Start`]. Both are *pending* until
//! [`ExecutionCommand::Commit`] hands out the write; the act then *waits for its commit*. [`ExecutionEvent::Committed`] hands it
//! out as [`ExecutionCommand::Perform`]: the attempt is *under way*, until [`ExecutionEvent::AttemptEnded`]. Whether the
//! request of an attempt under way has been sent only its carrier knows. So before the machine is told what stops the
//! execution, [`ExecutionCommand::Withdraw`] asks for all that can still be kept from being sent, and the machine hears of
//! these, and of the acts that were not handed out, as not sent: no tool is said to have perhaps acted that was never asked.
//!
//! **Permit before intent.** A call that may have to wait for a place begins with [`Act::Acquire`], which follows no write and is
//! handed out at once, also while a commit is under way. Its place was given: [`ExecutionEvent::Acquired`] has the machine write
//! the intent, which joins what is pending. A stop, a drain and a crash find a call in line not attempted.

mod command;

use std::collections::VecDeque;
use std::sync::Arc;

use updraft_protocol::limits::PARK_HORIZON;
use updraft_protocol::{ExecutionDocument, TaskDocument, Timestamp};

pub use command::{ExecutionCommand, ExecutionControl, ExecutionEvent, Exit, Need};

use crate::machine::{Act, Effects, Machine, MachineEvent, Terms, Timer, Unfit};
use crate::plan::Plan;

/// One execution at work; `C` are the controls that are asked of it.
pub struct Execution<C> {
    machine: Machine,
    /// What was decided since the last commit.
    pending: Effects,
    /// The acts that follow the commit under way.
    committing: Option<Vec<Act>>,
    /// Acts that may be performed, and are handed out one by one.
    performing: std::vec::IntoIter<Act>,
    /// Why attempts are withdrawn, until that is done.
    withdrawing: Option<Box<Withdrawal>>,
    /// Few executions have any.
    controls: Option<Box<Controls<C>>>,
    draining: bool,
    /// The journal will not have its writes.
    refused: bool,
    /// Nothing is left to be asked for until the next event.
    at_rest: bool,
    /// The newest position in the log.
    lsn: u64,
    /// What was committed last may be taken back by a crash.
    behind: bool,
}

/// Why attempts that were not sent are withdrawn.
#[derive(Debug)]
struct Withdrawal {
    /// What the machine is told then; none where the execution drains.
    stop: Option<MachineEvent>,
    /// Whether the carrier was asked to.
    asked: bool,
}

/// The controls of an execution that wait for their answer.
struct Controls<C> {
    /// Those that the machine was told of.
    applied: VecDeque<C>,
    /// Those that came after the end, or only ask how it stands.
    others: VecDeque<C>,
}

impl<C> Default for Controls<C> {
    fn default() -> Self {
        Self { applied: VecDeque::new(), others: VecDeque::new() }
    }
}

impl<C: ExecutionControl> Execution<C> {
    /// A new execution: its first writes stand in the journal at `lsn`, its first acts are due.
    pub fn accepted(machine: Machine, acts: Vec<Act>, lsn: u64) -> Self {
        Self::with(machine, Effects { acts, ..Effects::default() }, lsn)
    }

    /// An execution that is rebuilt from its documents.
    ///
    /// # Errors
    /// The documents do not fit the plan.
    pub fn resumed(
        plan: Arc<Plan>,
        document: ExecutionDocument,
        tasks: Vec<TaskDocument>,
        terms: Terms,
        now: Timestamp,
    ) -> Result<Self, Unfit> {
        let (machine, effects) = Machine::resume(plan, document, tasks, terms, now)?;
        Ok(Self::with(machine, effects, 0))
    }

    fn with(machine: Machine, pending: Effects, lsn: u64) -> Self {
        Self {
            machine,
            pending,
            committing: None,
            performing: Vec::new().into_iter(),
            withdrawing: None,
            controls: None,
            draining: false,
            refused: false,
            at_rest: false,
            lsn,
            behind: false,
        }
    }

    /// Its machine.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// What was decided and is neither handed out nor part of the commit under way.
    pub fn pending(&self) -> &Effects {
        &self.pending
    }

    /// Where its newest write stands in the journal.
    pub fn lsn(&self) -> u64 {
        self.lsn
    }

    /// Something happened.
    pub fn on(&mut self, event: ExecutionEvent<C>, now: Timestamp) {
        self.at_rest = false;
        match event {
            ExecutionEvent::Committed(lsn) => self.committed(lsn),
            ExecutionEvent::Refused => self.refused = true,
            ExecutionEvent::AttemptEnded { task, attempt, outcome } => {
                self.decide(MachineEvent::AttemptEnded { task, attempt, outcome }, now);
            }
            ExecutionEvent::Acquired { task, outcome } => {
                self.decide(MachineEvent::Acquired { task, outcome }, now);
            }
            ExecutionEvent::TimerDue(Timer::Execution) => {
                self.stop(MachineEvent::TimerDue(Timer::Execution), now)
            }
            ExecutionEvent::TimerDue(timer) => self.decide(MachineEvent::TimerDue(timer), now),
            ExecutionEvent::Asked(control) => self.asked(control, now),
            ExecutionEvent::Drain => {
                self.draining = true;
                self.machine.hold();
                self.pending.acts.retain(|act| !matches!(act, Act::Acquire(_)));
                self.withdraw(None);
            }
            ExecutionEvent::Withdrawn { unsent, not_acted } => {
                match self.withdrawing.take().map(|withdrawal| withdrawal.stop) {
                    Some(Some(stop)) => {
                        unsent.into_iter().chain(not_acted).for_each(|task| self.machine.unsent(task));
                        self.decide(stop, now);
                    }
                    // They are made again after the next start.
                    Some(None) => {
                        for task in unsent {
                            self.pending.writes.extend(self.machine.withdraw(task, now).writes);
                        }
                    }
                    None => {}
                }
            }
        }
    }

    /// The next thing to do; none until something happens.
    pub fn next_command(&mut self, now: Timestamp) -> Option<ExecutionCommand<C>> {
        loop {
            if let Some(act) = self.performing.next() {
                return Some(ExecutionCommand::Perform(act));
            }
            if let Some(withdrawal) = &mut self.withdrawing {
                let asked = std::mem::replace(&mut withdrawal.asked, true);
                return (!asked).then_some(ExecutionCommand::Withdraw);
            }
            if std::mem::take(&mut self.refused) {
                self.at_rest = true;
                return Some(ExecutionCommand::Leave(Exit::Lost));
            }
            if let Some(at) = self.pending.acts.iter().position(|act| matches!(act, Act::Acquire(_))) {
                return Some(ExecutionCommand::Perform(self.pending.acts.remove(at)));
            }
            if self.committing.is_some() || self.at_rest {
                return None;
            }
            let effects = std::mem::take(&mut self.pending);
            if !effects.writes.is_empty() {
                return Some(self.commit(effects));
            }
            if effects.acts.is_empty() {
                return self.rest(now);
            }
            self.performing = effects.acts.into_iter();
        }
    }

    /// Has the machine decide; what it decides is pending.
    fn decide(&mut self, event: MachineEvent, now: Timestamp) {
        let effects = self.machine.apply(event, now);
        if self.pending.writes.is_empty() && self.pending.acts.is_empty() {
            self.pending = effects;
        } else {
            self.pending.writes.extend(effects.writes);
            self.pending.acts.extend(effects.acts);
            self.pending.durable |= effects.durable;
        }
    }

    /// An intent, an end, what a control changed and what a drain took back are durable before they are acted on or told, and
    /// so is the end of an `at_most_once` call; a durable commit covers what was behind. What else a crash takes back comes
    /// about again: a read, and a write under its key.
    fn commit(&mut self, Effects { writes, acts, durable }: Effects) -> ExecutionCommand<C> {
        let told = acts.iter().any(|act| matches!(act, Act::Start(_) | Act::End(_)));
        self.behind = !(told || durable || self.controls.is_some() || self.draining);
        self.committing = Some(acts);
        let need = if self.behind { Need::Behind } else { Need::Durable };
        ExecutionCommand::Commit { writes, need }
    }

    fn committed(&mut self, lsn: u64) {
        let Some(acts) = self.committing.take() else { return };
        self.lsn = self.lsn.max(lsn);
        self.performing = acts.into_iter();
        // What was decided before the drain begins now, and may wait for its turn.
        if self.draining {
            self.withdraw(None);
        }
    }

    fn asked(&mut self, control: C, now: Timestamp) {
        // The first that stops it stands; the others are answered with its end.
        let stop = control.event().filter(|_| !self.machine.ended() && !self.stops());
        let controls = self.controls.get_or_insert_default();
        match stop {
            Some(event) => {
                controls.applied.push_back(control);
                self.stop(event, now);
            }
            None => controls.others.push_back(control),
        }
    }

    /// Has the machine stop, after all that was not sent is withdrawn.
    fn stop(&mut self, event: MachineEvent, now: Timestamp) {
        if self.machine.ended() {
            return self.decide(event, now);
        }
        for acts in self.committing.iter_mut().chain([&mut self.pending.acts]) {
            acts.retain(|act| match act {
                Act::Start(start) => {
                    self.machine.unsent(start.task);
                    false
                }
                Act::Acquire(_) => false,
                _ => true,
            });
        }
        self.withdraw(Some(event));
    }

    fn withdraw(&mut self, stop: Option<MachineEvent>) {
        if !self.stops() {
            self.withdrawing = Some(Box::new(Withdrawal { stop, asked: false }));
        }
    }

    fn stops(&self) -> bool {
        self.withdrawing.as_ref().is_some_and(|withdrawal| withdrawal.stop.is_some())
    }

    /// Nothing is pending or being committed: answers controls, after a durable commit where the last was not, and then leaves
    /// or parks where nothing runs.
    fn rest(&mut self, now: Timestamp) -> Option<ExecutionCommand<C>> {
        if self.controls.is_some() && self.behind {
            return Some(self.commit(Effects::default()));
        }
        if let Some(controls) = &mut self.controls {
            if let Some(control) = controls.applied.pop_front() {
                return Some(ExecutionCommand::Answer { control, applied: true });
            }
            if let Some(control) = controls.others.pop_front() {
                return Some(ExecutionCommand::Answer { control, applied: false });
            }
            self.controls = None;
        }
        self.at_rest = true;
        if self.machine.ended() {
            return Some(ExecutionCommand::Leave(Exit::Ended));
        }
        let (under_way, _) = self.machine.places();
        if self.draining && under_way == 0 {
            return Some(ExecutionCommand::Leave(Exit::Drained));
        }
        let due = self.machine.idle_until().filter(|due| *due > now.after(PARK_HORIZON))?;
        Some(ExecutionCommand::Park { due, lsn: self.lsn })
    }
}

#[cfg(test)]
mod tests;
