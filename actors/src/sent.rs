//! Sent: whether the request of one attempt leaves, or is withdrawn before it did. The integration says the one, on whatever
//! thread it is, the attempt the other; whoever comes first has it. Keeps no time.

use std::sync::Arc;
use std::task::Waker;

use futures_util::task::AtomicWaker;
use updraft_kernel::shared::revocable::{Revocable, Revoke};
use updraft_protocol::Sending;

/// Whether an integration has said that it sends.
#[derive(Default)]
pub(crate) struct Sent {
    leaves: Revocable,
    /// The attempt that waits for it, where it is not the one that is at work.
    attempt: AtomicWaker,
}

impl Sent {
    /// What the integration is given to say it by.
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

    /// Whether the request never leaves: from now on it cannot, unless it has.
    pub(crate) fn withdraw(&self) -> bool {
        self.leaves.revoke() == Revoke::InTime
    }

    /// The integration is polled: what it says meanwhile needs to wake nobody.
    pub(crate) fn listening(&self) {
        drop(self.attempt.take());
    }

    /// Whether it has been said; where not, `waker` is woken when it is.
    pub(crate) fn begun_or_wake(&self, waker: &Waker) -> bool {
        self.leaves.is_taken() || {
            self.attempt.register(waker);
            self.leaves.is_taken()
        }
    }
}
