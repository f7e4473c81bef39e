//! Sent: whether the request of one attempt is sent, or withdrawn before. The integration reports the sending, on any
//! thread; the attempt withdraws; the first of the two wins. Keeps no time.

use std::sync::Arc;
use std::task::Waker;

use futures_util::task::AtomicWaker;
use updraft_kernel::shared::revocable::{Revocable, Revoke};
use updraft_protocol::Sending;

/// Whether the integration has reported that it sends.
#[derive(Default)]
pub(crate) struct Sent {
    leaves: Revocable,
    /// The attempt that waits for the report, unless it is being polled.
    attempt: AtomicWaker,
}

impl Sent {
    /// The handle by which the integration reports it.
    pub(crate) fn sending(self: &Arc<Self>) -> Sending {
        let sent = self.clone();
        Sending::new(move || sent.begin())
    }

    fn begin(&self) -> bool {
        let first = !self.leaves.is_taken();
        let leaves = self.leaves.take();
        if first {
            self.attempt.wake();
        }
        leaves
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
