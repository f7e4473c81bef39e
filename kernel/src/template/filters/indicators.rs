//! Filters of indicators of compromise: what an analyst copies from a mail, a report or a log.

use std::collections::BTreeSet;

use updraft_protocol::limits::{DOMAIN_BYTES, INDICATOR_BYTES};

use super::addresses::{ip, parsed, registered};
use super::text;
use crate::meter::{Meter, Result, VALUE_WORK};
use crate::template::printer::GROWTH;
use crate::template::value::{Growing, Operand, rounds, shared};

/// The cost of each byte of a text that is looked through for the spellings below.
const SPELLING_WORK: u64 = 64;
/// The cost of each byte of a text in which indicators are looked for.
const SCAN_WORK: u64 = 64;

/// The spellings that keep an indicator from being a link, and what they stand for. Letters are small here.
const DEFANGED: [(&str, &str); 20] = [
    ("hxxps", "https"),
    ("hxxp", "http"),
    ("[://]", "://"),
    ("[:]//", "://"),
    ("[.]", "."),
    ("(.)", "."),
    ("{.}", "."),
    ("[dot]", "."),
    ("(dot)", "."),
    ("{dot}", "."),
    ("[.", "."),
    (".]", "."),
    ("[@]", "@"),
    ("(@)", "@"),
    ("[at]", "@"),
    ("(at)", "@"),
    ("{at}", "@"),
    ("[:]", ":"),
    ("(:)", ":"),
    ("[/]", "/"),
];

/// `|hash_kind`: `md5`, `sha1`, `sha256` or `sha512`, by its digits; null for any other text.
pub(in crate::template) fn hash_kind(meter: &Meter, value: &Operand, _: &[Operand]) -> Result<Operand> {
    let text = text("hash_kind", value)?;
    meter.read(text)?;
    Ok(kind_of_hash(text.trim()).map_or(Operand::Null, Operand::constant))
}

fn kind_of_hash(text: &str) -> Option<&'static str> {
    let kind = match text.len() {
        32 => "md5",
        40 => "sha1",
        64 => "sha256",
        128 => "sha512",
        _ => return None,
    };
    text.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(kind)
}

/// `|defang`: a text whose links and addresses nobody follows by mistake.
pub(in crate::template) fn defang(meter: &Meter, value: &Operand, _: &[Operand]) -> Result<Operand> {
    let text = text("defang", value)?;
    meter.work(SPELLING_WORK * text.len() as u64)?;
    // Three bytes for one, copied as it grows.
    meter.make(3 * GROWTH * text.len())?;
    let mut defanged = String::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let is_http = rest.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("http"));
        let length = if is_http { 4 } else { character.len_utf8() };
        match character {
            _ if is_http => defanged.push_str("hxxp"),
            '.' => defanged.push_str("[.]"),
            '@' => defanged.push_str("[@]"),
            other => defanged.push(other),
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    Operand::text(meter, &defanged)
}

/// `|refang`: the text that was defanged, in this or another usual spelling.
pub(in crate::template) fn refang(meter: &Meter, value: &Operand, _: &[Operand]) -> Result<Operand> {
    let text = refanged(meter, text("refang", value)?)?;
    Operand::text(meter, &text)
}

fn refanged(meter: &Meter, text: &str) -> Result<String> {
    meter.work(SPELLING_WORK * text.len() as u64)?;
    meter.make(GROWTH * text.len())?;
    let mut refanged = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let may_begin = matches!(character, 'h' | 'H' | '[' | '(' | '{' | '.');
        let found =
            if may_begin { DEFANGED.iter().find(|(spelling, _)| begins(rest, spelling)) } else { None };
        let length = match found {
            Some((spelling, meant)) => {
                refanged.push_str(meant);
                spelling.len()
            }
            None => {
                refanged.push(character);
                character.len_utf8()
            }
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    Ok(refanged)
}

fn begins(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start))
}

/// `|extract_iocs`: a map of `ips`, `domains`, `urls`, `emails`, `hashes` and `cves`, each a list without doubles, in the
/// order of the text. Defanged ones are found too. The host of a URL and of an e-mail address is listed as well.
pub(in crate::template) fn extract_iocs(meter: &Meter, value: &Operand, _: &[Operand]) -> Result<Operand> {
    let text = refanged(meter, text("extract_iocs", value)?)?;
    meter.work(SCAN_WORK * text.len() as u64)?;
    let mut found = Found::new(meter);
    for word in
        text.split(|character: char| character.is_whitespace() || "<>\"'`|(){},;\\^".contains(character))
    {
        meter.work(VALUE_WORK)?;
        let word = word.trim_matches(|character| ".,:!?*_=[]".contains(character));
        if !word.is_empty() && word.len() <= INDICATOR_BYTES {
            found.word(word)?;
        }
    }
    found.finish()
}

