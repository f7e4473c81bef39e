//! Admission: the permits for executions in flight, and the line of those that wait for one. Decides nothing: the line is
//! [`updraft_kernel::backlog`]; `backlog` drives it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};
use updraft_kernel::backlog::{AdmissionLine, Admitted, BacklogFull, Claim, GivenBack, Queued, QueuedPage};
use updraft_kernel::fair_queue::QueueTicket;
use updraft_kernel::shared::permits::{Acquire, Permit, Permits};
use updraft_protocol::{ExecutionId, Priority, TenantCode, Timestamp};

/// What waits in memory for a permit.
type Waiter = oneshot::Sender<Permit>;

/// The permits for executions in flight, and the line for them.
pub struct Admission {
    permits: Permits,
    line: Arc<Line>,
    /// Whether executions are queued that find no permit.
    queues: bool,
    /// The position in the journal of the newest queued execution.
    newest: AtomicU64,
}

struct Line {
    backlog: Mutex<AdmissionLine<Waiter>>,
    /// Notified when something may have a permit, or is to be read.
    changed: Notify,
}

/// Executions that get a permit, to begin.
pub(crate) type Begin = (TenantCode, Queued, Permit);

/// What waits in memory; dropped, it leaves the line.
struct Waiting<'a> {
    line: &'a Line,
    ticket: QueueTicket,
}

impl Admission {
    /// Admission for `total` executions, `of_tenant` of them at most for one tenant. Beyond them, so many are queued; none where
    /// that is `None`.
    pub fn new(total: usize, of_tenant: usize, backlog: Option<u64>) -> Self {
        let backlog_most = backlog.unwrap_or_default();
        let line =
            Arc::new(Line { backlog: Mutex::new(AdmissionLine::new(backlog_most)), changed: Notify::new() });
        let freed = line.clone();
        let hook = Arc::new(move |tenant: &TenantCode| {
            freed.backlog().readmit(tenant);
            freed.changed.notify_one();
        });
        let permits = Permits::with_release_hook(total, of_tenant, hook);
        Self { permits, line, queues: backlog.is_some(), newest: AtomicU64::new(0) }
    }

    /// A permit, if one is free and nothing of the tenant waits for it.
    pub fn try_acquire(&self, tenant: &TenantCode) -> Acquire {
        self.line.backlog().try_acquire(&self.permits, tenant)
    }

    /// Waits for a permit in line with all that waits, since this instant. Dropped, the future leaves the line.
    pub async fn acquire(&self, tenant: &TenantCode, priority: Priority, now: Timestamp) -> Permit {
        let (waiter, mut granted) = oneshot::channel();
        let ticket = self.line.backlog().wait(tenant, priority, waiter, now);
        let _waiting = Waiting { line: &self.line, ticket };
        self.line.changed.notify_one();
        match (&mut granted).await {
            Ok(permit) => permit,
            // The engine has ended: nothing has a permit any more.
            Err(_) => std::future::pending().await,
        }
    }

    /// How many permits are taken.
    pub fn in_use(&self) -> usize {
        self.permits.in_use()
    }

    /// Shows in the metrics how many permits are taken, and how many are free.
    pub fn show(&self) {
        let (taken, total) = (self.permits.in_use(), self.permits.total());
        metrics::gauge!("updraft_executions_in_flight").set(taken as f64);
        metrics::gauge!("updraft_execution_permits_free").set(total.saturating_sub(taken) as f64);
    }

    /// How many permits each tenant has taken that has some.
    pub fn in_use_by_tenant(&self) -> Vec<(TenantCode, usize)> {
        self.permits.by_tenant()
    }

    /// How many executions are queued.
    pub fn queued(&self) -> u64 {
        self.line.backlog().len()
    }

    /// How many executions of each tenant are queued that has some.
    pub fn queued_by_tenant(&self) -> Vec<(TenantCode, u64)> {
        self.line.backlog().tenants().map(|(tenant, queued)| (tenant.clone(), queued)).collect()
    }

