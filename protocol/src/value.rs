//! `Value`: a JSON value as a tree that keeps every number as it was written. Owns parsing and printing; never rounds,
//! and does not interpret the values.

mod deserialize;
mod number;
mod read;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Index;

use serde::Serialize;
use serde::ser::Serializer;

pub(crate) use deserialize::WHOLE;
pub use number::Number;
pub use read::Error;
use read::Twice;

/// A JSON value. Unlike `serde_json::Value` it holds integers of any size and decimals of any length.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Value {
    /// `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    String(String),
    /// A list.
    Array(Vec<Value>),
    /// A map, in the order of its keys.
    Object(BTreeMap<String, Value>),
}

/// The result for a key or an index that leads nowhere.
static NULL: Value = Value::Null;

impl Value {
    /// Reads a JSON text.
    ///
    /// # Errors
    /// The text is not JSON, a map has two fields of one name, or it is nested deeper than
    /// [`crate::limits::VALUE_NESTING`] levels.
    pub fn parse(text: &str) -> Result<Self, Error> {
        read::read(text, Twice::Refused)
    }

    /// Reads a stored text; of a name that is there twice the last value counts.
    pub(crate) fn stored(text: &str) -> Result<Self, Error> {
        read::read(text, Twice::LastStays)
    }

    /// The field of a map; `None` if there is no such field, or it is no map.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.as_object()?.get(name)
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The boolean, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The whole number, if it is one in this range.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_number()?.as_i64()
    }

    /// The whole number, if it is one in this range.
    pub fn as_u64(&self) -> Option<u64> {
        self.as_number()?.as_u64()
    }

    /// The nearest `f64`, if it is a number.
    pub fn as_f64(&self) -> Option<f64> {
        self.as_number().map(Number::as_f64)
    }

    /// The number, if it is one.
    pub fn as_number(&self) -> Option<&Number> {
        match self {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The items, if it is a list.
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The fields, if it is a map.
    pub fn as_object(&self) -> Option<&BTreeMap<String, Self>> {
        match self {
            Self::Object(fields) => Some(fields),
            _ => None,
        }
    }

    /// The value at a JSON pointer (RFC 6901).
    pub fn at_mut(&mut self, pointer: &str) -> Option<&mut Self> {
        pointer.split('/').skip(1).try_fold(self, |value, part| match value {
            Self::Array(items) => items.get_mut(part.parse::<usize>().ok()?),
            Self::Object(fields) => fields.get_mut(&part.replace("~1", "/").replace("~0", "~")),
            _ => None,
        })
    }

    /// The value, with `null` left in its place.
    #[must_use]
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    /// Its type, in a word for messages: `a map`, `a text`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a text",
            Self::Array(_) => "a list",
            Self::Object(_) => "a map",
        }
    }
}

impl Index<&str> for Value {
    type Output = Self;

    /// The field of a map; `null` if there is none.
    fn index(&self, name: &str) -> &Self {
        self.get(name).unwrap_or(&NULL)
    }
}

impl Index<usize> for Value {
    type Output = Self;

    /// The item of a list; `null` if there is none.
    fn index(&self, at: usize) -> &Self {
        self.as_array().and_then(|items| items.get(at)).unwrap_or(&NULL)
    }
}

impl fmt::Display for Value {
    /// Compact JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Value {
    /// As JSON; a number beyond `f64` keeps its digits in JSON text only.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(items) => serializer.collect_seq(items),
            Self::Object(fields) => serializer.collect_map(fields),
        }
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(value) => Self::Bool(value),
            serde_json::Value::Number(number) => Self::Number(number.into()),
            serde_json::Value::String(text) => Self::String(text),
            serde_json::Value::Array(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            serde_json::Value::Object(fields) => {
                Self::Object(fields.into_iter().map(|(name, value)| (name, value.into())).collect())
            }
        }
    }
}

impl TryFrom<Value> for serde_json::Value {
    type Error = Number;

    /// The same value; returns a number that `serde_json` would round.
    fn try_from(value: Value) -> Result<Self, Number> {
        Ok(match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(value),
            Value::Number(number) => Self::Number(number.try_into()?),
            Value::String(text) => Self::String(text),
            Value::Array(items) => {
                Self::Array(items.into_iter().map(Self::try_from).collect::<Result<_, _>>()?)
            }
            Value::Object(fields) => {
                let fields = fields.into_iter().map(|(name, value)| Ok((name, Self::try_from(value)?)));
                Self::Object(fields.collect::<Result<_, Number>>()?)
            }
        })
    }
}

