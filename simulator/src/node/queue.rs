//! The driver of the queue of a process: gives places, begins queued executions, and reads the windows of tenants. Mirrors
//! `actors/src/backlog.rs`.

use std::sync::Arc;

use updraft_kernel::backlog::{Admitted, Queued, QueuedPage, enqueued};
use updraft_kernel::shard::Since;
use updraft_protocol::{ExecutionHead, ExecutionId};

use super::{Phase, SimulatedNode};
use crate::admission::{QueueRead, Waiter};
use crate::context::Context;
use crate::event::Inner;
use crate::journal::{SimulatedAppend, Who};
use crate::registry::RegisteredExecution;
use crate::scenario::MILLIS;

/// The pause before the store is read again.
const PAUSE: u64 = 250 * MILLIS;

impl SimulatedNode {
    /// Queues a submission that was let into the backlog; whether the journal takes it.
    pub(super) fn enqueue(&mut self, peid: ExecutionId, head: Arc<ExecutionHead>, cx: &mut Context) -> bool {
        let epoch = self.home.epochs.of(&head.tenant_code);
        let tenant = head.tenant_code.clone();
        let update = enqueued(peid, head.clone(), epoch);
        cx.oracle.enqueued(&update);
        if !self.journal.append(SimulatedAppend { updates: vec![update], who: Who::Submission(peid) }) {
            self.admission.line.withdrawn(&tenant);
            return false;
        }
        cx.statistics.count("submissions that are queued");
        self.enqueued.insert(peid, head);
        true
    }

    /// A queued execution is durable, or cannot be.
    pub(super) fn queue_accepted(
        &mut self,
        (peid, head): (ExecutionId, &ExecutionHead),
        lsn: Option<u64>,
        cx: &mut Context,
    ) {
        let Some(lsn) = lsn else { return self.admission.line.withdrawn(&head.tenant_code) };
        let Some(live) = self.registry.get_mut(peid) else { return };
        (live.accepted, live.queued) = (true, true);
        let order = live.order;
        self.registry.forget_queued(peid, lsn);
        let queued = Queued { position: Queued::position(head.createddate, head.priority), peid };
        self.admission.newest = self.admission.newest.max(lsn);
        self.admission.line.queued(&head.tenant_code, queued);
        cx.oracle.queue_has(self.id, (head, queued));
        if order != super::NO_ORDER {
            cx.oracle.accepted(order, peid);
        }
    }

    /// Gives places to what is next, and begins reads. Whether it gave any.
    pub(super) fn drive_queue(&mut self, cx: &mut Context) -> bool {
        // What one sees that was taken over is its successor's, and nothing that it begins becomes durable.
        let is_owner = cx.disks[self.directory].owner == self.id;
        if !is_owner || !matches!(self.phase, Phase::Open | Phase::Draining) {
            return false;
        }
        let mut has_admitted = false;
        loop {
            let (tenant, admitted, permit) = match self.admission.admit() {
                Ok(Some(placed)) => placed,
                Ok(None) => break,
                Err(violation) => {
                    cx.check(Err(violation));
                    return false;
                }
            };
            has_admitted = true;
            match admitted {
                Admitted::Begin(queued) => {
                    let paused = |head: &ExecutionHead| {
                        self.admission.holds(&head.tenant_code, &head.playbook_name).is_some()
                    };
                    let begins = cx.oracle.queue_begins(self.id, queued, &cx.store, paused);
                    cx.check(begins);
                    cx.statistics.count("queued executions that begin");
                    self.admission.beginning.insert(queued.peid, (tenant.clone(), permit));
                    let wait = cx.pace(2 * MILLIS);
                    cx.after(wait, self.id, Inner::Begin(queued.peid));
                }
                Admitted::Waiter(Waiter::Load(peid, incarnation)) => {
                    self.registry.hold(peid, Some(permit));
                    self.of(peid, cx, |shard, shard_cx| shard.granted(peid, incarnation, shard_cx));
                }
                Admitted::Waiter(Waiter::Child(peid)) => self.child_placed(peid, permit, cx),
            }
            let fits = self.admission.fits(&tenant, &self.registry);
            cx.check(fits);
        }
        while let Some((tenant, limit)) = self.admission.line.next_read() {
            let number = cx.number();
            cx.oracle.queue_is_read(self.id, &tenant, &self.admission.paused_playbooks(&tenant));
            let newest = self.admission.newest;
            self.admission.reads.insert(number, QueueRead { tenant, limit, newest, is_sent: false });
        }
        let (stored, id) = (self.stored.clone(), self.id);
        let is_there =
            |read: &&mut QueueRead| !read.is_sent && (read.newest == 0 || stored.reached(read.newest + 1));
        for (number, read) in &mut self.admission.reads {
            if is_there(&&mut *read) {
                read.is_sent = true;
                let wait = cx.pace(5 * MILLIS);
                cx.after(wait, id, Inner::QueueRead(*number));
            }
        }
        let adds_up = cx.oracle.queue_adds_up(self.id, self.admission.line.len(), self.enqueued.len());
        cx.check(adds_up);
        has_admitted
    }

