//! Shapes of answers: which names and types one has, and what of that another has not. Compares no values: those of a live answer are
//! never those of a recorded one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use updraft_protocol::Value;
use updraft_protocol::limits::CONNECTOR_CHANGES;

/// A difference between a recorded answer and a live one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeChange {
    /// Where: `items[].score`.
    pub path: String,
    /// What.
    pub change: Change,
}

/// What has changed at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is not there any more.
    Went,
    /// It was not there before.
    Came,
    /// It is of another type.
    Changed {
        /// The types before.
        from: String,
        /// The types now.
        to: String,
    },
}

impl fmt::Display for ShapeChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "the answer" } else { &self.path };
        match &self.change {
            Change::Went => write!(f, "{path}: is not there any more"),
            Change::Came => write!(f, "{path}: is new"),
            Change::Changed { from, to } => write!(f, "{path}: was {from}, is {to}"),
        }
    }
}

/// The types that stand at each place of a value; the items of a list are one place.
type Shape = BTreeMap<String, BTreeSet<&'static str>>;

/// What of a recorded answer a live one has not, and the other way round. What was `null` may be anything; what became `null` is told,
/// as a result has it in place of a field that its vendor does not send any more.
pub fn changes(recorded: &Value, live: &Value) -> Vec<ShapeChange> {
    let (before, now) = (shape(recorded), shape(live));
    let told = |types: &BTreeSet<&str>| match types.is_empty() {
        true => "null".to_owned(),
        false => types.iter().copied().collect::<Vec<_>>().join(" or "),
    };
    let mut found = Vec::new();
    for (path, types) in &before {
        match now.get(path) {
            None if is_open(path, &now) => {}
            None => found.push(ShapeChange { path: path.clone(), change: Change::Went }),
            Some(now) if now.is_disjoint(types) && !types.is_empty() => {
                let change = Change::Changed { from: told(types), to: told(now) };
                found.push(ShapeChange { path: path.clone(), change });
            }
            Some(_) => {}
        }
    }
    let came = now.keys().filter(|path| !before.contains_key(*path) && !is_open(path, &before));
    found.extend(came.map(|path| ShapeChange { path: path.clone(), change: Change::Came }));
    // What is inside of something that went or came says nothing more.
    let outer: Vec<String> = found.iter().map(|one| one.path.clone()).collect();
    let is_inside = |path: &str| {
        outer
            .iter()
            .any(|outer| path.strip_prefix(outer.as_str()).is_some_and(|rest| rest.starts_with(['.', '['])))
    };
    found.retain(|one| !is_inside(&one.path));
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found.truncate(CONNECTOR_CHANGES);
    found
}

/// Whether a place is inside of one whose type is not known there: `null`, or the items of a list without any.
fn is_open(path: &str, shape: &Shape) -> bool {
    let ends = path.char_indices().filter(|(_, c)| matches!(c, '.' | '[')).map(|(at, _)| at);
    let outer = ends.filter_map(|at| path.get(..at)).chain([""]);
    let mut inner: Vec<&str> = outer.collect();
    inner.dedup();
    inner.iter().any(|outer| {
        let types = shape.get(*outer);
        let is_null = types.is_some_and(BTreeSet::is_empty);
        let is_empty_list = types.is_some_and(|types| types.contains("a list"))
            && path.strip_prefix(outer).is_some_and(|rest| rest.starts_with("[]"))
            && !shape.contains_key(&format!("{outer}[]"));
        is_null || is_empty_list
    })
}

fn shape(value: &Value) -> Shape {
    let mut shape = Shape::new();
    let mut open = vec![(String::new(), value)];
    while let Some((path, value)) = open.pop() {
        let types = shape.entry(path.clone()).or_default();
        match value {
            Value::Null => {}
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                types.insert(value.kind());
            }
            Value::Array(items) => {
                types.insert("a list");
                open.extend(items.iter().map(|item| (format!("{path}[]"), item)));
            }
            Value::Object(fields) => {
                types.insert("a map");
                let dot = if path.is_empty() { "" } else { "." };
                open.extend(fields.iter().map(|(name, field)| (format!("{path}{dot}{name}"), field)));
            }
        }
    }
    shape
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(recorded: serde_json::Value, live: serde_json::Value) -> Vec<String> {
        changes(&recorded.into(), &live.into()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn names_and_types_that_went_came_or_changed_are_told_and_values_are_not() {
        let recorded = json!({"id": 7, "name": "a", "tags": ["x"], "rows": [{"n": 1}, {"n": 2, "m": true}], "old": {"a": {"b": 1}}});
        assert_eq!(told(recorded.clone(), recorded.clone()), Vec::<String>::new());
        let live =
            json!({"id": "7", "name": "other", "tags": [], "rows": [{"n": 3, "k": 1}], "new": {"c": 1}});
        assert_eq!(
            told(recorded, live),
            [
                "id: was a number, is a text",
                "new: is new",
                "old: is not there any more",
                "rows[].k: is new",
                "rows[].m: is not there any more"
            ]
        );
    }

    #[test]
    fn what_was_null_may_be_anything_and_so_may_the_items_of_an_empty_list() {
        assert_eq!(
            told(json!({"a": null, "b": []}), json!({"a": {"x": 1}, "b": [{"y": 2}]})),
            Vec::<String>::new()
        );
        assert_eq!(
            told(json!({"a": {"x": 1}, "b": [{"y": 2}], "c": 1}), json!({"a": null, "b": [], "c": null})),
            ["a: was a map, is null", "c: was a number, is null"]
        );
        assert_eq!(told(json!([1]), json!({"a": 1}))[0], "the answer: was a list, is a map");
    }
}
