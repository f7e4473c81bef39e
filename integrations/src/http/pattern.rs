//! `HostPattern`: the hosts of a setting. Owns its text form; knows nothing of the settings.

use std::fmt;
use std::str::FromStr;

use super::allow::{self, Allow};

/// The hosts of a setting: a name (`edr.internal`), all names below one (`*.internal`), an address or a network
/// (`10.0.0.0/8`), each with or without a port (`edr.internal:8443`). Without a port it matches every port.
///
/// An address or a network matches URLs with an address, not names that lead to one.
///
/// ```
/// use updraft_integrations::http::HostPattern;
///
/// let edr: HostPattern = "*.EDR.internal:8443".parse()?;
/// assert_eq!(edr.to_string(), "*.edr.internal:8443");
/// # Ok::<(), updraft_integrations::http::allow::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern {
    /// Whether it matches the names below this one.
    below: bool,
    host: Allow,
}

impl HostPattern {
    /// Whether it matches this host of a URL, on this port.
    pub(crate) fn matches(&self, host: &str, port: u16) -> bool {
        if self.below {
            return self.host.names_above(host, port);
        }
        match host.trim_matches(['[', ']']).parse() {
            Ok(ip) => self.host.contains(ip, port),
            Err(_) => self.host.names(host, port),
        }
    }
}

impl FromStr for HostPattern {
    type Err = allow::Error;

    fn from_str(text: &str) -> Result<Self, allow::Error> {
        match text.strip_prefix("*.") {
            None => Ok(Self { below: false, host: text.parse()? }),
            Some(rest) => {
                let host: Allow = rest.parse().map_err(|_| allow::Error::Host(text.to_owned()))?;
                if host.is_network() {
                    return Err(allow::Error::Host(text.to_owned()));
                }
                Ok(Self { below: true, host })
            }
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let below = if self.below { "*." } else { "" };
        write!(f, "{below}{}", self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_for_its_hosts_alone() {
        for (pattern, host, port, expected) in [
            ("edr.internal", "EDR.internal.", 443, true),
            ("edr.internal", "a.edr.internal", 443, false),
            ("edr.internal:8443", "edr.internal", 8443, true),
            ("edr.internal:8443", "edr.internal", 443, false),
            ("*.internal", "a.b.internal", 1, true),
            ("*.internal", "internal", 1, false),
            ("*.internal", "notinternal", 1, false),
            ("*.internal:8443", "a.internal", 443, false),
            ("10.0.0.0/8", "10.1.2.3", 1, true),
            ("10.0.0.0/8", "a.internal", 1, false),
            ("::1", "[::1]", 1, true),
            ("[::1]:80", "[::1]", 81, false),
        ] {
            let parsed: HostPattern = pattern.parse().unwrap();
            assert_eq!(parsed.matches(host, port), expected, "{pattern} {host}:{port}");
        }
    }

    #[test]
    fn a_text_that_is_no_pattern_is_refused() {
        for text in ["", "*", "*.", "*.10.0.0.0/8", "*.10.0.0.1", "a.*.b", "*.a:0", "https://a", "a b"] {
            assert!(text.parse::<HostPattern>().is_err(), "{text}");
        }
    }
}
