//! The calls that are let pass at all, of a tool that can do everything: reads alone, or those to some hosts.

use updraft_protocol::{Effect, OnlyCalls};

use super::mistake::Mistakes;
use super::target::{host, network};

/// What may be called.
#[derive(Debug)]
pub(super) struct Only {
    reads: bool,
    hosts: Vec<OnlyHost>,
}

#[derive(Debug)]
struct OnlyHost {
    /// The whole name, or what it ends with.
    name: String,
    is_suffix: bool,
    port: Option<u16>,
}

impl Only {
    /// The hosts, with their mistakes.
    pub(super) fn checked(only: &OnlyCalls, mistakes: &mut Mistakes) -> Self {
        if !only.reads && only.hosts.is_empty() {
            mistakes.add("only", "it says neither `reads` nor `hosts`");
        }
        let mut hosts = Vec::new();
        for (at, written) in only.hosts.iter().enumerate() {
            match OnlyHost::read(written) {
                Some(host) => hosts.push(host),
                None => mistakes.add(
                    &format!("only.hosts[{at}]"),
                    "this is no host; write `api.vendor.example`, with `:8443` behind it or `*.` before it",
                ),
            }
        }
        Self { reads: only.reads, hosts }
    }

    /// Whether a call passes; else why not.
    pub(super) fn allows(&self, effect: Effect, leads_to: Option<&[String]>) -> Result<(), String> {
        if self.reads && effect == Effect::Write {
            return Err("only calls that look something up are made".to_owned());
        }
        if self.hosts.is_empty() {
            return Ok(());
        }
        let Some(leads_to) = leads_to else {
            return Err(
                "only some hosts are called, and where it leads is not known: no URL says it, or it may be \
                        redirected"
                    .to_owned(),
            );
        };
        match leads_to.iter().find(|place| !self.hosts.iter().any(|host| host.is(place))) {
            None => Ok(()),
            Some(place) => Err(format!("it leads to {place}, which is none of the hosts that are called")),
        }
    }
}

impl OnlyHost {
    fn read(written: &str) -> Option<Self> {
        let (text, is_suffix) = written.strip_prefix("*.").map_or((written, false), |rest| (rest, true));
        let (text, port) = match text.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, Some(port.parse().ok()?))
            }
            _ => (text, None),
        };
        let name = match network(text) {
            Some(address) if !is_suffix && address.prefix_len() == address.max_prefix_len() => {
                address.addr().to_string()
            }
            Some(_) => return None,
            None => host(text)?,
        };
        let name = if is_suffix { format!(".{name}") } else { name };
        Some(Self { name, is_suffix, port })
    }

    /// Whether it is the host of `host:port`.
    fn is(&self, leads_to: &str) -> bool {
        let (name, port) = leads_to.rsplit_once(':').unwrap_or((leads_to, ""));
        let name = match network(name) {
            Some(address) => address.addr().to_string(),
            None => host(name).unwrap_or_default(),
        };
        let fits = if self.is_suffix { name.ends_with(&self.name) } else { name == self.name };
        fits && self.port.is_none_or(|own| port.parse() == Ok(own))
    }
}
