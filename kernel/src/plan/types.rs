//! The types of variables: what a variable may be, as a JSON Schema, or as the word for a type. Owns their check, and that of
//! the values that variables are given.

use std::collections::{BTreeMap, BTreeSet};

use updraft_protocol::limits::SCHEMA_OUTPUT_BYTES;
use updraft_protocol::suggest::suggestion;
use updraft_protocol::{Playbook, Value};

use super::authored::AuthoredSchema;
use super::mistakes::Mistakes;
use crate::mistake::Mistake;
use crate::template::at::field;

/// The checked types of a playbook's variables.
#[derive(Debug)]
pub struct PlannedTypes(AuthoredSchema);

impl PlannedTypes {
    /// Checks the types, and the values of the playbook's variables against them. A variable that is `null` is to be given
    /// by each submission. `names` are those of all variables.
    pub(super) fn check(
        playbook: &Playbook,
        names: &BTreeSet<&str>,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        if playbook.types.is_empty() {
            return None;
        }
        for name in playbook.types.keys().filter(|name| !names.contains(name.as_str())) {
            let near = suggestion(name, names.iter().copied());
            mistakes.header(&format!("types.{name}"), format!("there is no variable \"{name}\"{near}"));
            if mistakes.full() {
                return None;
            }
        }
        let schemas = playbook.types.iter().map(|(name, written)| (name.clone(), schema_of(written)));
        let map = [
            ("type".to_owned(), Value::from("object")),
            ("properties".to_owned(), Value::Object(schemas.collect())),
        ];
        let types = match AuthoredSchema::check("types", &Value::Object(map.into())) {
            Ok(types) => Self(types),
            Err(found) => {
                found.into_iter().for_each(|mistake| {
                    mistakes.header(&place_of(&mistake.path, &playbook.types), mistake.message);
                });
                return None;
            }
        };
        let given = playbook.variables.iter().filter(|(_, value)| !value.is_null());
        let given = given.map(|(name, value)| (name.clone(), value.clone())).collect();
        for mistake in types.mistakes(&Value::Object(given)) {
            mistakes.header(&mistake.path, mistake.message);
        }
        Some(types)
    }

    /// What is wrong with the values of some variables, a map by their names: each mistake has its place,
    /// `variables.threshold`.
    pub fn mistakes(&self, values: &Value) -> Vec<Mistake> {
        self.0.mistakes("variables", values, SCHEMA_OUTPUT_BYTES)
    }

    /// Its approximate size in memory.
    pub(super) fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

/// The place in `types` of what is at this place of the schema that they make together.
fn place_of(path: &str, types: &BTreeMap<String, Value>) -> String {
    let Some(rest) = path.strip_prefix("types.properties") else { return path.to_owned() };
    let place = format!("types{rest}");
    let words = types.iter().filter(|(_, written)| matches!(written, Value::String(_)));
    let word = words.map(|(name, _)| field("types", name)).find(|word| place == format!("{word}.type"));
    word.unwrap_or(place)
}

/// A text is the word for a type.
fn schema_of(written: &Value) -> Value {
    match written {
        Value::String(_) => Value::Object(BTreeMap::from([("type".to_owned(), written.clone())])),
        schema => schema.clone(),
    }
}
