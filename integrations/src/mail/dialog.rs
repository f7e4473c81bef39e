//! `Dialog`: commands to an SMTP server, and its answers (RFC 5321). Bounds what it reads, in bytes and in time; knows no mail.

use std::fmt;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::time::{Instant, timeout_at};
use updraft_protocol::limits::{MAIL_ANSWER_LINES, MAIL_BLOCK_BYTES, MAIL_LINE_BYTES, MAIL_TOLD_BYTES};

use crate::http::connection::Stream;

/// A connection on which commands are sent.
pub(super) struct Dialog {
    stream: BufReader<Stream>,
    /// How long an answer is waited for.
    within: Duration,
}

/// An answer of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    pub(super) lines: Vec<String>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Broken {
    /// The connection.
    Io(io::Error),
    /// The server closed it.
    Closed,
    /// Nothing came in time.
    Late(Duration),
    /// It is no answer of SMTP.
    Unreadable(&'static str),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the connection broke: {error}"),
            Self::Closed => f.write_str("the server closed the connection"),
            Self::Late(within) => write!(f, "no answer within {within:?}"),
            Self::Unreadable(why) => f.write_str(why),
        }
    }
}

impl Reply {
    /// Whether the server has done what was asked.
    pub(super) fn is_done(&self) -> bool {
        self.code / 100 == 2
    }

    /// Whether another attempt can help.
    pub(super) fn is_passing(&self) -> bool {
        self.code / 100 == 4
    }

    /// Its words on one line, bounded.
    pub(super) fn told(&self) -> String {
        let mut told = String::new();
        for line in &self.lines {
            let blank = if told.is_empty() { "" } else { " " };
            told.push_str(blank);
            told.extend(line.trim().chars().map(|c| if c.is_control() { ' ' } else { c }));
            if told.len() > MAIL_TOLD_BYTES {
                break;
            }
        }
        let end = (0..=MAIL_TOLD_BYTES.min(told.len())).rev().find(|&at| told.is_char_boundary(at));
        told.truncate(end.unwrap_or(0));
        told
    }
}

impl Dialog {
    pub(super) fn new(stream: Stream, within: Duration) -> Self {
        Self { stream: BufReader::with_capacity(MAIL_LINE_BYTES, stream), within }
    }

    /// The stream below, for TLS over it.
    ///
    /// # Errors
    /// Something was said on it already: whoever reads on would take it for what was said under the protection of TLS.
    pub(super) fn into_stream(self) -> Result<Stream, Broken> {
        match self.stream.buffer() {
            [] => Ok(self.stream.into_inner()),
            _ => Err(Broken::Unreadable("something was said between STARTTLS and TLS")),
        }
    }

    /// Sends a command, and waits for its answer.
    pub(super) async fn ask(&mut self, command: &str) -> Result<Reply, Broken> {
        if !self.stream.buffer().is_empty() {
            return Err(Broken::Unreadable("the server answers what was not asked"));
        }
        self.write(format!("{command}\r\n").as_bytes()).await?;
        self.reply(self.within).await
    }

    /// Sends bytes, as much at once as the connection takes.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        for block in bytes.chunks(MAIL_BLOCK_BYTES) {
            let writing = async {
                self.stream.write_all(block).await?;
                self.stream.flush().await
            };
            match timeout_at(Instant::now() + self.within, writing).await {
                Ok(written) => written.map_err(Broken::Io)?,
                Err(_) => return Err(Broken::Late(self.within)),
            }
        }
        Ok(())
    }

    /// The next answer, all of whose lines come within this time.
    pub(super) async fn reply(&mut self, within: Duration) -> Result<Reply, Broken> {
        let reading = self.read();
        timeout_at(Instant::now() + within, reading).await.unwrap_or(Err(Broken::Late(within)))
    }

    async fn read(&mut self) -> Result<Reply, Broken> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await?;
            let (code, rest) = line.split_at_checked(3).ok_or(NO_ANSWER)?;
            let is_code =
                code.bytes().all(|byte| byte.is_ascii_digit()) && matches!(&code[..1], "2" | "3" | "4" | "5");
            let code = code.parse::<u16>().ok().filter(|_| is_code).ok_or(NO_ANSWER)?;
            let (goes_on, text) = match rest.as_bytes().first() {
                None => (false, ""),
                Some(b' ') => (false, &rest[1..]),
                Some(b'-') => (true, &rest[1..]),
                Some(_) => return Err(NO_ANSWER),
            };
            lines.push((code, text.to_owned()));
            if lines.len() > MAIL_ANSWER_LINES {
                return Err(Broken::Unreadable("the answer has too many lines"));
            }
            if !goes_on {
                if lines.iter().any(|(other, _)| *other != code) {
                    return Err(Broken::Unreadable("the answer has several codes"));
                }
                return Ok(Reply { code, lines: lines.into_iter().map(|(_, text)| text).collect() });
            }
        }
    }

    async fn line(&mut self) -> Result<String, Broken> {
        let mut line = Vec::new();
        loop {
            let come = self.stream.fill_buf().await.map_err(Broken::Io)?;
            if come.is_empty() {
                return Err(Broken::Closed);
            }
            let end = come.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(come.len(), |end| end + 1);
            line.extend_from_slice(come.get(..taken).unwrap_or_default());
            self.stream.consume(taken);
            if line.len() > MAIL_LINE_BYTES {
                return Err(Broken::Unreadable("a line of the answer is too long"));
            }
            if end.is_some() {
                break;
            }
        }
        while matches!(line.last(), Some(b'\r' | b'\n')) {
            line.pop();
        }
        Ok(String::from_utf8_lossy(&line).into_owned())
    }
}

/// What comes is no answer of SMTP.
const NO_ANSWER: Broken = Broken::Unreadable("what answers there does not speak SMTP");

impl fmt::Debug for Dialog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dialog")
    }
}
