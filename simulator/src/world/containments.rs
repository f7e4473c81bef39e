//! Containments at the store: the calls of reconcilers, and what people ask. Owns the faults of these calls; the documents are in
//! the store.

use updraft_kernel::containment::{
    ContainmentEvent, ReconcilerCommand, ReconcilerEvent, RoundProgress, apply,
};
use updraft_protocol::{ContainmentAsk, ContainmentDocument, ContainmentId, Timestamp};

use super::World;
use crate::chance::Purpose;
use crate::event::{Inner, Reply, WorldEvent};
use crate::fault::Moment;
use crate::node::{ReconcilerCall, is_of};
use crate::scenario::{AskedOfContainment, MILLIS, Noise, SentContainmentAsk};

/// How often a person looks for a containment: the last time is a day after the first.
const ASKS: u32 = 14;

/// A time within which a reconciler reads what is due and stores what it becomes.
const NEAR: u64 = 12 * MILLIS;

/// The longest time for which the store refuses a containment.
const REFUSES: u64 = 3 * 3_600_000;

/// A containment, changed as a person has asked, on its way to the store.
#[derive(Debug, Clone)]
pub struct AskedPut {
    number: usize,
    times: u32,
    ask: ContainmentAsk,
    document: ContainmentDocument,
    before: u64,
    clock: Timestamp,
}

impl World {
    /// A call of a reconciler reaches the store, even if its process has died.
    pub(super) fn reconcile(&mut self, call: ReconcilerCall) {
        let (node, number, answer) = (call.node, call.number, call.answer);
        let event =
            if self.cx.store.answers(self.cx.now) { self.answer(call) } else { ReconcilerEvent::Failed };
        let (wait, event) = match answer {
            Reply::After(wait) => (wait, event),
            Reply::Broken(wait) => (wait, ReconcilerEvent::Failed),
            Reply::Never => return,
        };
        self.cx.after(wait, node, Inner::Reconciled(number, Box::new(event)));
    }

    fn answer(&mut self, call: ReconcilerCall) -> ReconcilerEvent {
        let ReconcilerCall { directory, command, rows, clock, .. } = call;
        let is_own = is_of(directory, self.cx.disks.len());
        let cx = &mut self.cx;
        match command {
            ReconcilerCommand::ReadHolds(after) => {
                ReconcilerEvent::Holds(cx.store.unregistered_holds(is_own, after, rows))
            }
            ReconcilerCommand::ReadDue(by, after) => {
                ReconcilerEvent::Due(cx.store.due_containments(is_own, by, after, rows))
            }
            ReconcilerCommand::Read(_, id) => ReconcilerEvent::Read(cx.store.containments.get(&id).cloned()),
            ReconcilerCommand::Put(document, before) => {
                if self.refuses(document.id) {
                    self.cx.statistics.count("containments refused by the store");
                    self.cx.oracle.containment_refused(document.id);
                    return ReconcilerEvent::Failed;
                }
                ReconcilerEvent::Put(self.put(document, before, None, clock))
            }
            ReconcilerCommand::Mark(tasks) => {
                for task in cx.store.mark_registered(&tasks) {
                    let registered = cx.oracle.is_registered(&task, &cx.store);
                    cx.check(registered);
                }
                cx.moment(Moment::Registered);
                ReconcilerEvent::Marked
            }
            ReconcilerCommand::Follow(_, peid) => {
                let state = cx.store.executions.get(&peid).map(|document| &document.state);
                ReconcilerEvent::Round(RoundProgress::of(peid, state))
            }
            ReconcilerCommand::Submit(_) | ReconcilerCommand::Rest => ReconcilerEvent::Failed,
        }
    }

    /// Whether the store refuses a containment, for some hours.
    fn refuses(&self, id: ContainmentId) -> bool {
        let (high, low) = id.uuid().as_u64_pair();
        let mut dice = self.cx.dice(Purpose::Containment, &[high, low]);
        let refused = self.cx.noisy(Noise::StorePoison) && dice.one_in(4);
        refused && self.cx.now < dice.below(REFUSES) * MILLIS
    }

