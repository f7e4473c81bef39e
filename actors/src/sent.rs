//! Sent: whether the request of one attempt may have left. Written by the integration, on whatever thread it is; read by
//! the attempt. Keeps no time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

use futures_util::task::AtomicWaker;
use updraft_protocol::Sending;

/// Whether an integration has said that it sends.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    begun: AtomicBool,
    /// The attempt that waits for it, where it is not the one that is at work.
    attempt: AtomicWaker,
}

impl Sent {
    /// What the integration is given to say it by.
    pub(crate) fn sending(self: &Arc<Self>) -> Sending {
        let sent = self.clone();
        Sending::new(move || sent.begin())
    }

    fn begin(&self) {
        if !self.begun.swap(true, Ordering::AcqRel) {
            self.attempt.wake();
        }
    }

    pub(crate) fn begun(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }

    /// The integration is polled: what it says meanwhile needs to wake nobody.
    pub(crate) fn listening(&self) {
        drop(self.attempt.take());
    }

    /// Whether it has been said; where not, `waker` is woken when it is.
    pub(crate) fn begun_or_wake(&self, waker: &Waker) -> bool {
        self.begun() || {
            self.attempt.register(waker);
            self.begun()
        }
    }
}
