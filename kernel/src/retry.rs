//! Retry: how long to wait before an attempt. Exponential back-off with full jitter, drawn from a seed.

use std::time::Duration;

use updraft_protocol::ids::mix;

use crate::plan::RetryPolicy;

/// The wait after failed attempt number `attempt`: uniform between zero and
/// `initial × multiplier^(attempt − 1)`, at most `max` ("full jitter", M. Brooker, AWS Architecture Blog,
/// 2015). The same seed and attempt give the same wait.
pub fn backoff(policy: &RetryPolicy, attempt: u32, seed: u64) -> Duration {
    let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
    let ceiling = policy.initial.as_secs_f64() * policy.multiplier.max(1.0).powi(exponent);
    let ceiling = ceiling.min(policy.max.as_secs_f64());
    let share = mix(seed ^ u64::from(attempt)) as f64 / u64::MAX as f64;
    Duration::try_from_secs_f64(ceiling * share).unwrap_or(policy.max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_wait_stays_below_its_ceiling(attempt in 1u32..200, seed: u64, multiplier in 1.0f64..10.0) {
            let policy = RetryPolicy {
                attempts: 100,
                initial: Duration::from_millis(500),
                max: Duration::from_secs(60),
                multiplier,
            };
            let wait = backoff(&policy, attempt, seed);
            prop_assert!(wait <= policy.max);
            prop_assert!(attempt > 1 || wait <= policy.initial);
            prop_assert_eq!(wait, backoff(&policy, attempt, seed));
        }
    }

    #[test]
    fn waits_are_spread() {
        let policy = RetryPolicy {
            attempts: 5,
            initial: Duration::from_secs(1),
            max: Duration::from_secs(1),
            multiplier: 1.0,
        };
        let sum: f64 = (0..1_000).map(|seed| backoff(&policy, 1, seed).as_secs_f64()).sum();
        assert!(
            (0.45..0.55).contains(&(sum / 1_000.0)),
            "the mean of full jitter is half the ceiling: {sum}"
        );
    }
}
