//! Addresses of mail: read strictly, so that a value is one address whatever is in it, and the domains that mail may be sent to.
//! Looks nothing up.

use std::fmt;
use std::str::FromStr;

use lettre::Address;
use lettre::message::Mailbox;
use thiserror::Error;
use updraft_protocol::Value;
use updraft_protocol::limits::{MAIL_ADDRESS_BYTES, MAIL_LOCAL_PART_BYTES, MAIL_NAME_BYTES};
use url::Host;

/// What is no address.
const ADDRESS: &str = "one address such as `soc@corp.example` is needed, without a name beside it; a name goes into \
                       `{address: …, name: …}`, several addresses into a list";
const MAILBOX: &str = "an address, or a map with `address` and `name`, is needed";
const NAME: &str = "a name is one line";

/// A domain to which mail may be sent: `corp.example`, `*.corp.example` for all below it, `*` for any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailDomain(Pattern);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Any,
    Whole(String),
    Below(String),
}

/// Why a text is no domain of mail.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no domain such as `corp.example`, `*.corp.example` or `*`")]
pub struct MailDomainError(String);

impl MailDomainError {
    /// Whether the same text can be valid another time: never.
    pub fn retryable(&self) -> bool {
        false
    }
}

impl MailDomain {
    /// Whether it has this domain, which is in lower case.
    pub(super) fn has(&self, domain: &str) -> bool {
        match &self.0 {
            Pattern::Any => true,
            Pattern::Whole(own) => own == domain,
            Pattern::Below(own) => domain.strip_suffix(own.as_str()).is_some_and(|rest| rest.ends_with('.')),
        }
    }
}

impl FromStr for MailDomain {
    type Err = MailDomainError;

    fn from_str(text: &str) -> Result<Self, MailDomainError> {
        if text == "*" {
            return Ok(Self(Pattern::Any));
        }
        let (below, written) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let domain = domain(written).ok_or_else(|| MailDomainError(text.escape_debug().to_string()))?;
        Ok(Self(if below { Pattern::Below(domain) } else { Pattern::Whole(domain) }))
    }
}

impl fmt::Display for MailDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Pattern::Any => f.write_str("*"),
            Pattern::Whole(domain) => f.write_str(domain),
            Pattern::Below(domain) => write!(f, "*.{domain}"),
        }
    }
}

/// The address in a text, its domain in lower case and ASCII. No quoted names, no comments, no addresses of machines: what
/// servers read in those differs, and what they read is who gets the mail.
pub(super) fn address(text: &str) -> Result<Address, &'static str> {
    if text.len() > MAIL_ADDRESS_BYTES {
        return Err("an address has at most 254 bytes");
    }
    let (local, written) = text.rsplit_once('@').ok_or(ADDRESS)?;
    if !local.is_ascii() && local.chars().all(|c| c.is_alphanumeric() || c.is_ascii()) {
        return Err("letters beyond ASCII before `@` are not sent: few servers take them");
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    let is_atom = |atom: &str| !atom.is_empty() && atom.chars().all(is_part);
    if local.len() > MAIL_LOCAL_PART_BYTES || !local.split('.').all(is_atom) {
        return Err(ADDRESS);
    }
    let domain = domain(written).ok_or(ADDRESS)?;
    Address::new(local, domain).map_err(|_| ADDRESS)
}

/// A domain as mail knows it, in lower case and ASCII.
fn domain(text: &str) -> Option<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.') || !c.is_ascii();
    if !text.chars().all(is_part) {
        return None;
    }
    let Ok(Host::Domain(domain)) = Host::parse(text) else { return None };
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    (domain.len() <= 253 && domain.split('.').all(is_label)).then_some(domain)
}

/// One mailbox of a step: an address, or a map with `address` and `name`; `None` where it is not known yet.
pub(super) fn mailbox(value: &Value) -> Result<Option<Mailbox>, &'static str> {
    let fields = match value {
        Value::Null => return Ok(None),
        Value::String(text) => return Ok(Some(Mailbox::new(None, address(text)?))),
        Value::Object(fields) => fields,
        _ => return Err(MAILBOX),
    };
    if fields.keys().any(|name| name != "address" && name != "name") {
        return Err(MAILBOX);
    }
    let of = match fields.get("address") {
        Some(Value::String(text)) => address(text)?,
        Some(Value::Null) => return Ok(None),
        _ => return Err(MAILBOX),
    };
    let name = match fields.get("name") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => Some(checked_name(name)?.to_owned()).filter(|name| !name.is_empty()),
        Some(_) => return Err(NAME),
    };
    Ok(Some(Mailbox::new(name, of)))
}

