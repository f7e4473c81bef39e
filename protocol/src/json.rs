//! `Json`: a JSON value kept as its text. Owned by whoever carries values without looking into them.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// A JSON value as compact text, cheap to clone: crossing the journal and the store copies no tree.
///
/// In readable formats it is the value itself; in bincode it is its text.
#[derive(Clone, PartialEq, Eq)]
pub struct Json(Arc<str>);

impl Json {
    /// The value `null`.
    pub fn null() -> Self {
        Self("null".into())
    }

    /// The value as text.
    pub fn from_value(value: &Value) -> Self {
        Self(value.to_string().into())
    }

    /// The value as a tree that keeps every number.
    ///
    /// # Errors
    /// Where the nesting is too deep to be a tree.
    pub fn tree(&self) -> Result<crate::value::Value, crate::value::Error> {
        crate::value::Value::parse(&self.0)
    }

    /// The text, checked to be JSON.
    ///
    /// # Errors
    /// What serde_json says, with line and column.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let raw: &RawValue = serde_json::from_str(text)?;
        Ok(Self(raw.get().into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value as a tree; `null` where the nesting is too deep to be one.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or(Value::Null)
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

impl From<&crate::value::Value> for Json {
    fn from(value: &crate::value::Value) -> Self {
        Self(value.to_string().into())
    }
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        Self::from_value(&value)
    }
}

impl Serialize for Json {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            self.value().serialize(serializer)
        } else {
            serializer.serialize_str(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            Ok(Self::from_value(&Value::deserialize(deserializer)?))
        } else {
            let text = String::deserialize(deserializer)?;
            Self::parse(&text).map_err(serde::de::Error::custom)
        }
    }
}

#[cfg(test)]
mod tests {
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
    }
}
