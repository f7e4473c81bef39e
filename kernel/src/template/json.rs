//! JSON in and out of templates: text to a template's value, a template's value to a JSON tree.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};
use serde::Serialize;
use serde_json::{Map, Number};
use updraft_protocol::limits::NESTING;

use super::weight::refuse;

/// Nesting of a rendered value, the author's own around it counted: what serde_json reads again.
const DEPTH: usize = 2 * NESTING - 2;

/// The value that `text` is.
pub(super) fn to_template(text: &str, name: &'static str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| {
        // The text was checked to be JSON; only its nesting can be wrong.
        Value::from(refuse(format!("`{name}` is nested too deeply to be read")))
    })
}

/// The tree that `value` is, made of at most `left` bytes of text, `depth` deep inside another.
pub(super) fn from_template(
    value: &Value,
    left: &mut usize,
    depth: usize,
) -> Result<serde_json::Value, Error> {
    use serde_json::Value as Tree;
    if depth > DEPTH {
        return Err(refuse("the value is nested too deeply"));
    }
    Ok(match value.kind() {
        ValueKind::Undefined => return Err(refuse("the value is undefined")),
        ValueKind::None => take(left, 4).map(|()| Tree::Null)?,
        ValueKind::Bool => take(left, 4).map(|()| Tree::Bool(value.is_true()))?,
        ValueKind::Number => take(left, 1).and_then(|()| number(value))?,
        ValueKind::String => Tree::String(text(value, left)?),
        ValueKind::Seq | ValueKind::Iterable => {
            let mut items = Vec::new();
            for item in value.try_iter()? {
                take(left, 1)?;
                items.push(from_template(&item, left, depth + 1)?);
            }
            Tree::Array(items)
        }
        ValueKind::Map => {
            let mut map = Map::new();
            for key in value.try_iter()? {
                take(left, 1)?;
                let name = text(&key, left)?;
                map.insert(name, from_template(&value.get_item(&key)?, left, depth + 1)?);
            }
            Tree::Object(map)
        }
        kind => return Err(refuse(format!("a value of type {kind} is not JSON"))),
    })
}

fn text(value: &Value, left: &mut usize) -> Result<String, Error> {
    let text = value.as_str().ok_or_else(|| refuse("the keys of a map must be texts"))?;
    take(left, text.len() + 2)?;
    Ok(text.to_owned())
}

fn number(value: &Value) -> Result<serde_json::Value, Error> {
    if value.is_integer() {
        let number = i64::try_from(value.clone()).map(Number::from);
        let number = number.or_else(|_| u64::try_from(value.clone()).map(Number::from));
        return number.map(Into::into).map_err(|_| refuse("the number is too large for JSON"));
    }
    let number = f64::try_from(value.clone()).ok().and_then(Number::from_f64);
    number.map(Into::into).ok_or_else(|| refuse("the number is not finite"))
}

fn take(left: &mut usize, bytes: usize) -> Result<(), Error> {
    *left = left.checked_sub(bytes).ok_or_else(|| refuse("the value is too large"))?;
    Ok(())
}

/// The bytes that indenting `tree` adds.
pub(super) fn indentation(tree: &serde_json::Value, indent: usize) -> u64 {
    let (mut bytes, mut open) = (0_u64, vec![(tree, 1_usize)]);
    while let Some((tree, depth)) = open.pop() {
        let line = (depth * indent + 2) as u64;
        match tree {
            serde_json::Value::Array(items) => {
                bytes = bytes.saturating_add(line.saturating_mul(items.len() as u64 + 1));
                open.extend(items.iter().map(|item| (item, depth + 1)));
            }
            serde_json::Value::Object(map) => {
                bytes = bytes.saturating_add(line.saturating_mul(map.len() as u64 + 1));
                open.extend(map.values().map(|item| (item, depth + 1)));
            }
            _ => {}
        }
    }
    bytes
}

/// The text of `tree`, indented.
pub(super) fn pretty(tree: &serde_json::Value, spaces: &[u8]) -> Option<String> {
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(spaces);
    tree.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, formatter)).ok()?;
    String::from_utf8(bytes).ok()
}
