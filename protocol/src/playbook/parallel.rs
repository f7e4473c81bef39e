//! The step `parallel`: several paths at once. Owns its fields; opens a scope for each branch.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
        schema
    }
}

/// When a `parallel` step continues.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// When all its branches have ended.
    #[default]
    All,
}

impl FieldsOfKind for Parallel {
    const FIELDS: &'static [&'static str] = &["parallel", "branches", "next", "on_failure"];

    fn read(fields: &mut StepFields) -> Result<Self, String> {
        Ok(Self {
            join: fields.parallel.take().unwrap_or_default(),
            branches: fields.branches.take().ok_or("needs `branches`")?,
        })
    }

    fn bodies(&self) -> Vec<NestedBody<'_>> {
        self.branches.0.iter().map(|(name, body)| NestedBody::in_scope("branches", name, body)).collect()
    }
}