fn checked_name(name: &str) -> Result<&str, &'static str> {
    let name = name.trim();
    if name.len() > MAIL_NAME_BYTES || name.chars().any(char::is_control) { Err(NAME) } else { Ok(name) }
}

/// A mailbox as an operator writes it: `soc@corp.example`, or `SOC of Corp <soc@corp.example>`.
pub(super) fn written_mailbox(text: &str) -> Option<Mailbox> {
    let text = text.trim();
    let Some((name, of)) = text.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) else {
        return Some(Mailbox::new(None, address(text).ok()?));
    };
    let name = checked_name(name).ok()?;
    let name = name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(name);
    if name.contains(['<', '>', '"']) {
        return None;
    }
    Some(Mailbox::new(Some(name.to_owned()).filter(|name| !name.is_empty()), address(of).ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_is_one_address_or_none() {
        for (text, read) in [
            ("soc@corp.example", "soc@corp.example"),
            ("SOC.Team+alerts@Corp.Example", "SOC.Team+alerts@corp.example"),
            ("a@bücher.example", "a@xn--bcher-kva.example"),
            ("root@localhost", "root@localhost"),
            ("o'neil@corp.example", "o'neil@corp.example"),
        ] {
            assert_eq!(address(text).map(|address| address.to_string()).as_deref(), Ok(read));
        }
        for text in [
            "",
            "a",
            "@b.example",
            "a@",
            "a@b.example, c@d.example",
            "a@b.example;c@d.example",
            "A <a@b.example>",
            "<a@b.example>",
            "a@b.example\r\nRCPT TO:<c@d.example>",
            "a@b.example\nBcc: c@d.example",
            "a@b.example\0",
            "a b@c.example",
            "\"a b\"@c.example",
            "a@b@c.example",
            "a(x)@c.example",
            "a..b@c.example",
            ".a@c.example",
            "a@-c.example",
            "a@c..example",
            "a@c.example.",
            "a@[10.0.0.1]",
            "a@127.1",
            "a@10.0.0.1",
            "a@c%2eexample",
            "a@c.example>",
            " a@c.example",
            "a@c.example SIZE=1",
            "ä@c.example",
        ] {
            assert!(address(text).is_err(), "{text:?}");
        }
        assert!(address(&format!("{}@c.example", "a".repeat(65))).is_err());
        assert!(address(&format!("a@{}.example", "c".repeat(64))).is_err());
    }

    #[test]
    fn a_mailbox_may_have_a_name_that_stays_a_name() {
        let read = |value: serde_json::Value| mailbox(&value.into());
        let named = read(json!({"address": "a@c.example", "name": "x <evil@d.example>, y"}));
        let named = named.unwrap().unwrap();
        assert_eq!(named.email.as_ref() as &str, "a@c.example");
        assert_eq!(named.name.as_deref(), Some("x <evil@d.example>, y"));
        assert_eq!(read(json!(null)), Ok(None));
        assert_eq!(read(json!({"address": null, "name": "x"})), Ok(None));
        for wrong in [
            json!(5),
            json!({}),
            json!({"address": 5}),
            json!({"address": "a@c.example", "name": "a\r\nBcc: b@c.example"}),
            json!({"address": "a@c.example", "nam": "a"}),
            json!(["a@c.example"]),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_operator_writes_a_mailbox_as_mail_programs_do() {
        let read = |text| written_mailbox(text).map(|read| (read.name, read.email.to_string()));
        let soc = "soc@corp.example".to_owned();
        assert_eq!(read("soc@corp.example"), Some((None, soc.clone())));
        assert_eq!(
            read("SOC of Corp <soc@corp.example>"),
            Some((Some("SOC of Corp".to_owned()), soc.clone()))
        );
        assert_eq!(read("\"SOC, Corp\" <soc@corp.example>"), Some((Some("SOC, Corp".to_owned()), soc)));
        assert_eq!(read("a <b> <soc@corp.example>"), None);
        assert_eq!(read("soc"), None);
    }

    #[test]
    fn a_domain_is_whole_or_below_or_any() {
        let has = |pattern: &str, domain: &str| pattern.parse::<MailDomain>().unwrap().has(domain);
        assert!(has("Corp.Example", "corp.example") && !has("corp.example", "a.corp.example"));
        assert!(has("*.corp.example", "a.b.corp.example") && !has("*.corp.example", "corp.example"));
        assert!(!has("*.corp.example", "evilcorp.example") && has("*", "any.example"));
        for wrong in ["", "*.", "a b", "*a.example", "a@b.example", "10.0.0.1", "a..b"] {
            assert!(wrong.parse::<MailDomain>().is_err(), "{wrong}");
        }
        assert_eq!("*.Corp.example".parse::<MailDomain>().unwrap().to_string(), "*.corp.example");
    }
}
