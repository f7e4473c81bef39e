//! `Connection`: a stream for HTTP, with the properties that its pool needs. Opens none.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection as Pooled};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::handshake;
use super::open::OpenConnection;

/// Any stream: TCP, TLS, TLS within the TLS of a proxy.
pub(crate) type Stream = Box<dyn Duplex>;

/// A stream for reading and writing.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Why a connection of HTTP/2 ended, if h2 does not pass that on: of an error of the stream below, it keeps only the
/// text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ending(pub(crate) Arc<OnceLock<Ended>>);

/// See [`Ending`].
#[derive(Debug, Clone)]
pub(crate) enum Ended {
    /// Too many interim answers came over it.
    Flood,
    /// The server refused the client's certificate, or that there was none, before it answered anything: no request was
    /// read.
    Refused(String),
}

/// A stream of TLS that knows whether the server has answered over it. A complaint about the client's certificate
/// undoes a request only before that: later it ends a connection that was good, and leaves open which requests were
/// read.
pub(crate) struct Answering {
    stream: Stream,
    answered: bool,
}

impl Answering {
    pub(crate) fn new(stream: Stream) -> Self {
        Self { stream, answered: false }
    }
}

impl AsyncRead for Answering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = std::task::ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        self.answered |= buffer.filled().len() > before;
        Poll::Ready(read.map_err(|error| match handshake::refused_client(&error) {
            Some(message) if self.answered => io::Error::new(error.kind(), message),
            _ => error,
        }))
    }
}

impl AsyncWrite for Answering {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }
}

/// What was opened to a tool.
pub(crate) struct Opened {
    pub(crate) stream: Stream,
    /// Whether a proxy reads the requests.
    pub(crate) forwards: bool,
    /// Set if HTTP/2 was negotiated.
    pub(crate) h2: Option<Ending>,
}

/// A connection for a pool.
pub(crate) struct Connection {
    io: TokioIo<Stream>,
    forwards: bool,
    h2: Option<Ending>,
    /// Counts it as open, and tells when it has to end.
    open: OpenConnection,
}

impl Connection {
    /// A connection in a place of those that may be open.
    pub(crate) fn new(Opened { stream, forwards, h2 }: Opened, open: OpenConnection) -> Self {
        Self { io: TokioIo::new(stream), forwards, h2, open }
    }
}

impl Pooled for Connection {
    fn connected(&self) -> Connected {
        let connected = Connected::new().proxy(self.forwards).extra(self.open.name());
        self.open.is_open();
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
        // One that is idle ends as if its tool had closed it.
        if self.open.ends(context.waker()) {
            return Poll::Ready(Ok(()));
        }
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

#[cfg(test)]
pub(super) mod tests {
    use std::collections::VecDeque;

    use rustls::{AlertDescription, Error};
    use tokio::io::AsyncReadExt;

    use super::*;

    /// A stream on which these bytes are received, one after the other, and then an alert about the client's
    /// certificate.
    pub(crate) struct Scripted(VecDeque<Vec<u8>>);

    pub(crate) fn scripted(bytes: &[&[u8]]) -> Stream {
        Box::new(Scripted(bytes.iter().map(|bytes| bytes.to_vec()).collect()))
    }

    impl AsyncRead for Scripted {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Ready(match self.0.pop_front() {
                Some(bytes) => {
                    buffer.put_slice(&bytes);
                    Ok(())
                }
                None => {
                    let alert = Error::AlertReceived(AlertDescription::CertificateRevoked);
                    Err(io::Error::new(io::ErrorKind::InvalidData, alert))
                }
            })
        }
    }

    impl AsyncWrite for Scripted {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn what_is_said_of_our_certificate_after_an_answer_takes_no_request_back() {
        for (bytes, taken_back) in [(&[][..], true), (&[&b"HTTP/1.1 200 OK\r\n\r\n"[..]], false)] {
            let mut stream = Answering::new(scripted(bytes));
            let error = stream.read_to_end(&mut Vec::new()).await.unwrap_err();
            assert_eq!(handshake::refused_client(&error).is_some(), taken_back);
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
    }
}
