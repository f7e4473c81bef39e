//! Types of variables: what a value of each is in Updraft, and which texts are values of it.

use std::net::{Ipv4Addr, Ipv6Addr};

use updraft_protocol::{Number, Value};

/// The type of a variable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VariableType {
    /// `true` or `false`.
    Bool,
    /// A map.
    Dictionary,
    /// A number.
    Float,
    /// Digits of base 16.
    Hexstring,
    /// A whole number.
    Integer,
    /// An address, or a network with its length.
    Ipv4Addr,
    /// An address, or a network with its length.
    Ipv6Addr,
    /// A whole number.
    Long,
    /// Six bytes of base 16.
    MacAddr,
    /// A hash of any kind.
    Hash,
    /// 32 digits of base 16.
    Md5Hash,
    /// 64 digits of base 16.
    Sha256Hash,
    /// A text.
    String,
    /// A text with a scheme.
    Uri,
    /// A UUID.
    Uuid,
    /// A type that the standard does not name; its values are texts.
    Other(String),
}

impl VariableType {
    /// The type with this word.
    pub fn of(word: &str) -> Self {
        match word {
            "bool" => Self::Bool,
            "dictionary" => Self::Dictionary,
            "float" => Self::Float,
            "hexstring" => Self::Hexstring,
            "integer" => Self::Integer,
            "ipv4-addr" => Self::Ipv4Addr,
            "ipv6-addr" => Self::Ipv6Addr,
            "long" => Self::Long,
            "mac-addr" => Self::MacAddr,
            "hash" => Self::Hash,
            "md5-hash" => Self::Md5Hash,
            "sha256-hash" => Self::Sha256Hash,
            "string" => Self::String,
            "uri" => Self::Uri,
            "uuid" => Self::Uuid,
            _ => Self::Other(word.to_owned()),
        }
    }

    /// Its word.
    pub fn word(&self) -> &str {
        match self {
            Self::Bool => "bool",
            Self::Dictionary => "dictionary",
            Self::Float => "float",
            Self::Hexstring => "hexstring",
            Self::Integer => "integer",
            Self::Ipv4Addr => "ipv4-addr",
            Self::Ipv6Addr => "ipv6-addr",
            Self::Long => "long",
            Self::MacAddr => "mac-addr",
            Self::Hash => "hash",
            Self::Md5Hash => "md5-hash",
            Self::Sha256Hash => "sha256-hash",
            Self::String => "string",
            Self::Uri => "uri",
            Self::Uuid => "uuid",
            Self::Other(word) => word,
        }
    }

    /// The words for all types that the standard names.
    pub const WORDS: [&'static str; 15] = [
        "bool",
        "dictionary",
        "float",
        "hexstring",
        "integer",
        "ipv4-addr",
        "ipv6-addr",
        "long",
        "mac-addr",
        "hash",
        "md5-hash",
        "sha256-hash",
        "string",
        "uri",
        "uuid",
    ];

    /// A value of the file as one of Updraft: whole numbers, numbers, booleans and maps as these, all others as texts. `null`
    /// stays `null`: the value is not known.
    ///
    /// # Errors
    /// What a value of this type is, for a message: `a whole number`. The value itself is not in it, since it may be a credential.
    pub fn read(&self, value: &Value) -> Result<Value, &'static str> {
        let text = match value {
            Value::Null => return Ok(Value::Null),
            Value::Object(_) if *self == Self::Dictionary => return Ok(value.clone()),
            Value::String(text) => text.as_str(),
            _ => return Err(self.values()),
        };
        let read = match self {
            Self::Bool => match text {
                "true" => Some(Value::Bool(true)),
                "false" => Some(Value::Bool(false)),
                _ => None,
            },
            Self::Dictionary => Value::parse(text).ok().filter(|value| value.as_object().is_some()),
            Self::Float => Number::parse(text).map(Value::Number),
            Self::Integer | Self::Long => {
                Number::parse(text).filter(|_| !text.contains(['.', 'e', 'E'])).map(Value::Number)
            }
            _ if self.fits(text) => Some(value.clone()),
            _ => None,
        };
        read.ok_or(self.values())
    }

    /// Whether a text is a value of this type, where its values are texts.
    fn fits(&self, text: &str) -> bool {
        let hex = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match self {
            Self::Hexstring => hex(text) && text.len().is_multiple_of(2),
            Self::Hash => hex(text),
            Self::Md5Hash => hex(text) && text.len() == 32,
            Self::Sha256Hash => hex(text) && text.len() == 64,
            Self::Ipv4Addr => network(text, 32).is_some_and(|address| address.parse::<Ipv4Addr>().is_ok()),
            Self::Ipv6Addr => network(text, 128).is_some_and(|address| address.parse::<Ipv6Addr>().is_ok()),
            Self::MacAddr => {
                let bytes: Vec<&str> = text.split([':', '-']).collect();
                bytes.len() == 6 && bytes.iter().all(|byte| byte.len() == 2 && hex(byte))
            }
            Self::Uri => is_uri(text),
            Self::Uuid => {
                let groups = text.split('-');
                groups.clone().map(str::len).eq([8, 4, 4, 4, 12]) && groups.clone().all(hex)
            }
            _ => true,
        }
    }

    /// A regular expression of its values, where they are texts of some form: what a submission or an answer gives is held to it.
    pub fn pattern(&self) -> Option<&'static str> {
        Some(match self {
            Self::Hexstring => "^(?:[0-9A-Fa-f]{2})+$",
            Self::Hash => "^[0-9A-Fa-f]+$",
            Self::Md5Hash => "^[0-9A-Fa-f]{32}$",
            Self::Sha256Hash => "^[0-9A-Fa-f]{64}$",
            Self::Ipv4Addr => {
                "^(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\
                 (?:/(?:3[0-2]|[12]?[0-9]))?$"
            }
            Self::Ipv6Addr => {
                "^[0-9A-Fa-f]*:[0-9A-Fa-f:]*:?[0-9A-Fa-f.]*(?:/(?:12[0-8]|1[01][0-9]|[1-9]?[0-9]))?$"
            }
            Self::MacAddr => "^[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}$",
            Self::Uri => "^[A-Za-z][A-Za-z0-9+.-]*:[^\\x00-\\x20\\x7F]+$",
            Self::Uuid => "^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$",
            _ => return None,
        })
    }

    /// What its values are, in words.
    pub fn values(&self) -> &'static str {
        match self {
            Self::Bool => "`true` or `false`",
            Self::Dictionary => "a map, or a text that is one as JSON",
            Self::Float => "a number",
            Self::Hexstring => "an even number of digits of base 16",
            Self::Integer | Self::Long => "a whole number",
            Self::Ipv4Addr => "an IPv4 address, or a network such as `10.0.0.0/8`",
            Self::Ipv6Addr => "an IPv6 address, or a network such as `2001:db8::/32`",
            Self::MacAddr => "a MAC address: six bytes of base 16 between `:`",
            Self::Hash => "digits of base 16",
            Self::Md5Hash => "32 digits of base 16",
            Self::Sha256Hash => "64 digits of base 16",
            Self::Uri => "a URI: a scheme, `:`, and what it names",
            Self::Uuid => "a UUID",
            Self::String | Self::Other(_) => "a text",
        }
    }
}