impl PartialEq<serde_json::Value> for Value {
    fn eq(&self, other: &serde_json::Value) -> bool {
        let other = Self::from(other.clone());
        *self == other
    }
}

impl PartialEq<str> for Value {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == Some(other)
    }
}

impl PartialEq<&str> for Value {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == Some(*other)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_becomes_the_tree_that_serde_json_reads_and_the_same_text_again() {
        for value in [
            json!(null),
            json!([true, false, null, 0, -1, 1.5, "a\u{0}\n\"\\ü😀"]),
            json!({"": {"b": [[], {}]}, "a": [1, [2, [3]]]}),
            json!(i64::MIN),
            json!(u64::MAX),
        ] {
            let text = value.to_string();
            let tree = Value::parse(&text).unwrap();
            assert_eq!(tree, value);
            assert_eq!(tree.to_string(), text);
            assert_eq!(Value::from(value), tree);
        }
    }

    #[test]
    fn a_number_keeps_what_an_f64_would_lose() {
        for text in [
            "123456789012345678901234567890",
            "-18446744073709551616",
            "0.1234567890123456789",
            "1e400",
            "-1E-999999999999999999999",
            "9007199254740993.0",
        ] {
            let tree = Value::parse(&format!("[{text}]")).unwrap();
            assert_eq!(tree.to_string(), format!("[{text}]"));
        }
    }

    #[test]
    fn what_leads_nowhere_is_null() {
        let tree = Value::from(json!({"a": [1]}));
        assert_eq!(tree["a"][0].as_u64(), Some(1));
        assert!(tree["a"][1].is_null() && tree["b"]["c"].is_null() && tree[0].is_null());
    }

    #[test]
    fn what_is_not_json_is_refused_with_its_place() {
        for text in
            ["", "[1,]", "{\"a\" 1}", "01", "NaN", "[1] 2", "\"\u{1}\"", "{\"a\":1,}", "tru", "\"\\ud800\""]
        {
            assert!(Value::parse(text).is_err(), "{text}");
        }
        let Err(Error::Syntax { line, column, .. }) = Value::parse("{\n  \"a\": x}") else {
            panic!("syntax")
        };
        assert_eq!((line, column), (2, 8));
    }

    #[test]
    fn two_fields_of_one_name_are_refused_where_the_second_stands() {
        for (text, place, name) in [
            (r#"{"v": 1, "v": 2}"#, (1, 10), "v"),
            ("{\"ä\":1,\n \"b\":[{\"ü\":{},\"c\":0,\"\\u00fc\":{}}]}", (2, 21), "ü"),
            (r#"[{"":null,"":null}]"#, (1, 11), ""),
            (r#"{"a":{"b":1},"c":{"b":1},"a":{"b":2}}"#, (1, 26), "a"),
        ] {
            let Err(Error::Twice { line, column, name: found }) = Value::parse(text) else {
                panic!("{text}")
            };
            assert_eq!(((line, column), found.as_str()), (place, name), "{text}");
        }
        let error = Value::parse(r#"{"v":1, "v":2}"#).unwrap_err().to_string();
        assert_eq!(error, "line 1, column 9: the field \"v\" is there already");
        let long = "n".repeat(100_000);
        let error = Value::parse(&format!("{{\"{long}\":1,\"{long}\":1}}")).unwrap_err().to_string();
        assert!(error.len() < 200, "{}", error.len());
        let error = serde_json::from_str::<Value>(r#"{"v":1, "v":2}"#).unwrap_err().to_string();
        assert!(error.contains("the field \"v\" is there already"), "{error}");
        for text in [r#"{"a":{"a":1},"b":{"a":1}}"#, r#"{"a":1,"A":2,"a ":3}"#, r#"[{"a":1},{"a":1}]"#] {
            assert!(Value::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_was_stored_is_read_whoever_wrote_it() {
        let json = crate::Json::parse(r#"{"v":1,"v":2}"#).unwrap();
        assert_eq!(json.value(), json!({"v": 2}));
    }

    #[test]
    fn nesting_is_bounded() {
        use crate::limits::VALUE_NESTING;
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(Value::parse(&nested(VALUE_NESTING)).is_ok());
        assert_eq!(Value::parse(&nested(VALUE_NESTING + 1)), Err(Error::Nesting));
        assert_eq!(Value::parse(&"[".repeat(1_000_000)), Err(Error::Nesting));
    }
}
