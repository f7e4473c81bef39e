//! Permits: admission, bounded for the engine and for each tenant. Owns the counts; never waits, never
//! queues: who is refused may ask again when the release hook runs.

use std::fmt;

pub use updraft_protocol::TenantCode;

use super::sync::{Arc, HookFor, Mutex, lock, run_for};
use crate::tenant_map::TenantMap;

/// Counted places in the engine, shared by whoever holds a clone.
#[derive(Clone)]
pub struct Permits {
    inner: Arc<Inner>,
}

struct Inner {
    total: usize,
    per_tenant: usize,
    counts: Mutex<Counts>,
    released: Option<HookFor<TenantCode>>,
}

#[derive(Default)]
struct Counts {
    in_use: usize,
    /// Tenants that hold permits, and no others: the map is as small as the engine is idle.
    by_tenant: TenantMap<usize>,
    /// Tenants that may have another number of places than each other one.
    shares: TenantMap<usize>,
}

/// What became of a request for a permit.
#[derive(Debug)]
#[must_use]
pub enum Acquire {
    /// There was a place; it is free again when the permit is dropped.
    Granted(Permit),
    /// All places of the engine are taken.
    EngineFull,
    /// The tenant has its share, whatever room the engine may have.
    TenantFull,
}

impl Acquire {
    /// The permit, where there was a place.
    pub fn granted(self) -> Option<Permit> {
        match self {
            Self::Granted(permit) => Some(permit),
            Self::EngineFull | Self::TenantFull => None,
        }
    }
}

/// One place of one tenant. Dropping it, on any thread, gives the place back once.
#[must_use = "the place is free again as soon as the permit is dropped"]
pub struct Permit {
    permits: Permits,
    tenant: TenantCode,
}

impl Permits {
    /// Places for `total` holders, `per_tenant` of them at most for one tenant.
    pub fn new(total: usize, per_tenant: usize) -> Self {
        Self::build(total, per_tenant, None)
    }

    /// The same; `released` runs after each release, when the place can be had, with its tenant.
    ///
    /// Only the waiters know which of them the place fits, so the hook should wake all of them: a single
    /// waiter may be of a tenant that has its share, or may just have given up.
    pub fn with_release_hook(total: usize, per_tenant: usize, released: HookFor<TenantCode>) -> Self {
        Self::build(total, per_tenant, Some(released))
    }

    fn build(total: usize, per_tenant: usize, released: Option<HookFor<TenantCode>>) -> Self {
        let counts = Mutex::new(Counts::default());
        Self { inner: Arc::new(Inner { total, per_tenant, counts, released }) }
    }

    /// A place for `tenant`, where there is one now. A tenant that has its share is told so even when the
    /// engine is full as well: only its own releases can help it.
    pub fn try_acquire(&self, tenant: &TenantCode) -> Acquire {
        let mut counts = lock(&self.inner.counts);
        let held = counts.by_tenant.get(tenant).copied().unwrap_or(0);
        if held >= counts.shares.get(tenant).copied().unwrap_or(self.inner.per_tenant) {
            return Acquire::TenantFull;
        }
        if counts.in_use >= self.inner.total {
            return Acquire::EngineFull;
        }
        counts.in_use += 1;
        match counts.by_tenant.get_mut(tenant) {
            Some(count) => *count += 1,
            None => {
                counts.by_tenant.insert(tenant.clone(), 1);
            }
        }
        drop(counts);
        Acquire::Granted(Permit { permits: self.clone(), tenant: tenant.clone() })
    }

    /// Whether the engine has a place; a tenant may have its share nevertheless.
    pub fn has_room(&self) -> bool {
        lock(&self.inner.counts).in_use < self.inner.total
    }

    /// Whether a tenant has its share.
    pub fn has_share(&self, tenant: &TenantCode) -> bool {
        let counts = lock(&self.inner.counts);
        let share = counts.shares.get(tenant).copied().unwrap_or(self.inner.per_tenant);
        counts.by_tenant.get(tenant).copied().unwrap_or(0) >= share
    }

    /// Sets how many places a tenant may have, instead of what each other one may. Places that it has stay its own.
    pub fn set_share(&self, tenant: &TenantCode, share: Option<usize>) {
        let mut counts = lock(&self.inner.counts);
        match share {
            Some(share) => counts.shares.insert(tenant.clone(), share),
            None => counts.shares.remove(tenant),
        };
    }

