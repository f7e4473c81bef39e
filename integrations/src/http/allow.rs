//! `Allow`: one exception to the rule that HTTP steps reach only the public Internet. Owns its text form.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use thiserror::Error;
use url::Url;

use super::address::canonical;

/// A destination that HTTP steps may reach although it is not on the public Internet.
///
/// An address or network with or without a port (`10.0.0.0/8`, `127.0.0.1:7780`, `[::1]:80`,
/// `[fd00::/8]:443`), or the name of a host (`siem.internal`, `siem.internal:8443`). An entry without a
/// port allows every port. A name is trusted: it may lead to any address.
///
/// ```
/// use updraft_integrations::http::{Allow, allow};
///
/// let stub: Allow = "127.0.0.1:7780".parse()?;
/// assert_eq!(stub.to_string(), "127.0.0.1:7780");
/// assert!(matches!("10.0.0.0/40".parse::<Allow>(), Err(allow::Error::Network(_))));
/// # Ok::<(), allow::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allow {
    target: Target,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    Net(IpNet),
    Host(String),
}

/// Why a text is no entry of an allow-list.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// The port is not a number from 1 to 65535.
    #[error("`{0}`: the port is a number from 1 to 65535")]
    Port(String),
    /// The network has no such prefix length, or is no address.
    #[error("`{0}` is not a network such as `10.0.0.0/8`")]
    Network(String),
    /// The text is no name of a host.
    #[error("`{0}` is neither an address, a network, nor the name of a host")]
    Host(String),
}

impl Error {
    /// Whether the same text can be valid another time: never.
    pub fn retryable(&self) -> bool {
        false
    }
}

impl Allow {
    /// Whether the entry allows this address, reached by this name on this port.
    pub(crate) fn permits(&self, ip: IpAddr, host: &str, port: u16) -> bool {
        self.contains(ip, port) || self.names(host, port)
    }

    /// Whether the entry contains this address.
    pub(crate) fn contains(&self, ip: IpAddr, port: u16) -> bool {
        matches!(&self.target, Target::Net(net) if net.contains(&canonical(ip))) && self.is_on(port)
    }

    /// Whether the entry allows this name, whatever its address is.
    pub(crate) fn names(&self, host: &str, port: u16) -> bool {
        matches!(&self.target, Target::Host(name) if *name == host_key(host)) && self.is_on(port)
    }

    /// Whether the entry's name is a parent of this one.
    pub(crate) fn names_above(&self, host: &str, port: u16) -> bool {
        let Target::Host(name) = &self.target else { return false };
        let host = host_key(host);
        let below = host.strip_suffix(name.as_str()).is_some_and(|rest| rest.ends_with('.'));
        below && self.is_on(port)
    }

    /// Whether the entry contains addresses.
    pub(crate) fn is_network(&self) -> bool {
        matches!(self.target, Target::Net(_))
    }

    fn is_on(&self, port: u16) -> bool {
        self.port.is_none_or(|own| own == port)
    }
}

/// A host's name as entries keep it: in lower case, without the dot of the root.
fn host_key(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

impl FromStr for Allow {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let port_of = |port: &str| match port.parse::<u16>() {
            Ok(number) if number > 0 && port.bytes().all(|b| b.is_ascii_digit()) => Ok(Some(number)),
            _ => Err(Error::Port(text.to_owned())),
        };
        let (target, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((inner, "")) => (inner, None),
            Some((inner, after)) => {
                let port = after.strip_prefix(':').ok_or_else(|| Error::Port(text.to_owned()))?;
                (inner, port_of(port)?)
            }
            // More than one colon outside of brackets is an IPv6 address.
            None if text.matches(':').count() > 1 => (text, None),
            None => match text.split_once(':') {
                Some((target, port)) => (target, port_of(port)?),
                None => (text, None),
            },
        };
        Ok(Self { target: target_of(target, text)?, port })
    }
}

