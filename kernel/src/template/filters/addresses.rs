//! Filters and tests of addresses: IP addresses and networks, domains, URLs, e-mail addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use updraft_protocol::limits::{DOMAIN_BYTES, TEMPLATE_URL_BYTES};
use url::Url;

use super::{argument, text};
use crate::meter::{Meter, Result, VALUE_WORK, refuse};
use crate::template::operators::listed;
use crate::template::value::{Growing, Operand, shared};

/// The cost of reading an address or a network.
const ADDRESS_WORK: u64 = 2_000;
/// The longest text of an IP address, and of a network.
const ADDRESS_BYTES: usize = 64;
/// The cost of looking a domain up in the list of public suffixes, and of each of its bytes.
const DOMAIN_WORK: u64 = 4_000;
const DOMAIN_WORK_EACH: u64 = 128;
/// The cost of reading a URL, and of each of its bytes; the second is that of names which are translated to ASCII.
const URL_WORK: u64 = 8_000;
const URL_WORK_EACH: u64 = 200;
const FOREIGN_WORK_EACH: u64 = 1_000;
/// The memory of a URL that is read, for each byte: it is escaped, and a foreign name is decoded.
const URL_BYTES_EACH: usize = 24;

/// `value is ip`.
pub(in crate::template) fn is_ip(meter: &Meter, value: &Operand, _: &[Operand]) -> Result<bool> {
    let Operand::Text(text) = value else { return Ok(false) };
    meter.work(ADDRESS_WORK)?;
    Ok(ip(text).is_some())
}

/// `value is private`: an address that does not lead to the public internet.
pub(in crate::template) fn is_private(meter: &Meter, value: &Operand, _: &[Operand]) -> Result<bool> {
    Ok(match needed_ip(meter, "private", value)?.to_canonical() {
        IpAddr::V4(v4) => is_private_v4(v4),
        IpAddr::V6(v6) => is_private_v6(v6),
    })
}

fn is_private_v4(ip: Ipv4Addr) -> bool {
    // 100.64.0.0/10 is that of carriers (RFC 6598), 0.0.0.0/8 that of this network.
    let [first, second, ..] = ip.octets();
    let shared = first == 100 && (64..128).contains(&second);
    ip.is_private() || ip.is_loopback() || ip.is_link_local() || shared || first == 0
}

fn is_private_v6(ip: Ipv6Addr) -> bool {
    ip.is_unique_local() || ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unspecified()
}

/// `value is in_network('10.0.0.0/8')`, or in one of a list of networks.
pub(in crate::template) fn is_in_network(meter: &Meter, value: &Operand, args: &[Operand]) -> Result<bool> {
    let ip = needed_ip(meter, "in_network", value)?.to_canonical();
    match argument(args, 0) {
        Operand::Text(network) => in_network(meter, ip, network),
        networks => {
            for network in listed(meter, "in_network", networks)?.iter() {
                if in_network(meter, ip, text("in_network", network)?)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
    }
}

fn in_network(meter: &Meter, ip: IpAddr, network: &str) -> Result<bool> {
    meter.work(ADDRESS_WORK)?;
    let short = Some(network.trim()).filter(|network| network.len() <= ADDRESS_BYTES);
    let read = short.and_then(|network| network.parse::<IpNet>().ok().or_else(|| ip_alone(network)));
    match read {
        Some(network) => Ok(network.contains(&ip)),
        None => refuse("`in_network` needs networks such as `10.0.0.0/8`"),
    }
}

fn ip_alone(network: &str) -> Option<IpNet> {
    network.parse::<IpAddr>().ok().map(IpNet::from)
}

/// `|ip_version`: 4 or 6.
pub(in crate::template) fn ip_version(meter: &Meter, value: &Operand, _: &[Operand]) -> Result<Operand> {
    let version: usize = if needed_ip(meter, "ip_version", value)?.is_ipv4() { 4 } else { 6 };
    Ok(version.into())
}

/// A text that is no address is refused: `not` would take it for a public one.
fn needed_ip(meter: &Meter, user: &'static str, value: &Operand) -> Result<IpAddr> {
    meter.work(ADDRESS_WORK)?;
    match text(user, value).map(ip)? {
        Some(ip) => Ok(ip),
        None => refuse(format!("`{user}` needs an IP address; `is ip` tells whether a value is one")),
    }
}

pub(super) fn ip(text: &str) -> Option<IpAddr> {
    Some(text.trim()).filter(|text| text.len() <= ADDRESS_BYTES).and_then(|text| text.parse().ok())
}

/// `|registered_domain`: the part of a domain that somebody can register, as the list of public suffixes has it; undefined
/// if it is a public suffix itself, or has no known one. A text that is no domain is refused: the end of a URL's path would be
/// taken for its host.
pub(in crate::template) fn registered_domain(
    meter: &Meter,
    value: &Operand,
    _: &[Operand],
) -> Result<Operand> {
    let text = text("registered_domain", value)?.trim().trim_end_matches('.');
    if text.len() > DOMAIN_BYTES {
        return refuse(format!("`registered_domain` takes a domain of at most {DOMAIN_BYTES} bytes"));
    }
    if !text.split('.').all(is_label) {
        return refuse("`registered_domain` needs a domain; `url_host` gives that of a URL");
    }
    meter.make(4 * DOMAIN_BYTES)?;
    let lower = text.to_lowercase();
    match registered(meter, &lower)? {
        Some(domain) => Operand::text(meter, domain),
        None => Ok(Operand::Undefined),
    }
}

/// Whether a text may stand between the dots of a domain, which may be in the letters of any language.
fn is_label(label: &str) -> bool {
    !label.is_empty() && label.chars().all(|part| part.is_alphanumeric() || matches!(part, '-' | '_'))
}

/// The registered part of a domain in small letters, which has at most [`DOMAIN_BYTES`].
pub(super) fn registered<'d>(meter: &Meter, domain: &'d str) -> Result<Option<&'d str>> {
    meter.work(DOMAIN_WORK + DOMAIN_WORK_EACH * domain.len() as u64)?;
    let found = psl::domain(domain.as_bytes()).filter(|found| found.suffix().is_known());
    Ok(found.and_then(|found| std::str::from_utf8(found.as_bytes()).ok()))
}

