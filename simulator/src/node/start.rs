//! The start of a process: its epochs, its journal to the store, then every unfinished execution. The next start must
//! cope with a crash at any of these moments.

use std::collections::BTreeMap;
use std::sync::Arc;

use updraft_kernel::shard::Since;
use updraft_kernel::virtual_shard::VirtualShard;
use updraft_protocol::{ExecutionDocument, ExecutionId, ExecutionStatus, IdempotencyKey, TenantCode};

use super::{Phase, SimulatedNode};
use crate::context::Context;
use crate::event::Inner;
use crate::fault::Moment;
use crate::journal::SimulatedJournal;
use crate::recovery::{self, Unreadable};
use crate::registry::RegisteredExecution;
use crate::scenario::MILLIS;
use crate::store::place;
use crate::writer::{Asker, Handoff};

/// The number of groups that are passed to the writer at once.
const CHUNK: usize = 4;

impl SimulatedNode {
    pub(super) fn take_epoch(&mut self, cx: &mut Context) {
        if !cx.store.answers(cx.now) {
            return cx.after(500 * MILLIS, self.id, Inner::Epoch);
        }
        let directories = cx.disks.len();
        let own = VirtualShard::ALL.into_iter().filter(|shard| shard.shard(directories) == self.directory);
        self.home.epochs = Arc::new(cx.store.claim_epochs(own));
        let began = cx.oracle.began(self.id, &self.home.epochs);
        cx.check(began);
        let wait = cx.pace(5 * MILLIS);
        cx.after(wait, self.id, Inner::Open);
    }

    pub(super) fn open(&mut self, cx: &mut Context) {
        let scan = match recovery::scan(&mut cx.disks[self.directory], self.id) {
            Ok(scan) => scan,
            Err(Unreadable::Corrupt(what)) => return cx.violated("the journal reads what it wrote", what),
            Err(Unreadable::Disk(_)) => return self.phase = Phase::Gone,
        };
        if cx.disks[self.directory].create(self.id, scan.next).is_err() {
            return self.phase = Phase::Gone;
        }
        cx.note(format_args!(
            "n{} epoch {} replays {}",
            self.id,
            self.home.epochs.highest(),
            scan.groups.len()
        ));
        if scan.torn {
            cx.statistics.count("torn tails cut off");
        }
        cx.moment(Moment::Opened);
        cx.statistics.count("recoveries");
        self.journal =
            SimulatedJournal::new(self.id, self.directory, scan.sealed, scan.next, self.stored.clone());
        self.phase = Phase::Replaying(scan.groups);
    }

    /// Passes groups of the journal to the writer; returns whether it passed any.
    pub(super) fn feed(&mut self, cx: &mut Context) -> bool {
        let Phase::Replaying(groups) = &mut self.phase else { return false };
        if groups.is_empty() {
            self.journal.replayed = true;
            self.phase = Phase::Flushing;
            return self.journal.barrier(Asker::Start);
        }
        let chunk: Vec<_> = groups.drain(..groups.len().min(CHUNK)).collect();
        let Err(Handoff::Groups(refused)) = self.writer.send(Handoff::Groups(chunk), cx) else { return true };
        for group in refused.into_iter().rev() {
            groups.push_front(group);
        }
        false
    }

    /// The store has every recovered group.
    pub(super) fn replayed(&mut self, cx: &mut Context) {
        cx.moment(Moment::Replayed);
        self.phase = Phase::Reading;
        // If the process was taken over, its successor may have accepted more.
        if cx.disks[self.directory].owner == self.id {
            let recovered = cx.oracle.recovered(&cx.orders_of_directory(self.directory), &cx.store);
            cx.check(recovered);
        }
        let wait = cx.pace(5 * MILLIS);
        cx.after(wait, self.id, Inner::Unfinished);
    }

    /// Resumes every unfinished execution of its tenants.
    pub(super) fn read_unfinished(&mut self, cx: &mut Context) {
        if !cx.store.answers(cx.now) {
            return self.phase = Phase::Gone;
        }
        self.phase = Phase::Open;
        for (tenant, quota) in cx.store.quotas.clone() {
            self.admission.set_quota(&tenant, quota);
        }
        for (scope, asked) in cx.store.pauses.clone() {
            self.admission.pause(&scope, Some(asked));
        }
        let open: Vec<(ExecutionId, RegisteredExecution)> = cx
            .store
            .executions
            .values()
            .filter(|document| {
                let status = document.state.execution_status;
                !status.ended() && status != ExecutionStatus::Queued
            })
            .filter_map(|document| {
                let head = &document.head;
                let tenant = cx.tenants.iter().position(|tenant| *tenant == head.tenant_code)?;
                let order = cx.order_of(head)?;
                let key = IdempotencyKey::of(head);
                let directory = VirtualShard::of(&head.tenant_code).shard(cx.disks.len());
                let execution = RegisteredExecution::submitted(order, tenant, key, head.input_hash);
                let execution = RegisteredExecution { accepted: true, ..execution };
                (directory == self.directory).then_some((document.peid, execution))
            })
            .collect();
        let tenants = cx.tenants.clone();
        for (peid, execution) in &open {
            cx.statistics.count("executions resumed by a start");
            let permit = self.admission.try_acquire(&tenants[execution.tenant]);
            self.registry.add(*peid, execution.clone());
            self.registry.hold(*peid, permit);
        }
        self.find_queued(cx);
        for (peid, _) in open {
            self.of(peid, cx, |shard, shard_cx| shard.unfinished(peid, Since::Start, shard_cx));
        }
        self.hold_all(cx);
        self.wake_reconciler(cx);
    }

    /// Counts what is queued.
    fn find_queued(&mut self, cx: &mut Context) {
        let directories = cx.disks.len();
        let is_own = |tenant: &TenantCode| VirtualShard::of(tenant).shard(directories) == self.directory;
        let own: Vec<ExecutionDocument> =
            cx.store.all_queued().filter(|found| is_own(&found.head.tenant_code)).cloned().collect();
        let mut counts: BTreeMap<TenantCode, u64> = BTreeMap::new();
        for document in own {
            cx.statistics.count("queued executions found by a start");
            *counts.entry(document.head.tenant_code.clone()).or_default() += 1;
            cx.oracle.queue_has(self.id, (&document.head, place(&document)));
        }
        for (tenant, queued) in counts {
            self.admission.line.found(&tenant, queued);
        }
    }
}
