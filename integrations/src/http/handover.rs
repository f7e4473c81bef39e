//! The moment when a request is handed to a connection, detected by its body. Until then the tool cannot have acted,
//! however long the look-up and the connection took.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::Notify;
use tokio::time::Instant;
use updraft_protocol::Sending;

use super::outgoing::{Blocks, Content, FileContent};

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

    /// A bound of this process has kept the request from its tool.
    pub(crate) fn held_back(&self) {
        self.sending.held_back();
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
    content: Handing,
    handover: Arc<Handover>,
}

/// What is left of the content.
enum Handing {
    Bytes(Option<Bytes>),
    /// A file that is read once a connection has taken the request.
    File {
        file: FileContent,
        blocks: Option<Blocks>,
        left: u64,
    },
}

impl Handed {
    pub(crate) fn new(content: Content, handover: Arc<Handover>) -> Self {
        let content = match content {
            Content::Bytes(bytes) => Handing::Bytes(Some(bytes).filter(|bytes| !bytes.is_empty())),
            Content::File(file) => Handing::File { left: file.bytes, file, blocks: None },
        };
        Self { content, handover }
    }
}

impl Body for Handed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.handover.tell();
        let (file, blocks, left) = match &mut self.content {
            Handing::Bytes(bytes) => return Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Handing::File { left: 0, .. } => return Poll::Ready(None),
            Handing::File { file, blocks, left } => (file, blocks, left),
        };
        let block = match ready!(blocks.get_or_insert_with(|| file.blocks()).poll_recv(context)) {
            Some(block) => block?,
            None => return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into()))),
        };
        // A file never changes: it has no more than it had.
        *left = left.saturating_sub(block.len() as u64);
        Poll::Ready(Some(Ok(Frame::data(block))))
    }

    fn is_end_stream(&self) -> bool {
        self.handover.tell();
        match &self.content {
            Handing::Bytes(bytes) => bytes.is_none(),
            Handing::File { left, .. } => *left == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match &self.content {
            Handing::Bytes(bytes) => bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
            Handing::File { left, .. } => *left,
        })
    }
}
