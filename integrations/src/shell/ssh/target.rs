//! The machine that a step names: read from its arguments, which may be data, and compared with what the operator allows.

use std::fmt;
use std::net::IpAddr;

use updraft_protocol::{Flaw, Value};

use crate::http::Allow;
use crate::shell::process::Ran;

/// A user of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: Option<String>,
}

/// What became of a command.
pub(super) enum Reached {
    Ended(Ran),
    /// The connection ended before it.
    Lost,
}

/// An argument, and what it needs.
type Wrong = (&'static str, &'static str);

const HOST: &str = "a name of letters, digits, `-`, `_` and `.`, or an address is needed";
const PORT: &str = "a number from 1 to 65535 is needed";
const USER: &str =
    "a name of letters, digits, `-`, `_`, `.` and `@` is needed, which begins with a letter, a digit or `_`";
const USUAL_PORT: u16 = 22;

impl Target {
    /// The target in the arguments.
    ///
    /// # Errors
    /// An argument that makes none.
    pub(super) fn of(arguments: &Value) -> Result<Self, Wrong> {
        let host = host(arguments["host"].as_str().unwrap_or_default())?;
        let user = match &arguments["user"] {
            Value::Null => None,
            given => Some(user(given.as_str().unwrap_or_default())?),
        };
        Ok(Self { host, port: port(&arguments["port"])?, user })
    }

    /// Whether the operator allows it: a name by that name, an address by its network.
    pub(super) fn is_allowed(&self, allowed: &[Allow]) -> bool {
        is_allowed(&self.host, self.port, allowed)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

fn is_allowed(host: &str, port: u16, allowed: &[Allow]) -> bool {
    allowed.iter().any(|entry| match host.parse::<IpAddr>() {
        Ok(ip) => entry.contains(ip, port),
        Err(_) => entry.names(host, port),
    })
}

fn host(text: &str) -> Result<String, Wrong> {
    let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if let Ok(ip) = inner.parse::<IpAddr>() {
        return Ok(ip.to_string());
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    // All digits and dots would be an address in a form that other readers know: `127.1`.
    let is_number =
        text.rsplit('.').next().is_some_and(|last| last.starts_with(|c: char| c.is_ascii_digit()));
    let is_name =
        (1..=253).contains(&text.len()) && text.chars().all(is_part) && !text.starts_with(['-', '.']);
    if is_name && !is_number { Ok(text.to_ascii_lowercase()) } else { Err(("host", HOST)) }
}

fn port(value: &Value) -> Result<u16, Wrong> {
    let number = match value {
        Value::Null => Some(USUAL_PORT.into()),
        Value::String(text) => {
            text.parse::<i64>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
        }
        other => other.as_i64(),
    };
    let port = number.and_then(|number| u16::try_from(number).ok()).filter(|port| *port > 0);
    port.ok_or(("port", PORT))
}

fn user(text: &str) -> Result<String, Wrong> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let is_name = text.len() <= 64 && begins && text.chars().all(is_part);
    if is_name { Ok(text.to_owned()) } else { Err(("user", USER)) }
}

/// What is wrong with those arguments that are written out; `null` is in place of the others. Without a list of machines any is
/// allowed.
pub(super) fn flaws(arguments: &Value, allowed: Option<&[Allow]>) -> Vec<Flaw> {
    let flaw = |(place, message): Wrong| Flaw { place: place.to_owned(), message: message.to_owned() };
    let mut flaws = Vec::new();
    let port = port(&arguments["port"]);
    // A port that is not known yet may be any.
    let is_port_known =
        arguments.as_object().is_none_or(|all| all.get("port").is_none_or(|port| *port != Value::Null));
    match (arguments["host"].as_str().map(host), &port) {
        (Some(Err(wrong)), _) => flaws.push(flaw(wrong)),
        (Some(Ok(host)), Ok(port))
            if is_port_known && allowed.is_some_and(|allowed| !is_allowed(&host, *port, allowed)) =>
        {
            let target = Target { host, port: *port, user: None };
            let message = format!("missing here: permission to run commands on {target}");
            flaws.push(Flaw { place: "host".to_owned(), message });
        }
        _ => {}
    }
    flaws.extend(port.err().map(flaw));
    flaws.extend(arguments["user"].as_str().and_then(|text| user(text).err()).map(flaw));
    flaws
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn target(host: &str, port: serde_json::Value, user: serde_json::Value) -> Result<String, &'static str> {
        let of = Target::of(&json!({"host": host, "port": port, "user": user}).into());
        of.map(|target| target.to_string()).map_err(|(place, _)| place)
    }

    #[test]
    fn a_machine_is_a_name_or_an_address_and_never_an_option() {
        let none = serde_json::Value::Null;
        for (host, expected) in [
            ("siem-1.Internal", "siem-1.internal:22"),
            ("10.0.0.1", "10.0.0.1:22"),
            ("::1", "[::1]:22"),
            ("[fd00::1]", "[fd00::1]:22"),
            ("a_b", "a_b:22"),
        ] {
            assert_eq!(target(host, none.clone(), none.clone()).as_deref(), Ok(expected));
        }
        for host in [
            "",
            "-oProxyCommand=id",
            "a b",
            "a;b",
            "user@host",
            "a/b",
            "ssh://h",
            "127.1",
            "0x7f.1",
            "1",
            "h\n",
            "h%1",
            "fe80::1%eth0",
            ".h",
            "é",
            "h:22",
            "$(id)",
        ] {
            assert_eq!(target(host, none.clone(), none.clone()), Err("host"), "{host:?}");
        }
        for port in [
            json!(0),
            json!(65_536),
            json!("-1"),
            json!("22 "),
            json!("+22"),
            json!(1.5),
            json!(true),
            json!(""),
        ] {
            assert_eq!(target("h", port.clone(), none.clone()), Err("port"), "{port}");
        }
        assert_eq!(target("h", json!("2222"), json!("soc.bot@ad")).as_deref(), Ok("h:2222"));
        for user in
            [json!(""), json!("-l"), json!("a b"), json!("a;b"), json!("$x"), json!("a".repeat(65)), json!(5)]
        {
            assert_eq!(target("h", none.clone(), user.clone()), Err("user"), "{user}");
        }
    }

    #[test]
    fn a_name_is_allowed_by_that_name_and_an_address_by_its_network() {
        let allowed = |entries: &[&str], host: &str, port: u16| {
            let entries: Vec<Allow> = entries.iter().map(|entry| entry.parse().unwrap()).collect();
            is_allowed(host, port, &entries)
        };
        assert!(allowed(&["10.0.0.0/8"], "10.1.2.3", 22) && !allowed(&["10.0.0.0/8"], "11.1.2.3", 22));
        assert!(
            allowed(&["h.internal:2222"], "h.internal", 2222)
                && !allowed(&["h.internal:2222"], "h.internal", 22)
        );
        assert!(!allowed(&["0.0.0.0/0"], "h.internal", 22), "where a name leads is not looked up");
        assert!(!allowed(&[], "1.1.1.1", 22), "the public Internet is not allowed either");
        assert!(allowed(&["10.0.0.0/8"], "::ffff:10.0.0.1", 22));
    }
}
