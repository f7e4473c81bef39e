//! Values without secrets: texts, names of fields and numbers of a tree. Owns the handling of names that become equal
//! by masking; finds no secret itself.

use std::collections::BTreeMap;

use updraft_protocol::Value;

use crate::masker::{MASK, Masker};
use crate::search::Search;

/// The value without the secrets. Sets `changed` if there was one; the depth of a value is bounded.
pub(crate) fn masked(masker: &Masker, value: Value, changed: &mut bool) -> Value {
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
