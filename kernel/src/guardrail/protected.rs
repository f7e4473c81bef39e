//! Protected targets: the lists of one guardrail, and whether a target is on them. Where a text may mean several things, it
//! is protected if one of them is.

use std::collections::HashSet;

use ipnet::IpNet;
use updraft_protocol::ProtectedTargets;

use super::mistake::Mistakes;
use super::target::{Target, User, host, network, user};

/// The protected targets of a guardrail.
#[derive(Debug, Default)]
pub(super) struct Protected {
    /// Whole names, and those of one label.
    hosts: HashSet<String>,
    /// The first labels of whole names: a tool takes those alone, too.
    first_labels: HashSet<String>,
    /// What all names below end with, its dot included.
    below: Vec<String>,
    networks: Vec<IpNet>,
    users: Vec<User>,
}

impl Protected {
    /// The lists, with their mistakes.
    pub(super) fn checked(targets: &ProtectedTargets, mistakes: &mut Mistakes) -> Self {
        let mut protected = Self::default();
        if targets.hosts.is_empty() && targets.ips.is_empty() && targets.users.is_empty() {
            mistakes.add("protected", "it names no `hosts`, `ips` or `users`");
        }
        for (at, written) in targets.hosts.iter().enumerate() {
            let place = || format!("protected.hosts[{at}]");
            if network(written).is_some() {
                mistakes.add(&place(), "an address stands under `ips`");
            } else if let Some(name) = written.strip_prefix("*.").map(host) {
                match name {
                    Some(name) => protected.below.push(format!(".{name}")),
                    None => mistakes.add(&place(), "this is no name of a host"),
                }
            } else if let Some(name) = host(written).filter(|_| !written.contains('*')) {
                protected.first_labels.insert(first_label(&name).to_owned());
                protected.hosts.insert(name);
            } else {
                mistakes.add(&place(), "this is no name of a host; `*.dc.example` are all below one");
            }
        }
        for (at, written) in targets.ips.iter().enumerate() {
            match network(written.trim()) {
                Some(network) => protected.networks.push(network),
                None => mistakes.add(
                    &format!("protected.ips[{at}]"),
                    "this is no address and no network such as `10.0.0.0/8`",
                ),
            }
        }
        for (at, written) in targets.users.iter().enumerate() {
            match user(written) {
                Some(user) => protected.users.push(user),
                None => mistakes.add(&format!("protected.users[{at}]"), "this is no name of an account"),
            }
        }
        protected
    }

    /// Whether one of the things that a text may mean is protected.
    pub(super) fn has(&self, target: &Target) -> bool {
        target.ips.iter().any(|ip| self.networks.iter().any(|network| overlap(network, ip)))
            || target.hosts.iter().any(|name| self.has_host(name))
            || target.users.iter().any(|name| self.users.iter().any(|user| is_same(user, name)))
    }

    fn has_host(&self, name: &str) -> bool {
        if self.hosts.contains(name) || self.below.iter().any(|below| name.ends_with(below.as_str())) {
            return true;
        }
        // A name of one label may be that of the whole name, and the other way round.
        match name.split_once('.') {
            None => self.first_labels.contains(name),
            Some((first, _)) => self.hosts.contains(first),
        }
    }
}

fn first_label(name: &str) -> &str {
    name.split_once('.').map_or(name, |(first, _)| first)
}

/// Whether two networks have an address in common.
fn overlap(a: &IpNet, b: &IpNet) -> bool {
    a.contains(b) || b.contains(a)
}

/// Whether two names may be of one account. A domain that is not said may be any; a short one (`CORP`) may be the other
/// spelling of a whole one (`corp.example`), which nobody here knows.
fn is_same(a: &User, b: &User) -> bool {
    if a.name != b.name {
        return false;
    }
    match (&a.domain, &b.domain) {
        (Some(a), Some(b)) if a.contains('.') == b.contains('.') => a == b,
        _ => true,
    }
}
