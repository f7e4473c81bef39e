//! Weighing: what a value of a condition costs to read, charged while it is measured.

use cel::ExecutionError;
use cel::common::types::{CelBytes, CelList, CelMap, CelString};
use cel::common::value::Val;
use updraft_protocol::limits::{NESTING, VALUE_WORK};

use crate::template::meter::Meter;

/// Nesting of a value inside a condition: that of the data and that which the condition adds.
const DEPTH: usize = 3 * NESTING;

/// An error of our own: its text names no data.
pub(super) fn refuse(message: &str) -> ExecutionError {
    ExecutionError::function_error("@", message)
}

/// Charges `work`.
pub(super) fn charge(meter: &Meter, work: u64) -> Result<(), ExecutionError> {
    meter.charge(work).map_err(|_| refuse("too much work"))
}

/// Charges for the value and all that is inside of it.
pub(super) fn deep(meter: &Meter, value: &dyn Val) -> Result<(), ExecutionError> {
    walk(meter, value, 0)
}

fn walk(meter: &Meter, value: &dyn Val, depth: usize) -> Result<(), ExecutionError> {
    if depth > DEPTH {
        return Err(refuse("a value is nested too deeply"));
    }
    charge(meter, VALUE_WORK + bytes(value))?;
    if let Some(list) = value.downcast_ref::<CelList>() {
        for item in list.inner() {
            walk(meter, item.as_ref(), depth + 1)?;
        }
    } else if let Some(map) = value.downcast_ref::<CelMap>() {
        for (key, item) in map.inner() {
            walk(meter, key.inner(), depth + 1)?;
            walk(meter, item.as_ref(), depth + 1)?;
        }
    }
    Ok(())
}

/// The bytes of a text; nothing for other values.
pub(super) fn bytes(value: &dyn Val) -> u64 {
    let text = value.downcast_ref::<CelString>().map(|text| text.inner().len());
    let text = text.or_else(|| value.downcast_ref::<CelBytes>().map(|bytes| bytes.inner().len()));
    text.unwrap_or(0) as u64
}

/// How many items a list or map has.
pub(super) fn items(value: &dyn Val) -> Option<u64> {
    let list = value.downcast_ref::<CelList>().map(|list| list.inner().len());
    let items = list.or_else(|| value.downcast_ref::<CelMap>().map(|map| map.inner().len()));
    items.map(|items| items as u64)
}
