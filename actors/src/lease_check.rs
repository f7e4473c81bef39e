//! The lease check: whether this engine has found lately that the store's lease is still its own. Another engine may have taken
//! the lease while this machine stood still (suspended, stopped), so until the lease was found again nothing begins. Asks no
//! store itself.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use updraft_protocol::limits::{STORE_BEAT, STORE_LEASE};

/// How long a look holds: until shortly before another engine may have taken the store.
const HOLDS: Duration = STORE_LEASE.saturating_sub(STORE_BEAT);
/// How often it is looked whether somebody has looked.
const LOOK: Duration = Duration::from_millis(20);

/// When it was last looked at the store.
#[derive(Debug)]
pub struct LeaseCheck {
    began: Instant,
    /// Milliseconds from the beginning.
    looked: AtomicU64,
    /// Whether another engine has it.
    lost: AtomicBool,
}

impl Default for LeaseCheck {
    /// One that begins now.
    fn default() -> Self {
        Self { began: Instant::now(), looked: AtomicU64::new(0), lost: AtomicBool::new(false) }
    }
}

impl LeaseCheck {
    /// At this moment it was so that no other engine was known to have the store.
    pub fn looked(&self, at: Instant) {
        let millis = at.saturating_duration_since(self.began).as_millis();
        self.looked.fetch_max(u64::try_from(millis).unwrap_or(u64::MAX), Ordering::Release);
    }

    /// Whether that was lately.
    pub(crate) fn is_current(&self) -> bool {
        let looked = self.began + Duration::from_millis(self.looked.load(Ordering::Acquire));
        looked.elapsed() < HOLDS
    }

    /// Another engine has the store.
    pub fn lose(&self) {
        self.lost.store(true, Ordering::Release);
    }

    /// Waits until it is; false where another engine has the store.
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
        // An answer to what was asked before says nothing of the time since.
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
