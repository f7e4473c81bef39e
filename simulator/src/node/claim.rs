//! What is asked of queued executions, which have no actor. Mirrors `actors/src/queued.rs`: each is claimed meanwhile, so that it
//! does not begin.

use std::collections::BTreeMap;

use updraft_kernel::backlog::{Claim, GivenBack, Queued, reprioritised};
use updraft_kernel::machine::{Machine, MachineEvent, cancel_abandoned};
use updraft_protocol::{
    Applied, ControlRefusal, ExecutionDocument, ExecutionId, ExecutionStatus, Priority, Signal, Update,
};

use super::SimulatedNode;
use crate::context::Context;
use crate::event::Inner;
use crate::execution::{Ask, Verdict, asked};
use crate::journal::{SimulatedAppend, Who};
use crate::scenario::{ClientControl, MILLIS};
use crate::shard::terms;
use crate::writer::Asker;

/// The pause before a claim is asked for again.
const PAUSE: u64 = 1_000 * MILLIS;

/// What is asked of a queued execution.
#[derive(Debug, Clone)]
pub(super) enum QueuedAsk {
    /// A cancel, by its number.
    Cancel(usize),
    /// A signal.
    Signal(ClientControl, Signal),
    /// Another priority.
    Prioritise(ClientControl, Priority),
}

/// A claim, and how far it has come.
#[derive(Debug)]
pub(super) struct QueuedClaim {
    peid: ExecutionId,
    ask: QueuedAsk,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// It is not claimed yet.
    Asking,
    /// It is claimed; the store is to have what was changed before.
    Flushing,
    /// Its change is on its way to the journal, and given back so then.
    Appending(Box<ExecutionDocument>, Option<Result<Applied, ControlRefusal>>),
    /// The store is to have the change.
    Settling(Queued, Result<Applied, ControlRefusal>),
}

/// The claims of a process, by number.
pub(super) type Claims = BTreeMap<u64, QueuedClaim>;

impl SimulatedNode {
    /// Asks something of a queued execution; whether it is held until it is answered.
    pub(super) fn ask_queued(&mut self, peid: ExecutionId, ask: Ask, cx: &mut Context) -> bool {
        let ask = match ask {
            Ask::Cancel(number) => QueuedAsk::Cancel(number),
            Ask::Signal(control, signal, _) => QueuedAsk::Signal(control, signal),
            Ask::Prioritise(control, priority) => QueuedAsk::Prioritise(control, priority),
            // Refused until it has begun.
            _ => {
                cx.statistics.count("controls refused by the queue");
                return false;
            }
        };
        let number = cx.number();
        self.claims.insert(number, QueuedClaim { peid, ask, stage: Stage::Asking });
        self.claim(number, cx);
        true
    }

    /// Claims what was asked for.
    pub(super) fn claim(&mut self, number: u64, cx: &mut Context) {
        let Some(QueuedClaim { peid, stage: Stage::Asking, .. }) = self.claims.get(&number) else { return };
        let peid = *peid;
        let live = self.registry.get(peid).filter(|live| live.queued && !live.ended);
        let Some(tenant) = live.map(|live| cx.tenants[live.tenant].clone()) else {
            return self.not_queued(number, cx);
        };
        match self.admission.line.claim(&tenant, peid) {
            Claim::Claimed => {
                cx.note(format_args!("n{} claim {number} has {peid}", self.id));
                cx.oracle.queue_is_claimed(self.id, peid);
                cx.statistics.count("claims of queued executions");
                self.registry.claim(peid);
                self.settle_claim(number, Stage::Flushing, cx);
            }
            Claim::Busy => cx.after(PAUSE, self.id, Inner::Claim(number)),
            Claim::NotQueued => self.not_queued(number, cx),
        }
    }

    /// Waits until the store has what is in the journal.
    fn settle_claim(&mut self, number: u64, stage: Stage, cx: &mut Context) {
        if let Some(claim) = self.claims.get_mut(&number) {
            claim.stage = stage;
        }
        if !self.journal.barrier(Asker::Claim(number)) {
            self.give_back(number, GivenBack::Somewhere, cx);
        }
    }

    /// It is not queued: its actor is asked, if it has one.
    fn not_queued(&mut self, number: u64, cx: &mut Context) {
        let Some(QueuedClaim { peid, ask, .. }) = self.claims.remove(&number) else { return };
        let ask = match ask {
            QueuedAsk::Cancel(number) => Ask::Cancel(number),
            QueuedAsk::Signal(control, signal) => Ask::Signal(control, signal, asked()),
            QueuedAsk::Prioritise(control, _) => return cx.oracle.prioritised(control),
        };
        let control = ask.control();
        let mut held = false;
        self.of(peid, cx, |shard, shard_cx| held = shard.ask(peid, ask, shard_cx));
        if let Some(control) = control.filter(|_| !held) {
            cx.oracle.release(control, self.id);
        }
    }

    /// The store has what was in the journal.
    pub(super) fn claim_flushed(&mut self, number: u64, cx: &mut Context) {
        let Some(claim) = self.claims.get_mut(&number) else { return };
        cx.note(format_args!("n{} has stored what came before claim {number}: {claim:?}", self.id));
        match std::mem::replace(&mut claim.stage, Stage::Flushing) {
            Stage::Flushing => self.change_claimed(number, cx),
            Stage::Settling(queued, told) => {
                cx.oracle.queue_moves(self.id, queued);
                self.tell_claim(number, told, cx);
                let document = cx.store.executions.get(&queued.peid);
                let is_paused = document.is_none_or(|document| {
                    self.admission.holds(&document.head.tenant_code, &document.head.playbook_name).is_some()
                });
                let given = if is_paused { GivenBack::Somewhere } else { GivenBack::At(queued) };
                self.give_back(number, given, cx);
            }
            stage @ (Stage::Asking | Stage::Appending(..)) => claim.stage = stage,
        }
    }

