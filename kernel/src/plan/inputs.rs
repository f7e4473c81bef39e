//! What a playbook asks of its input: a JSON Schema by its author, who is a tenant. Owns the bounds of such a schema, the
//! defaults that it fills in, and which fields of `input` can be there.

use std::collections::BTreeMap;

use updraft_protocol::limits::{NESTING, SCHEMA_INPUT_BYTES, SCHEMA_PATTERNS, SCHEMA_VALUES};
use updraft_protocol::suggest::suggestion;
use updraft_protocol::{Json, Value};

use super::check::is_too_deep;
use super::mistakes::Mistakes;
use super::schema::{Held, Schema};
use crate::mistake::Mistake;
use crate::template::at::field;

/// The checked schema of an input.
#[derive(Debug)]
pub struct PlannedInputs {
    schema: Schema,
    written: Value,
    /// How many schemas may look at one value.
    alternatives: usize,
    bytes: usize,
}

impl PlannedInputs {
    /// Checks a playbook's schema; adds what is wrong with it.
    pub(super) fn check(written: Option<&Value>, mistakes: &mut Mistakes) -> Option<Self> {
        let written = written?;
        let counted = match Counted::of(written) {
            Ok(counted) => counted,
            Err(message) => {
                mistakes.header("inputs", message);
                return None;
            }
        };
        let kind = written.get("type").and_then(Value::as_str);
        if kind != Some("object") {
            mistakes.header("inputs", "describes a map: `{type: object, properties: {…}}`");
            return None;
        }
        let schema = match Schema::compile(&Json::from(written), "field") {
            Ok(schema) => schema,
            Err(message) => {
                mistakes.header("inputs", format!("is no JSON Schema: {message}"));
                return None;
            }
        };
        check_defaults("inputs", written, mistakes);
        let bytes = counted.bytes();
        Some(Self { schema, written: written.clone(), alternatives: counted.alternatives, bytes })
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
        fill(&self.written, &mut filled);
        let bytes = filled.to_string().len();
        if bytes.saturating_mul(self.alternatives) > SCHEMA_INPUT_BYTES {
            let message =
                format!("{bytes} bytes are too many for a schema with {} alternatives", self.alternatives);
            return Err(vec![Mistake::new("input", message)]);
        }
        let held = Held { place: "input", written: &filled, unknown: Vec::new() };
        let mistakes = held.against(&self.schema);
        if mistakes.is_empty() { Ok(filled) } else { Err(mistakes) }
    }

    /// Why no input has a field at these names; `None` if one may have it.
    pub(super) fn lacks(&self, names: &[&str]) -> Option<String> {
        let mut at = &self.written;
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
        self.bytes
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

/// What is counted in a schema.
#[derive(Debug, Default)]
struct Counted {
    values: usize,
    patterns: usize,
    /// One, and each schema that looks at a value beside another, and each item of an `enum`.
    alternatives: usize,
}

/// Keywords with schemas for the value itself, or for each of its names or items.
const BESIDE: [&str; 12] = [
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "contains",
    "dependentSchemas",
    "patternProperties",
    "propertyNames",
    "enum",
];

impl Counted {
    /// Counts a schema.
    ///
    /// # Errors
    /// It is larger than a playbook's schema may be, or refers to other schemas: one that refers to itself would have no
    /// end.
    fn of(schema: &Value) -> Result<Self, String> {
        if is_too_deep(schema) {
            return Err(format!("nested more than {NESTING} deep"));
        }
        let mut counted = Self { alternatives: 1, ..Self::default() };
        let mut open = vec![schema];
        while let Some(value) = open.pop() {
            counted.values += 1;
            match value {
                Value::Array(items) => open.extend(items),
                Value::Object(fields) => {
                    for (name, value) in fields {
                        if name.starts_with('$') {
                            return Err(format!("`{name}` is not available: a schema stands on its own"));
                        }
                        counted.keyword(name, value);
                        open.push(value);
                    }
                }
                _ => {}
            }
        }
        if counted.values > SCHEMA_VALUES || counted.patterns > SCHEMA_PATTERNS {
            return Err(format!(
                "a schema has at most {SCHEMA_VALUES} values, and {SCHEMA_PATTERNS} patterns"
            ));
        }
        Ok(counted)
    }

    fn keyword(&mut self, name: &str, value: &Value) {
        let count = match value {
            Value::Array(items) => items.len(),
            Value::Object(fields) if matches!(name, "dependentSchemas" | "patternProperties") => fields.len(),
            _ => 1,
        };
        if BESIDE.contains(&name) {
            self.alternatives += count;
        }
        if matches!(name, "pattern" | "patternProperties") {
            self.patterns += count;
        }
    }

    fn bytes(&self) -> usize {
        const VALUE_BYTES: usize = 1 << 10;
        const PATTERN_BYTES: usize = 64 << 10;
        self.values * VALUE_BYTES + self.patterns * PATTERN_BYTES
    }
}
