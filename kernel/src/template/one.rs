//! One value: what may stand in a header, in a field of a query or form, in a segment of a URL. Refuses `null`, lists
//! and maps; never says what a value is.

use std::borrow::Cow;

use super::lower::Place;
use super::meter::{Meter, Result, refuse};
use super::printer::printed;
use super::value::Value;

/// The text of one value, as it is printed. `needed` says what is needed where it is none.
pub(super) fn text_of<'v>(meter: &Meter, value: &'v Value, needed: &str) -> Result<Cow<'v, str>> {
    check(value, needed, JOIN)?;
    printed(meter, value)
}

/// Checks what is printed at a place, or stands there as a whole.
pub(super) fn check_at(place: Place, value: &Value) -> Result<()> {
    const SPREAD: &str = "write {{ … | spread }} where each of its items shall be a value of its own";
    match place {
        Place::Data | Place::Url => Ok(()),
        Place::Field => check(value, "one value is needed", SPREAD),
        Place::Header => check(value, "one value is needed", JOIN),
    }
}

/// Checks what `spread` is given: a list of single values.
pub(super) fn check_list(value: &Value) -> Result<()> {
    let Value::List(items) = value else { return refuse("`spread` needs a list") };
    items.iter().try_for_each(|item| check(item, "each item is one value", JOIN))
}

const JOIN: &str = "`| join(',')` makes one text of it";

fn check(value: &Value, needed: &str, of_list: &str) -> Result<()> {
    let (found, instead) = match value {
        Value::Null => ("null", "`| default('…', true)` puts another value in its place"),
        Value::List(_) => ("a list", of_list),
        Value::Map(_) => ("a map", "name one of its fields, or write `| tojson` for its text"),
        Value::Undefined | Value::Bool(_) | Value::Number(_) | Value::Text(_) => return Ok(()),
    };
    refuse(format!("{found}, where {needed}; {instead}"))
}
