//! The filters, by what they work on. Each charges the meter before it reads or allocates.

pub(super) mod addresses;
pub(super) mod codes;
pub(super) mod dates;
pub(super) mod indicators;
pub(super) mod lists;
pub(super) mod maps;
pub(super) mod matches;
pub(super) mod numbers;
pub(super) mod texts;

use super::number::Number;
use super::value::Operand;
use crate::meter::{Result, refuse};

/// The argument at this index.
fn argument(args: &[Operand], at: usize) -> &Operand {
    args.get(at).unwrap_or(&Operand::Undefined)
}

/// The argument at this index, true or false.
fn flag(args: &[Operand], at: usize) -> bool {
    argument(args, at).is_true()
}

/// The text that is the operand of a filter.
fn text<'v>(filter: &'static str, value: &'v Operand) -> Result<&'v str> {
    match value {
        Operand::Text(text) => Ok(text),
        _ => refuse(format!("`{filter}` needs a text, not a value of type {}", value.kind())),
    }
}

/// The text of an argument; `None` if the author gave none.
fn text_argument<'v>(filter: &'static str, args: &'v [Operand], at: usize) -> Result<Option<&'v str>> {
    match argument(args, at) {
        Operand::Undefined | Operand::Null => Ok(None),
        Operand::Text(text) => Ok(Some(text)),
        other => refuse(format!("`{filter}` takes a text here, not a value of type {}", other.kind())),
    }
}

/// The whole number of an argument; `None` if the author gave none.
fn whole_argument(filter: &'static str, args: &[Operand], at: usize) -> Result<Option<i64>> {
    match argument(args, at) {
        Operand::Undefined | Operand::Null => Ok(None),
        Operand::Number(Number::I64(number)) => Ok(Some(*number)),
        other => {
            refuse(format!("`{filter}` takes a whole number here, not a value of type {}", other.kind()))
        }
    }
}
