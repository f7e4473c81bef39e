//! The step `parallel`: several paths at once. Owns its fields; opens a scope for each branch.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Lock;
use super::body::{Body, NestedBody};
use super::fields::{FieldsOfKind, StepFields};
use crate::ids::StepId;

/// Several paths at once.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Parallel {
    /// When the path goes on.
    #[serde(rename = "parallel")]
    pub join: Join,
    /// The branches by their names.
    pub branches: Branches,
    /// The lock of a target, which its branches share, from before the first call in one until the step has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<Box<Lock>>,
}

/// The branches of a `parallel` step by their names, in the order in which they are written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Branches(pub Vec<(StepId, Body)>);

impl Serialize for Branches {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, body)| (name, body)))
    }
}

impl<'de> Deserialize<'de> for Branches {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BranchesVisitor;

        impl<'de> Visitor<'de> for BranchesVisitor {
            type Value = Branches;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from the names of branches to lists of steps")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Branches, A::Error> {
                let mut branches = Vec::new();
                while let Some(branch) = map.next_entry()? {
                    branches.push(branch);
                }
                Ok(Branches(branches))
            }
        }

        deserializer.deserialize_map(BranchesVisitor)
    }
}

impl JsonSchema for Branches {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Branches".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let mut schema = BTreeMap::<StepId, Body>::json_schema(generator);
        schema.insert("minProperties".into(), 1.into());
        schema.insert("maxProperties".into(), 1000.into());
        schema.insert("description".into(), "The branches by their names.".into());
        schema
    }
}

/// When a `parallel` step continues.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// When all its branches have ended; it fails if one of them did.
    #[default]
    All,
    /// When one of its branches has completed; the others are cancelled.
    Any,
    /// When so many of its branches have completed; the others are cancelled.
    AtLeast(#[schemars(description = "How many branches have to complete.", range(min = 1))] u32),
}

impl Join {
    /// How many of so many branches have to complete.
    pub fn needed(self, branches: usize) -> usize {
        match self {
            Self::All => branches,
            Self::Any => 1,
            Self::AtLeast(count) => count as usize,
        }
    }
}

impl<'de> Deserialize<'de> for Join {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Count {
            at_least: u32,
        }

        struct JoinVisitor;

        impl<'de> Visitor<'de> for JoinVisitor {
            type Value = Join;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`all`, `any` or `{at_least: N}`")
            }

            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Join, E> {
                match word {
                    "all" => Ok(Join::All),
                    "any" => Ok(Join::Any),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(word), &self)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Join, A::Error> {
                let count = Count::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(Join::AtLeast(count.at_least))
            }
        }

        deserializer.deserialize_any(JoinVisitor)
    }
}

impl FieldsOfKind for Parallel {
    const FIELDS: &'static [&'static str] =
        &["parallel", "branches", "lock", "next", "on_failure", "on_cancel"];

    fn read(fields: &mut StepFields) -> Result<Self, String> {
        Ok(Self {
            join: fields.parallel.take().unwrap_or_default(),
            branches: fields.branches.take().ok_or("needs `branches`")?,
            lock: fields.lock.take(),
        })
    }

    fn bodies(&self) -> Vec<NestedBody<'_>> {
        self.branches.0.iter().map(|(name, body)| NestedBody::in_scope("branches", name, body)).collect()
    }
}
