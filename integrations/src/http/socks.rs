//! A tunnel through a SOCKS 5 proxy (RFC 1928), with user and password (RFC 1929). The proxy looks names up. Sends
//! nothing of a step's request.

use std::net::IpAddr;

use secrecy::ExposeSecret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::connection::Stream;
use super::proxy::{Credentials, Proxy};
use super::tunnel::Refusal;

const VERSION: u8 = 5;
const NO_CREDENTIALS: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;
/// The version of the negotiation of user and password.
const CREDENTIALS_VERSION: u8 = 1;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Asks the proxy at the other end of `stream` to connect it to a host.
pub(crate) async fn connect(
    stream: &mut Stream,
    proxy: &Proxy,
    host: &str,
    port: u16,
) -> Result<(), Refusal> {
    let method = if proxy.credentials.is_some() { USER_AND_PASSWORD } else { NO_CREDENTIALS };
    stream.write_all(&[VERSION, 1, method]).await?;
    stream.flush().await?;
    let [version, chosen] = read(stream).await?;
    if version != VERSION {
        return Err(Refusal::Unreadable);
    }
    if chosen != method {
        return Err(Refusal::Credentials);
    }
    if let Some(credentials) = &proxy.credentials {
        authenticate(stream, credentials).await?;
    }
    stream.write_all(&request(host, port)?).await?;
    stream.flush().await?;
    let [version, reply, _, kind] = read(stream).await?;
    if version != VERSION {
        return Err(Refusal::Unreadable);
    }
    if reply != 0 {
        return Err(refusal(reply));
    }
    // The proxy's own address is not needed.
    let bound = match kind {
        IPV4 => 4,
        IPV6 => 16,
        NAME => usize::from(stream.read_u8().await?),
        _ => return Err(Refusal::Unreadable),
    };
    let mut rest = vec![0; bound + size_of::<u16>()];
    stream.read_exact(&mut rest).await?;
    Ok(())
}

async fn authenticate(stream: &mut Stream, credentials: &Credentials) -> Result<(), Refusal> {
    let mut message = vec![CREDENTIALS_VERSION];
    for text in [credentials.user.as_str(), credentials.password.expose_secret()] {
        push_text(&mut message, text)?;
    }
    stream.write_all(&message).await?;
    stream.flush().await?;
    let [_, status] = read(stream).await?;
    if status == 0 { Ok(()) } else { Err(Refusal::Credentials) }
}

fn request(host: &str, port: u16) -> Result<Vec<u8>, Refusal> {
    let mut request = vec![VERSION, CONNECT, 0];
    match host.trim_matches(['[', ']']).parse() {
        Ok(IpAddr::V4(ip)) => {
            request.push(IPV4);
            request.extend(ip.octets());
        }
        Ok(IpAddr::V6(ip)) => {
            request.push(IPV6);
            request.extend(ip.octets());
        }
        Err(_) => {
            request.push(NAME);
            push_text(&mut request, host)?;
        }
    }
    request.extend(port.to_be_bytes());
    Ok(request)
}

/// A text after one byte with its length.
fn push_text(message: &mut Vec<u8>, text: &str) -> Result<(), Refusal> {
    let length = u8::try_from(text.len());
    message.push(length.map_err(|_| Refusal::Forbidden("takes no name of more than 255 bytes".to_owned()))?);
    message.extend_from_slice(text.as_bytes());
    Ok(())
}

async fn read<const N: usize>(stream: &mut Stream) -> Result<[u8; N], Refusal> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// The refusal in an unsuccessful reply (RFC 1928, 6).
fn refusal(reply: u8) -> Refusal {
    match reply {
        2 => Refusal::Forbidden("does not allow it by its rules".to_owned()),
        3 => Refusal::Failed("cannot reach the network".to_owned()),
        4 => Refusal::Failed("cannot reach the host".to_owned()),
        5 => Refusal::Failed("was refused the connection".to_owned()),
        7 | 8 => Refusal::Forbidden("does not know how".to_owned()),
        _ => Refusal::Failed(format!("answered with code {reply}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_sent_as_a_name_and_an_address_as_an_address() {
        assert_eq!(request("a.b", 443).unwrap(), *b"\x05\x01\x00\x03\x03a.b\x01\xbb");
        assert_eq!(request("10.0.0.1", 80).unwrap(), *b"\x05\x01\x00\x01\x0a\x00\x00\x01\x00\x50");
        let v6 = request("[::1]", 80).unwrap();
        assert_eq!((v6[3], v6.len()), (IPV6, 4 + 16 + 2));
        assert!(matches!(request(&"x".repeat(256), 80), Err(Refusal::Forbidden(_))));
    }

    #[test]
    fn a_reply_that_will_be_the_same_again_is_told_from_one_that_may_pass() {
        for (reply, retryable) in
            [(1, true), (2, false), (3, true), (4, true), (5, true), (6, true), (7, false)]
        {
            assert_eq!(refusal(reply).retryable(), retryable, "{reply}");
        }
    }
}