fn target_of(target: &str, whole: &str) -> Result<Target, Error> {
    if target.contains('/') {
        let net: IpNet = target.parse().map_err(|_| Error::Network(whole.to_owned()))?;
        return Ok(Target::Net(net.trunc()));
    }
    if let Ok(ip) = target.parse::<IpAddr>() {
        return Ok(Target::Net(IpNet::from(canonical(ip))));
    }
    let host = || Error::Host(whole.to_owned());
    let url = Url::parse(&format!("http://{target}/")).map_err(|_| host())?;
    let name = url.host_str().ok_or_else(host)?;
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    // `127.1` and `0x7f.1` are addresses in a URL: an entry must use the usual form.
    let address = name.parse::<IpAddr>().is_ok();
    let alone = url.as_str() == format!("http://{name}/");
    if !plain || address || !alone {
        return Err(host());
    }
    Ok(Target::Host(host_key(name)))
}

impl fmt::Display for Allow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = match &self.target {
            Target::Net(net) if net.prefix_len() == net.max_prefix_len() => net.addr().to_string(),
            Target::Net(net) => net.to_string(),
            Target::Host(name) => name.clone(),
        };
        match self.port {
            Some(port) if target.contains(':') => write!(f, "[{target}]:{port}"),
            Some(port) => write!(f, "{target}:{port}"),
            None => f.write_str(&target),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(entry: &str, ip: &str, host: &str, port: u16) -> bool {
        entry.parse::<Allow>().unwrap().permits(ip.parse().unwrap(), host, port)
    }

    #[test]
    fn an_entry_reads_what_it_writes() {
        for text in
            ["10.0.0.0/8", "10.0.0.0/8:443", "127.0.0.1", "127.0.0.1:7780", "::1", "[::1]:80", "fd00::/8"]
        {
            assert_eq!(text.parse::<Allow>().unwrap().to_string(), text);
        }
        for (text, shown) in [
            ("[fd00::/8]:443", "[fd00::/8]:443"),
            ("[::1]", "::1"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("SIEM.Internal.:8443", "siem.internal:8443"),
            ("bücher.example", "xn--bcher-kva.example"),
        ] {
            assert_eq!(text.parse::<Allow>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn a_text_that_is_no_entry_is_refused() {
        for text in ["", "a b", "*.internal", "0x7f.1", "127.1", "2130706433", "u@h", "h?q", "h#f", "h\\p"] {
            assert!(matches!(text.parse::<Allow>(), Err(Error::Host(_))), "{text}");
        }
        for text in ["h:0", "h:65536", "h:", "h:+80", "[::1]80", "http://h"] {
            assert!(matches!(text.parse::<Allow>(), Err(Error::Port(_))), "{text}");
        }
        for text in ["10.0.0.0/33", "h/8", "10.0.0.0/", "10.0.0.0/8/9"] {
            assert!(matches!(text.parse::<Allow>(), Err(Error::Network(_))), "{text}");
        }
    }

    #[test]
    fn an_entry_is_about_its_network_and_port_alone() {
        assert!(permits("10.0.0.0/8", "10.9.9.9", "x", 1));
        assert!(!permits("10.0.0.0/8", "11.0.0.1", "x", 1));
        assert!(permits("10.0.0.0/8", "::ffff:10.9.9.9", "x", 1));
        assert!(permits("::ffff:10.9.9.9", "10.9.9.9", "x", 1));
        assert!(permits("127.0.0.1:80", "127.0.0.1", "x", 80));
        assert!(!permits("127.0.0.1:80", "127.0.0.1", "x", 81));
        assert!(!permits("127.0.0.1:80", "127.0.0.2", "x", 80));
    }

    #[test]
    fn a_host_is_known_by_its_whole_name() {
        assert!(permits("siem.internal:8443", "10.0.0.1", "SIEM.internal.", 8443));
        assert!(!permits("siem.internal:8443", "10.0.0.1", "siem.internal", 443));
        assert!(!permits("siem.internal", "10.0.0.1", "x.siem.internal", 443));
    }
}
