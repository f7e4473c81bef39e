//! Sent: whether the request of one attempt is sent, or withdrawn before. The integration reports the sending, on any
//! thread; the attempt withdraws; the first of the two wins. Keeps no time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Waker;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use updraft_kernel::shared::revocable::{Revocable, Revoke};
use updraft_protocol::Sending;

/// Whether the integration has reported that it sends.
#[derive(Default)]
pub(crate) struct Sent {
    leaves: Revocable,
    /// The attempt that waits for the report, unless it is being polled.
    attempt: AtomicWaker,
    /// For how many milliseconds its tool wants to be left alone; read once the attempt is over, by the thread that saw it end.
    pause_ms: AtomicU64,
    /// Whether a bound of this process has kept its last request from the tool; read as the pause is.
    is_held_back: AtomicBool,
}

impl Sent {
    /// The handle by which the integration reports it.
    pub(crate) fn sending(self: &Arc<Self>) -> Sending {
        let (sent, pausing, held) = (self.clone(), self.clone(), self.clone());
        let left_alone = move |pause: Duration| {
            let millis = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
            pausing.pause_ms.fetch_max(millis, Ordering::Relaxed);
        };
        let held_back = move || held.is_held_back.store(true, Ordering::Relaxed);
        Sending::new(move || sent.begin()).with_left_alone(left_alone).with_held_back(held_back)
    }

    fn begin(&self) -> bool {
        self.is_held_back.store(false, Ordering::Relaxed);
        let first = !self.leaves.is_taken();
        let leaves = self.leaves.take();
        if first {
            self.attempt.wake();
        }
        leaves
    }

    /// For how long the tool wants to be left alone, as was reported with its answer.
    pub(crate) fn pause(&self) -> Option<Duration> {
        let millis = self.pause_ms.load(Ordering::Relaxed);
        (millis > 0).then(|| Duration::from_millis(millis))
    }

    /// Whether a bound of this process has kept its request from the tool.
    pub(crate) fn is_held_back(&self) -> bool {
        self.is_held_back.load(Ordering::Relaxed)
    }

    /// Withdraws the request; returns false if it was already sent.
    pub(crate) fn withdraw(&self) -> bool {
        self.leaves.revoke() == Revoke::InTime
    }

    /// The integration is being polled: its report need not wake the attempt.
    pub(crate) fn listening(&self) {
        drop(self.attempt.take());
    }

    /// Whether it was reported; if not, `waker` is woken when it is.
    pub(crate) fn begun_or_wake(&self, waker: &Waker) -> bool {
        self.leaves.is_taken() || {
            self.attempt.register(waker);
            self.leaves.is_taken()
        }
    }
}
