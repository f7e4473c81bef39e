//! The policy of where HTTP steps may go: the public Internet and an allow-list. Decides; connects nowhere.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::is_public;
use super::allow::Allow;

/// Where requests may go.
#[derive(Debug, Clone, Default)]
pub(crate) struct Policy {
    allowed: Arc<[Allow]>,
    ports: Arc<BTreeSet<u16>>,
}

/// A port as the policy tells ports apart: those that entries name, and all others, which are alike.
///
/// A resolver is told a name but no port, and hands its addresses to a pool of connections. So that an
/// address is checked for the very port that it is used for, each class has a resolver and a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PortClass(Option<u16>);

impl Policy {
    pub(crate) fn new(allowed: Vec<Allow>) -> Self {
        let ports = allowed.iter().filter_map(Allow::port).collect();
        Self { allowed: allowed.into(), ports: Arc::new(ports) }
    }

    /// The class of a port.
    pub(crate) fn class(&self, port: u16) -> PortClass {
        PortClass(self.ports.contains(&port).then_some(port))
    }

    /// Whether `host` may be reached at `ip` on a port of this class.
    pub(crate) fn permits(&self, ip: IpAddr, host: &str, class: PortClass) -> bool {
        is_public(ip) || self.allowed.iter().any(|entry| entry.permits(ip, host, class.0))
    }

    /// Whether the host of a URL may be reached as far as its text says: a name is judged when it is looked up.
    pub(crate) fn permits_literal(&self, host: &str, port: u16) -> bool {
        let literal = host.trim_matches(['[', ']']).parse();
        literal.map_or(true, |ip| self.permits(ip, host, self.class(port)))
    }

    /// The resolver for connections to ports of this class.
    pub(crate) fn resolver(&self, class: PortClass) -> Resolver {
        Resolver { policy: self.clone(), class }
    }
}

/// All addresses of a name are forbidden.
#[derive(Debug)]
pub(crate) struct Forbidden;

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name leads to no allowed address")
    }
}

impl std::error::Error for Forbidden {}

/// Looks names up and hands on only the addresses that the policy permits, so that the address that was
/// checked is the address that is used, whatever the name leads to a moment later.
pub(crate) struct Resolver {
    policy: Policy,
    class: PortClass,
}

impl Resolver {
    fn permitted(&self, host: &str, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Refused> {
        if found.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address").into());
        }
        let permitted: Vec<_> =
            found.into_iter().filter(|address| self.policy.permits(address.ip(), host, self.class)).collect();
        if permitted.is_empty() { Err(Forbidden.into()) } else { Ok(permitted) }
    }
}

type Refused = Box<dyn std::error::Error + Send + Sync>;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = Self { policy: self.policy.clone(), class: self.class };
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let permitted = resolver.permitted(name.as_str(), found)?;
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
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
        let resolver = policy.resolver(policy.class(443));
        let found = addresses(&["169.254.169.254", "93.184.215.14", "::1"]);
        assert_eq!(resolver.permitted("x.example", found).unwrap(), addresses(&["93.184.215.14"]));
        let inside = resolver.permitted("x.example", addresses(&["127.0.0.1"])).unwrap_err();
        assert!(inside.is::<Forbidden>());
        assert!(resolver.permitted("x.example", vec![]).unwrap_err().is::<io::Error>());
    }

    #[test]
    fn an_entry_with_a_port_opens_no_other_port() {
        let policy = policy(&["127.0.0.1:8080", "10.0.0.0/8", "siem.internal:9000"]);
        let local: IpAddr = "127.0.0.1".parse().unwrap();
        assert!(policy.permits(local, "x", policy.class(8080)));
        assert!(!policy.permits(local, "x", policy.class(80)));
        assert!(!policy.permits(local, "x", policy.class(9000)));
        assert!(policy.permits(local, "siem.internal", policy.class(9000)));
        assert!(!policy.permits(local, "siem.internal", policy.class(9001)));
        assert!(policy.permits("10.1.1.1".parse().unwrap(), "x", policy.class(9001)));
        assert_eq!(policy.class(1), policy.class(2));
    }
}
