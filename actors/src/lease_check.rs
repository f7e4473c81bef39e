//! The lease check: whether this engine has recently found that it still holds the store's lease. Another engine may
//! have taken the lease while this machine was suspended or stopped, so nothing begins until the lease was confirmed
//! again. Does not read the store itself.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use updraft_protocol::limits::{STORE_BEAT, STORE_LEASE};

/// How long a confirmation holds: until shortly before another engine may take the store.
const HOLDS: Duration = STORE_LEASE.saturating_sub(STORE_BEAT);
/// How often a waiting attempt checks for a confirmation.
const LOOK: Duration = Duration::from_millis(20);

/// When the lease was last confirmed.
#[derive(Debug)]
pub struct LeaseCheck {
    began: Instant,
    /// Milliseconds since the beginning.
    looked: AtomicU64,
    /// Whether another engine holds the lease.
    lost: AtomicBool,
}

impl Default for LeaseCheck {
    /// Confirmed now.
    fn default() -> Self {
        Self { began: Instant::now(), looked: AtomicU64::new(0), lost: AtomicBool::new(false) }
    }
}

impl LeaseCheck {
    /// Records that no other engine was known to hold the lease at this instant.
    pub fn looked(&self, at: Instant) {
        let millis = at.saturating_duration_since(self.began).as_millis();
        self.looked.fetch_max(u64::try_from(millis).unwrap_or(u64::MAX), Ordering::Release);
    }

    /// Whether the last confirmation still holds.
    pub(crate) fn is_current(&self) -> bool {
        let looked = self.began + Duration::from_millis(self.looked.load(Ordering::Acquire));
        looked.elapsed() < HOLDS
    }

    /// Records that another engine holds the lease.
    pub fn lose(&self) {
        self.lost.store(true, Ordering::Release);
    }

    /// Waits for a confirmation; returns false if another engine holds the lease.
    pub(crate) async fn current(&self) -> bool {
        while !self.lost.load(Ordering::Acquire) {
            if self.is_current() {
                return true;
            }
            tokio::time::sleep(LOOK).await;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_stood_still_for_longer_than_a_look_holds_waits_for_the_next() {
        let lease_check = LeaseCheck::default();
        let asked = Instant::now();
        tokio::time::advance(HOLDS / 2).await;
        assert!(lease_check.is_current());
        tokio::time::advance(STORE_LEASE).await;
        // The reply is only valid for the instant of the request.
        lease_check.looked(asked);
        assert!(!lease_check.is_current() && lease_check.current().now_or_never().is_none());
        lease_check.looked(Instant::now());
        assert!(lease_check.current().await);
        lease_check.looked(asked);
        assert!(lease_check.is_current(), "no look takes back a later one");
        lease_check.lose();
        assert!(!lease_check.current().await);
    }
}