    /// Whether executions are queued that find no permit.
    pub fn queues(&self) -> bool {
        self.queues
    }

    /// The start has found so many queued executions of a tenant.
    pub fn found(&self, tenant: &TenantCode, queued: u64) {
        self.line.backlog().found(tenant, queued);
        self.line.changed.notify_one();
    }

    /// Room for one more queued execution, of which the tenant may have so many: [`Self::arrived`] or [`Self::withdrawn`] follows.
    pub(crate) fn arrive(&self, tenant: &TenantCode, most: Option<u64>) -> Result<(), BacklogFull> {
        self.line.backlog().arrive(tenant, most.unwrap_or(u64::MAX))
    }

    /// Nothing queued of a tenant begins from now on, or it does again; `None` where something of it may begin that might not.
    pub(crate) fn pause(&self, tenant: &TenantCode, is_paused: Option<bool>) {
        let mut backlog = self.line.backlog();
        match is_paused {
            Some(is_paused) => backlog.pause(tenant, is_paused),
            None => backlog.refresh(tenant),
        }
        drop(backlog);
        self.line.changed.notify_one();
    }

    /// How many executions may be in flight, all tenants together.
    pub fn places(&self) -> u64 {
        self.permits.total() as u64
    }

    /// Sets what a tenant has of the places, instead of what each other one has, and its turns in a round.
    pub(crate) fn set_share(&self, tenant: &TenantCode, (places, weight): (Option<u64>, u32)) {
        self.permits.set_share(tenant, places.map(|places| usize::try_from(places).unwrap_or(usize::MAX)));
        let mut backlog = self.line.backlog();
        backlog.set_weight(tenant, weight);
        backlog.readmit(tenant);
        drop(backlog);
        self.line.changed.notify_one();
    }

    /// A queued execution is durable, at this position in the journal.
    pub(crate) fn arrived(&self, tenant: &TenantCode, queued: Queued, lsn: u64) {
        // Before it is in the line: whoever reads then waits for it.
        self.newest.fetch_max(lsn, Ordering::AcqRel);
        self.line.backlog().queued(tenant, queued);
        self.line.changed.notify_one();
    }

    /// A queued execution was changed, at this position in the journal: a later read sees it.
    pub(crate) fn changed_at(&self, lsn: u64) {
        self.newest.fetch_max(lsn, Ordering::AcqRel);
    }

    pub(crate) fn withdrawn(&self, tenant: &TenantCode) {
        self.line.backlog().withdrawn(tenant);
        self.line.changed.notify_one();
    }

    /// Completes when there may be something to do.
    pub(crate) async fn changed(&self) {
        self.line.changed.notified().await;
    }

    /// Gives permits to what is next in line, at most so many; returns the executions that begin, and whether there may be more.
    pub(crate) fn admit(&self, most: usize) -> (Vec<Begin>, bool) {
        let (mut begin, mut granted) = (Vec::new(), Vec::new());
        let (placed, is_more) = self.line.backlog().admit(&self.permits, most);
        for (tenant, admitted, permit) in placed {
            match admitted {
                Admitted::Begin(queued) => begin.push((tenant, queued, permit)),
                Admitted::Waiter(waiter) => granted.push((waiter, permit)),
            }
        }
        for (waiter, permit) in granted {
            // One that waits no longer gives the permit back, outside of the lock.
            let _ = waiter.send(permit);
        }
        (begin, is_more)
    }

    /// Executions that began can be found in the registry.
    pub(crate) fn begun(&self, peids: impl Iterator<Item = ExecutionId>) {
        let mut backlog = self.line.backlog();
        peids.for_each(|peid| backlog.begun(peid));
    }

    /// The next read of queued executions: the tenant, the most rows, and the position in the journal that the store must have.
    pub(crate) fn next_read(&self) -> Option<(TenantCode, usize, u64)> {
        let (tenant, limit) = self.line.backlog().next_read()?;
        Some((tenant, limit, self.newest.load(Ordering::Acquire)))
    }

