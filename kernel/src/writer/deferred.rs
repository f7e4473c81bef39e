//! When deferred updates, which the store refused for the moment, are retried. Holds no updates.

use std::time::Duration;

use super::backoff::Backoff;

/// One batch of deferred updates is tried at a time, and the pause grows until the store takes it. Other updates are
/// written without waiting.
pub(super) struct Deferred {
    backoff: Backoff,
    /// When the next batch is tried; `None` while one is under way.
    until: Option<Duration>,
}

impl Deferred {
    pub(super) fn new(backoff: Backoff) -> Self {
        Self { backoff, until: None }
    }

    /// Whether a batch is to be tried now; the next is tried after this one has returned.
    pub(super) fn is_due(&mut self, now: Duration) -> bool {
        self.until.take_if(|until| *until <= now).is_some()
    }

    pub(super) fn until(&self) -> Option<Duration> {
        self.until
    }

    /// The store took the whole batch: the remaining updates are tried at once.
    pub(super) fn taken(&mut self, now: Duration, left: usize) {
        self.backoff.succeed();
        self.until = (left > 0).then_some(now);
    }

    /// Records how many updates are deferred. Returns whether none was before.
    pub(super) fn wait(&mut self, now: Duration, left: usize) -> bool {
        let first = left > 0 && !self.backoff.is_failing();
        if left > 0 && self.until.is_none() {
            self.until = now.checked_add(self.backoff.fail());
        }
        first
    }
}