    /// A read reaches the store.
    pub(super) fn queue_read(&mut self, number: u64, cx: &mut Context) {
        let Some(read) = self.admission.reads.get(&number) else { return };
        let page = cx.store.answers(cx.now).then(|| {
            let except = self.admission.paused_playbooks(&read.tenant);
            let first = cx.store.queued(&read.tenant, &except, read.limit);
            let is_last = first.len() < read.limit;
            QueuedPage { first, is_last, leaves_out: !except.is_empty() }
        });
        let wait = if page.is_some() { cx.pace(8 * MILLIS) } else { PAUSE };
        cx.after(wait, self.id, Inner::QueuePage(number, page));
    }

    /// A read has its answer; what runs by now is left out.
    pub(super) fn queue_page(&mut self, number: u64, page: Option<QueuedPage>, cx: &mut Context) {
        let Some(QueueRead { tenant, .. }) = self.admission.reads.remove(&number) else { return };
        let Some(mut page) = page else { return self.admission.line.not_read(&tenant) };
        let waits = |queued: &Queued| {
            let entry = self.registry.get(queued.peid);
            entry.is_none_or(|entry| entry.queued && !entry.ended)
        };
        page.first.retain(waits);
        self.admission.line.page(&tenant, page);
        cx.oracle.queue_was_read(self.id, &tenant);
    }

    /// The shard of an execution starts it.
    pub(super) fn begin(&mut self, peid: ExecutionId, cx: &mut Context) {
        let Some((_, permit)) = self.admission.beginning.remove(&peid) else { return };
        if self.queued_entry(peid, cx) {
            self.registry.hold(peid, Some(permit));
            if let Some(live) = self.registry.get_mut(peid) {
                live.queued = false;
            }
            self.of(peid, cx, |shard, shard_cx| shard.unfinished(peid, Since::Start, shard_cx));
        }
        self.admission.line.begun(peid);
    }

    /// Whether an execution is queued here; the entry of one that nobody holds is made.
    pub(super) fn queued_entry(&mut self, peid: ExecutionId, cx: &Context) -> bool {
        if let Some(live) = self.registry.get(peid) {
            return live.queued && !live.ended;
        }
        let Some(document) = cx.store.executions.get(&peid) else { return false };
        let tenant = cx.tenants.iter().position(|tenant| *tenant == document.head.tenant_code);
        let Some((tenant, order)) = tenant.zip(cx.order_of(&document.head)) else { return false };
        let entry = RegisteredExecution::submitted(order, tenant, None, None);
        self.registry.add(peid, RegisteredExecution { accepted: true, queued: true, ..entry });
        self.registry.forget_queued(peid, 0);
        true
    }
}
