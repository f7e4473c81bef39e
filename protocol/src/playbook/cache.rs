//! `cache` of an action: whether its answers are kept for others who ask the same, and for how long. Owns its fields; keeps
//! nothing.

use std::fmt;

use schemars::JsonSchema;
use serde::de::Visitor;
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::CACHED_ANSWER_TTL;
use crate::time::Span;
use crate::value::Value;

/// How answers of a look-up are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CachePolicy {
    /// How old an answer may be that is used again.
    pub ttl: Span,
    /// For how long after that an answer is still given to those who ask while one of them asks the tool anew. That one waits for
    /// the tool; where nothing is said, all do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale: Option<Span>,
    /// What the answer depends on, as a text with templates: the same key, the same answer. All arguments where nothing is
    /// said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Value>,
    /// Who may be given the answer.
    #[serde(default, skip_serializing_if = "CacheReach::is_tenant")]
    pub scope: CacheReach,
    /// How long it stays known that there is nothing: that the tool has answered with status 404 or 410, which fails the step.
    /// Asked again each time where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negative_ttl: Option<Span>,
}

impl CachePolicy {
    /// The fields whose spans are none that can be, each with what is wrong.
    pub fn wrong_spans(&self) -> impl Iterator<Item = (&'static str, String)> {
        let spans = [("ttl", Some(self.ttl)), ("stale", self.stale), ("negative_ttl", self.negative_ttl)];
        let most = |span: &Span| span.0.is_zero() || span.0 > CACHED_ANSWER_TTL;
        let wrong = spans.into_iter().filter(move |(_, span)| span.as_ref().is_some_and(most));
        let alone =
            wrong.map(|(field, _)| (field, format!("must be from 1ms to {}", Span(CACHED_ANSWER_TTL))));
        let most = CACHED_ANSWER_TTL.saturating_sub(self.ttl.0);
        let beyond = self.stale.filter(|stale| stale.0 > most && stale.0 <= CACHED_ANSWER_TTL);
        let beyond = beyond.filter(|_| self.ttl.0 <= CACHED_ANSWER_TTL);
        let together = format!("with `ttl` must be at most {}", Span(CACHED_ANSWER_TTL));
        alone.chain(beyond.map(|_| ("stale", together)))
    }
}

/// Who may be given a kept answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CacheReach {
    /// Playbooks of the tenant that has asked.
    #[default]
    Tenant,
    /// Playbooks of every tenant that reaches the tool at the same address with the same secrets. Of connectors alone.
    Shared,
}

impl CacheReach {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_tenant(&self) -> bool {
        *self == Self::Tenant
    }
}

/// `cache` of a step.
#[derive(Debug, Clone, PartialEq)]
pub enum StepCache {
    /// `none`: it asks its tool, whatever the connector says.
    Off,
    /// Answers are kept.
    Kept(Box<CachePolicy>),
}

const OFF: &str = "none";

impl Serialize for StepCache {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Off => serializer.serialize_str(OFF),
            Self::Kept(policy) => policy.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for StepCache {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CacheVisitor;

        impl<'de> Visitor<'de> for CacheVisitor {
            type Value = StepCache;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map with `ttl`, or `none`")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<StepCache, E> {
                let wrong =
                    || E::custom(format!("`{text}` is no cache: a map with `ttl`, or `none`, is needed"));
                (text == OFF).then_some(StepCache::Off).ok_or_else(wrong)
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<StepCache, A::Error> {
                let policy = CachePolicy::deserialize(MapAccessDeserializer::new(map))?;
                Ok(StepCache::Kept(Box::new(policy)))
            }
        }

        deserializer.deserialize_any(CacheVisitor)
    }
}

impl JsonSchema for StepCache {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "StepCache".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let policy = generator.subschema_for::<CachePolicy>();
        schemars::json_schema!({
            "description": "How answers are kept, or `none`.",
            "oneOf": [policy, { "const": OFF }],
        })
    }
}
