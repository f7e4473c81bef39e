//! The targets of a call, in one spelling: hosts, addresses, accounts. Tools read a target in many spellings, so that every
//! reading counts that may be meant. Asks no name server: that a name leads to an address is not known here.

use std::net::IpAddr;

use ipnet::IpNet;
use updraft_protocol::limits::{GUARDED_TARGET_BYTES, GUARDED_TARGET_TOLD, GUARDED_TARGETS};
use updraft_protocol::{SecretReference, Value};
use url::{Host, Url};

/// The targets that a call names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallTargets {
    /// Each with its text as it came.
    pub(super) named: Vec<(String, Target)>,
    /// The text of one that cannot be brought into one spelling, and why.
    pub(super) unreadable: Option<(String, &'static str)>,
    /// Whether there are any to be looked at.
    pub(super) known: bool,
}

/// What one text may mean.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) ips: Vec<IpNet>,
    pub(super) hosts: Vec<String>,
    pub(super) users: Vec<User>,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) domain: Option<String>,
}

impl CallTargets {
    /// No target is declared.
    pub fn unknown() -> Self {
        Self::default()
    }

    /// The targets of a call: the argument that names them, and what it contains.
    pub fn of(argument: Option<&Value>, contained: Option<&str>) -> Self {
        let mut targets = Self::default();
        match argument {
            None | Some(Value::Null) => {}
            Some(value) => targets.add_value(value, 0),
        }
        if let Some(contained) = contained {
            targets.add(contained);
        }
        targets
    }

    /// The same, with those that a further argument names.
    #[must_use]
    pub fn and(mut self, argument: Option<&Value>) -> Self {
        if let Some(value) = argument.filter(|value| !value.is_null()) {
            self.add_value(value, 0);
        }
        self
    }

    /// The argument of this name, unless it is a secret: that names no target.
    pub fn argument<'a>(
        name: Option<&str>,
        arguments: &'a Value,
        secrets: &[SecretReference],
    ) -> Option<&'a Value> {
        let name = name?;
        let is_secret = secrets.iter().any(|secret| secret.place.strip_prefix('/') == Some(name));
        arguments.get(name).filter(|_| !is_secret)
    }

    /// The first target as it came, for people.
    pub fn told(&self) -> Option<&str> {
        self.named.first().map(|(text, _)| text.as_str())
    }

    fn add_value(&mut self, value: &Value, depth: usize) {
        /// Lists of lists of lists are no targets.
        const DEPTH: usize = 3;
        if self.named.len() > GUARDED_TARGETS {
            return self.refuse("", "there are too many");
        }
        match value {
            Value::String(text) => self.add(text),
            Value::Number(number) => self.add(&number.to_string()),
            Value::Array(items) if depth < DEPTH => {
                self.known = true;
                items.iter().for_each(|item| self.add_value(item, depth + 1));
            }
            Value::Object(fields) if depth < DEPTH => {
                self.known = true;
                fields.iter().for_each(|(_, item)| self.add_value(item, depth + 1));
            }
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                self.refuse("", "it is no text");
            }
        }
    }

    fn add(&mut self, text: &str) {
        self.known = true;
        match Target::read(text) {
            Ok(target) => self.named.push((told(text), target)),
            Err(why) => self.refuse(&told(text), why),
        }
    }

    fn refuse(&mut self, text: &str, why: &'static str) {
        self.known = true;
        self.unreadable.get_or_insert_with(|| (text.to_owned(), why));
    }
}

/// One spelling of a target, by which those of its other spellings are the same: that of its address or host, where it is one.
pub(crate) fn one_spelling(text: &str) -> String {
    let plain = || text.trim().to_lowercase();
    // Accounts of one domain are several targets, and so are numbers.
    if text.contains(['@', '\\', '/']) || text.trim().bytes().all(|byte| byte.is_ascii_digit()) {
        return plain();
    }
    let Ok(target) = Target::read(text) else { return plain() };
    match (&target.ips[..], &target.hosts[..]) {
        ([ip], []) => ip.to_string(),
        ([], [host]) => host.clone(),
        _ => plain(),
    }
}

