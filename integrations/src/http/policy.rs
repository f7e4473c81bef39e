//! The policy for destinations of HTTP steps: the public Internet and an allow-list. Decides; connects nowhere.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::address::is_public;
use super::allow::Allow;

/// The allowed destinations.
#[derive(Debug, Clone, Default)]
pub(crate) struct Policy {
    allowed: Arc<[Allow]>,
}

/// All addresses of a name are forbidden.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Forbidden;

impl Policy {
    pub(crate) fn new(allowed: Vec<Allow>) -> Self {
        Self { allowed: allowed.into() }
    }

    /// Whether `host` may be reached at `ip` on this port.
    pub(crate) fn permits(&self, ip: IpAddr, host: &str, port: u16) -> bool {
        is_public(ip) || self.allowed.iter().any(|entry| entry.permits(ip, host, port))
    }

    /// Whether the host of a URL may be reached, as far as its text shows: a name is judged when it is looked up.
    pub(crate) fn permits_literal(&self, host: &str, port: u16) -> bool {
        let literal = host.trim_matches(['[', ']']).parse();
        literal.map_or(true, |ip| self.permits(ip, host, port))
    }

    /// Whether `host` may be reached without knowing its address. A name that is passed to a proxy is not looked up
    /// here, so only an allowed name is accepted.
    pub(crate) fn permits_unresolved(&self, host: &str, port: u16) -> bool {
        match host.trim_matches(['[', ']']).parse() {
            Ok(ip) => self.permits(ip, host, port),
            Err(_) => self.allowed.iter().any(|entry| entry.names(host, port)),
        }
    }

    /// The permitted addresses among those of a name. The address that was checked is the one that is used, even if the
    /// name changes a moment later.
    pub(crate) fn permitted(
        &self,
        host: &str,
        port: u16,
        found: Vec<SocketAddr>,
    ) -> Result<Vec<SocketAddr>, Forbidden> {
        let permitted: Vec<_> =
            found.into_iter().filter(|address| self.permits(address.ip(), host, port)).collect();
        if permitted.is_empty() { Err(Forbidden) } else { Ok(permitted) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(list: &[&str]) -> Vec<SocketAddr> {
        list.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect()
    }

    fn policy(entries: &[&str]) -> Policy {
        Policy::new(entries.iter().map(|entry| entry.parse().unwrap()).collect())
    }

    #[test]
    fn a_name_that_leads_inside_and_outside_is_reached_outside_only() {
        let policy = policy(&[]);
        let found = addresses(&["169.254.169.254", "93.184.215.14", "::1"]);
        assert_eq!(policy.permitted("x.example", 443, found), Ok(addresses(&["93.184.215.14"])));
        assert_eq!(policy.permitted("x.example", 443, addresses(&["127.0.0.1"])), Err(Forbidden));
    }

    #[test]
    fn an_entry_with_a_port_opens_no_other_port() {
        let policy = policy(&["127.0.0.1:8080", "10.0.0.0/8", "siem.internal:9000"]);
        let local: IpAddr = "127.0.0.1".parse().unwrap();
        assert!(policy.permits(local, "x", 8080));
        assert!(!policy.permits(local, "x", 80));
        assert!(!policy.permits(local, "x", 9000));
        assert!(policy.permits(local, "siem.internal", 9000));
        assert!(!policy.permits(local, "siem.internal", 9001));
        assert!(policy.permits("10.1.1.1".parse().unwrap(), "x", 9001));
    }

    #[test]
    fn a_name_that_nobody_looked_up_is_permitted_as_a_name_alone() {
        let policy = policy(&["127.0.0.0/8", "siem.internal:9000"]);
        for (host, port, expected) in [
            ("siem.internal", 9000, true),
            ("SIEM.internal.", 9000, true),
            ("siem.internal", 443, false),
            ("localhost", 80, false),
            ("one.one.one.one", 443, false),
            ("127.0.0.1", 80, true),
            ("10.0.0.1", 80, false),
            ("1.1.1.1", 443, true),
            ("[::ffff:10.0.0.1]", 443, false),
        ] {
            assert_eq!(policy.permits_unresolved(host, port), expected, "{host}:{port}");
        }
    }
}
