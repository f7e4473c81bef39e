//! The filters, by what they work on. Each charges the meter for what it reads and makes before it does.

pub(super) mod lists;
pub(super) mod maps;
pub(super) mod numbers;
pub(super) mod texts;

use super::meter::{Result, refuse};
use super::number::Number;
use super::value::Value;

/// The argument at this place.
fn argument(args: &[Value], at: usize) -> &Value {
    args.get(at).unwrap_or(&Value::Undefined)
}

/// The argument at this place, true or false.
fn flag(args: &[Value], at: usize) -> bool {
    argument(args, at).is_true()
}

/// The text that a filter works on.
fn text<'v>(filter: &'static str, value: &'v Value) -> Result<&'v str> {
    match value {
        Value::Text(text) => Ok(text),
        _ => refuse(format!("`{filter}` needs a text, not a value of type {}", value.kind())),
    }
}

/// The text of an argument; none where the author wrote none.
fn text_argument<'v>(filter: &'static str, args: &'v [Value], at: usize) -> Result<Option<&'v str>> {
    match argument(args, at) {
        Value::Undefined | Value::Null => Ok(None),
        Value::Text(text) => Ok(Some(text)),
        other => refuse(format!("`{filter}` takes a text here, not a value of type {}", other.kind())),
    }
}

/// The whole number of an argument; none where the author wrote none.
fn whole_argument(filter: &'static str, args: &[Value], at: usize) -> Result<Option<i64>> {
    match argument(args, at) {
        Value::Undefined | Value::Null => Ok(None),
        Value::Number(Number::I64(number)) => Ok(Some(*number)),
        other => {
            refuse(format!("`{filter}` takes a whole number here, not a value of type {}", other.kind()))
        }
    }
}
