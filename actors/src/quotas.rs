//! The quotas of tenants in this engine: those of the configuration, and those that an operator has set instead, which win. Owns what
//! holds for a tenant, and counts submissions. Stores nothing.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::Instant;
use updraft_kernel::rate::RateMeter;
use updraft_protocol::limits::SUBMISSION_METERS;
use updraft_protocol::{Quota, TenantCode};

/// What is told of a tenant where its name is not: whether it has quotas of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TenantClass {
    /// The quotas that all tenants have.
    Default,
    /// Some of its own, by the configuration or an operator.
    Own,
}

impl TenantClass {
    /// All classes.
    pub const ALL: [Self; 2] = [Self::Default, Self::Own];

    /// The text in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Own => "own",
        }
    }
}

/// The quotas of all tenants.
#[derive(Debug)]
pub struct Quotas {
    default: Quota,
    configured: HashMap<TenantCode, Quota>,
    /// Those that an operator has set.
    set: RwLock<HashMap<TenantCode, Quota>>,
    /// The submissions of tenants that have a rate, with the quota that it is of.
    meters: Mutex<HashMap<TenantCode, (Quota, RateMeter)>>,
    /// The instant from which the meters count.
    started: Instant,
}

impl Quotas {
    /// The quotas of a configuration.
    pub fn new(default: Quota, configured: HashMap<TenantCode, Quota>) -> Self {
        let (set, meters) = (RwLock::default(), Mutex::default());
        Self { default, configured, set, meters, started: Instant::now() }
    }

    /// What holds for a tenant.
    pub fn of(&self, tenant: &TenantCode) -> Quota {
        let set = self.set.read().unwrap_or_else(PoisonError::into_inner).get(tenant).copied();
        let configured = self.configured.get(tenant).copied().unwrap_or_default();
        set.unwrap_or_default().or(configured).or(self.default)
    }

    /// The tenants for which something else holds than the default.
    pub fn tenants(&self) -> Vec<TenantCode> {
        let set = self.set.read().unwrap_or_else(PoisonError::into_inner);
        let mut tenants: Vec<TenantCode> = set.keys().chain(self.configured.keys()).cloned().collect();
        tenants.sort_unstable();
        tenants.dedup();
        tenants
    }

    /// The class of a tenant.
    pub fn class(&self, tenant: &TenantCode) -> TenantClass {
        let is_set = || self.set.read().unwrap_or_else(PoisonError::into_inner).contains_key(tenant);
        if self.configured.contains_key(tenant) || is_set() { TenantClass::Own } else { TenantClass::Default }
    }

    /// The turns of a tenant in a round.
    pub fn weight(&self, tenant: &TenantCode) -> u32 {
        let set =
            self.set.read().unwrap_or_else(PoisonError::into_inner).get(tenant).and_then(|set| set.weight);
        let configured = || self.configured.get(tenant).and_then(|configured| configured.weight);
        set.or_else(configured).or(self.default.weight).unwrap_or(1)
    }

    /// An operator has set it, or cleared what was set.
    pub fn set(&self, tenant: &TenantCode, quota: Option<Quota>) {
        let mut set = self.set.write().unwrap_or_else(PoisonError::into_inner);
        match quota {
            Some(quota) => set.insert(tenant.clone(), quota),
            None => set.remove(tenant),
        };
    }

    /// Counts a submission of a tenant.
    ///
    /// # Errors
    /// It is one too many; the next is taken after this time.
    pub fn submit(&self, tenant: &TenantCode) -> Result<(), Duration> {
        let quota = self.of(tenant);
        let Some(rate) = quota.submissions.and_then(|submissions| submissions.rate()) else { return Ok(()) };
        let now = self.started.elapsed();
        let mut meters = self.meters();
        if meters.len() >= SUBMISSION_METERS && !meters.contains_key(tenant) {
            meters.retain(|_, (_, meter)| !meter.is_unused(now));
        }
        let new = || (quota, RateMeter::new(rate));
        let (of, meter) = meters.entry(tenant.clone()).or_insert_with(new);
        if *of != quota {
            (*of, *meter) = new();
        }
        let earliest = meter.earliest();
        if earliest > now {
            return Err(earliest - now);
        }
        meter.take(now);
        Ok(())
    }

    fn meters(&self) -> MutexGuard<'_, HashMap<TenantCode, (Quota, RateMeter)>> {
        self.meters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use updraft_protocol::SubmissionRate;

    use super::*;

    #[test]
    fn what_an_operator_sets_wins_field_by_field_and_is_cleared() {
        let [acme, other] = ["acme", "other"].map(|code| TenantCode::new(code).unwrap());
        let of = |weight, queued| Quota { weight, queued, ..Quota::default() };
        let configured = HashMap::from([(acme.clone(), of(Some(3), None))]);
        let quotas = Quotas::new(of(Some(2), Some(9)), configured);
        assert_eq!((quotas.of(&acme), quotas.weight(&other)), (of(Some(3), Some(9)), 2));
        quotas.set(&acme, Some(of(Some(5), None)));
        assert_eq!((quotas.weight(&acme), quotas.of(&acme).queued), (5, Some(9)));
        assert_eq!([&acme, &other].map(|of| quotas.class(of)), [TenantClass::Own, TenantClass::Default]);
        quotas.set(&acme, None);
        assert_eq!(quotas.weight(&acme), 3);
        assert_eq!(quotas.tenants(), [acme]);
    }

    #[tokio::test(start_paused = true)]
    async fn submissions_beyond_the_rate_are_told_when_to_come_again() {
        let acme = TenantCode::new("acme").unwrap();
        let rate = SubmissionRate { per_second: 2, burst: 3 };
        let quotas = Quotas::new(Quota { submissions: Some(rate), ..Quota::default() }, HashMap::new());
        for _ in 0..3 {
            assert_eq!(quotas.submit(&acme), Ok(()));
        }
        assert_eq!(quotas.submit(&acme), Err(Duration::from_millis(500)));
        tokio::time::advance(Duration::from_millis(500)).await;
        assert_eq!(quotas.submit(&acme), Ok(()));
        assert!(quotas.submit(&acme).is_err());
        quotas.set(
            &acme,
            Some(Quota { submissions: Some(SubmissionRate { per_second: 9, burst: 9 }), ..Quota::default() }),
        );
        assert_eq!(quotas.submit(&acme), Ok(()), "another rate begins anew");
    }
}