/// `|url_scheme`.
pub(in crate::template) fn url_scheme(meter: &Meter, value: &Operand, _: &[Operand]) -> Result<Operand> {
    let url = url(meter, "url_scheme", value)?;
    Operand::text(meter, url.scheme())
}

/// `|url_host`, in ASCII; undefined if the URL has none.
pub(in crate::template) fn url_host(meter: &Meter, value: &Operand, _: &[Operand]) -> Result<Operand> {
    let url = url(meter, "url_host", value)?;
    let host = url.host_str().map(|host| host.trim_start_matches('[').trim_end_matches(']'));
    host.map_or(Ok(Operand::Undefined), |host| Operand::text(meter, host))
}

/// `|url_port`: the written port, or that of the scheme; undefined if the scheme has none.
pub(in crate::template) fn url_port(meter: &Meter, value: &Operand, _: &[Operand]) -> Result<Operand> {
    let url = url(meter, "url_port", value)?;
    Ok(url.port_or_known_default().map_or(Operand::Undefined, |port| usize::from(port).into()))
}

/// `|url_path`, as a request has it.
pub(in crate::template) fn url_path(meter: &Meter, value: &Operand, _: &[Operand]) -> Result<Operand> {
    let url = url(meter, "url_path", value)?;
    Operand::text(meter, url.path())
}

/// `|url_query`: a map of the names and their values, decoded; of a name that is there twice the later counts.
pub(in crate::template) fn url_query(meter: &Meter, value: &Operand, _: &[Operand]) -> Result<Operand> {
    let url = url(meter, "url_query", value)?;
    let mut fields = Growing::new(meter);
    for (name, value) in url.query_pairs() {
        fields.push((shared(meter, &name)?, Operand::text(meter, &value)?))?;
    }
    Operand::map(meter, fields.finish())
}

fn url(meter: &Meter, filter: &'static str, value: &Operand) -> Result<Url> {
    let text = text(filter, value)?;
    if text.len() > TEMPLATE_URL_BYTES {
        return refuse(format!("`{filter}` takes a URL of at most {TEMPLATE_URL_BYTES} bytes"));
    }
    match parsed(meter, text)? {
        Some(url) => Ok(url),
        None => refuse(format!("`{filter}` needs a URL, such as `https://example.com/a`")),
    }
}

/// The URL of a text that has at most [`TEMPLATE_URL_BYTES`]; `None` if it is none.
pub(super) fn parsed(meter: &Meter, text: &str) -> Result<Option<Url>> {
    let foreign = !text.is_ascii() || text.contains("xn--") || text.contains("XN--") || text.contains('%');
    let each = if foreign { FOREIGN_WORK_EACH } else { URL_WORK_EACH };
    meter.work(URL_WORK + each * text.len() as u64)?;
    meter.make(URL_BYTES_EACH * text.len() + 512)?;
    Ok(Url::parse(text).ok())
}

/// `|email_user`: what stands before the `@`.
pub(in crate::template) fn email_user(meter: &Meter, value: &Operand, _: &[Operand]) -> Result<Operand> {
    let (user, _) = email(meter, "email_user", value)?;
    Operand::text(meter, user)
}

/// `|email_domain`, in small letters.
pub(in crate::template) fn email_domain(meter: &Meter, value: &Operand, _: &[Operand]) -> Result<Operand> {
    let (_, domain) = email(meter, "email_domain", value)?;
    meter.make(4 * domain.len())?;
    Operand::text(meter, &domain.to_lowercase())
}

/// The parts of an e-mail address, also of one with a name before it: `Ann <ann@example.com>`.
fn email<'v>(meter: &Meter, filter: &'static str, value: &'v Operand) -> Result<(&'v str, &'v str)> {
    let text = text(filter, value)?;
    meter.work(VALUE_WORK + 4 * text.len() as u64)?;
    let text = text.trim();
    let inside =
        text.strip_suffix('>').and_then(|text| text.rsplit_once('<')).map_or(text, |(_, inside)| inside);
    match inside.rsplit_once('@') {
        Some((user, domain)) if is_word(user) && is_word(domain) => Ok((user, domain)),
        _ => refuse(format!("`{filter}` needs an e-mail address")),
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(|character: char| character.is_whitespace() || character == '<')
}
