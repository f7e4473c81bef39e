//! Checks of addresses and ports: that each value is of its kind. A value that refers to a variable is looked at by the translation.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::Check;
use crate::finding::CacaoFinding;
use crate::model::{AddressKind, AgentTarget, CacaoId};
use crate::path::{item, property};
use crate::rule::Rule;

pub(super) fn check(check: &mut Check<'_>) {
    let playbook = check.playbook;
    machines(check, "agent_definitions", &playbook.agents);
    machines(check, "target_definitions", &playbook.targets);
}

fn machines(check: &mut Check<'_>, definitions: &str, all: &BTreeMap<CacaoId, AgentTarget>) {
    for (id, object) in all {
        let Some(machine) = object.kind.machine() else { continue };
        let path = property(definitions, id.as_str());
        let address = property(&path, "address");
        for (kind, values) in &machine.address.values {
            let list = property(&address, kind.word());
            for (number, value) in values.iter().enumerate().filter(|(_, value)| !refers(value)) {
                if let Err(needed) = value_of(*kind, value) {
                    let message = format!("is to be {needed}");
                    check.findings.add(CacaoFinding::new(
                        Rule::AddressValue,
                        id,
                        item(&list, number),
                        message,
                    ));
                }
            }
        }
        let is_port = |port: &str| {
            port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
        };
        if machine.port.as_deref().is_some_and(|port| !refers(port) && !is_port(port)) {
            let message = "is to be a number from 1 to 65535";
            check.findings.add(CacaoFinding::new(Rule::Port, id, property(&path, "port"), message));
        }
    }
}

/// Whether a text refers to a variable.
fn refers(text: &str) -> bool {
    text.contains("__:value")
}

fn value_of(kind: AddressKind, text: &str) -> Result<(), &'static str> {
    let (fits, needed) = match kind {
        AddressKind::Url if has_login(text) => {
            (false, "a URL without a name or a password: these belong into `authentication_info_definitions`")
        }
        AddressKind::Url => (
            is_url(text),
            "a URL with `http://` or `https://` and a host, such as `https://edr.example.com/v1`",
        ),
        AddressKind::Dname => (is_host(text), "the name of a host, without a scheme, a port or a path"),
        AddressKind::Ipv4 => (text.parse::<Ipv4Addr>().is_ok(), "one IPv4 address"),
        AddressKind::Ipv6 => (text.parse::<Ipv6Addr>().is_ok(), "one IPv6 address"),
        AddressKind::L2mac => (is_mac(text), "a MAC address: six bytes of base 16 between `:`"),
        AddressKind::Vlan => (true, ""),
    };
    if fits { Ok(()) } else { Err(needed) }
}

/// Whether a URL has a name or a password before its host.
fn has_login(text: &str) -> bool {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default().contains('@')
}

/// A URL that is written to be used, not to be read: with no `hxxp` and no `[.]`.
fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_known = ["http", "https", "ssh"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    let is_plain = !text.chars().any(|c| c.is_whitespace() || c.is_control()) && !text.contains("[.]");
    is_known && is_plain && !host.is_empty()
}

fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
    };
    let text = text.strip_suffix('.').unwrap_or(text);
    text.len() <= 253 && text.split('.').all(label)
}

fn is_mac(text: &str) -> bool {
    let bytes: Vec<&str> = text.split(':').collect();
    let hex = |byte: &&str| byte.len() == 2 && byte.bytes().all(|digit| digit.is_ascii_hexdigit());
    bytes.len() == 6 && bytes.iter().all(hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_of_its_kind() {
        for (kind, text) in [
            (AddressKind::Url, "https://edr.example.com/v1"),
            (AddressKind::Url, "http://localhost:8080"),
            (AddressKind::Dname, "localhost"),
            (AddressKind::Dname, "a-1.example.com."),
            (AddressKind::Ipv4, "192.0.2.1"),
            (AddressKind::Ipv6, "2001:db8::1"),
            (AddressKind::L2mac, "00:00:5E:00:53:AF"),
        ] {
            assert_eq!(value_of(kind, text), Ok(()), "{text}");
        }
        for (kind, text) in [
            (AddressKind::Url, "hxxps://edr.example.com"),
            (AddressKind::Url, "https://edr[.]example[.]com"),
            (AddressKind::Url, "edr.example.com"),
            (AddressKind::Url, "ftp://edr.example.com"),
            (AddressKind::Url, "https://soar:password@edr.example.com/v1"),
            (AddressKind::Url, "https://"),
            (AddressKind::Dname, "https://edr.example.com"),
            (AddressKind::Dname, "edr.example.com:80"),
            (AddressKind::Dname, ""),
            (AddressKind::Dname, "a..b"),
            (AddressKind::Ipv4, "192.0.2.1/32"),
            (AddressKind::Ipv4, "300.0.2.1"),
            (AddressKind::Ipv6, "[2001:db8::1]"),
            (AddressKind::L2mac, "00-00-5E-00-53-AF"),
        ] {
            assert!(value_of(kind, text).is_err(), "{text}");
        }
    }
}
