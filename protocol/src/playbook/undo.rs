//! `undo` of an action: the call that takes back what the action did, and when it is made. Owns its fields; makes no call.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Error as _, IntoDeserializer, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::Retry;
use super::action::tool;
use crate::ids::Name;
use crate::status::ExecutionStatus;
use crate::time::Span;
use crate::value::Value;

/// The call that takes back what an action did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Undo {
    /// What the tool shall do: `INTEGRATION.ACTION`, or the action alone where it is of the tool of the step.
    pub action: Name,
    /// What it is told, as the arguments of the step. They are rendered when the step has ended, and may read its output as
    /// `output`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub arguments: BTreeMap<String, Value>,
    /// When it is made: where nothing is said, on `failure` and `cancel`; of what `expires`, when that is over, and when it is
    /// `asked` for.
    #[serde(default, deserialize_with = "on", skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema_of_on")]
    pub on: Vec<UndoOn>,
    /// Whether it is harmless where nobody knows whether the action was done, and is made then too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub safe_if_unknown: bool,
    /// How long after its beginning it may be tried again; by default 1 h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
    /// How long one attempt may take after its request is sent; by default 30 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// How often and when it is retried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
}

/// When what a step did is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UndoOn {
    /// The execution fails, or takes too long.
    Failure,
    /// The execution is cancelled.
    Cancel,
    /// A person asks for it.
    Asked,
}

/// A list, or a word alone.
fn on<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<UndoOn>, D::Error> {
    struct OnVisitor;

    impl<'de> Visitor<'de> for OnVisitor {
        type Value = Vec<UndoOn>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("`failure`, `cancel` or `asked`, or a list of them,")
        }

        fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Self::Value, E> {
            UndoOn::deserialize(word.into_deserializer()).map(|on| vec![on])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, words: A) -> Result<Self::Value, A::Error> {
            let on = Vec::deserialize(SeqAccessDeserializer::new(words))?;
            if on.is_empty() {
                return Err(A::Error::custom("an empty list; where `on` is left out, the usual ends count"));
            }
            Ok(on)
        }
    }

    deserializer.deserialize_any(OnVisitor)
}

fn schema_of_on(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let word = generator.subschema_for::<UndoOn>();
    schemars::json_schema!({
        "oneOf": [word, {"type": "array", "minItems": 1, "items": word}],
    })
}

impl UndoOn {
    /// The one for an execution that ends with this status, if there is one.
    pub const fn end(status: ExecutionStatus) -> Option<Self> {
        match status {
            ExecutionStatus::Failed | ExecutionStatus::TimedOut => Some(Self::Failure),
            ExecutionStatus::Cancelled => Some(Self::Cancel),
            _ => None,
        }
    }

    /// All of them.
    pub const ALL: [Self; 3] = [Self::Failure, Self::Cancel, Self::Asked];

    /// The written text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Cancel => "cancel",
            Self::Asked => "asked",
        }
    }
}

impl Undo {
    /// The tool and its action; `own` is the tool of the step.
    pub fn tool(&self, own: &Name) -> (Name, Name) {
        tool(&self.action).unwrap_or_else(|| (own.clone(), self.action.clone()))
    }

    /// When it is made; `expires` is whether what was done does.
    pub fn when(&self, expires: bool) -> &[UndoOn] {
        match self.on.is_empty() {
            false => &self.on,
            true if expires => &[UndoOn::Asked],
            true => &[UndoOn::Failure, UndoOn::Cancel],
        }
    }
}