    /// How many places there are.
    pub fn total(&self) -> usize {
        self.inner.total
    }

    /// Places taken.
    pub fn in_use(&self) -> usize {
        lock(&self.inner.counts).in_use
    }

    /// Places taken by `tenant`.
    pub fn in_use_by(&self, tenant: &TenantCode) -> usize {
        lock(&self.inner.counts).by_tenant.get(tenant).copied().unwrap_or(0)
    }

    /// The places taken by each tenant that holds some, in no order.
    pub fn by_tenant(&self) -> Vec<(TenantCode, usize)> {
        let counts = lock(&self.inner.counts);
        counts.by_tenant.iter().map(|(tenant, held)| (tenant.clone(), *held)).collect()
    }

    /// Tenants that hold a place; what the map of shares has room for.
    pub fn tenants(&self) -> usize {
        lock(&self.inner.counts).by_tenant.len()
    }

    /// Invariant: no limit is passed, the shares add up to the whole, and no empty share is kept.
    pub fn shares_add_up(&self) -> bool {
        let counts = lock(&self.inner.counts);
        // A share may have been set when its tenant had more.
        let fits = |(tenant, held): (&TenantCode, &usize)| {
            *held >= 1 && (*held <= self.inner.per_tenant || counts.shares.contains_key(tenant))
        };
        counts.in_use <= self.inner.total
            && counts.by_tenant.iter().all(fits)
            && counts.by_tenant.values().sum::<usize>() == counts.in_use
    }
}

