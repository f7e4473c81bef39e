//! Reading a step: all fields of all kinds, then only those of its own kind. Flat, so that a mistake is reported at its
//! own line, which a tagged enum loses.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::{EndStatus, Join, KindWord, NextStep, Record, Retry, Step};
use crate::ids::{Name, StepId};
use crate::time::Span;
use crate::value::Value;

/// The fields of a kind of step.
pub(super) trait FieldsOfKind: Sized {
    /// The fields that a step of this kind may have, beside those of every step.
    const FIELDS: &'static [&'static str];

    /// The step with these fields, or the field that is missing.
    fn read(fields: StepFields) -> Result<Self, &'static str>;

    /// The steps that can follow on the same path, the usual one first.
    fn exits(&self) -> Vec<NextStep<'_>>;

    /// The first steps of the bodies that it opens.
    fn bodies(&self) -> &[StepId] {
        &[]
    }
}

/// The fields that steps of some kind have, each with its name in a playbook.
macro_rules! step_fields {
    ($($name:literal $(($read:literal))? $field:ident: $type:ty),+ $(,)?) => {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct StepFields {
            id: StepId,
            #[serde(rename = "type")]
            kind: KindWord,
            description: Option<String>,
            $(#[serde(rename = $name, $(default, deserialize_with = $read)?)] pub(super) $field: Option<$type>),+
        }

        impl StepFields {
            /// The first field that is set although steps of this kind do not have it.
            fn foreign(&self, allowed: &[&str]) -> Option<&'static str> {
                let given = [$(($name, self.$field.is_some())),+];
                given.into_iter().find(|(name, given)| *given && !allowed.contains(name)).map(|(name, _)| name)
            }
        }
    };
}

step_fields! {
    "integration" ("given") integration: Name,
    "action" ("given") action: Name,
    "arguments" ("given") arguments: BTreeMap<String, Value>,
    "timeout" timeout: Span,
    "retry" retry: Retry,
    "at_most_once" ("given") at_most_once: bool,
    "record" ("given") record: Record,
    "on_success" on_success: StepId,
    "on_failure" on_failure: StepId,
    "on_unknown" on_unknown: StepId,
    "branches" ("given") branches: Vec<StepId>,
    "join" ("given") join: Join,
    "condition" ("condition") condition: String,
    "then" then: StepId,
    "else" otherwise: StepId,
    "duration" ("given") duration: Span,
    "status" ("given") status: EndStatus,
    "output" output: Value,
}

/// A field that is set has a value: `null` counts as none, unless the kind of step allows it.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// The text of a condition. Quoting a number would not make it a condition, so quotes are not suggested.
fn condition<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    struct Visitor;

    impl serde::de::Visitor<'_> for Visitor {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a condition such as `input.score > 80`")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }
    }

    deserializer.deserialize_str(Visitor).map(Some)
}

impl StepFields {
    fn into_step(self) -> Result<Step, String> {
        let (id, kind) = (self.id.clone(), self.kind);
        let (name, allowed) = (kind.as_str(), kind.fields());
        if let Some(field) = self.foreign(allowed) {
            let allowed = allowed.join(", ");
            return Err(format!(
                "step \"{id}\": a step of type `{name}` has no field `{field}`; it has {allowed}"
            ));
        }
        let description = self.description.clone();
        match kind.read(self) {
            Ok(kind) => Ok(Step { id, description, kind }),
            Err(field) => Err(format!("step \"{id}\": a step of type `{name}` needs `{field}`")),
        }
    }
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        StepFields::deserialize(deserializer)?.into_step().map_err(D::Error::custom)
    }
}
