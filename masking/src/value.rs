//! Values without secrets: texts, names of fields and numbers of a tree. Owns the handling of names that become equal
//! by masking; finds no secret itself.

use std::collections::BTreeMap;

use updraft_protocol::{Json, Value};

use crate::masker::{MASK, Masker};
use crate::search::Search;

impl Masker {
    /// The value without the secrets, in texts, names of fields and numbers. Two names that became one get a number
    /// each: `***` and `*** 2`.
    pub fn value(&self, value: Value) -> Value {
        if self.is_empty() { value } else { masked(self, value, &mut false) }
    }

    /// The same of a JSON text, which is read as a value only where a secret may be in it.
    pub fn json(&self, json: Json) -> Json {
        if self.is_empty() || !self.may_be_in(json.as_str()) {
            return json;
        }
        match json.tree() {
            Ok(tree) => {
                let mut changed = false;
                let tree = masked(self, tree, &mut changed);
                if changed { Json::from(tree) } else { json }
            }
            // A value too deep to be read is too deep to be kept.
            Err(_) => Json::from(Value::from(MASK)),
        }
    }
}

/// The value without the secrets. `changed` tells whether there was one; the depth of a value is bounded.
fn masked(masker: &Masker, value: Value, changed: &mut bool) -> Value {
    match value {
        Value::String(text) => match masker.masked(&text, Search::WHOLE) {
            Some(masked) => {
                *changed = true;
                Value::String(masked)
            }
            None => Value::String(text),
        },
        Value::Array(items) => {
            Value::Array(items.into_iter().map(|item| masked(masker, item, changed)).collect())
        }
        Value::Object(fields) => Value::Object(map(masker, fields, changed)),
        Value::Number(number) if masker.tables().numbers.has(&number) => {
            *changed = true;
            Value::from(MASK)
        }
        other => other,
    }
}

/// The fields with their names masked. If two names become equal, both fields are kept.
fn map(masker: &Masker, fields: BTreeMap<String, Value>, changed: &mut bool) -> BTreeMap<String, Value> {
    let mut kept = BTreeMap::new();
    let mut renamed = Vec::new();
    for (name, value) in fields {
        let value = masked(masker, value, changed);
        match masker.masked(&name, Search::WHOLE) {
            Some(name) => renamed.push((name, value)),
            None => {
                kept.insert(name, value);
            }
        }
    }
    // Counts equal names, so that a thousand of them are not tried one after the other.
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (name, value) in renamed {
        *changed = true;
        let count = counts.entry(name.clone()).or_default();
        let mut free = name.clone();
        loop {
            *count += 1;
            if *count > 1 {
                free = format!("{name} {count}");
            }
            if !kept.contains_key(&free) {
                break;
            }
        }
        kept.insert(free, value);
    }
    kept
}
