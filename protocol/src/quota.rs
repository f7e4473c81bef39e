//! Quotas: how much of an engine a tenant may have at once, and its weight against others. Owns their form and what can be meant;
//! counts nothing.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::integration::Rate;
use crate::limits::{CALLS_AT_ONCE, SUBMISSIONS_A_SECOND, TENANT_WEIGHT};

/// The quotas of a tenant. What is `None` is as the default says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quota {
    /// Executions in flight; others wait, also where the engine has places.
    pub in_flight: Option<u64>,
    /// Tasks that call tools at once, those that wait for their tool among them; others wait. Nobody waits where nothing is said.
    pub tasks_at_once: Option<u32>,
    /// Queued executions; further submissions are refused.
    pub queued: Option<u64>,
    /// Submissions a second; further ones are refused.
    pub submissions: Option<SubmissionRate>,
    /// The turns in a round, where tenants wait for the same; one where nothing is said.
    pub weight: Option<u32>,
}

/// How many submissions are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubmissionRate {
    /// In a second, in the long run.
    pub per_second: u32,
    /// Together, after a pause.
    pub burst: u32,
}

/// Why a quota cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {value} is not within {least} to {most}")]
pub struct QuotaError {
    /// The field.
    pub place: &'static str,
    /// What it says.
    pub value: u64,
    /// The least that it may say.
    pub least: u64,
    /// The most.
    pub most: u64,
}

impl QuotaError {
    /// Whether the same quota can be set later: never.
    pub fn retryable(&self) -> bool {
        false
    }
}

impl Quota {
    /// Whether it can be meant, in an engine of so many places.
    ///
    /// # Errors
    /// The first field that cannot.
    pub fn checked(&self, places: u64) -> Result<(), QuotaError> {
        let rate = self.submissions;
        let most = u64::from(SUBMISSIONS_A_SECOND);
        for (place, value, least, most) in [
            ("in_flight", self.in_flight, 1, places),
            ("tasks_at_once", self.tasks_at_once.map(u64::from), 1, u64::from(CALLS_AT_ONCE)),
            ("queued", self.queued, 0, u64::MAX),
            ("submissions.per_second", rate.map(|rate| rate.per_second.into()), 1, most),
            ("submissions.burst", rate.map(|rate| rate.burst.into()), 1, most),
            ("weight", self.weight.map(u64::from), 1, u64::from(TENANT_WEIGHT)),
        ] {
            if let Some(value) = value.filter(|value| !(least..=most).contains(value)) {
                return Err(QuotaError { place, value, least, most });
            }
        }
        Ok(())
    }

    /// This one, where it says something, else the other.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            in_flight: self.in_flight.or(other.in_flight),
            tasks_at_once: self.tasks_at_once.or(other.tasks_at_once),
            queued: self.queued.or(other.queued),
            submissions: self.submissions.or(other.submissions),
            weight: self.weight.or(other.weight),
        }
    }
}

impl SubmissionRate {
    /// As a rate, whose period is long enough for the burst.
    pub fn rate(self) -> Option<Rate> {
        let seconds = self.burst.div_ceil(self.per_second.max(1)).max(1);
        let calls = NonZeroU32::new(self.per_second.checked_mul(seconds)?)?;
        let rate = Rate::new(calls, Duration::from_secs(u64::from(seconds))).ok()?;
        rate.with_burst(NonZeroU32::new(self.burst)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_that_cannot_be_meant_is_told_with_its_place() {
        let rate = |per_second, burst| Some(SubmissionRate { per_second, burst });
        for (quota, told) in [
            (Quota { in_flight: Some(0), ..Quota::default() }, "in_flight: 0 is not within 1 to 50"),
            (Quota { in_flight: Some(51), ..Quota::default() }, "in_flight: 51 is not within 1 to 50"),
            (Quota { weight: Some(0), ..Quota::default() }, "weight: 0 is not within 1 to 1000"),
            (Quota { submissions: rate(0, 5), ..Quota::default() }, "submissions.per_second: 0 is not"),
            (Quota { submissions: rate(5, 0), ..Quota::default() }, "submissions.burst: 0 is not"),
        ] {
            let error = quota.checked(50).unwrap_err().to_string();
            assert!(error.starts_with(told), "{error}");
        }
        let (in_flight, tasks_at_once) = (Some(50), Some(9));
        let whole =
            Quota { in_flight, tasks_at_once, queued: Some(0), submissions: rate(5, 90), weight: Some(9) };
        assert_eq!(whole.checked(50), Ok(()));
        assert_eq!(Quota::default().or(whole), whole);
        assert_eq!(Quota { weight: Some(2), ..Quota::default() }.or(whole).weight, Some(2));
    }

    #[test]
    fn a_rate_has_its_burst_whatever_its_length() {
        for (per_second, burst) in [(1, 1), (5, 3), (5, 90), (1_000_000, 1), (3, 1_000_000)] {
            let rate = SubmissionRate { per_second, burst }.rate().unwrap();
            assert_eq!(rate.burst().get(), burst);
            let in_a_second = f64::from(rate.calls().get()) / rate.per().as_secs_f64();
            assert!((in_a_second - f64::from(per_second)).abs() < 1e-9);
        }
    }
}
