//! What a playbook asks of its input, as a JSON Schema. Owns the defaults that are filled in, and which fields of `input`
//! can be there; the bounds of a schema are in `authored`.

use std::collections::BTreeMap;

use updraft_protocol::limits::SCHEMA_INPUT_BYTES;
use updraft_protocol::suggest::suggestion;
use updraft_protocol::{Json, Value};

use super::authored::AuthoredSchema;
use super::mistakes::Mistakes;
use super::schema::{Held, Schema};
use crate::mistake::Mistake;
use crate::template::at::field;

/// The checked schema of an input.
#[derive(Debug)]
pub struct PlannedInputs(AuthoredSchema);

impl PlannedInputs {
    /// Checks a playbook's schema; adds what is wrong with it.
    pub(super) fn check(written: Option<&Value>, mistakes: &mut Mistakes) -> Option<Self> {
        let schema = AuthoredSchema::check("inputs", written?, mistakes)?;
        check_defaults("inputs", &schema.written, mistakes);
        Some(Self(schema))
    }

    /// The input with the defaults of what it lacks; an input that is `null` counts as an empty map.
    ///
    /// # Errors
    /// What is wrong with it, each with its place: `input.host`.
    pub fn filled(&self, input: &Value) -> Result<Value, Vec<Mistake>> {
        let mut filled = match input {
            Value::Null => Value::Object(BTreeMap::new()),
            input => input.clone(),
        };
        fill(&self.0.written, &mut filled);
        let mistakes = self.0.mistakes("input", &filled, SCHEMA_INPUT_BYTES);
        if mistakes.is_empty() { Ok(filled) } else { Err(mistakes) }
    }

    /// Why no input has a field at these names; `None` if one may have it.
    pub(super) fn lacks(&self, names: &[&str]) -> Option<String> {
        let mut at = &self.0.written;
        for (depth, name) in names.iter().enumerate() {
            let known = at.get("properties").and_then(Value::as_object);
            match known.and_then(|known| known.get(*name)) {
                Some(inside) => at = inside,
                None if is_closed(at) => {
                    let place =
                        names.iter().take(depth + 1).fold("input".to_owned(), |at, name| field(&at, name));
                    let known = || known.into_iter().flat_map(BTreeMap::keys).map(String::as_str);
                    let near = suggestion(name, known());
                    let there: Vec<&str> = known().collect();
                    return Some(format!(
                        "`{place}` is not among the inputs{near}; there are {}",
                        there.join(", ")
                    ));
                }
                None => return None,
            }
        }
        None
    }

    /// Its approximate size in memory.
    pub(super) fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

/// Whether a schema allows the fields alone that it names.
fn is_closed(schema: &Value) -> bool {
    let closed = schema.get("additionalProperties").and_then(Value::as_bool) == Some(false);
    closed && schema.get("patternProperties").is_none()
}

/// Fills in the defaults of a map's properties, and of the maps in them.
fn fill(schema: &Value, value: &mut Value) {
    let (Some(properties), Value::Object(fields)) =
        (schema.get("properties").and_then(Value::as_object), value)
    else {
        return;
    };
    for (name, property) in properties {
        if let (None, Some(default)) = (fields.get(name), property.get("default")) {
            fields.insert(name.clone(), default.clone());
        }
        if let Some(inside) = fields.get_mut(name) {
            fill(property, inside);
        }
    }
}

/// A default must be what its own schema asks for.
fn check_defaults(place: &str, schema: &Value, mistakes: &mut Mistakes) {
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let place = field(&format!("{place}.properties"), name);
        if let Some(default) = property.get("default")
            && let Ok(schema) = Schema::compile(&Json::from(property), "field")
        {
            let place = format!("{place}.default");
            let mut filled = default.clone();
            fill(property, &mut filled);
            let held = Held { place: &place, written: &filled, unknown: Vec::new() };
            for mistake in held.against(&schema) {
                mistakes.header(&mistake.path, mistake.message);
            }
        }
        check_defaults(&place, property, mistakes);
    }
}
