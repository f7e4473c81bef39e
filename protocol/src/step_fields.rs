//! Reading a step: all fields of all kinds, then only those of the kind that it names. Flat, so that a
//! mistake is reported at its own line, which a tagged enum loses.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::ids::{Name, StepId};
use crate::playbook::{Action, Delay, End, EndStatus, If, Join, Parallel, Retry, Step, StepKind};
use crate::time::Span;
use crate::value::Value;

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Action,
    Parallel,
    If,
    Delay,
    End,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepFields {
    id: StepId,
    #[serde(rename = "type")]
    kind: Kind,
    description: Option<String>,
    #[serde(default, deserialize_with = "given")]
    integration: Option<Name>,
    #[serde(default, deserialize_with = "given")]
    action: Option<Name>,
    #[serde(default, deserialize_with = "given")]
    arguments: Option<BTreeMap<String, Value>>,
    timeout: Option<Span>,
    retry: Option<Retry>,
    #[serde(default, deserialize_with = "given")]
    at_most_once: Option<bool>,
    on_success: Option<StepId>,
    on_failure: Option<StepId>,
    on_unknown: Option<StepId>,
    #[serde(default, deserialize_with = "given")]
    branches: Option<Vec<StepId>>,
    #[serde(default, deserialize_with = "given")]
    join: Option<Join>,
    #[serde(default, deserialize_with = "condition")]
    condition: Option<String>,
    then: Option<StepId>,
    #[serde(rename = "else")]
    otherwise: Option<StepId>,
    #[serde(default, deserialize_with = "given")]
    duration: Option<Span>,
    #[serde(default, deserialize_with = "given")]
    status: Option<EndStatus>,
    output: Option<Value>,
}

/// A field that is there has a value: `null` is none, where the kinds of steps do not say otherwise.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// The text of a condition. Quotes around a number make no condition of it, so that they are not advised.
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
    fn given(&self) -> [(&'static str, bool); 17] {
        [
            ("integration", self.integration.is_some()),
            ("action", self.action.is_some()),
            ("arguments", self.arguments.is_some()),
            ("timeout", self.timeout.is_some()),
            ("retry", self.retry.is_some()),
            ("at_most_once", self.at_most_once.is_some()),
            ("on_success", self.on_success.is_some()),
            ("on_failure", self.on_failure.is_some()),
            ("on_unknown", self.on_unknown.is_some()),
            ("branches", self.branches.is_some()),
            ("join", self.join.is_some()),
            ("condition", self.condition.is_some()),
            ("then", self.then.is_some()),
            ("else", self.otherwise.is_some()),
            ("duration", self.duration.is_some()),
            ("status", self.status.is_some()),
            ("output", self.output.is_some()),
        ]
    }

    fn into_step(self) -> Result<Step, String> {
        let name = self.kind.name();
        let allowed = self.kind.fields();
        if let Some((field, _)) =
            self.given().iter().find(|(field, given)| *given && !allowed.contains(field))
        {
            return Err(format!(
                "step \"{}\": a step of type `{name}` has no field `{field}`; it has {}",
                self.id,
                allowed.join(", ")
            ));
        }
        let missing = |field: &str| format!("step \"{}\": a step of type `{name}` needs `{field}`", self.id);
        let kind = match self.kind {
            Kind::Action => StepKind::Action(Action {
                integration: self.integration.ok_or_else(|| missing("integration"))?,
                action: self.action.ok_or_else(|| missing("action"))?,
                arguments: self.arguments.unwrap_or_default(),
                timeout: self.timeout,
                retry: self.retry,
                at_most_once: self.at_most_once.unwrap_or_default(),
                on_success: self.on_success,
                on_failure: self.on_failure,
                on_unknown: self.on_unknown,
            }),
            Kind::Parallel => StepKind::Parallel(Parallel {
                branches: self.branches.ok_or_else(|| missing("branches"))?,
                join: self.join.unwrap_or_default(),
                on_success: self.on_success,
                on_failure: self.on_failure,
            }),
            Kind::If => StepKind::If(If {
                condition: self.condition.ok_or_else(|| missing("condition"))?,
                then: self.then,
                otherwise: self.otherwise,
                on_failure: self.on_failure,
            }),
            Kind::Delay => StepKind::Delay(Delay {
                duration: self.duration.ok_or_else(|| missing("duration"))?,
                on_success: self.on_success,
            }),
            Kind::End => StepKind::End(End { status: self.status.unwrap_or_default(), output: self.output }),
        };
        Ok(Step { id: self.id, description: self.description, kind })
    }
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Parallel => "parallel",
            Self::If => "if",
            Self::Delay => "delay",
            Self::End => "end",
        }
    }

    const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Action => &[
                "integration",
                "action",
                "arguments",
                "timeout",
                "retry",
                "at_most_once",
                "on_success",
                "on_failure",
                "on_unknown",
            ],
            Self::Parallel => &["branches", "join", "on_success", "on_failure"],
            Self::If => &["condition", "then", "else", "on_failure"],
            Self::Delay => &["duration", "on_success"],
            Self::End => &["status", "output"],
        }
    }
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        StepFields::deserialize(deserializer)?.into_step().map_err(D::Error::custom)
    }
}
