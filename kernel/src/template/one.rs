//! Single values: the allowed values in a header, in a field of a query or form, in a segment of a URL. Refuses `null`,
//! lists and maps; never reports the value.

use std::borrow::Cow;

use super::lower::TextUse;
use super::printer::printed;
use super::value::Operand;
use crate::meter::{Meter, Result, refuse};

/// The text of a single value, as it is printed. `needed` is the message if it is not a single value.
pub(super) fn text_of<'v>(meter: &Meter, value: &'v Operand, needed: &str) -> Result<Cow<'v, str>> {
    check(value, needed, JOIN)?;
    printed(meter, value)
}

/// Checks a value that is printed at a place, or is the whole of it.
pub(super) fn check_at(place: TextUse, value: &Operand) -> Result<()> {
    const SPREAD: &str = "write {{ … | spread }} where each of its items shall be a value of its own";
    match place {
        TextUse::Data | TextUse::Url | TextUse::Command => Ok(()),
        TextUse::Field => check(value, "one value is needed", SPREAD),
        TextUse::Header | TextUse::Html => check(value, "one value is needed", JOIN),
    }
}

/// Checks the operand of `spread`: a list of single values.
pub(super) fn check_list(value: &Operand) -> Result<()> {
    let Operand::List(items) = value else { return refuse("`spread` needs a list") };
    items.iter().try_for_each(|item| check(item, "each item is one value", JOIN))
}

const JOIN: &str = "`| join(',')` makes one text of it";

fn check(value: &Operand, needed: &str, of_list: &str) -> Result<()> {
    let (found, instead) = match value {
        Operand::Null => ("null", "`| default('…', true)` puts another value in its place"),
        Operand::List(_) => ("a list", of_list),
        Operand::Map(_) => ("a map", "name one of its fields, or write `| tojson` for its text"),
        Operand::Undefined | Operand::Bool(_) | Operand::Number(_) | Operand::Text(_) => return Ok(()),
    };
    refuse(format!("{found}, where {needed}; {instead}"))
}
