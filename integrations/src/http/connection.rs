//! `Connection`: a stream on which HTTP is spoken, and what its pool must know of it. Opens none.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection as Pooled};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// Any stream: TCP, TLS, TLS within the TLS of a proxy.
pub(crate) type Stream = Box<dyn Duplex>;

/// What can be read from and written to.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Whether a connection was ended because too many interim answers came over it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flood(pub(crate) Arc<AtomicBool>);

/// A connection for a pool.
pub(crate) struct Connection {
    io: TokioIo<Stream>,
    /// Whether a proxy reads the requests.
    forwarded: bool,
    /// Where HTTP/2 was agreed on.
    h2: Option<Flood>,
}

impl Connection {
    /// One on which HTTP/1.1 is spoken.
    pub(crate) fn plain(stream: Stream, forwarded: bool) -> Self {
        Self { io: TokioIo::new(stream), forwarded, h2: None }
    }

    /// One on which HTTP/2 was agreed on.
    pub(crate) fn h2(stream: Stream, flood: Flood) -> Self {
        Self { io: TokioIo::new(stream), forwarded: false, h2: Some(flood) }
    }
}

impl Pooled for Connection {
    fn connected(&self) -> Connected {
        let connected = Connected::new().proxy(self.forwarded);
        match &self.h2 {
            Some(flood) => connected.negotiated_h2().extra(flood.clone()),
            None => connected,
        }
    }
}

impl Read for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl Write for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, buffers)
    }
}
