//! Weighing: what a value of a template costs to read, charged while it is measured, so that a value
//! too large to work on is not even walked to its end.

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};
use updraft_protocol::limits::{NESTING, VALUE_WORK};

use super::meter::Meter;

/// Nesting of a value inside a template: that of the data and that which the template adds.
const DEPTH: usize = 2 * NESTING;

/// An error of our own: its text names no data.
pub(super) fn refuse(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

/// Charges `work`.
pub(super) fn charge(meter: &Meter, work: u64) -> Result<(), Error> {
    meter
        .charge(work)
        .map_err(|_| refuse("too much work: the values are too large for what is done with them"))
}

/// Charges for the value and all that is inside of it, `factor` times.
pub(super) fn deep(meter: &Meter, value: &Value, factor: u64) -> Result<(), Error> {
    walk(meter, value, factor, 0)
}

/// Charges for the value, not for what is inside of its items.
pub(super) fn shallow(meter: &Meter, value: &Value) -> Result<(), Error> {
    let work = match value.as_str() {
        Some(text) => text.len() as u64,
        None => VALUE_WORK.saturating_mul(value.len().unwrap_or(1).max(1) as u64),
    };
    charge(meter, work)
}

fn walk(meter: &Meter, value: &Value, factor: u64, depth: usize) -> Result<(), Error> {
    if depth > DEPTH {
        return Err(refuse("a value is nested too deeply"));
    }
    let bytes = value.as_str().map_or(0, str::len) as u64;
    charge(meter, (VALUE_WORK + bytes).saturating_mul(factor))?;
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            for item in value.try_iter()? {
                walk(meter, &item, factor, depth + 1)?;
            }
        }
        ValueKind::Map => {
            for key in value.try_iter()? {
                walk(meter, &key, factor, depth + 1)?;
                walk(meter, &value.get_item(&key)?, factor, depth + 1)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// A lazy sequence as a list: what is lazy would be computed again at every use, for free.
pub(super) fn solid(meter: &Meter, value: Value) -> Result<Value, Error> {
    if !matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) {
        return Ok(value);
    }
    let mut items = Vec::new();
    for item in value.try_iter()? {
        charge(meter, VALUE_WORK)?;
        items.push(item);
    }
    Ok(Value::from(items))
}
