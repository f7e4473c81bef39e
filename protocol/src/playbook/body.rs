//! Bodies: lists of steps that a step or the playbook owns, and handlers: what follows an exit that is not the usual
//! one. Owns how both are written; decides nothing.

use std::fmt;

use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Step;
use super::finally::{Cleanup, Finally, FinallyPlace};
use crate::ids::StepId;

/// The word of a handler after which the path goes on as if the step had completed.
const CONTINUE: &str = "continue";

/// The steps of a body, in order: a step goes on to the next one. Written as a list, or as `{do: […], catch: […],
/// finally: […]}`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Body {
    /// Its steps. Without any, it does nothing.
    pub steps: Vec<Step>,
    /// What runs after a failure in this body that no step handles itself; the body then ends as it does.
    pub catch: Option<Box<Body>>,
}

/// A body with all that it may have.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WholeBody<S, C> {
    /// Its steps.
    #[serde(rename = "do")]
    steps: S,
    /// What runs after a failure that no step handles itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    catch: Option<C>,
    /// What runs when the body has ended, however that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    finally: Option<Box<Cleanup>>,
}

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.catch {
            None => self.steps.serialize(serializer),
            catch => {
                let catch = catch.as_ref();
                WholeBody { steps: &self.steps, catch, finally: None }.serialize(serializer)
            }
        }
    }
}

struct BodyVisitor;

impl<'de> Visitor<'de> for BodyVisitor {
    type Value = Body;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of steps, or `{do: […], catch: […], finally: […]}`,")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, steps: A) -> Result<Body, A::Error> {
        let steps = Deserialize::deserialize(SeqAccessDeserializer::new(steps))?;
        Ok(Body { steps, catch: None })
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Body, A::Error> {
        let whole = Deserialize::deserialize(MapAccessDeserializer::new(fields))?;
        let WholeBody { steps, catch, finally } = whole;
        Ok(match finally {
            None => Body { steps, catch },
            Some(cleanup) => {
                Body { steps: Finally::around(steps, catch, *cleanup, FinallyPlace::Body), catch: None }
            }
        })
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BodyVisitor)
    }
}

impl JsonSchema for Body {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Body".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let list = generator.subschema_for::<Vec<Step>>();
        let whole = generator.subschema_for::<WholeBody<Vec<Step>, Body>>();
        schemars::json_schema!({
            "description": "Steps, in order; or `{do: […], catch: […], finally: […]}`.",
            "oneOf": [list, whole],
        })
    }
}

/// What follows an exit that is not the usual one: a step of the same body, named; steps of its own, after which the
/// path goes on; or `continue`, with which it goes on at once.
#[derive(Debug, Clone, PartialEq)]
pub enum Handler {
    /// Another step of the same body.
    Step(StepId),
    /// Steps of its own.
    Body(Body),
}

impl Serialize for Handler {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Step(id) => id.serialize(serializer),
            Self::Body(body) => body.serialize(serializer),
        }
    }
}

struct HandlerVisitor;

impl<'de> Visitor<'de> for HandlerVisitor {
    type Value = Handler;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the id of a step, a list of steps, or `continue`")
    }

    fn visit_str<E: serde::de::Error>(self, id: &str) -> Result<Handler, E> {
        if id == CONTINUE {
            return Ok(Handler::Body(Body::default()));
        }
        StepId::new(id).map(Handler::Step).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, steps: A) -> Result<Handler, A::Error> {
        BodyVisitor.visit_seq(steps).map(Handler::Body)
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Handler, A::Error> {
        BodyVisitor.visit_map(fields).map(Handler::Body)
    }
}

impl<'de> Deserialize<'de> for Handler {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(HandlerVisitor)
    }
}

impl JsonSchema for Handler {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Handler".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let id = generator.subschema_for::<StepId>();
        let body = generator.subschema_for::<Body>();
        schemars::json_schema!({
            "description": "The id of a step of the same body, steps of its own, or `continue`.",
            "oneOf": [id, body],
        })
    }
}

/// A body inside a step.
#[derive(Debug, Clone, PartialEq)]
pub struct NestedBody<'p> {
    /// The field that holds it: `then`, `branches.isolate`, `cases[1].do`.
    pub field: String,
    /// Its steps.
    pub body: &'p Body,
    /// How it runs.
    pub run: BodyRun<'p>,
}

impl<'p> NestedBody<'p> {
    pub(super) fn on_path(field: impl Into<String>, body: &'p Body) -> Self {
        Self { field: field.into(), body, run: BodyRun::OnPath }
    }

    /// A body that the map `field` has under this name.
    pub(super) fn in_scope(field: &str, name: &'p StepId, body: &'p Body) -> Self {
        Self { field: format!("{field}.{name}"), body, run: BodyRun::InScope(name) }
    }

    /// A body that runs in a scope of its own, which is called as its field.
    pub(super) fn alone(field: &'static str, body: &'p Body) -> Self {
        Self { field: field.to_owned(), body, run: BodyRun::Alone }
    }

    pub(super) fn repeated(field: &str, body: &'p Body) -> Self {
        Self { field: field.to_owned(), body, run: BodyRun::Repeated }
    }
}

/// How a body inside a step runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyRun<'p> {
    /// On the path of its step, which goes on after it.
    OnPath,
    /// In a scope of its own, which this name tells from the other scopes of its step.
    InScope(&'p StepId),
    /// In a scope of its own, which is called as its field.
    Alone,
    /// Any number of times, each in a scope of its own. What its steps keep is read inside of it alone.
    Repeated,
}

/// Refuses the id `continue`, which means something else where a step is named.
pub(super) fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<StepId>, D::Error> {
    let id = StepId::deserialize(deserializer)?;
    if id.as_str() == CONTINUE {
        return Err(D::Error::custom("`continue` cannot be the id of a step: handlers use the word"));
    }
    Ok(Some(id))
}
