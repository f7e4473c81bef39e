//! One running execution: the logic around a [`Machine`], as a state machine itself. Owns the decisions that are not
//! durable yet, the one commit under way, the acts that wait for it, the controls that wait for an answer, and the
//! decision to leave memory. Never performs anything, and reads no clock.
//!
//! The driver (the actor, or the simulator) feeds events in ([`Execution::on`]), then carries out commands
//! ([`Execution::next_command`]) one at a time until it gets `None`. No list of commands is kept.
//!
//! **From act to call.** The machine decides on an attempt: a write (the intent) and [`Act::Start`]. Both are *pending*
//! until [`ExecutionCommand::Commit`] hands out the write; the act then *waits for its commit*.
//! [`ExecutionEvent::Committed`] hands it out as [`ExecutionCommand::Perform`]: the attempt is *under way*, until
//! [`ExecutionEvent::AttemptEnded`]. Only the driver knows whether the request of an attempt under way has been sent.
//! So before the machine applies an event that stops the execution, [`ExecutionCommand::Withdraw`] has the driver drop
//! every attempt that is not sent yet. The machine then records these attempts, and the acts that were not handed out,
//! as not sent: a tool that was never called is never reported as having perhaps acted.
//!
//! **Permit before intent.** A call that may have to wait for a permit begins with [`Act::Acquire`], which follows no
//! write and is handed out at once, also while a commit is under way. When the permit is granted
//! ([`ExecutionEvent::Acquired`]), the machine writes the intent, which joins the pending writes. To a stop, a drain or
//! a crash, a call that still waits for its permit has not been attempted.

mod command;

use std::collections::VecDeque;
use std::sync::Arc;

use updraft_protocol::limits::PARK_HORIZON;
use updraft_protocol::{Applied, ControlRefusal, ExecutionDocument, TaskDocument, Timestamp};

pub use command::{ControlOutcome, ExecutionCommand, ExecutionControl, ExecutionEvent, Exit, Need};

use crate::guardrail::GuardrailSet;
use crate::machine::{Act, Effects, Machine, MachineEvent, Terms, Timer, Unfit};
use crate::plan::Plan;

/// A running execution; `C` is the type of its controls.
pub struct Execution<C> {
    machine: Machine,
    /// Decided since the last commit.
    pending: Effects,
    /// The acts that follow the commit under way.
    committing: Option<Vec<Act>>,
    /// Acts that may be performed, and are handed out one by one.
    performing: std::vec::IntoIter<Act>,
    /// Set while attempts are withdrawn.
    withdrawing: Option<Box<Withdrawal>>,
    /// Boxed, since few executions have any.
    controls: Option<Box<Controls<C>>>,
    draining: bool,
    /// The journal refuses its writes.
    refused: bool,
    /// There is no command until the next event.
    at_rest: bool,
    /// The position of its newest write in the log.
    lsn: u64,
    /// The last commit is not durable yet: a crash may undo it.
    behind: bool,
    /// The tasks that leave memory with the commit under way.
    leaving: usize,
}

/// The withdrawal of the attempts that were not sent.
#[derive(Debug)]
struct Withdrawal {
    reason: WithdrawalReason,
    /// Whether the driver has the command.
    commanded: bool,
}

#[derive(Debug)]
enum WithdrawalReason {
    /// The machine stops by this event.
    Stop(MachineEvent),
    Drain,
}

/// Controls that wait for their answer.
struct Controls<C> {
    /// Controls that the machine has applied or refused.
    applied: VecDeque<(C, ControlOutcome)>,
    /// Controls that arrived after the end, or only ask for the status.
    others: VecDeque<C>,
}

impl<C> Default for Controls<C> {
    fn default() -> Self {
        Self { applied: VecDeque::new(), others: VecDeque::new() }
    }
}

