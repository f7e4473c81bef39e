//! What is deferred: when the store is asked again for what it would not have. Decides when; holds no updates.

use std::time::Duration;

use super::backoff::Backoff;

/// One batch of deferred updates is tried at a time, and the pause grows until the store takes it: others go on meanwhile.
pub(super) struct Deferred {
    backoff: Backoff,
    /// When the next of them are tried; none while some are.
    until: Option<Duration>,
}

impl Deferred {
    pub(super) fn new(backoff: Backoff) -> Self {
        Self { backoff, until: None }
    }

    /// Whether some are to be tried now; then the next are tried when these have come back.
    pub(super) fn is_due(&mut self, now: Duration) -> bool {
        self.until.take_if(|until| *until <= now).is_some()
    }

    pub(super) fn until(&self) -> Option<Duration> {
        self.until
    }

    /// The store took all of those that were tried: the others are tried at once.
    pub(super) fn taken(&mut self, now: Duration, left: usize) {
        self.backoff.succeed();
        self.until = (left > 0).then_some(now);
    }

    /// So many are deferred. Says whether none were deferred before.
    pub(super) fn wait(&mut self, now: Duration, left: usize) -> bool {
        let first = left > 0 && !self.backoff.is_failing();
        if left > 0 && self.until.is_none() {
            self.until = now.checked_add(self.backoff.fail());
        }
        first
    }
}
