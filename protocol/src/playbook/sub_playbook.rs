//! The step `playbook`: another playbook of the same tenant, as an execution of its own. Owns its fields.

use std::fmt;

use schemars::JsonSchema;
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::fields::{FieldsOfKind, StepFields};
use crate::ids::Name;
use crate::time::Span;
use crate::value::Value;

/// Another playbook of the same tenant, which runs as an execution of its own.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SubPlaybook {
    /// The name of the playbook, or the id of one of its versions.
    pub playbook: Name,
    /// The input of its execution, a template.
    #[serde(rename = "with", skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// The version, or `newest`, which it is unless said: the newest when the step begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<SubVersion>,
    /// Whether the step waits for its end, whose output is that of the step; it does unless said. With `false` the
    /// execution goes on by itself, and the output is its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait: Option<bool>,
    /// How long the step waits; by default eight days. Then the execution is cancelled, and `on_timeout` is next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// What it acts on, a template: a host, an account. The stored task shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Value>,
}

/// The version of a sub-playbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubVersion {
    /// This one.
    Number(u32),
    /// The newest.
    Newest,
}

const NEWEST: &str = "newest";

impl Serialize for SubVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_u32(*number),
            Self::Newest => serializer.serialize_str(NEWEST),
        }
    }
}

impl<'de> Deserialize<'de> for SubVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct VersionVisitor;

        impl Visitor<'_> for VersionVisitor {
            type Value = SubVersion;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number from 1, or `newest`")
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<SubVersion, E> {
                let version = u32::try_from(number).ok().filter(|number| *number > 0);
                let wrong =
                    || E::custom(format!("{number} is no version: a number from 1, or `newest`, is needed"));
                version.map(SubVersion::Number).ok_or_else(wrong)
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<SubVersion, E> {
                let wrong =
                    || E::custom(format!("`{text}` is no version: a number from 1, or `newest`, is needed"));
                (text == NEWEST).then_some(SubVersion::Newest).ok_or_else(wrong)
            }
        }

        deserializer.deserialize_any(VersionVisitor).map_err(D::Error::custom)
    }
}

impl JsonSchema for SubVersion {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SubVersion".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A number from 1, or `newest`.",
            "oneOf": [{ "type": "integer", "minimum": 1, "maximum": u32::MAX }, { "const": NEWEST }],
        })
    }
}

impl FieldsOfKind for SubPlaybook {
    const FIELDS: &'static [&'static str] = &[
        "playbook",
        "with",
        "version",
        "wait",
        "timeout",
        "target",
        "next",
        "on_failure",
        "on_timeout",
        "on_unknown",
        "on_cancel",
    ];

    fn read(fields: &mut StepFields) -> Result<Self, String> {
        Ok(Self {
            playbook: fields.playbook.take().ok_or("needs `playbook`")?,
            input: fields.with.take().map(|input| *input),
            version: fields.version.take(),
            wait: fields.wait.take(),
            timeout: fields.timeout.take(),
            target: fields.target.take(),
        })
    }
}
