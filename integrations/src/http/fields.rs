//! Fields of arguments: texts, numbers and pairs that several arguments have, and the mistake that names one. Knows no
//! argument by its name.

use std::collections::BTreeMap;

use http::header::HeaderValue;
use updraft_protocol::limits::HTTP_HEADER_BYTES;
use updraft_protocol::{Failure, FailureKind, Value};

/// The fields of a map.
pub(super) type Fields = BTreeMap<String, Value>;

/// A mistake in the arguments, at its place.
pub(super) fn mistake(place: &str, message: impl std::fmt::Display) -> Failure {
    let dot = if place.is_empty() { "" } else { "." };
    Failure::new(FailureKind::InvalidArguments, format!("arguments{dot}{place}: {message}"))
}

/// The text as the value of a header, marked as one that nothing may print. What is beyond ASCII is sent as UTF-8.
pub(crate) fn header_value(place: &str, text: &str) -> Result<HeaderValue, Failure> {
    let fits = text.len() <= HTTP_HEADER_BYTES;
    let line = !text.chars().any(char::is_control);
    let value = HeaderValue::from_bytes(text.as_bytes()).ok().filter(|_| fits && line);
    let mut value = value.ok_or_else(|| mistake(place, "not a text that a header can carry"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// A map of scalars and of lists of them, as the pairs that a query or form has. `null` is left out.
pub(super) fn pairs(argument: &str, value: Value) -> Result<Vec<(String, String)>, Failure> {
    let Value::Object(fields) = value else { return Err(mistake(argument, "a map is needed")) };
    let mut pairs = Vec::with_capacity(fields.len());
    for (name, value) in fields {
        let items = match value {
            Value::Array(items) => items,
            other => vec![other],
        };
        for item in items.into_iter().filter(|item| !item.is_null()) {
            let needed = "a text, a number, true or false, or a list of them is needed";
            let text = scalar(item)
                .ok_or_else(|| mistake(&format!("{argument}.{}", name.escape_debug()), needed))?;
            pairs.push((name.clone(), text));
        }
    }
    Ok(pairs)
}

pub(super) fn scalar(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
