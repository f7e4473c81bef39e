//! Native steps as values: how they are put together. Owns their spelling in a playbook, nothing of what they mean.

use std::collections::BTreeMap;

use updraft_protocol::Value;

/// The fields of a step or of another map.
pub(super) type Fields = BTreeMap<String, Value>;

/// A map of these fields.
pub(super) fn map<const N: usize>(fields: [(&str, Value); N]) -> Fields {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A step with this id.
pub(super) fn step<const N: usize>(id: &str, fields: [(&str, Value); N]) -> Fields {
    let mut step = map(fields);
    step.insert("id".to_owned(), Value::from(id));
    step
}

/// A list of steps.
pub(super) fn list(steps: Vec<Fields>) -> Value {
    Value::Array(steps.into_iter().map(Value::Object).collect())
}

/// A duration of so many milliseconds.
pub(super) fn span(millis: u64) -> Value {
    Value::from(format!("{millis}ms"))
}

/// Sets a field, where there is a value.
pub(super) fn set(fields: &mut Fields, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        fields.insert(name.to_owned(), value.into());
    }
}

/// A loop of one round: what fails in it fails the step, which has handlers and a time of its own.
pub(super) fn once(id: &str, body: Vec<Fields>) -> Fields {
    let at_most = Value::parse("1").unwrap_or_default();
    step(id, [("until", Value::from("true")), ("at_most", at_most), ("do", list(body))])
}
