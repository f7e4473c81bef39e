//! The step `for_each`: runs a body for each item of a list or a map. Owns its fields; opens a scope for each item.

use std::borrow::Cow;
use std::fmt;

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Lock;
use super::body::{Body, NestedBody};
use super::fields::{FieldsOfKind, StepFields};
use crate::value::Value;

/// The name under which a body reads its item, where `as` gives none.
const ITEM: &str = "item";

/// A body that runs once for each item.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ForEach {
    /// The items: an expression that gives a list or a map, such as `input.hosts`; or `{file: EXPRESSION}`, those of a file of
    /// the execution, such as `steps.export.output.file`.
    #[serde(rename = "for_each")]
    pub items: LoopItems,
    /// The name under which the body reads its item: `item` where none is given. Its number, from 0, is read as
    /// `NAME_index`, and its key in a map as `NAME_key`.
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What runs for an item.
    #[serde(rename = "do")]
    pub body: Body,
    /// How many items run at once: as many as tasks of one execution where none is given. With 1, an item begins when
    /// the one before it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub at_once: Option<usize>,
    /// What is kept of each item, in the order of the items: the step's output has it in `results`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collect: Option<Value>,
    /// How many items may fail before the step does: a number, or a share such as `5%`.
    #[serde(skip_serializing_if = "Tolerance::is_none")]
    #[schemars(default)]
    pub tolerate: Tolerance,
    /// What happens to the other items when more have failed.
    #[serde(skip_serializing_if = "OnItemFailure::is_default")]
    #[schemars(default)]
    pub on_item_failure: OnItemFailure,
    /// The lock of a target for each item, from before the first call in its body until the item has ended. Its target reads
    /// the item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<Box<Lock>>,
}

/// The items of a `for_each`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoopItems {
    /// The expression that gives them, or the file that has them.
    pub expression: String,
    /// Whether it gives a file of the execution: one JSON array, or JSON lines.
    pub is_file: bool,
}

impl fmt::Display for LoopItems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_file {
            true => write!(f, "{{file: {}}}", self.expression),
            false => f.write_str(&self.expression),
        }
    }
}

impl Serialize for LoopItems {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.is_file {
            true => serializer.collect_map([("file", &self.expression)]),
            false => serializer.serialize_str(&self.expression),
        }
    }
}

impl<'de> Deserialize<'de> for LoopItems {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// The items of a file.
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct OfFile {
            file: String,
        }

        struct ItemsVisitor;

        impl<'de> Visitor<'de> for ItemsVisitor {
            type Value = LoopItems;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an expression, or a map with `file`")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<LoopItems, E> {
                Ok(LoopItems { expression: text.to_owned(), is_file: false })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<LoopItems, A::Error> {
                let OfFile { file } = OfFile::deserialize(MapAccessDeserializer::new(map))?;
                Ok(LoopItems { expression: file, is_file: true })
            }
        }

        deserializer.deserialize_any(ItemsVisitor)
    }
}

impl JsonSchema for LoopItems {
    fn schema_name() -> Cow<'static, str> {
        "LoopItems".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "An expression that gives a list or a map, or the file of the execution that has the items.",
            "oneOf": [
                { "type": "string" },
                {
                    "type": "object",
                    "properties": { "file": { "type": "string", "description": "An expression that gives a file." } },
                    "required": ["file"],
                    "additionalProperties": false,
                },
            ],
        })
    }
}

impl ForEach {
    /// The name under which the body reads its item.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(ITEM)
    }
}

/// How many items of a `for_each` may fail before the step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tolerance {
    /// So many.
    Items(u32),
    /// So many of a hundred.
    Percent(u8),
}

impl Tolerance {
    /// The number of items, of so many in all. A share is rounded down.
    pub fn of(self, items: usize) -> usize {
        match self {
            Self::Items(number) => number as usize,
            Self::Percent(share) => items * usize::from(share) / 100,
        }
    }

    fn is_none(&self) -> bool {
        *self == Self::default()
    }

    fn percent(text: &str) -> Option<Self> {
        let share = text.strip_suffix('%')?.trim_end().parse().ok()?;
        (share <= 100).then_some(Self::Percent(share))
    }
}