impl<C: ExecutionControl> Execution<C> {
    /// A new execution: its first writes are in the journal at `lsn`, its first acts are due.
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
            leaving: 0,
        }
    }

    /// The machine of the execution.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// From now on these guardrails are asked.
    pub fn guard(&mut self, guardrails: &Arc<GuardrailSet>) {
        self.machine.guard(guardrails);
    }

    /// Decisions that are neither handed out nor part of the commit under way.
    pub fn pending(&self) -> &Effects {
        &self.pending
    }

    /// The position of its newest write in the journal.
    pub fn lsn(&self) -> u64 {
        self.lsn
    }

    /// Applies an event.
    pub fn on(&mut self, event: ExecutionEvent<C>, now: Timestamp) {
        self.at_rest = false;
        match event {
            ExecutionEvent::Committed(lsn) => self.committed(lsn),
            ExecutionEvent::Refused => self.refused = true,
            ExecutionEvent::AttemptEnded { task, call, outcome } => {
                self.decide(MachineEvent::AttemptEnded { task, call, outcome }, now);
            }
            ExecutionEvent::Acquired { task, outcome } => {
                self.decide(MachineEvent::Acquired { task, outcome }, now);
            }
            ExecutionEvent::LookedUp { task, found } => {
                self.decide(MachineEvent::LookedUp { task, found }, now);
            }
            ExecutionEvent::HeldBack { task, hold } => {
                self.decide(MachineEvent::HeldBack { task, hold }, now);
            }
            ExecutionEvent::TimerDue(Timer::Execution) => {
                self.stop(MachineEvent::TimerDue(Timer::Execution), now)
            }
            ExecutionEvent::TimerDue(timer) => {
                self.decide(MachineEvent::TimerDue(timer), now);
            }
            ExecutionEvent::Asked(control) => self.asked(control, now),
            ExecutionEvent::Orphaned => self.stop(MachineEvent::Cancel(None), now),
            ExecutionEvent::Drain => {
                self.draining = true;
                self.machine.hold();
                self.pending.acts.retain(|act| !matches!(act, Act::Acquire(_)));
                self.withdraw(WithdrawalReason::Drain);
            }
            ExecutionEvent::Withdrawn { unsent, not_acted } => {
                match self.withdrawing.take().map(|withdrawal| withdrawal.reason) {
                    Some(WithdrawalReason::Stop(stop)) => {
                        unsent.into_iter().chain(not_acted).for_each(|task| self.machine.unsent(task));
                        self.decide(stop, now);
                    }
                    // These attempts are made again after the next start.
                    Some(WithdrawalReason::Drain) => {
                        for task in unsent {
                            self.pending.writes.extend(self.machine.withdraw(task, now).writes);
                        }
                    }
                    None => {}
                }
            }
        }
    }

    /// The next command; `None` until the next event.
    pub fn next_command(&mut self, now: Timestamp) -> Option<ExecutionCommand<C>> {
        loop {
            if let Some(act) = self.performing.next() {
                // A child is looked for again after the next start.
                if self.draining && matches!(act, Act::StartChild(_)) {
                    continue;
                }
                return Some(ExecutionCommand::Perform(act));
            }
            // The driver has seen the writes of these tasks, and has performed what follows them.
            if self.leaving > 0 && self.committing.is_none() {
                self.machine.forget(std::mem::take(&mut self.leaving));
            }
            if let Some(withdrawal) = &mut self.withdrawing {
                let commanded = std::mem::replace(&mut withdrawal.commanded, true);
                return (!commanded).then_some(ExecutionCommand::Withdraw);
            }
            if std::mem::take(&mut self.refused) {
                self.at_rest = true;
                return Some(ExecutionCommand::Leave(Exit::Lost));
            }
            // Nobody else acts on a target while a call there is under way that is to be dropped.
            let stops = self.committing.iter().flatten().chain(&self.pending.acts).any(is_stop);
            let follows_no_write = |act: &Act| match act {
                Act::Acquire(_) | Act::StopWaiting(_) => true,
                Act::Unlock(_) => !stops,
                _ => false,
            };
            if let Some(at) = self.pending.acts.iter().position(follows_no_write) {
                return Some(ExecutionCommand::Perform(self.pending.acts.remove(at)));
            }
            if self.committing.is_some() || self.at_rest {
                return None;
            }
            let mut effects = std::mem::take(&mut self.pending);
            effects.acts.sort_by_key(|act| matches!(act, Act::Unlock(_)));
            if !effects.writes.is_empty() {
                return Some(self.commit(effects));
            }
            if effects.acts.is_empty() {
                return self.rest(now);
            }
            self.performing = effects.acts.into_iter();
        }
    }

    /// Applies an event to the machine; its effects are pending. Gives what a control came to that does not stop it.
    fn decide(&mut self, event: MachineEvent, now: Timestamp) -> Option<Result<Applied, ControlRefusal>> {
        let is_report = matches!(event, MachineEvent::Child { .. });
        let mut effects = self.machine.apply(event, now);
        let reply = effects.reply.take();
        if is_report {
            // A task that has ended looks for its child no more.
            let (machine, pending) = (&self.machine, &mut self.pending.acts);
            for acts in self.committing.iter_mut().chain([pending]) {
                acts.retain(
                    |act| !matches!(act, Act::StartChild(start) if !machine.awaits_child(start.parent.task)),
                );
            }
        }
        if self.pending.writes.is_empty() && self.pending.acts.is_empty() {
            self.pending = effects;
        } else {
            self.pending.writes.extend(effects.writes);
            self.pending.acts.extend(effects.acts);
            self.pending.durable |= effects.durable;
        }
        reply
    }

    /// Intents, ends, the effects of controls and withdrawals by a drain are durable before anything is done or
    /// reported because of them. So is the end of an `at_most_once` call. A durable commit also makes the earlier ones
    /// durable. Anything else may be undone by a crash, since it is repeated after the restart: a read, and a write
    /// under its idempotency key.
    fn commit(&mut self, Effects { writes, acts, durable, .. }: Effects) -> ExecutionCommand<C> {
        let acted_on = acts
            .iter()
            .any(|act| matches!(act, Act::Start(_) | Act::StartChild(_) | Act::StopChild(_) | Act::End(_)));
        self.behind = !(acted_on || durable || self.controls.is_some() || self.draining);
        self.committing = Some(acts);
        self.leaving = self.machine.leaving();
        let need = if self.behind { Need::Behind } else { Need::Durable };
        ExecutionCommand::Commit { writes, need }
    }

    fn committed(&mut self, lsn: u64) {
        let Some(acts) = self.committing.take() else { return };
        self.lsn = self.lsn.max(lsn);
        self.performing = acts.into_iter();
        // A call that was decided before the drain asks for its permit only now, and may wait.
        if self.draining {
            self.withdraw(WithdrawalReason::Drain);
        }
    }

    fn asked(&mut self, control: C, now: Timestamp) {
        // The first control that stops it takes effect; later ones are answered with the end of the execution.
        let takes = |event: &MachineEvent| match event {
            MachineEvent::Cancel(_) => self.machine.ending().is_none(),
            _ => true,
        };
        let event = control.event().filter(|event| !self.machine.ended() && !self.stops() && takes(event));
        let outcome = match event {
            Some(event) if event.stops() => {
                self.stop(event, now);
                Some(ControlOutcome::Stopped)
            }
            Some(event) => self.decide(event, now).map(ControlOutcome::Replied),
            None => None,
        };
        let controls = self.controls.get_or_insert_default();
        match outcome {
            Some(outcome) => controls.applied.push_back((control, outcome)),
            None => controls.others.push_back(control),
        }
    }

    /// Stops the machine, after the attempts that were not sent are withdrawn.
    fn stop(&mut self, event: MachineEvent, now: Timestamp) {
        let cleans_up = self.machine.ending().is_some() && !matches!(event, MachineEvent::Fail(_));
        if self.machine.ended() || cleans_up {
            self.decide(event, now);
            return;
        }
        for acts in self.committing.iter_mut().chain([&mut self.pending.acts]) {
            acts.retain(|act| match act {
                Act::Start(start) => {
                    self.machine.unsent(start.task);
                    false
                }
                Act::Acquire(_) | Act::StartChild(_) => false,
                _ => true,
            });
        }
        self.withdraw(WithdrawalReason::Stop(event));
    }

    fn withdraw(&mut self, reason: WithdrawalReason) {
        if !self.stops() {
            self.withdrawing = Some(Box::new(Withdrawal { reason, commanded: false }));
        }
    }

    fn stops(&self) -> bool {
        self.withdrawing
            .as_ref()
            .is_some_and(|withdrawal| matches!(withdrawal.reason, WithdrawalReason::Stop(_)))
    }

    /// Called when nothing is pending or being committed. Answers the controls, after a durable commit if the last one
    /// was not durable; then leaves or parks if nothing runs.
    fn rest(&mut self, now: Timestamp) -> Option<ExecutionCommand<C>> {
        if self.controls.is_some() && self.behind {
            return Some(self.commit(Effects::default()));
        }
        if let Some(controls) = &mut self.controls {
            if let Some((control, outcome)) = controls.applied.pop_front() {
                return Some(ExecutionCommand::Answer { control, outcome });
            }
            if let Some(control) = controls.others.pop_front() {
                return Some(ExecutionCommand::Answer { control, outcome: ControlOutcome::Untouched });
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

/// Whether an attempt is dropped.
fn is_stop(act: &Act) -> bool {
    matches!(act, Act::Stop(_))
}

#[cfg(test)]
mod tests;