    /// The answer of a read; `None` if there is none.
    pub(crate) fn read(&self, tenant: &TenantCode, page: Option<QueuedPage>) {
        let mut backlog = self.line.backlog();
        match page {
            Some(page) => backlog.page(tenant, page),
            None => backlog.not_read(tenant),
        }
        drop(backlog);
        self.line.changed.notify_one();
    }

    pub(crate) fn claim(&self, tenant: &TenantCode, peid: ExecutionId) -> Claim {
        self.line.backlog().claim(tenant, peid)
    }

    /// Gives a claim back. Where its place is known, it is looked whether it `may_begin`, while the line is held.
    pub(crate) fn give_back(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
        given: GivenBack,
        may_begin: impl FnOnce() -> bool,
    ) {
        let mut backlog = self.line.backlog();
        let given = match given {
            GivenBack::At(_) if !may_begin() => GivenBack::Somewhere,
            given => given,
        };
        backlog.give_back(tenant, peid, given);
        drop(backlog);
        self.line.changed.notify_one();
    }

    /// Nothing queued begins any more: the engine shuts down.
    pub fn close(&self) {
        self.line.backlog().close();
    }
}

impl Line {
    fn backlog(&self) -> MutexGuard<'_, AdmissionLine<Waiter>> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let left = self.line.backlog().leave(&self.ticket);
        drop(left);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn tenant(name: &str) -> TenantCode {
        TenantCode::new(name).unwrap()
    }

    async fn acquire(admission: &Admission, of: &TenantCode, at: u64) -> Permit {
        admission.acquire(of, Priority::Normal, Timestamp(at)).await
    }

    #[test]
    fn a_line_is_served_in_order_and_skips_one_that_gave_up() {
        let (admission, acme) = (Admission::new(1, 1, None), tenant("acme"));
        let held = admission.try_acquire(&acme).granted().unwrap();
        let mut first = Box::pin(acquire(&admission, &acme, 1));
        let mut second = Box::pin(acquire(&admission, &acme, 2));
        let mut third = Box::pin(acquire(&admission, &acme, 3));
        for waiting in [&mut first, &mut second, &mut third] {
            assert!(waiting.as_mut().now_or_never().is_none());
        }
        drop(first);
        drop(held);
        let full = admission.try_acquire(&acme);
        assert!(matches!(full, Acquire::EngineFull), "the permit belongs to the line");
        assert_eq!(admission.admit(9).0.len(), 0);
        assert!(third.as_mut().now_or_never().is_none(), "another is before it");
        let held = second.as_mut().now_or_never().unwrap();
        assert_eq!(admission.admit(9).0.len(), 0);
        assert!(third.as_mut().now_or_never().is_none());
        drop((held, second));
        let _ = admission.admit(9);
        assert!(third.as_mut().now_or_never().is_some());
        drop(third);
        assert!(admission.try_acquire(&acme).granted().is_some());
    }

    #[test]
    fn a_tenant_that_waits_for_its_share_holds_up_no_other() {
        let (admission, acme, other) = (Admission::new(2, 1, None), tenant("acme"), tenant("other"));
        let _held = admission.try_acquire(&acme).granted().unwrap();
        let mut waiting = Box::pin(acquire(&admission, &acme, 1));
        assert!(waiting.as_mut().now_or_never().is_none());
        let _ = admission.admit(9);
        assert!(matches!(admission.try_acquire(&acme), Acquire::TenantFull));
        assert!(admission.try_acquire(&other).granted().is_some());
    }

    #[test]
    fn a_permit_that_a_waiter_got_and_did_not_take_is_free_again() {
        let (admission, acme) = (Admission::new(1, 1, None), tenant("acme"));
        let held = admission.try_acquire(&acme).granted().unwrap();
        let mut waiting = Box::pin(acquire(&admission, &acme, 1));
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(held);
        let _ = admission.admit(9);
        assert_eq!(admission.in_use(), 1);
        drop(waiting);
        assert_eq!(admission.in_use(), 0);
    }
}