/// The kinds of indicators, in the order of their names, as a map has them.
const KINDS: [&str; 6] = ["cves", "domains", "emails", "hashes", "ips", "urls"];
const CVES: usize = 0;
const DOMAINS: usize = 1;
const EMAILS: usize = 2;
const HASHES: usize = 3;
const IPS: usize = 4;
const URLS: usize = 5;

/// The indicators of a text.
struct Found<'m> {
    meter: &'m Meter,
    lists: [Growing<'m, Operand>; KINDS.len()],
    known: BTreeSet<(usize, String)>,
}

impl<'m> Found<'m> {
    fn new(meter: &'m Meter) -> Self {
        Self { meter, lists: std::array::from_fn(|_| Growing::new(meter)), known: BTreeSet::new() }
    }

    fn word(&mut self, word: &str) -> Result<()> {
        if let Some(start) = word.find("://") {
            return self.url(word, start);
        }
        if let Some((user, domain)) = word.rsplit_once('@') {
            let is_user = !user.is_empty() && !user.contains(['@', '/', ':']);
            if is_user && self.domain(domain)? {
                self.add(EMAILS, word)?;
            }
            return Ok(());
        }
        if kind_of_hash(word).is_some() {
            return self.add(HASHES, &word.to_ascii_lowercase());
        }
        if is_cve(word) {
            return self.add(CVES, &word.to_ascii_uppercase());
        }
        // A path, a port or a network may follow an address.
        let host = word.split_once('/').map_or(word, |(host, _)| host);
        self.host(host)
    }

    /// A URL, which may stand behind other letters.
    fn url(&mut self, word: &str, colon: usize) -> Result<()> {
        let before = word.get(..colon).unwrap_or_default();
        let start = before.rfind(|letter: char| !letter.is_ascii_alphanumeric()).map_or(0, |at| at + 1);
        let link = word.get(start..).unwrap_or_default();
        let Some(url) = parsed(self.meter, link)? else { return Ok(()) };
        if !matches!(url.scheme(), "http" | "https" | "ftp") {
            return Ok(());
        }
        self.add(URLS, link)?;
        url.host_str().map_or(Ok(()), |host| self.host(host.trim_matches(['[', ']'])))
    }

    fn host(&mut self, host: &str) -> Result<()> {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if !name.contains(':') && port.bytes().all(|byte| byte.is_ascii_digit()) => {
                name
            }
            _ => host,
        };
        self.meter.work(VALUE_WORK + 2 * name.len() as u64)?;
        match ip(name) {
            Some(ip) => {
                self.meter.make(64)?;
                self.add(IPS, &ip.to_string())
            }
            None => self.domain(name).map(|_| ()),
        }
    }

    /// Adds a domain; whether it is one, which needs a public suffix that is known.
    fn domain(&mut self, name: &str) -> Result<bool> {
        let is_label = |label: &str| {
            let is_letter = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_');
            !label.is_empty() && label.len() <= 63 && label.chars().all(is_letter) && !label.starts_with('-')
        };
        if name.len() > DOMAIN_BYTES || !name.contains('.') || !name.split('.').all(is_label) {
            return Ok(false);
        }
        self.meter.make(4 * name.len())?;
        let lower = name.to_lowercase();
        let is_domain = lower.len() <= DOMAIN_BYTES && registered(self.meter, &lower)?.is_some();
        if is_domain {
            self.add(DOMAINS, &lower)?;
        }
        Ok(is_domain)
    }

    fn add(&mut self, kind: usize, indicator: &str) -> Result<()> {
        const ENTRY_BYTES: usize = 96;
        self.meter.make(ENTRY_BYTES + 2 * indicator.len())?;
        self.meter.work((VALUE_WORK + indicator.len() as u64) * rounds(self.known.len()))?;
        if self.known.insert((kind, indicator.to_owned()))
            && let Some(list) = self.lists.get_mut(kind)
        {
            list.push(Operand::text(self.meter, indicator)?)?;
        }
        Ok(())
    }

    fn finish(self) -> Result<Operand> {
        let mut fields = Growing::new(self.meter);
        for (name, list) in KINDS.into_iter().zip(self.lists) {
            fields.push((shared(self.meter, name)?, Operand::list(self.meter, list.finish())?))?;
        }
        Operand::map(self.meter, fields.finish())
    }
}

/// `CVE-2026-12345`.
fn is_cve(word: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts = word.splitn(3, '-');
    let mut next = || parts.next().unwrap_or_default();
    let (name, year, number) = (next(), next(), next());
    name.eq_ignore_ascii_case("cve")
        && year.len() == 4
        && is_number(year)
        && number.len() >= 4
        && is_number(number)
}
