//! Reading a value with serde: from JSON text, a `serde_json::Value`, or a playbook's nodes; its schema allows
//! anything.

use std::fmt;

use schemars::JsonSchema;
use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use serde_json::value::RawValue;

use super::Value;

/// The name by which a value requests its whole text from a deserializer of this crate; other deserializers ignore it.
pub(crate) const WHOLE: &str = "updraft::Value";

impl<'de> Deserialize<'de> for Value {
    /// Reads JSON only: other formats cannot pass on a number's digits.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(WHOLE, Whole)
    }
}

impl JsonSchema for Value {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AnyValue".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        true.into()
    }
}

struct Whole;

impl<'de> Visitor<'de> for Whole {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        Value::parse(text).map_err(E::custom)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        Value::parse(text.get()).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digit_is_read_from_json_text_and_what_serde_json_holds_from_its_tree() {
        let text = r#"{"a":[null,-0.0,123456789012345678901234567890,1e400,"\u0000"]}"#;
        assert_eq!(serde_json::from_str::<Value>(text).unwrap(), Value::parse(text).unwrap());
        let tree = serde_json::json!({"a": [null, 1, -1, 1.5, "x", {}]});
        assert_eq!(serde_json::from_value::<Value>(tree.clone()).unwrap(), Value::from(tree));
        assert!(serde_json::from_str::<Value>("[1,]").is_err());
    }
}
