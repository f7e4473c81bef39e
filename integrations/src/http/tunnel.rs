//! A tunnel through an HTTP proxy: `CONNECT` (RFC 9110, 9.3.6), and the answers of a proxy that opens none. Sends
//! nothing of a step's request.

use std::fmt;
use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use updraft_protocol::limits::HTTP_PROXY_HEAD_BYTES;

use super::connection::Stream;
use super::proxy::Proxy;

/// Why a proxy did not connect. `Display` continues "the proxy …".
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It requires credentials, or other ones.
    Credentials,
    /// It does not connect to this host.
    Forbidden(String),
    /// It cannot connect to it.
    Failed(String),
    /// Its answer is not valid.
    Unreadable,
    /// Its connection broke.
    Broken(io::Error),
}

impl Refusal {
    /// Whether another attempt may succeed.
    pub(crate) fn retryable(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::Broken(_))
    }

    /// The refusal in an unsuccessful status of a proxy.
    pub(crate) fn of_status(status: u16) -> Self {
        match status {
            407 => Self::Credentials,
            400..=499 => Self::Forbidden(format!("answered {status}")),
            _ => Self::Failed(format!("answered {status}")),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credentials => f.write_str("refused our credentials, or that there are none"),
            Self::Forbidden(why) => write!(f, "refused to connect to the tool: it {why}"),
            Self::Failed(why) => write!(f, "could not connect to the tool: it {why}"),
            Self::Unreadable => f.write_str("does not answer as a proxy of its kind does"),
            Self::Broken(error) => write!(f, "broke the connection: {error}"),
        }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

/// Asks the proxy at the other end of `stream` to connect it to a host.
pub(crate) async fn connect(
    stream: &mut Stream,
    proxy: &Proxy,
    host: &str,
    port: u16,
) -> Result<(), Refusal> {
    let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n").into_bytes();
    if let Some(credentials) = proxy.authorization() {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(credentials.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    stream.write_all(&request).await?;
    stream.flush().await?;
    match status(&head(stream).await?) {
        Some(200..=299) => Ok(()),
        Some(status) => Err(Refusal::of_status(status)),
        None => Err(Refusal::Unreadable),
    }
}

/// The head of the answer, up to its empty line and no byte further: the next bytes are the tool's.
async fn head(stream: &mut Stream) -> Result<Vec<u8>, Refusal> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == HTTP_PROXY_HEAD_BYTES {
            return Err(Refusal::Unreadable);
        }
        head.push(stream.read_u8().await?);
    }
    Ok(head)
}

fn status(head: &[u8]) -> Option<u16> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let rest = std::str::from_utf8(line).ok()?.strip_prefix("HTTP/1.")?;
    let (version, rest) = rest.split_at_checked(1)?;
    let digits = rest.strip_prefix(' ')?.get(..3)?;
    let known = matches!(version, "0" | "1") && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|status| known && *status >= 200)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_a_proxy_is_read_or_it_is_no_proxy() {
        for (head, expected) in [
            ("HTTP/1.1 200 Connection established\r\n\r\n", Some(200)),
            ("HTTP/1.0 407\r\nA: b\r\n\r\n", Some(407)),
            ("HTTP/1.1 100 Continue\r\n\r\n", None),
            ("HTTP/2 200\r\n\r\n", None),
            ("HTTP/1.1 2x0 OK\r\n\r\n", None),
            ("HTTP/1.1\r\n\r\n", None),
            ("SSH-2.0-x\r\n\r\n", None),
            ("\r\n\r\n", None),
        ] {
            assert_eq!(status(head.as_bytes()), expected, "{head:?}");
        }
    }

    #[test]
    fn a_refusal_that_will_be_the_same_again_is_told_from_one_that_may_pass() {
        for (status, retryable) in
            [(403, false), (407, false), (405, false), (502, true), (504, true), (302, true)]
        {
            assert_eq!(Refusal::of_status(status).retryable(), retryable, "{status}");
        }
    }
}
