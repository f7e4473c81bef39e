//! `Json`: a JSON value kept as its text, for code that does not look into it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::limits::VALUE_NESTING;
use crate::value::{self, Value};

/// A JSON value as compact text, cheap to clone: crossing the journal and the store copies no tree.
///
/// In JSON it is the value itself, with every digit of its numbers; in bincode it is its text.
#[derive(Clone, PartialEq, Eq)]
pub struct Json(Arc<str>);

impl Json {
    /// The value `null`.
    pub fn null() -> Self {
        Self("null".into())
    }

    /// The value as a tree that keeps every number.
    ///
    /// # Errors
    /// It is nested too deeply to be a tree.
    pub fn tree(&self) -> Result<Value, value::Error> {
        Value::stored(&self.0)
    }

    /// The text, checked to be JSON that can be parsed as a tree; of a name that is twice in a map the last value
    /// counts. For stored text, and for an integration's own output; text of others is parsed by [`Value::parse`],
    /// which refuses such a name.
    ///
    /// # Errors
    /// The error of serde_json, with line and column; too deep nesting; or half of a surrogate pair in a text.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let raw: &RawValue = serde_json::from_str(text)?;
        readable(raw.get()).map_err(serde::de::Error::custom)?;
        Ok(Self(raw.get().into()))
    }

    /// Why the value could not be parsed again, in words after "it is"; `None` if it could. Only a value made from a
    /// tree that is too deep cannot.
    pub fn unreadable(&self) -> Option<String> {
        readable(&self.0).err()
    }

    /// Whether both are clones of one text. Equal texts of two origins are not.
    pub fn is_same_text(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether both are the same value, in any order and spacing.
    pub fn same_value(&self, other: &Self) -> bool {
        self == other || self.tree().is_ok_and(|own| other.tree() == Ok(own))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value as a tree that keeps every number; `null` if it was made from a tree that is too deep to be parsed
    /// again.
    pub fn value(&self) -> Value {
        self.tree().unwrap_or_default()
    }
}

/// Checks that serde_json skips if it builds no tree: nesting, and `\u` escapes that are no characters.
fn readable(text: &str) -> Result<(), String> {
    let (bytes, mut at, mut open, mut quoted) = (text.as_bytes(), 0, 0_usize, false);
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => quoted = !quoted,
            b'\\' => at += escape(text, at)?,
            b'[' | b'{' if !quoted => {
                open += 1;
                if open > VALUE_NESTING {
                    return Err(format!("nested deeper than {VALUE_NESTING} levels"));
                }
            }
            b']' | b'}' if !quoted => open = open.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// The length of an escape after its backslash; of both, if two are one character.
fn escape(text: &str, at: usize) -> Result<usize, &'static str> {
    const LENGTH: usize = "uXXXX".len();
    let unit = |at: usize| {
        let digits = text.get(at..)?.strip_prefix('u')?.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let Some(first) = unit(at) else { return Ok(1) };
    let second =
        text.get(at + LENGTH..).filter(|rest| rest.starts_with('\\')).and_then(|_| unit(at + LENGTH + 1));
    match char::decode_utf16([first].into_iter().chain(second)).next() {
        Some(Ok(character)) if character.len_utf16() == 2 => Ok(2 * LENGTH + 1),
        Some(Ok(_)) => Ok(LENGTH),
        _ => Err("one half of a character alone: `\\ud800` to `\\udfff` stand in pairs"),
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&Value> for Json {
    fn from(value: &Value) -> Self {
        Self(value.to_string().into())
    }
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        Self::from(&value)
    }
}

impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Self {
        Self(value.to_string().into())
    }
}

impl Serialize for Json {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            self.tree().map_err(serde::ser::Error::custom)?.serialize(serializer)
        } else {
            serializer.serialize_str(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            Value::deserialize(deserializer).map(Self::from)
        } else {
            let text = String::deserialize(deserializer)?;
            Self::parse(&text).map_err(serde::de::Error::custom)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_that_is_not_json_is_refused() {
        assert!(Json::parse("{\"a\":").is_err());
        assert_eq!(Json::parse(" {\"a\":1} ").unwrap().as_str(), "{\"a\":1}");
    }

    #[test]
    fn a_number_is_the_same_however_often_it_is_written_and_read() {
        for number in [1.308 * 10.7 % 5.0, 5.432_167_890_123_858e-286, 0.1 + 0.2, 5e-324, f64::MAX, -0.0] {
            let json = Json::from(serde_json::json!(number));
            assert_eq!(json.value().as_f64().map(f64::to_bits), Some(number.to_bits()), "{number:e}");
            assert_eq!(Json::from(json.value()), json);
        }
    }

    #[test]
    fn a_value_stays_itself_in_a_readable_document() {
        let json = Json::from(serde_json::json!({"list": [1, 2]}));
        assert_eq!(serde_json::to_string(&json).unwrap(), r#"{"list":[1,2]}"#);
        assert_eq!(serde_json::from_str::<Json>(r#"{"list":[1,2]}"#).unwrap(), json);
        let exact =
            r#"{"n":[123456789012345678901234567890,0.30000000000000000001,12e45678,-0.0],"t":"\u0000"}"#;
        let json = serde_json::from_str::<Json>(exact).unwrap();
        assert_eq!(json.as_str(), exact);
        assert_eq!(serde_json::to_string(&json).unwrap(), exact);
    }

    #[test]
    fn what_is_too_deep_for_a_tree_is_no_json_here() {
        let nested = |levels: usize| format!("{}\"[[\\\"[\"{}", "[".repeat(levels), "]".repeat(levels));
        let deepest = Json::parse(&nested(VALUE_NESTING)).unwrap();
        assert_eq!(deepest.value().to_string(), deepest.as_str());
        let error = Json::parse(&nested(VALUE_NESTING + 1)).unwrap_err().to_string();
        assert_eq!(error, "nested deeper than 127 levels");
    }

    #[test]
    fn half_a_character_is_no_json_here() {
        for text in
            [r#""\ud83e\udd80""#, r#""\\ud800""#, r#"{"\uFFFF":"\u0000\"\\"}"#, r#""\u00e4\ud83e\udd80""#]
        {
            assert!(Json::parse(text).unwrap().tree().is_ok(), "{text}");
        }
        for text in [
            r#""\ud800""#,
            r#"["\udc00"]"#,
            r#""\ud800\u0041""#,
            r#"{"\uD83E\\udd80":1}"#,
            r#""\ud800\ud800""#,
        ] {
            assert!(Json::parse(text).unwrap_err().to_string().starts_with("one half"), "{text}");
        }
    }

    #[test]
    fn order_and_spacing_do_not_make_another_value_and_a_digit_does() {
        let same =
            |one: &str, other: &str| Json::parse(one).unwrap().same_value(&Json::parse(other).unwrap());
        assert!(same(r#"{"a": 1, "b": [1.50]}"#, r#"{"b":[1.5],"a":1}"#));
        assert!(!same("[123456789012345678901]", "[123456789012345678902]"));
    }

    proptest! {
        #[test]
        fn what_is_parsed_can_be_read_as_a_tree(tokens in prop::collection::vec(
            prop::sample::select(vec!["[", "]", "{", "}", ",", ":", "1e999", "\"", "\\", "u", "\\ud83e", "\\udd80", "d800", "n"]), 0..12)
        ) {
            let text = tokens.concat();
            prop_assert_eq!(Json::parse(&text).is_ok(), Value::parse(&text).is_ok(), "{}", text);
        }
    }
}
