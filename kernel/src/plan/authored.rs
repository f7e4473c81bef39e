//! A JSON Schema in a playbook, whose author is a tenant. Owns its bounds, those of what is checked by it, and the defaults
//! that are filled in.

use std::collections::BTreeMap;

use updraft_protocol::limits::{NESTING, SCHEMA_PATTERNS, SCHEMA_VALUES};
use updraft_protocol::{Json, Value};

use super::check::is_too_deep;
use super::malformed::SchemaFlaw;
use super::schema::{Held, Schema, place_in};
use crate::mistake::Mistake;
use crate::template::at::field;

/// A checked schema of a map.
#[derive(Debug)]
pub(super) struct AuthoredSchema {
    schema: Schema,
    pub(super) written: Value,
    counted: Counted,
}

/// What is said of a schema that is for something else than a map.
const NO_MAP: &str = "describes a map: `{type: object, properties: {…}}`";

impl AuthoredSchema {
    /// Checks a schema that is written at `place`.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(super) fn check(place: &str, written: &Value) -> Result<Self, Vec<Mistake>> {
        let whole = |message| vec![Mistake::new(place, message)];
        let counted = Counted::of(written).map_err(whole)?;
        let compiled = Schema::compile(&Json::from(written), "field").map_err(|flaws| {
            let at =
                |flaw: SchemaFlaw| Mistake::new(place_in(place, &flaw.pointer, Some(written)), flaw.message);
            flaws.into_iter().map(at).collect::<Vec<_>>()
        });
        let is_map = written.get("type").and_then(Value::as_str) == Some("object");
        match compiled {
            _ if written.as_object().is_none() => Err(whole(NO_MAP.to_owned())),
            Ok(_) if !is_map => Err(whole(NO_MAP.to_owned())),
            Ok(schema) => Ok(Self { schema, written: written.clone(), counted }),
            Err(mistakes) => Err(mistakes),
        }
    }

    /// What is wrong with the defaults in it, whose place is `place`: a default must be what its own schema asks for.
    pub(super) fn mistakes_in_defaults(&self, place: &str) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        check_defaults(place, &self.written, &mut mistakes);
        mistakes
    }

    /// A value with the defaults of what it lacks; `null` counts as an empty map.
    pub(super) fn filled(&self, value: &Value) -> Value {
        let mut filled = match value {
            Value::Null => Value::Object(BTreeMap::new()),
            value => value.clone(),
        };
        fill(&self.written, &mut filled);
        filled
    }

    /// What is wrong with a value, whose name is `name`. `most` bounds its bytes times the alternatives of the schema.
    pub(super) fn mistakes(&self, name: &str, value: &Value, most: usize) -> Vec<Mistake> {
        let (bytes, alternatives) = (value.to_string().len(), self.counted.alternatives);
        if bytes.saturating_mul(alternatives) > most {
            let message = format!("{bytes} bytes are too many for a schema with {alternatives} alternatives");
            return vec![Mistake::new(name, message)];
        }
        Held { place: name, written: value, unknown: Vec::new() }.against(&self.schema)
    }

    /// Its approximate size in memory.
    pub(super) fn bytes(&self) -> usize {
        const VALUE_BYTES: usize = 1 << 10;
        const PATTERN_BYTES: usize = 64 << 10;
        self.counted.values * VALUE_BYTES + self.counted.patterns * PATTERN_BYTES
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
fn check_defaults(place: &str, schema: &Value, mistakes: &mut Vec<Mistake>) {
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let place = field(&format!("{place}.properties"), name);
        if let Some(default) = property.get("default")
            && let Ok(schema) = Schema::compile(&Json::from(property), "field")
        {
            let place = format!("{place}.default");
            let mut filled = default.clone();
            fill(property, &mut filled);
            let held = Held { place: &place, written: &filled, unknown: Vec::new() };
            mistakes.extend(held.against(&schema));
        }
        check_defaults(&place, property, mistakes);
    }
}
