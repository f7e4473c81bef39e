//! The frames of HTTP/2 from a server, counted on arrival: how many heads of an answer each stream has had. h2 skips
//! interim answers without a bound. Reads only the nine bytes before each frame (RFC 9113, 4.1).

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use updraft_protocol::limits::{HTTP_INTERIM_ANSWERS, HTTP2_STREAMS_COUNTED};

use super::connection::{Ended, Ending, Stream};
use super::handshake;

/// Before each frame: three bytes of length, type, flags, four bytes of stream.
const HEAD_BYTES: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const END_STREAM: u8 = 1;

/// A stream of HTTP/2 that ends if the server floods it with interim answers, and remembers why it ended.
pub(crate) struct Frames {
    stream: Stream,
    heads: Heads,
    ending: Ending,
}

impl Frames {
    pub(crate) fn new(stream: Stream) -> (Self, Ending) {
        let ending = Ending::default();
        (Self { stream, heads: Heads::default(), ending: ending.clone() }, ending)
    }
}

/// The position in the frames, and the heads of each open stream.
#[derive(Debug, Default)]
struct Heads {
    head: [u8; HEAD_BYTES],
    /// How many bytes of `head` were received.
    filled: usize,
    /// How many bytes of its frame are still to be received.
    payload: usize,
    streams: BTreeMap<u32, usize>,
    /// Whether the server has answered anything.
    answered: bool,
}

impl Heads {
    /// Processes received bytes. Returns false if a stream has had more heads than the allowed interim answers, an
    /// answer and its trailers.
    fn take(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            if self.payload > 0 {
                let skipped = self.payload.min(bytes.len());
                self.payload -= skipped;
                bytes = bytes.get(skipped..).unwrap_or_default();
                continue;
            }
            let (Some(room), [first, rest @ ..]) = (self.head.get_mut(self.filled), bytes) else {
                return true;
            };
            *room = *first;
            self.filled += 1;
            bytes = rest;
            if self.filled == HEAD_BYTES {
                self.filled = 0;
                if !self.frame() {
                    return false;
                }
            }
        }
        true
    }

    fn frame(&mut self) -> bool {
        let [a, b, c, kind, flags, d, e, f, g] = self.head;
        self.payload = u32::from_be_bytes([0, a, b, c]) as usize;
        let stream = u32::from_be_bytes([d, e, f, g]) & (u32::MAX >> 1);
        self.answered |= kind == HEADERS;
        let ends = kind == RST_STREAM || (matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0);
        if ends {
            self.streams.remove(&stream);
            return true;
        }
        if kind != HEADERS {
            return true;
        }
        let heads = self.streams.entry(stream).or_default();
        *heads += 1;
        let allowed = *heads <= HTTP_INTERIM_ANSWERS + 1;
        // A stream that was cancelled here may never end; the oldest are the likeliest.
        if self.streams.len() > HTTP2_STREAMS_COUNTED {
            self.streams.pop_first();
        }
        allowed
    }
}

impl AsyncRead for Frames {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let this = &mut *self;
        let read = std::task::ready!(Pin::new(&mut this.stream).poll_read(context, buffer));
        let came = buffer.filled().get(before..).unwrap_or_default();
        if read.is_ok() && !this.heads.take(came) {
            this.ending.0.get_or_init(|| Ended::Flood);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "too many interim answers")));
        }
        if let Err(error) = &read
            && !this.heads.answered
            && let Some(message) = handshake::refused_client(error)
        {
            this.ending.0.get_or_init(|| Ended::Refused(message));
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for Frames {
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

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;
    use crate::http::connection::tests::scripted;

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    }

    #[test]
    fn the_heads_of_a_stream_are_counted_however_the_bytes_come() {
        // The payloads look like heads themselves.
        let interim = frame(HEADERS, 4, 1, &frame(HEADERS, 4, 1, &[]));
        let data = frame(DATA, 0, 1, &[HEADERS; 40]);
        let allowed: Vec<u8> = [interim.repeat(HTTP_INTERIM_ANSWERS + 1), data].concat();
        for size in [1, 2, 9, 10, allowed.len()] {
            let mut heads = Heads::default();
            assert!(allowed.chunks(size).all(|bytes| heads.take(bytes)), "by {size}");
            assert!(!heads.take(&interim), "by {size}");
        }
    }

    #[test]
    fn many_streams_of_one_connection_are_no_flood() {
        let mut heads = Heads::default();
        for stream in 0..10 * u32::try_from(HTTP2_STREAMS_COUNTED).unwrap() {
            let id = stream * 2 + 1;
            assert!(heads.take(&frame(HEADERS, 4, id, b"x")));
            let end = match stream % 4 {
                0 => frame(DATA, END_STREAM, id, b"x"),
                1 => frame(HEADERS, 4 | END_STREAM, id, b"x"),
                2 => frame(RST_STREAM, 0, id, &[0; 4]),
                _ => Vec::new(),
            };
            assert!(heads.take(&end));
        }
        assert!(heads.streams.len() <= HTTP2_STREAMS_COUNTED);
    }

    #[tokio::test]
    async fn what_is_said_of_our_certificate_after_an_answer_takes_no_request_back() {
        const SETTINGS: u8 = 4;
        let (settings, answer) = (frame(SETTINGS, 0, 0, &[]), frame(HEADERS, 4 | END_STREAM, 1, b"x"));
        for (bytes, taken_back) in [(&[&settings[..]][..], true), (&[&settings, &answer], false)] {
            let (mut frames, ending) = Frames::new(scripted(bytes));
            frames.read_to_end(&mut Vec::new()).await.unwrap_err();
            assert_eq!(matches!(ending.0.get(), Some(Ended::Refused(_))), taken_back);
        }
    }
}