/// As much of a text as is told, without what would move a terminal or hide in it.
fn told(text: &str) -> String {
    let shown = |c: char| if c.is_control() || is_invisible(c) { '\u{fffd}' } else { c };
    text.chars().take(GUARDED_TARGET_TOLD).map(shown).collect()
}

impl Target {
    /// What a text may mean.
    ///
    /// # Errors
    /// It has no spelling that could be compared.
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        if text.len() > GUARDED_TARGET_BYTES {
            return Err("it is too long");
        }
        if text.chars().any(|c| is_invisible(c) || (c.is_control() && !c.is_whitespace())) {
            return Err("it has characters that are not seen");
        }
        let text = text.trim();
        if text.is_empty() {
            return Err("it is empty");
        }
        let mut target = Self::default();
        // Tools take lists in one text.
        for part in text.split([',', ';', '|', '\n', '\r']).map(str::trim).filter(|part| !part.is_empty()) {
            let part = part.strip_prefix("mailto:").unwrap_or(part);
            target.add_user(part)?;
            for piece in part.split(|c: char| c.is_whitespace() || "\"'<>(){}".contains(c)) {
                target.add_address(piece);
            }
        }
        target.hosts.sort_unstable();
        target.hosts.dedup();
        target.users.sort_unstable();
        target.users.dedup();
        Ok(target)
    }

    /// The account that a text may be; the machine of an account that ends with `$`.
    fn add_user(&mut self, text: &str) -> Result<(), &'static str> {
        let (name, domain) = match (text.split_once('\\'), text.rsplit_once('@')) {
            (Some((domain, name)), _) => (name, Some(domain)),
            (None, Some((name, domain))) => (name, Some(domain)),
            (None, None) => (text, None),
        };
        if let Some(machine) = name.strip_suffix('$') {
            self.add_host(machine);
        }
        let name = account(name).ok_or("its name has no one spelling")?;
        let domain = domain
            .map(|domain| account(domain.trim_end_matches('.')).ok_or("its domain has no one spelling"));
        let domain = domain.transpose()?.filter(|domain| !domain.is_empty());
        self.users.push(User { name, domain });
        Ok(())
    }

    /// The address or host that a piece may be: alone, with a port, in a URL, in a path of a share, of a mailbox.
    fn add_address(&mut self, piece: &str) {
        if piece.is_empty() {
            return;
        }
        if let Some(network) = network(piece) {
            self.ips.push(network);
            return;
        }
        // An account within a text, as in `Ana <ana@corp.example>`.
        if piece.contains('@') {
            let _ = self.add_user(piece);
        }
        if let Some((_, rest)) = piece.split_once("://") {
            if let Ok(url) = Url::parse(piece)
                && let Some(host) = url.host()
            {
                self.add_parsed(host.to_owned());
                self.add_parts(&url);
            }
            return self.add_authority(rest);
        }
        let unc = piece.trim_start_matches('\\');
        if unc.len() + 2 <= piece.len() {
            return self.add_authority(unc.split('\\').next().unwrap_or(unc));
        }
        self.add_authority(piece);
    }

    /// What a URL names behind its host: of a tool that is called by URLs, what it is to act on stands there.
    fn add_parts(&mut self, url: &Url) {
        let decoded = |part: &str| percent_decoded(part);
        let segments = url.path_segments().into_iter().flatten().filter_map(decoded);
        let values = url.query_pairs().map(|(_, value)| value.into_owned());
        for part in segments.chain(values) {
            let part = part.trim();
            if part.contains(['@', '\\']) {
                let _ = self.add_user(part);
            }
            match network(part) {
                Some(network) => self.ips.push(network),
                None => self.add_authority(part),
            }
        }
    }

    /// `host`, `host:port`, `[v6]:port`, `user@host`, each with a path behind it.
    fn add_authority(&mut self, text: &str) {
        let text = text.split(['/', '?', '#']).next().unwrap_or(text);
        let text = text.rsplit_once('@').map_or(text, |(_, host)| host);
        let port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
        match text.rsplit_once(':') {
            Some((host, after)) if port(after) && (!host.contains(':') || host.ends_with(']')) => {
                self.add_host(host);
            }
            _ => self.add_host(text),
        }
    }

    fn add_host(&mut self, host: &str) {
        let host = host.trim_end_matches(['.', '。', '．', '｡']);
        if let Some(network) = network(host) {
            self.ips.push(network);
        } else if let Ok(host) = Host::parse(host) {
            self.add_parsed(host);
        }
    }

    fn add_parsed(&mut self, host: Host<String>) {
        match host {
            Host::Domain(name) => {
                let name = name.trim_end_matches('.');
                if !name.is_empty() {
                    self.hosts.push(name.to_owned());
                }
            }
            Host::Ipv4(ip) => self.ips.push(canonical(IpNet::from(IpAddr::V4(ip)))),
            Host::Ipv6(ip) => self.ips.push(canonical(IpNet::from(IpAddr::V6(ip)))),
        }
    }
}

