//! The moment in which a request is handed to a connection: the body that tells it. Until then the tool cannot have acted,
//! however long the name was looked up and the connection opened.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::Notify;
use tokio::time::Instant;
use updraft_protocol::Sending;

/// Says once that the request is about to leave.
pub(crate) struct Handover {
    sending: Sending,
    at: OnceLock<Instant>,
    told: Notify,
}

impl Handover {
    pub(crate) fn new(sending: Sending) -> Arc<Self> {
        Arc::new(Self { sending, at: OnceLock::new(), told: Notify::new() })
    }

    /// When it was, if it was.
    pub(crate) fn at(&self) -> Option<Instant> {
        self.at.get().copied()
    }

    /// Waits for it.
    pub(crate) async fn told(&self) -> Instant {
        loop {
            if let Some(at) = self.at() {
                return at;
            }
            self.told.notified().await;
        }
    }

    fn tell(&self) {
        if self.at.set(Instant::now()).is_ok() {
            // Where the call was withdrawn its future is dropped, and with it this body: both live on one thread.
            if self.sending.begin() {
                self.told.notify_one();
            }
        }
    }
}

/// A body that tells its handover when a connection takes its request.
///
/// hyper asks [`Body::is_end_stream`] first in the moment in which it takes a request from its queue to write it, with
/// HTTP/1 and HTTP/2 alike: a request that waits for a connection, or whose connection closed before, is not asked. Where a
/// server of HTTP/2 takes no more requests at once, the one that is next is asked although it waits: it says too early that
/// it leaves, never too late.
pub(crate) struct Handed {
    bytes: Option<Bytes>,
    handover: Arc<Handover>,
}

impl Handed {
    pub(crate) fn new(bytes: Bytes, handover: Arc<Handover>) -> Self {
        Self { bytes: Some(bytes).filter(|bytes| !bytes.is_empty()), handover }
    }
}

impl Body for Handed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.handover.tell();
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.handover.tell();
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