impl Permit {
    /// Whose place it is.
    pub fn tenant(&self) -> &TenantCode {
        &self.tenant
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permit").field(&self.tenant).finish()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let inner = &self.permits.inner;
        let mut counts = lock(&inner.counts);
        counts.in_use = counts.in_use.saturating_sub(1);
        if let Some(count) = counts.by_tenant.get_mut(&self.tenant) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.by_tenant.remove(&self.tenant);
            }
        }
        drop(counts);
        run_for(inner.released.as_ref(), &self.tenant);
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc as StdArc, OnceLock};

    use proptest::prelude::*;

    use super::*;

    fn tenant(name: &str) -> TenantCode {
        TenantCode::new(name).unwrap()
    }

    #[test]
    fn a_tenant_with_its_share_is_refused_while_another_is_let_in() {
        let permits = Permits::new(3, 2);
        let (a, b) = (tenant("a"), tenant("b"));
        let _one = permits.try_acquire(&a).granted().unwrap();
        let two = permits.try_acquire(&a).granted().unwrap();
        assert!(matches!(permits.try_acquire(&a), Acquire::TenantFull));
        let _three = permits.try_acquire(&b).granted().unwrap();
        assert!(matches!(permits.try_acquire(&b), Acquire::EngineFull));
        assert!(matches!(permits.try_acquire(&a), Acquire::TenantFull));
        assert_eq!((permits.in_use(), permits.in_use_by(&a), permits.in_use_by(&b)), (3, 2, 1));
        drop(two);
        assert_eq!(permits.try_acquire(&b).granted().unwrap().tenant(), &b);
        assert!(permits.shares_add_up());
    }

    #[test]
    fn a_share_that_is_set_holds_from_then_on_and_takes_no_place_away() {
        let permits = Permits::new(4, 2);
        let (a, b) = (tenant("a"), tenant("b"));
        let held = [permits.try_acquire(&a).granted().unwrap(), permits.try_acquire(&a).granted().unwrap()];
        permits.set_share(&a, Some(1));
        permits.set_share(&b, Some(0));
        assert!(permits.shares_add_up() && permits.has_share(&a) && permits.in_use_by(&a) == 2);
        assert!(matches!(permits.try_acquire(&b), Acquire::TenantFull));
        permits.set_share(&a, Some(3));
        let third = permits.try_acquire(&a).granted();
        assert!(third.is_some() && matches!(permits.try_acquire(&a), Acquire::TenantFull));
        permits.set_share(&a, None);
        drop((third, held));
        assert!(permits.shares_add_up() && permits.in_use() == 0);
    }

    #[test]
    fn nobody_is_let_in_where_there_is_no_place_at_all() {
        assert!(matches!(Permits::new(0, 1).try_acquire(&tenant("a")), Acquire::EngineFull));
        assert!(matches!(Permits::new(1, 0).try_acquire(&tenant("a")), Acquire::TenantFull));
    }

    #[test]
    fn a_refusal_counts_nothing_and_keeps_no_tenant() {
        let permits = Permits::new(1, 1);
        let held = permits.try_acquire(&tenant("a")).granted().unwrap();
        for stranger in 0..100 {
            assert!(matches!(permits.try_acquire(&tenant(&format!("t{stranger}"))), Acquire::EngineFull));
        }
        assert_eq!((permits.in_use(), permits.tenants()), (1, 1));
        drop(held);
        assert_eq!((permits.in_use(), permits.tenants()), (0, 0));
    }

    #[test]
    fn a_permit_dropped_by_a_panic_on_another_thread_gives_its_place_back() {
        let permits = Permits::new(1, 1);
        let permit = permits.try_acquire(&tenant("a")).granted().unwrap();
        let ended = std::thread::spawn(move || {
            let _held = permit;
            std::panic::resume_unwind(Box::new("the holder panics"));
        });
        assert!(ended.join().is_err());
        assert_eq!(permits.in_use(), 0);
        assert!(permits.try_acquire(&tenant("a")).granted().is_some());
    }

    #[test]
    fn a_lock_that_a_panic_left_behind_still_counts() {
        let permits = Permits::new(1, 1);
        let held = permits.try_acquire(&tenant("a")).granted().unwrap();
        let poisoned = permits.clone();
        let ended = std::thread::spawn(move || {
            let _counts = poisoned.inner.counts.lock();
            std::panic::resume_unwind(Box::new("inside the lock"));
        });
        assert!(ended.join().is_err() && permits.inner.counts.is_poisoned());
        assert!(matches!(permits.try_acquire(&tenant("b")), Acquire::EngineFull));
        drop(held);
        assert!(permits.try_acquire(&tenant("b")).granted().is_some());
    }

    #[test]
    fn the_hook_runs_once_for_each_release_and_finds_the_place_free() {
        let permits: StdArc<OnceLock<Permits>> = StdArc::default();
        let runs = StdArc::new(AtomicUsize::new(0));
        // The permits own the hook: the hook only looks at them.
        let (seen, counted) = (StdArc::downgrade(&permits), StdArc::clone(&runs));
        let hook: HookFor<TenantCode> = StdArc::new(move |_| {
            let free =
                |permits: &Permits| permits.inner.counts.try_lock().is_ok_and(|counts| counts.in_use == 0);
            let seen = seen.upgrade();
            let free = seen.as_deref().and_then(OnceLock::get).is_some_and(free);
            assert!(free, "outside the lock, after the release");
            counted.fetch_add(1, Ordering::Relaxed);
        });
        let permits = permits.get_or_init(|| Permits::with_release_hook(1, 1, hook));
        for _ in 0..3 {
            let held = permits.try_acquire(&tenant("a")).granted().unwrap();
            assert!(permits.try_acquire(&tenant("a")).granted().is_none());
            drop(held);
        }
        assert_eq!(runs.load(Ordering::Relaxed), 3);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_counts_are_those_of_the_permits_held(steps in prop::collection::vec((0_usize..4, any::<bool>()), 0..80)) {
            let permits = Permits::new(6, 3);
            let mut held: Vec<Permit> = Vec::new();
            for (who, acquire) in steps {
                let who = tenant(&format!("t{who}"));
                let share = held.iter().filter(|permit| permit.tenant() == &who).count();
                if acquire {
                    match permits.try_acquire(&who) {
                        Acquire::Granted(permit) => {
                            prop_assert!(held.len() < 6 && share < 3);
                            held.push(permit);
                        }
                        Acquire::EngineFull => prop_assert!(held.len() == 6 && share < 3),
                        Acquire::TenantFull => prop_assert_eq!(share, 3),
                    }
                } else if let Some(at) = held.iter().position(|permit| permit.tenant() == &who) {
                    drop(held.swap_remove(at));
                }
                prop_assert_eq!(permits.in_use(), held.len());
                prop_assert!(permits.shares_add_up());
            }
            held.clear();
            prop_assert_eq!((permits.in_use(), permits.tenants()), (0, 0));
        }
    }
}