/// A segment of a path as its tool reads it.
fn percent_decoded(segment: &str) -> Option<String> {
    let pair = format!("v={}", segment.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned())
}

/// An address or a network, also in brackets or with the name of an interface.
pub(super) fn network(text: &str) -> Option<IpNet> {
    let inside = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let inside = inside.split_once('%').map_or(inside, |(address, _)| address);
    let network = inside.parse::<IpNet>().ok().or_else(|| inside.parse::<IpAddr>().ok().map(IpNet::from));
    network.map(canonical)
}

/// IPv4 addresses that are written as IPv6 are IPv4.
fn canonical(network: IpNet) -> IpNet {
    /// `::ffff:0:0/96`.
    const MAPPED: u8 = 96;
    let IpNet::V6(v6) = network else { return network.trunc() };
    let Some(v4) = v6.addr().to_ipv4_mapped() else { return network.trunc() };
    let prefix = v6.prefix_len().checked_sub(MAPPED);
    let mapped = prefix.and_then(|prefix| ipnet::Ipv4Net::new(v4, prefix).ok());
    mapped.map_or(network, IpNet::V4).trunc()
}

/// A name of a host as authors write it in a guardrail.
pub(super) fn host(text: &str) -> Option<String> {
    match Host::parse(text.trim().trim_end_matches('.')).ok()? {
        Host::Domain(name) => Some(name.trim_end_matches('.').to_owned()).filter(|name| !name.is_empty()),
        Host::Ipv4(_) | Host::Ipv6(_) => None,
    }
}

/// An account as authors write it in a guardrail.
pub(super) fn user(text: &str) -> Option<User> {
    let mut target = Target::default();
    target.add_user(text.trim()).ok()?;
    target.users.pop().filter(|user| !user.name.is_empty())
}

/// The one spelling of a part of an account's name: letters of other scripts as host names are compared.
fn account(text: &str) -> Option<String> {
    let text = text.trim().trim_end_matches('$');
    if text.is_ascii() {
        return Some(text.to_ascii_lowercase());
    }
    // What cannot be in the name of a host takes no part in the comparison of letters.
    let plain = |c: char| if c.is_ascii() && !c.is_ascii_alphanumeric() { '-' } else { c };
    let letters: String = text.chars().map(plain).collect();
    match Host::parse(letters.trim_matches('-')).ok()? {
        Host::Domain(name) => Some(name),
        Host::Ipv4(ip) => Some(ip.to_string()),
        Host::Ipv6(ip) => Some(ip.to_string()),
    }
}

/// Characters that are not seen, or that turn the direction of others.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}
