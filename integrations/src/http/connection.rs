//! `Connection`: a stream on which HTTP is spoken, and what its pool must know of it. Opens none.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
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

/// Why a connection of HTTP/2 ended, where that is more than h2 hands on: of what goes wrong beneath it, it keeps the words
/// alone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ending(pub(crate) Arc<OnceLock<Ended>>);

/// See [`Ending`].
#[derive(Debug, Clone)]
pub(crate) enum Ended {
    /// Too many interim answers came over it.
    Flood,
    /// The server refused the client's certificate, or that there was none: no request was read.
    Refused(String),
}

/// A connection for a pool.
pub(crate) struct Connection {
    io: TokioIo<Stream>,
    /// Whether a proxy reads the requests.
    forwarded: bool,
    /// Where HTTP/2 was agreed on.
    h2: Option<Ending>,
}

impl Connection {
    /// One on which HTTP/1.1 is spoken.
    pub(crate) fn plain(stream: Stream, forwarded: bool) -> Self {
        Self { io: TokioIo::new(stream), forwarded, h2: None }
    }

    /// One on which HTTP/2 was agreed on.
    pub(crate) fn h2(stream: Stream, ending: Ending) -> Self {
        Self { io: TokioIo::new(stream), forwarded: false, h2: Some(ending) }
    }
}

impl Pooled for Connection {
    fn connected(&self) -> Connected {
        let connected = Connected::new().proxy(self.forwarded);
        match &self.h2 {
            Some(ending) => connected.negotiated_h2().extra(ending.clone()),
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