    fn put(
        &mut self,
        document: ContainmentDocument,
        before: Option<u64>,
        ask: Option<&ContainmentAsk>,
        clock: Timestamp,
    ) -> bool {
        let known = self.cx.store.containments.get(&document.id).cloned();
        let is_stored = self.cx.store.put_containment(document.clone(), before);
        if !is_stored {
            self.cx.statistics.count("containments that others changed meanwhile");
            return false;
        }
        self.cx.statistics.count("changes of containments");
        self.cx.moment(Moment::Contained);
        let times = (clock, self.cx.now);
        let changed =
            self.cx.oracle.containment_changed((known.as_ref(), &document), ask, times, &self.cx.store);
        self.cx.check(changed);
        true
    }

    /// A person asks something of a containment, ever less often, until there is one.
    pub(super) fn ask_of_containment(&mut self, number: usize, times: u32) {
        let asks = &self.scenario.containment_asks;
        let Some(sent) = asks.iter().find(|ask| ask.number == number).copied() else { return };
        if self.try_ask(&sent, times).is_none() && times < ASKS {
            let wait = (5_000 * MILLIS) << times;
            self.cx.queue.at(self.cx.now + wait, WorldEvent::AskOfContainment(number, times + 1));
        }
    }

    /// Reads a containment, and sends it back as it was asked; `None` if that has to be tried again.
    fn try_ask(&mut self, sent: &SentContainmentAsk, times: u32) -> Option<()> {
        let order = self.scenario.orders.iter().find(|order| order.number == sent.order)?;
        let tenant = self.cx.tenants[order.tenant as usize].clone();
        let clock = self.owner_of(order.tenant as usize).and_then(|owner| self.nodes.get(&owner))?;
        let clock = clock.home.clock(&self.cx);
        if !self.cx.store.answers(self.cx.now) {
            return None;
        }
        let rows = self.cx.store.containments.values().filter(|row| row.tenant_code == tenant);
        let rows: Vec<&ContainmentDocument> = rows.collect();
        let before = *rows.get(sent.number % rows.len().max(1))?;
        let until_due = before.due.map_or(0, |due| due.since(clock)).saturating_mul(MILLIS);
        if sent.waits_until_due && until_due > NEAR {
            let near = self.cx.dice(Purpose::Containment, &[sent.number as u64]).below(NEAR);
            let at = self.cx.now + until_due + near;
            self.cx.queue.at(at, WorldEvent::AskOfContainment(sent.number, times));
            return Some(());
        }
        let ask = match sent.ask {
            AskedOfContainment::Extend(by) => {
                ContainmentAsk::Extend(before.until.after(std::time::Duration::from_millis(by)))
            }
            AskedOfContainment::Keep => ContainmentAsk::Keep,
            AskedOfContainment::Undo => ContainmentAsk::Undo,
        };
        let event = ContainmentEvent::Asked { uid: "ana".into(), ask: ask.clone(), reason: "INC-7".into() };
        match apply(before, event, clock) {
            Ok(Some(document)) => {
                let before = before.revision;
                let put = AskedPut { number: sent.number, times, ask, document, before, clock };
                let mut dice = self.cx.dice(Purpose::Containment, &[sent.number as u64, u64::from(times)]);
                let longest = dice.pick(&[8, 8, 3_000]);
                let arrives = self.cx.now + dice.below(longest * MILLIS);
                self.cx.queue.at(arrives, WorldEvent::PutAsked(Box::new(put)));
                Some(())
            }
            Ok(None) => Some(()),
            Err(refusal) if refusal.retryable() => None,
            Err(_) => {
                self.cx.statistics.count("asks of containments that are refused");
                Some(())
            }
        }
    }

    /// What a person has asked reaches the store.
    pub(super) fn put_asked(&mut self, put: AskedPut) {
        let AskedPut { number, times, ask, document, before, clock } = put;
        if self.cx.store.answers(self.cx.now) && self.put(document, Some(before), Some(&ask), clock) {
            self.cx.statistics.count("asks of containments");
        } else if times < ASKS {
            self.cx.queue.at(self.cx.now + 50 * MILLIS, WorldEvent::AskOfContainment(number, times + 1));
        }
    }
}
