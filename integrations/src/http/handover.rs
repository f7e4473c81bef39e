//! The moment when a request is handed to a connection, detected by its body. Until then the tool cannot have acted,
//! however long the look-up and the connection took.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::Notify;
use tokio::time::Instant;
use updraft_protocol::Sending;

/// Reports once that the request is about to be sent.
pub(crate) struct Handover {
    sending: Sending,
    at: OnceLock<Instant>,
    told: Notify,
}

impl Handover {
    pub(crate) fn new(sending: Sending) -> Arc<Self> {
        Arc::new(Self { sending, at: OnceLock::new(), told: Notify::new() })
    }

    /// When it was reported, if it was.
    pub(crate) fn at(&self) -> Option<Instant> {
        self.at.get().copied()
    }

    /// Waits for the report.
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
            // If the call was withdrawn, its future is dropped on this same thread, and this body with it.
            if self.sending.begin() {
                self.told.notify_one();
            }
        }
    }
}

/// A body that reports when a connection takes its request.
///
/// hyper calls [`Body::is_end_stream`] first at the moment when it takes a request from its queue to write it, with
/// HTTP/1 and HTTP/2 alike. It does not for a request that waits for a connection, or whose connection was closed
/// before. If a server of HTTP/2 accepts no more concurrent requests, the call is made for the next request although it
/// still waits: the report may be too early, never too late.
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
