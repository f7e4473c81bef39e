//! Admission: permits for executions in flight, and a queue of waiting submissions for each tenant. Only the first
//! submission of a queue waits for a free permit, so that a permit wakes one submission of each tenant, however long
//! the queues are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use updraft_kernel::shared::permits::{Acquire, Permit, Permits};
use updraft_protocol::TenantCode;

/// The permits for executions in flight, and the queues for them.
pub struct Admission {
    permits: Permits,
    /// Notified whenever a permit is given back.
    freed: Arc<Notify>,
    of_tenant: usize,
    /// Tenants whose queues are not empty. The first submission of a queue holds its turn.
    queues: Mutex<HashMap<TenantCode, Turn>>,
}

type Turn = Arc<tokio::sync::Mutex<()>>;

/// A submission in its queue; dropped, it leaves the queue.
struct QueuedSubmission<'a> {
    admission: &'a Admission,
    tenant: &'a TenantCode,
    turn: Turn,
}

impl Admission {
    /// Admission for `total` executions, `of_tenant` of them at most for one tenant.
    pub fn new(total: usize, of_tenant: usize) -> Self {
        let freed = Arc::new(Notify::new());
        let hook = freed.clone();
        let permits = Permits::with_release_hook(total, of_tenant, Arc::new(move || hook.notify_waiters()));
        Self { permits, freed, of_tenant, queues: Mutex::default() }
    }

    /// A permit, if one is free and no submission of the tenant waits for it.
    pub fn try_acquire(&self, tenant: &TenantCode) -> Acquire {
        if !self.queues().contains_key(tenant) {
            return self.permits.try_acquire(tenant);
        }
        let full = self.permits.in_use_by(tenant) >= self.of_tenant;
        if full { Acquire::TenantFull } else { Acquire::EngineFull }
    }

    /// Waits for a permit, after the submissions of the tenant that wait already. Dropped, the future leaves the queue.
    pub async fn acquire(&self, tenant: &TenantCode) -> Permit {
        let place = self.join(tenant);
        let _first = place.turn.lock().await;
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            if let Acquire::Granted(permit) = self.permits.try_acquire(tenant) {
                return permit;
            }
            freed.await;
        }
    }

    /// How many permits are taken.
    pub fn in_use(&self) -> usize {
        self.permits.in_use()
    }

    fn join<'a>(&'a self, tenant: &'a TenantCode) -> QueuedSubmission<'a> {
        let turn = self.queues().entry(tenant.clone()).or_default().clone();
        QueuedSubmission { admission: self, tenant, turn }
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<TenantCode, Turn>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for QueuedSubmission<'_> {
    fn drop(&mut self) {
        let mut queues = self.admission.queues();
        // The map's reference and this one: the queue is otherwise empty, and cannot be joined while the map is locked.
        if Arc::strong_count(&self.turn) == 2 {
            queues.remove(self.tenant);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn tenant(name: &str) -> TenantCode {
        TenantCode::new(name).unwrap()
    }

    #[test]
    fn a_queue_is_served_in_order_and_skips_a_submission_that_gave_up() {
        let (admission, acme) = (Admission::new(1, 1), tenant("acme"));
        let held = admission.try_acquire(&acme).granted().unwrap();
        let mut first = Box::pin(admission.acquire(&acme));
        let mut second = Box::pin(admission.acquire(&acme));
        let mut third = Box::pin(admission.acquire(&acme));
        for waiting in [&mut first, &mut second, &mut third] {
            assert!(waiting.as_mut().now_or_never().is_none());
        }
        drop(first);
        drop(held);
        assert!(
            matches!(admission.try_acquire(&acme), Acquire::EngineFull),
            "the permit belongs to the queue"
        );
        assert!(third.as_mut().now_or_never().is_none(), "another submission is before it");
        let held = second.as_mut().now_or_never().unwrap();
        assert!(third.as_mut().now_or_never().is_none());
        drop((held, second));
        assert!(third.as_mut().now_or_never().is_some());
        drop(third);
        assert!(admission.queues().is_empty());
        assert!(admission.try_acquire(&acme).granted().is_some());
    }

    #[test]
    fn a_tenant_that_waits_for_its_share_holds_up_no_other() {
        let (admission, acme, other) = (Admission::new(2, 1), tenant("acme"), tenant("other"));
        let _held = admission.try_acquire(&acme).granted().unwrap();
        let mut waiting = Box::pin(admission.acquire(&acme));
        assert!(waiting.as_mut().now_or_never().is_none());
        assert!(matches!(admission.try_acquire(&acme), Acquire::TenantFull));
        assert!(admission.acquire(&other).now_or_never().is_some());
    }
}