/// The address in front of the length of a network, if there is one and it fits.
fn network(text: &str, longest: u8) -> Option<&str> {
    let Some((address, length)) = text.split_once('/') else { return Some(text) };
    let digits = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
    (digits && length.parse::<u8>().is_ok_and(|length| length <= longest)).then_some(address)
}

fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let first = scheme.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    let of_scheme = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    first
        && scheme.bytes().all(of_scheme)
        && !rest.is_empty()
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(word: &str, text: &str) -> Option<String> {
        VariableType::of(word).read(&Value::from(text)).ok().map(|value| value.to_string())
    }

    /// Whether a text fits the pattern of its type, if that has one.
    fn fits_pattern(word: &str, text: &str) -> Option<bool> {
        let pattern = VariableType::of(word).pattern()?;
        Some(regex_automata::meta::Regex::new(pattern).unwrap().is_match(text))
    }

    #[test]
    fn a_value_is_read_by_its_type() {
        for (word, text, value) in [
            ("bool", "true", "true"),
            ("integer", "12345678901234567890123", "12345678901234567890123"),
            ("long", "-7", "-7"),
            ("float", "1.50", "1.5"),
            ("dictionary", r#"{"a": 1}"#, r#"{"a":1}"#),
            ("string", "7", r#""7""#),
            ("ipv4-addr", "10.0.0.0/8", r#""10.0.0.0/8""#),
            ("ipv6-addr", "2001:db8::1", r#""2001:db8::1""#),
            ("mac-addr", "00:00:5e:00:53:af", r#""00:00:5e:00:53:af""#),
            ("uri", "urn:a:b", r#""urn:a:b""#),
            ("uuid", "6d9f4d2e-14f1-4b62-8a0b-2a5a4d0b43a1", r#""6d9f4d2e-14f1-4b62-8a0b-2a5a4d0b43a1""#),
            ("hexstring", "beef", r#""beef""#),
            ("md5-hash", "d41d8cd98f00b204e9800998ecf8427e", r#""d41d8cd98f00b204e9800998ecf8427e""#),
            ("made-up", "anything", r#""anything""#),
        ] {
            assert_eq!(printed(word, text).as_deref(), Some(value), "{word} {text}");
            assert_eq!(VariableType::of(word).read(&Value::Null), Ok(Value::Null));
            assert_ne!(fits_pattern(word, text), Some(false), "{word} {text}");
        }
    }

    #[test]
    fn a_value_of_another_type_is_refused() {
        for (word, text) in [
            ("bool", "yes"),
            ("bool", "True"),
            ("integer", "1.0"),
            ("integer", "1e3"),
            ("integer", "0x10"),
            ("integer", ""),
            ("float", "one"),
            ("dictionary", "[1]"),
            ("ipv4-addr", "1.2.3"),
            ("ipv4-addr", "1.2.3.4/33"),
            ("ipv4-addr", "1.2.3.4/"),
            ("ipv6-addr", "1.2.3.4"),
            ("mac-addr", "00:00:5e:00:53"),
            ("uri", "example.com"),
            ("uri", "http://a b"),
            ("uuid", "6d9f4d2e"),
            ("hexstring", "abc"),
            ("sha256-hash", "d41d8cd98f00b204e9800998ecf8427e"),
        ] {
            assert_eq!(printed(word, text), None, "{word} {text}");
            assert_ne!(fits_pattern(word, text), Some(true), "{word} {text}");
        }
        assert!(VariableType::String.read(&Value::Bool(true)).is_err());
    }

    #[test]
    fn every_type_has_its_word() {
        for word in VariableType::WORDS {
            assert_eq!(VariableType::of(word).word(), word);
        }
        assert_eq!(VariableType::of("made-up").word(), "made-up");
    }
}
