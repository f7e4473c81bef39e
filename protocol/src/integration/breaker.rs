//! Circuit breakers: when the calls of a tool that does not work are held back. Declares; counts nothing.

use std::time::Duration;

use thiserror::Error;

use crate::limits::{
    BREAKER_CALLS, BREAKER_FAILURES, BREAKER_OPEN, BREAKER_OPEN_LONGEST, BREAKER_PERCENT, BREAKER_PROBES,
    BREAKER_WINDOW, BREAKER_WINDOW_LONGEST,
};

/// When the circuit of a tool opens, and for how long.
///
/// A failure is a call that did not reach the tool, had no answer in time, was interrupted, or was answered with a status of
/// 500 or above. Any other answer is a success, but for one that demands fewer calls, which says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerPolicy {
    failures: u32,
    percent: u32,
    calls: u32,
    window: Duration,
    open_for: Duration,
    probes: u32,
    is_on: bool,
}

/// A breaker that cannot be meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BreakerError {
    /// No failures, calls or probes.
    #[error("{0}: at least 1")]
    Zero(&'static str),
    /// No share.
    #[error("percent: 1 to 100")]
    Percent,
    /// A window that is too short or too long.
    #[error("window: 1s to {}s", BREAKER_WINDOW_LONGEST.as_secs())]
    Window,
    /// A time that is too short or too long.
    #[error("open_for: 1s to {}s", BREAKER_OPEN_LONGEST.as_secs())]
    OpenFor,
}

impl BreakerError {
    /// Whether the same can be valid another time: never.
    pub fn retryable(&self) -> bool {
        false
    }
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self {
            failures: BREAKER_FAILURES,
            percent: BREAKER_PERCENT,
            calls: BREAKER_CALLS,
            window: BREAKER_WINDOW,
            open_for: BREAKER_OPEN,
            probes: BREAKER_PROBES,
            is_on: true,
        }
    }
}

impl BreakerPolicy {
    /// Opens after 5 failures in a row, or half of at least 20 calls of a minute, for a minute; then one call at a time is a
    /// probe.
    pub fn new() -> Self {
        Self::default()
    }

    /// Never opens.
    pub fn off() -> Self {
        Self { is_on: false, ..Self::default() }
    }

    /// Opens after so many failures in a row.
    #[must_use]
    pub fn failures(self, failures: u32) -> Self {
        Self { failures, ..self }
    }

    /// Opens when this share of at least `calls` calls in a window failed.
    #[must_use]
    pub fn ratio(self, percent: u32, calls: u32, window: Duration) -> Self {
        Self { percent, calls, window, ..self }
    }

    /// How long it stays open before probes.
    #[must_use]
    pub fn open_for(self, open_for: Duration) -> Self {
        Self { open_for, ..self }
    }

    /// Probes at once.
    #[must_use]
    pub fn probes(self, probes: u32) -> Self {
        Self { probes, ..self }
    }

    /// The same, if it can be meant.
    ///
    /// # Errors
    /// The part that cannot.
    pub fn checked(self) -> Result<Self, BreakerError> {
        for (name, number) in [("failures", self.failures), ("calls", self.calls), ("probes", self.probes)] {
            if number == 0 {
                return Err(BreakerError::Zero(name));
            }
        }
        let second = Duration::from_secs(1);
        if !(1..=100).contains(&self.percent) {
            Err(BreakerError::Percent)
        } else if !(second..=BREAKER_WINDOW_LONGEST).contains(&self.window) {
            Err(BreakerError::Window)
        } else if !(second..=BREAKER_OPEN_LONGEST).contains(&self.open_for) {
            Err(BreakerError::OpenFor)
        } else {
            Ok(self)
        }
    }

    /// Whether it opens at all.
    pub fn is_on(&self) -> bool {
        self.is_on
    }

    /// Failures in a row that open it.
    pub fn failures_in_row(&self) -> u32 {
        self.failures
    }

    /// Whether so many failures of so many calls in a window open it.
    pub fn is_too_many(&self, failed: u32, calls: u32) -> bool {
        calls >= self.calls && u64::from(failed) * 100 >= u64::from(calls) * u64::from(self.percent)
    }

    /// The window of [`is_too_many`](Self::is_too_many).
    pub fn window(&self) -> Duration {
        self.window
    }

    /// How long it stays open before probes.
    pub fn opens_for(&self) -> Duration {
        self.open_for
    }

    /// Probes at once.
    pub fn probes_at_once(&self) -> u32 {
        self.probes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_part() {
        let told = |policy: BreakerPolicy| policy.checked().unwrap_err().to_string();
        let policy = BreakerPolicy::new();
        assert_eq!(policy.checked(), Ok(policy));
        assert_eq!(told(policy.failures(0)), "failures: at least 1");
        assert_eq!(told(policy.probes(0)), "probes: at least 1");
        assert_eq!(told(policy.ratio(50, 0, BREAKER_WINDOW)), "calls: at least 1");
        assert_eq!(told(policy.ratio(0, 1, BREAKER_WINDOW)), "percent: 1 to 100");
        assert_eq!(told(policy.ratio(101, 1, BREAKER_WINDOW)), "percent: 1 to 100");
        assert_eq!(told(policy.ratio(50, 1, Duration::ZERO)), "window: 1s to 3600s");
        assert_eq!(told(policy.open_for(Duration::MAX)), "open_for: 1s to 86400s");
    }

    #[test]
    fn a_share_counts_from_its_number_of_calls_on() {
        let policy = BreakerPolicy::new().ratio(50, 4, BREAKER_WINDOW);
        assert!(!policy.is_too_many(3, 3) && policy.is_too_many(2, 4) && !policy.is_too_many(2, 5));
    }
}
