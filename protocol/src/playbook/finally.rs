//! `finally` and `on_cancel`: steps that run in any case when a body has ended, or when a step was cancelled. Owns how both
//! are written. A body with a `finally` is one step of the kind `finally`, which has that body and what runs after it.

use std::fmt;

use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::body::{Body, NestedBody};
use super::fields::{CATCH, FieldsOfKind, StepFields};
use super::{Lock, Step};
use crate::time::Span;

/// A body, and steps that run once when it has ended, however that was: completed, failed, timed out or cancelled.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(transform = with_catch)]
pub struct Finally {
    /// What runs first.
    #[serde(rename = "do")]
    pub body: Body,
    /// What runs when it has ended.
    #[serde(rename = "finally")]
    pub cleanup: Cleanup,
    /// The lock of a target, from before the first call in `do` until what runs in any case has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<Box<Lock>>,
    /// Where `finally` is written.
    #[serde(skip)]
    pub(super) written: FinallyPlace,
}

/// Where a `finally` is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FinallyPlace {
    /// In a step that has nothing but `do` and `finally`.
    #[default]
    Step,
    /// Beside the `do` of a body.
    Body,
    /// Beside the `steps` of the playbook.
    Playbook,
}

/// Steps that run in any case, with a time of their own. Written as a list, or as `{do: […], timeout: 1m}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Cleanup {
    /// Its steps.
    pub body: Body,
    /// How long they may take, from when they begin; 5 minutes where nothing is said. The deadlines around them do not end
    /// them.
    pub timeout: Option<Span>,
}

/// A cleanup with all that it may have.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WholeCleanup<S, C> {
    /// Its steps.
    #[serde(rename = "do")]
    steps: S,
    /// What runs after a failure that no step handles itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    catch: Option<C>,
    /// How long the steps may take: 5 minutes where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timeout: Option<Span>,
}

impl Serialize for Cleanup {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Body { steps, catch } = &self.body;
        match (catch, self.timeout) {
            (None, None) => steps.serialize(serializer),
            (catch, timeout) => WholeCleanup { steps, catch: catch.as_ref(), timeout }.serialize(serializer),
        }
    }
}

struct CleanupVisitor;

impl<'de> Visitor<'de> for CleanupVisitor {
    type Value = Cleanup;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of steps, or `{do: […], timeout: 1m}`,")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, steps: A) -> Result<Cleanup, A::Error> {
        let steps = Deserialize::deserialize(SeqAccessDeserializer::new(steps))?;
        Ok(Cleanup { body: Body { steps, catch: None }, timeout: None })
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Cleanup, A::Error> {
        let whole = Deserialize::deserialize(MapAccessDeserializer::new(fields))?;
        let WholeCleanup::<Vec<Step>, Box<Body>> { steps, catch, timeout } = whole;
        Ok(Cleanup { body: Body { steps, catch }, timeout })
    }
}

impl<'de> Deserialize<'de> for Cleanup {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CleanupVisitor)
    }
}

impl JsonSchema for Cleanup {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Cleanup".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let list = generator.subschema_for::<Vec<Step>>();
        let whole = generator.subschema_for::<WholeCleanup<Vec<Step>, Body>>();
        schemars::json_schema!({
            "description": "Steps, in order; or `{do: […], timeout: 1m}`.",
            "oneOf": [list, whole],
        })
    }
}

/// What is caught in the body may be written beside its steps.
fn with_catch(schema: &mut schemars::Schema) {
    let catch = serde_json::json!({
        "description": "What runs after a failure in `do` that no step handles itself.",
        "$ref": "#/$defs/Body",
    });
    if let Some(properties) = schema.get_mut("properties").and_then(serde_json::Value::as_object_mut) {
        properties.insert(CATCH.to_owned(), catch);
    }
}

impl Finally {
    /// Where its `finally` is written.
    pub fn place(&self) -> FinallyPlace {
        self.written
    }

    /// The steps of a body that has this cleanup, as the only step of that body.
    pub(super) fn around(
        steps: Vec<Step>,
        catch: Option<Box<Body>>,
        cleanup: Cleanup,
        written: FinallyPlace,
    ) -> Vec<Step> {
        let body = Body { steps, catch };
        vec![Step::from(super::StepKind::Finally(Self { body, cleanup, lock: None, written }))]
    }
}

impl FieldsOfKind for Finally {
    const FIELDS: &'static [&'static str] =
        &["do", CATCH, "finally", "lock", "next", "on_failure", "on_timeout"];

    fn read(fields: &mut StepFields) -> Result<Self, String> {
        let mut body = fields.body.take().ok_or("needs `do`")?;
        if let Some(catch) = fields.catch.take()
            && body.catch.replace(Box::new(catch)).is_some()
        {
            return Err("has `catch` twice: in `do`, and beside it".to_owned());
        }
        Ok(Self {
            body,
            cleanup: fields.finally.take().ok_or("needs `finally`")?,
            lock: fields.lock.take(),
            written: FinallyPlace::Step,
        })
    }

    fn bodies(&self) -> Vec<NestedBody<'_>> {
        vec![NestedBody::alone("do", &self.body), NestedBody::alone("finally", &self.cleanup.body)]
    }
}
