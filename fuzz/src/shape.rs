//! What all values and messages must keep to. Knows no target.

use updraft_protocol::Value;

/// The longest message about a mistake or a failure: a person reads it.
pub(crate) const MESSAGE_BYTES: usize = 4 << 10;

/// A message is there, and short.
pub(crate) fn check_message(message: &str) {
    assert!(!message.is_empty(), "a message says something");
    assert!(message.len() <= MESSAGE_BYTES, "a message of {} bytes", message.len());
}

/// The bytes of all texts and names in a value, and one for every other value.
pub(crate) fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(|item| 1 + weight(item)).sum(),
        Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + weight(value)).sum(),
        _ => 1,
    }
}

/// Levels of nesting.
pub(crate) fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// What is written can be read, and is the same.
pub(crate) fn check_text_of(value: &Value) {
    let read = Value::parse(&value.to_string());
    assert!(read.as_ref().is_ok_and(|read| read == value), "{value} is read as {read:?}");
}