impl Default for Tolerance {
    fn default() -> Self {
        Self::Items(0)
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Items(number) => write!(f, "{number}"),
            Self::Percent(share) => write!(f, "{share}%"),
        }
    }
}

impl Serialize for Tolerance {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Items(number) => serializer.serialize_u32(*number),
            Self::Percent(_) => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Tolerance {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ToleranceVisitor;

        impl Visitor<'_> for ToleranceVisitor {
            type Value = Tolerance;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of items, or a share such as `5%`")
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Tolerance, E> {
                let known = u32::try_from(number).map(Tolerance::Items);
                known.map_err(|_| E::invalid_value(serde::de::Unexpected::Unsigned(number), &self))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Tolerance, E> {
                Tolerance::percent(text)
                    .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_any(ToleranceVisitor)
    }
}

impl JsonSchema for Tolerance {
    fn schema_name() -> Cow<'static, str> {
        "Tolerance".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A number of items, or a share of them such as `5%`.",
            "oneOf": [
                { "type": "integer", "minimum": 0, "maximum": u32::MAX },
                { "type": "string", "pattern": "^(100|[0-9]{1,2})\\s*%$" },
            ],
        })
    }
}

/// What happens to the other items when more than tolerated have failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnItemFailure {
    /// They run, and the step fails when all have ended.
    #[default]
    Continue,
    /// No further one begins; those that have begun run to their end.
    Stop,
}

impl OnItemFailure {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl FieldsOfKind for ForEach {
    const FIELDS: &'static [&'static str] = &[
        "for_each",
        "as",
        "do",
        "at_once",
        "collect",
        "tolerate",
        "on_item_failure",
        "lock",
        "next",
        "on_failure",
        "on_cancel",
    ];

    fn read(fields: &mut StepFields) -> Result<Self, String> {
        Ok(Self {
            items: fields.for_each.take().ok_or("needs `for_each`")?,
            name: fields.name.take(),
            body: fields.body.take().ok_or("needs `do`")?,
            at_once: fields.at_once.take(),
            collect: fields.collect.take(),
            tolerate: fields.tolerate.take().unwrap_or_default(),
            on_item_failure: fields.on_item_failure.take().unwrap_or_default(),
            lock: fields.lock.take(),
        })
    }

    fn bodies(&self) -> Vec<NestedBody<'_>> {
        vec![NestedBody::repeated("do", &self.body)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_rounded_down_and_a_number_is_taken_as_it_is() {
        assert_eq!(Tolerance::Percent(5).of(199), 9);
        assert_eq!(Tolerance::Percent(5).of(200), 10);
        assert_eq!((Tolerance::Percent(100).of(7), Tolerance::Percent(0).of(7)), (7, 0));
        assert_eq!(Tolerance::Items(3).of(2), 3);
    }

    #[test]
    fn items_are_an_expression_or_those_of_a_file() {
        for (text, is_file) in [(r#""input.hosts""#, false), (r#"{"file":"steps.a.output.file"}"#, true)] {
            let items: LoopItems = serde_json::from_str(text).unwrap();
            assert_eq!((items.is_file, serde_json::to_string(&items).unwrap().as_str()), (is_file, text));
        }
        for wrong in ["3", "{}", r#"{"files": "x"}"#, r#"{"file": 1}"#, r#"["a"]"#] {
            assert!(serde_json::from_str::<LoopItems>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_tolerance_is_a_number_or_a_share() {
        let read = |text: &str| serde_json::from_str::<Tolerance>(text).map_err(|error| error.to_string());
        assert_eq!(read("3"), Ok(Tolerance::Items(3)));
        assert_eq!(read(r#""5%""#), Ok(Tolerance::Percent(5)));
        for wrong in [r#""5""#, r#""101%""#, "-1", "true", r#""x%""#] {
            let mistake = read(wrong).unwrap_err();
            assert!(mistake.contains("a number of items, or a share such as `5%`"), "{mistake}");
        }
        for tolerance in [Tolerance::Items(3), Tolerance::Percent(5)] {
            assert_eq!(serde_json::to_string(&tolerance).map(|text| read(&text)).unwrap(), Ok(tolerance));
        }
    }
}
