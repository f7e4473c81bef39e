//! A server of HTTP/2 that is written frame by frame, for tests of misbehaving servers.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;

pub(crate) const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

pub(crate) const NO_ERROR: u32 = 0;
pub(crate) const INTERNAL_ERROR: u32 = 2;
pub(crate) const REFUSED_STREAM: u32 = 7;
pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

/// The server's end of a connection.
pub(crate) struct Peer {
    stream: TlsStream<TcpStream>,
    /// The client's settings, by number (RFC 9113, 6.5.2).
    pub(crate) settings: Vec<(u16, u32)>,
}

impl Peer {
    /// Reads the client's preface, and sends the server's settings.
    pub(crate) async fn greet(mut stream: TlsStream<TcpStream>) -> Self {
        let mut preface = [0; 24];
        stream.read_exact(&mut preface).await.unwrap();
        assert_eq!(&preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        let mut peer = Self { stream, settings: Vec::new() };
        peer.send(SETTINGS, 0, 0, &[]).await;
        peer
    }

    /// Allows one request at once from now on, which the client knows when this returns.
    pub(crate) async fn take_one_at_once(&mut self) {
        const MAX_CONCURRENT_STREAMS: [u8; 6] = [0, 3, 0, 0, 0, 1];
        self.send(SETTINGS, 0, 0, &MAX_CONCURRENT_STREAMS).await;
        self.send(PING, 0, 0, &[0; 8]).await;
        while self.next().await.unwrap().0 != PING {}
    }

    /// Whether the client was still connected.
    pub(crate) async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        let frame = [&head, payload].concat();
        self.stream.write_all(&frame).await.is_ok() && self.stream.flush().await.is_ok()
    }

    /// The next frame that is not about settings and windows: its kind, flags and stream. `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<(u8, u8, u32)> {
        loop {
            let mut head = [0; 9];
            self.stream.read_exact(&mut head).await.ok()?;
            let [a, b, c, kind, flags, d, e, f, g] = head;
            let length = u32::from_be_bytes([0, a, b, c]);
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            self.stream.read_exact(&mut payload).await.ok()?;
            match kind {
                SETTINGS if flags & ACK == 0 => {
                    let number = |setting: &[u8]| u16::from_be_bytes([setting[0], setting[1]]);
                    let value = |s: &[u8]| u32::from_be_bytes([s[2], s[3], s[4], s[5]]);
                    self.settings.extend(payload.chunks(6).map(|setting| (number(setting), value(setting))));
                    self.send(SETTINGS, ACK, 0, &[]).await;
                }
                SETTINGS | 8 => {}
                _ => return Some((kind, flags, u32::from_be_bytes([d, e, f, g]))),
            }
        }
    }

    /// Waits for a whole request. Returns its stream; `None` if the client closes.
    pub(crate) async fn request(&mut self) -> Option<u32> {
        loop {
            let (kind, flags, stream) = self.next().await?;
            if kind <= HEADERS && flags & END_STREAM != 0 {
                return Some(stream);
            }
        }
    }

    /// An answer without a body, or an interim one.
    pub(crate) async fn answer(&mut self, stream: u32, status: &str) -> bool {
        let end = if status.starts_with('1') { 0 } else { END_STREAM };
        // `:status` by its number in the static table (RFC 7541, appendix A), its value as a literal.
        let block = [&[0x08, 0x03], status.as_bytes()].concat();
        self.send(HEADERS, END_HEADERS | end, stream, &block).await
    }

    pub(crate) async fn reset(&mut self, stream: u32, reason: u32) {
        self.send(RST_STREAM, 0, stream, &reason.to_be_bytes()).await;
    }

    pub(crate) async fn leave(&mut self, last: u32, reason: u32) {
        self.send(GOAWAY, 0, 0, &[last.to_be_bytes(), reason.to_be_bytes()].concat()).await;
    }

    /// Reads until the client closes.
    pub(crate) async fn until_closed(&mut self) {
        while self.next().await.is_some() {}
    }
}