    /// Changes a claimed execution, as the store has it.
    fn change_claimed(&mut self, number: u64, cx: &mut Context) {
        let Some(QueuedClaim { peid, ask, .. }) = self.claims.get(&number) else { return };
        let (peid, ask) = (*peid, ask.clone());
        if !cx.store.answers(cx.now) || cx.disks[self.directory].owner != self.id {
            return self.give_back(number, GivenBack::Somewhere, cx);
        }
        let document = cx.store.executions.get(&peid).cloned();
        let is_queued = |found: &ExecutionDocument| found.state.execution_status == ExecutionStatus::Queued;
        let Some(document) = document.filter(is_queued) else {
            return self.give_back(number, GivenBack::Somewhere, cx);
        };
        let (now, epoch) = (self.home.clock(cx), self.home.epochs.of(&document.head.tenant_code));
        let (document, told, writes): (_, _, Vec<Update>) = match ask {
            QueuedAsk::Cancel(_) => {
                let (ended, writes) = cancel_abandoned(document, &[], epoch, Some(asked()), now);
                cx.oracle.gave_up(&ended, &[], &writes);
                (ended, None, writes)
            }
            QueuedAsk::Prioritise(_, priority) if document.priority() == priority => {
                (document, Some(Ok(Applied::Repeated)), Vec::new())
            }
            QueuedAsk::Prioritise(_, priority) => {
                let update = reprioritised(&document, priority, asked(), epoch, now);
                cx.oracle.queued_changed(&document.state, &update);
                cx.statistics.count("queued executions with another priority");
                let mut changed = document;
                changed.state.reprioritised = Some(priority);
                (changed, Some(Ok(Applied::Reprioritised)), vec![update])
            }
            QueuedAsk::Signal(_, signal) => {
                let order = cx.order_of(&document.head).filter(|order| !self.forgotten.contains(order));
                let Some(plan) = order.and_then(|order| cx.plan_of(order, &document.head)) else {
                    return self.give_back(number, GivenBack::Somewhere, cx);
                };
                let mut machine = Machine::queued(plan, document, terms(epoch));
                let effects = machine.apply(MachineEvent::Signal(signal, asked()), now);
                let decided = cx.oracle.decided(&machine, &effects, epoch);
                cx.check(decided);
                cx.statistics.count("signals of queued executions");
                (machine.document(), effects.reply, effects.writes)
            }
        };
        if writes.is_empty() {
            self.tell_claim(number, told.unwrap_or(Err(ControlRefusal::Queued)), cx);
            return self.give_back(number, GivenBack::Somewhere, cx);
        }
        if let Some(claim) = self.claims.get_mut(&number) {
            claim.stage = Stage::Appending(Box::new(document), told);
        }
        let _ = self.journal.append(SimulatedAppend { updates: writes, who: Who::Claim(number) });
    }

    /// The change is durable.
    pub(super) fn claim_told(&mut self, number: u64, lsn: u64, cx: &mut Context) {
        let Some(claim) = self.claims.get_mut(&number) else { return };
        let Stage::Appending(document, told) = std::mem::replace(&mut claim.stage, Stage::Flushing) else {
            return;
        };
        let (peid, priority) = (document.peid, document.priority());
        match told {
            // A cancel has ended it.
            None => {
                let epoch = self.home.epochs.of(&document.head.tenant_code);
                cx.oracle.ended_given_up(peid, epoch);
                if let QueuedAsk::Cancel(cancel) = claim.ask {
                    cx.oracle.cancel_told(cancel, peid, Verdict::Cancelled);
                }
                cx.statistics.count("queued executions that are cancelled");
                cx.oracle.queue_loses(self.id, peid);
                self.registry.remove_when_stored(peid, lsn);
                self.give_back(number, GivenBack::Gone, cx);
            }
            Some(told) => {
                self.admission.newest = self.admission.newest.max(lsn);
                let position = Queued::position(document.head.createddate, priority);
                self.settle_claim(number, Stage::Settling(Queued { position, peid }, told), cx);
            }
        }
    }

    fn tell_claim(&mut self, number: u64, told: Result<Applied, ControlRefusal>, cx: &mut Context) {
        let Some(QueuedClaim { peid, ask, .. }) = self.claims.get(&number) else { return };
        match ask {
            QueuedAsk::Signal(control, signal) => {
                let told = cx.oracle.signal_told(*control, *peid, signal, told);
                cx.check(told);
            }
            QueuedAsk::Prioritise(control, _) => cx.oracle.prioritised(*control),
            QueuedAsk::Cancel(_) => {}
        }
    }

    /// The execution may begin again, if it is still queued. What was not answered is asked for again.
    fn give_back(&mut self, number: u64, given: GivenBack, cx: &mut Context) {
        let Some(QueuedClaim { peid, ask, .. }) = self.claims.remove(&number) else { return };
        cx.note(format_args!("n{} claim {number} gives {peid} back: {given:?}", self.id));
        self.registry.unclaim(peid);
        cx.oracle.queue_is_given_back(self.id, peid);
        let control = match ask {
            QueuedAsk::Cancel(number) => ClientControl::Cancel(number),
            QueuedAsk::Signal(control, _) | QueuedAsk::Prioritise(control, _) => control,
        };
        cx.oracle.release(control, self.id);
        let Some(live) = self.registry.get(peid) else { return };
        let tenant = cx.tenants[live.tenant].clone();
        self.admission.line.give_back(&tenant, peid, given);
    }
}
