//! The pause after a failed batch, as for a retry that never gives up. Decides how long; never waits.

use std::time::Duration;

use updraft_protocol::ids::mix;

use crate::plan::RetryPolicy;
use crate::retry;

/// How often the store failed, and thereby how long to pause.
pub(super) struct Backoff {
    policy: RetryPolicy,
    /// Failures since the last success.
    failures: u32,
    /// The state of the jitter.
    jitter: u64,
}

impl Backoff {
    pub(super) fn new(initial: Duration, max: Duration, seed: u64) -> Self {
        let policy =
            RetryPolicy { attempts: u32::MAX, initial, max, multiplier: 2.0, give_up_after: Duration::MAX };
        Self { policy, failures: 0, jitter: mix(seed) }
    }

    /// The store failed: returns the pause.
    pub(super) fn fail(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.jitter = mix(self.jitter);
        retry::backoff(&self.policy, self.failures, self.jitter)
    }

    /// The store took a batch.
    pub(super) fn succeed(&mut self) {
        self.failures = 0;
    }

    pub(super) fn is_failing(&self) -> bool {
        self.failures > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_differ_by_seed() {
        let pauses = |seed| {
            let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(10), seed);
            (0..64).map(|_| backoff.fail()).collect::<Vec<_>>()
        };
        let one = pauses(1);
        assert!(one[0] <= Duration::from_millis(50) && one[1] <= Duration::from_millis(100));
        assert!(one.iter().all(|pause| *pause <= Duration::from_secs(10)));
        assert!(one[20..].iter().any(|pause| *pause > Duration::from_secs(5)));
        assert!(
            one[20..].iter().any(|pause| *pause < Duration::from_secs(1)),
            "full jitter begins at nothing"
        );
        assert_ne!(one, pauses(2));
    }

    #[test]
    fn a_success_begins_again() {
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(10), 1);
        for _ in 0..40 {
            backoff.fail();
        }
        backoff.succeed();
        assert!(!backoff.is_failing());
        assert!(backoff.fail() <= Duration::from_millis(50));
    }
}
