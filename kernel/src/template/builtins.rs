//! The filters and tests of our own: those whose namesakes in the library can make much of little, or
//! panic.

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, State, Value};
use updraft_protocol::limits::TEMPLATE_OUTPUT_BYTES;

use super::metering::root;
use super::weight::{charge, refuse};
use super::{json, printer};

/// Spaces that `tojson` indents by at most.
const INDENT: usize = 8;

/// `|replace(from, to)`: charged for what it makes before it is made.
pub(super) fn replace(state: &State, value: &str, from: &str, to: &str) -> Result<String, Error> {
    let found = value.matches(from).count() as u64;
    charge(&root(state)?.meter, found.saturating_mul(to.len() as u64))?;
    Ok(value.replace(from, to))
}

/// `|join(separator)`: charged for the separators before they are written.
pub(super) fn join(
    state: &State,
    value: Value,
    separator: Option<&str>,
    kwargs: Kwargs,
) -> Result<String, Error> {
    let separator = match separator {
        Some(separator) => separator,
        None => kwargs.get::<Option<&str>>("d")?.unwrap_or_default(),
    };
    kwargs.assert_all_used()?;
    if value.kind() == ValueKind::Map {
        return Err(refuse("cannot join a map; join its keys with `|list|join`"));
    }
    let root = root(state)?;
    let mut text = String::new();
    for (at, item) in value.try_iter()?.enumerate() {
        if at > 0 {
            charge(&root.meter, separator.len() as u64)?;
            text.push_str(separator);
        }
        printer::append(&mut text, &item, usize::MAX)?;
    }
    Ok(text)
}

/// `|sum` and `|sum(attribute=…)`: of numbers alone; adding texts one by one copies them again and again.
pub(super) fn sum(value: Value, kwargs: Kwargs) -> Result<Value, Error> {
    let attribute = kwargs.get::<Option<&str>>("attribute")?;
    kwargs.assert_all_used()?;
    let (mut whole, mut fraction) = (0_i128, None::<f64>);
    for item in value.try_iter()? {
        let item = match attribute {
            Some(attribute) => item.get_attr(attribute)?,
            None => item,
        };
        if item.kind() != ValueKind::Number {
            return Err(refuse(format!("can only sum numbers, not a value of type {}", item.kind())));
        }
        if item.is_integer() {
            whole = whole.checked_add(i128::try_from(item)?).ok_or_else(|| refuse("the sum is too large"))?;
        } else {
            fraction = Some(fraction.unwrap_or(0.0) + f64::try_from(item)?);
        }
    }
    Ok(fraction.map_or_else(|| Value::from(whole), |fraction| Value::from(whole as f64 + fraction)))
}

/// `|tojson` and `|tojson(indent=2)`: plain JSON; HTML is nobody's business here.
pub(super) fn to_json(state: &State, value: Value, kwargs: Kwargs) -> Result<String, Error> {
    let indent = kwargs.get::<Option<usize>>("indent")?.unwrap_or(0);
    kwargs.assert_all_used()?;
    let mut left = TEMPLATE_OUTPUT_BYTES;
    let tree = json::from_template(&value, &mut left, 0)?;
    if indent == 0 {
        return Ok(tree.to_string());
    }
    let spaces = [b' '; INDENT];
    let spaces = spaces.get(..indent).ok_or_else(|| refuse(format!("tojson indents by at most {INDENT}")))?;
    charge(&root(state)?.meter, json::indentation(&tree, indent))?;
    json::pretty(&tree, spaces).ok_or_else(|| refuse("the value is not JSON"))
}

/// `is divisibleby(n)`: by zero, nothing is.
pub(super) fn is_divisible_by(value: Value, by: Value) -> bool {
    match (i128::try_from(value), i128::try_from(by)) {
        (Ok(value), Ok(by)) => value.checked_rem(by) == Some(0),
        _ => false,
    }
}
