//! Retry: how long to wait before an attempt, and when not to retry at all. Exponential back-off with full jitter,
//! drawn from a seed, on top of the delay that the tool asked for. Never reads a clock.

use std::time::Duration;

use updraft_protocol::ids::mix;
use updraft_protocol::{Span, Timestamp};

use crate::plan::RetryPolicy;

/// When the attempt after attempt number `attempt` is due, which failed at `failed`: first the delay that the tool
/// asked for (`asked`), then [`backoff`]. So calls that a tool rejected together do not return together.
pub fn due(
    policy: &RetryPolicy,
    attempt: u32,
    seed: u64,
    asked: Option<Duration>,
    failed: Timestamp,
) -> Timestamp {
    failed.after(asked.unwrap_or_default()).after(backoff(policy, attempt, seed))
}

/// Why there is no next attempt: the tool asked for a longer delay than the policy allows, or until after the
/// execution's deadline. `None` if there is one.
pub fn beyond(
    policy: &RetryPolicy,
    asked: Option<Duration>,
    failed: Timestamp,
    deadline: Option<Timestamp>,
) -> Option<String> {
    let asked = asked?;
    let until = failed.after(asked);
    if asked > policy.give_up_after {
        let limit = Span(policy.give_up_after);
        return Some(format!(
            "the tool asks to be left alone until {until}, longer than `retry.give_up_after` ({limit})"
        ));
    }
    deadline.filter(|deadline| until >= *deadline).map(|deadline| {
        format!("the tool asks to be left alone until {until}; the execution may run until {deadline}")
    })
}

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
                give_up_after: Duration::from_secs(3600),
            };
            let wait = backoff(&policy, attempt, seed);
            prop_assert!(wait <= policy.max);
            prop_assert!(attempt > 1 || wait <= policy.initial);
            prop_assert_eq!(wait, backoff(&policy, attempt, seed));
        }
    }

    const POLICY: RetryPolicy = RetryPolicy {
        attempts: 5,
        initial: Duration::from_millis(200),
        max: Duration::from_secs(1),
        multiplier: 2.0,
        give_up_after: Duration::from_secs(60),
    };

    proptest! {
        #[test]
        fn no_attempt_is_due_before_the_tool_may_be_asked_again(
            attempt in 1u32..100, seed: u64, asked in 0u64..100_000_000, failed in 0u64..4_000_000_000_000,
        ) {
            let (asked, failed) = (Duration::from_millis(asked), Timestamp(failed));
            let due = due(&POLICY, attempt, seed, Some(asked), failed);
            prop_assert!(due >= failed.after(asked));
            prop_assert!(due <= failed.after(asked).after(POLICY.max), "and then within the back-off");
        }
    }

    #[test]
    fn those_whom_a_tool_sent_away_together_come_back_spread() {
        let dues: std::collections::BTreeSet<_> = (0..1_000)
            .map(|task| due(&POLICY, 3, mix(task), Some(Duration::from_secs(30)), Timestamp(7)))
            .collect();
        assert!(dues.len() > 300, "{} instants within 800 ms", dues.len());
        assert!(dues.first() >= Some(&Timestamp(30_007)) && dues.last() <= Some(&Timestamp(30_807)));
    }

    #[test]
    fn a_tool_that_asks_for_more_than_is_allowed_is_not_waited_for() {
        let (failed, minute) = (Timestamp(1_780_000_000_000), Duration::from_secs(60));
        let late = |asked: Duration, deadline| beyond(&POLICY, Some(asked), failed, deadline);
        assert_eq!(beyond(&POLICY, None, failed, Some(Timestamp(0))), None, "it asked for nothing");
        assert_eq!(late(minute, None), None);
        assert_eq!(late(minute, Some(failed.after(2 * minute))), None);
        let message = late(minute + Duration::from_millis(1), None).unwrap();
        assert!(message.contains("until 2026-05-28T20:27:40.001Z") && message.contains("(1m)"), "{message}");
        let message = late(minute, Some(failed.after(minute))).unwrap();
        assert!(message.ends_with("may run until 2026-05-28T20:27:40.000Z"), "{message}");
        assert!(late(Duration::MAX, None).is_some(), "an instant beyond all calendars is told too");
    }

    #[test]
    fn waits_are_spread() {
        let policy = RetryPolicy {
            attempts: 5,
            initial: Duration::from_secs(1),
            max: Duration::from_secs(1),
            multiplier: 1.0,
            give_up_after: Duration::from_secs(3600),
        };
        let sum: f64 = (0..1_000).map(|seed| backoff(&policy, 1, seed).as_secs_f64()).sum();
        assert!(
            (0.45..0.55).contains(&(sum / 1_000.0)),
            "the mean of full jitter is half the ceiling: {sum}"
        );
    }
}
