//! JSON from values: as a tree, and as text. There is one way to print a value in a text: a text as it is, any other
//! value as JSON.

use std::collections::BTreeMap;

use updraft_protocol::Value as Tree;
use updraft_protocol::limits::NESTING;

use super::number::{FLOAT_BYTES, Number};
use super::value::Operand;
use crate::meter::{Meter, Result, VALUE_WORK, refuse};

/// The cost of reading a digit of a long number, in work and in memory.
const DIGITS_WORK: u64 = 64;
const DIGITS_BYTES: usize = 8;
/// Nesting of a rendered value, including the author's own around it: what serde_json can read again.
const DEPTH: usize = 2 * NESTING - 2;
/// The memory of an item of a tree, and of a map's entry.
const TREE_BYTES: usize = 2 * size_of::<Tree>();
/// The memory of a map of a tree, however few its entries are: a node of eleven.
const TREE_MAP_BYTES: usize = 11 * (size_of::<Tree>() + size_of::<String>()) + 32;

/// The value as a tree, made of at most `left` bytes of text, `depth` deep inside another.
pub(super) fn tree(meter: &Meter, value: &Operand, left: &mut usize, depth: usize) -> Result<Tree> {
    if depth > DEPTH {
        return refuse("the value is nested too deeply");
    }
    meter.work(2 * VALUE_WORK)?;
    Ok(match value {
        Operand::Undefined => return refuse("the value is undefined"),
        Operand::Null => take(left, 4).map(|()| Tree::Null)?,
        Operand::Bool(value) => take(left, 4).map(|()| Tree::Bool(*value))?,
        Operand::Number(value) => {
            take(left, value.len())?;
            if let Number::Digits(digits) = value {
                // The text is read again, and compared with a float.
                meter.make(DIGITS_BYTES * (digits.len() + 32))?;
                meter.work(DIGITS_WORK * digits.len() as u64)?;
            }
            number(value)?
        }
        Operand::Text(value) => Tree::String(text(meter, value, left)?),
        Operand::List(list) => {
            take(left, list.len())?;
            meter.make(list.len() * TREE_BYTES)?;
            let mut items = Vec::with_capacity(list.len());
            for item in list.iter() {
                items.push(tree(meter, item, left, depth + 1)?);
            }
            Tree::Array(items)
        }
        Operand::Map(fields) => {
            take(left, fields.len())?;
            // Nodes are at least half full, except the first.
            meter.make(TREE_MAP_BYTES * (fields.len().div_ceil(5)))?;
            let mut map = BTreeMap::new();
            for (name, item) in fields.iter() {
                let name = text(meter, name, left)?;
                map.insert(name, tree(meter, item, left, depth + 1)?);
            }
            Tree::Object(map)
        }
    })
}

fn text(meter: &Meter, text: &str, left: &mut usize) -> Result<String> {
    take(left, text.len() + 2)?;
    meter.make(text.len() + 32)?;
    Ok(text.to_owned())
}

fn number(value: &Number) -> Result<Tree> {
    let number = match value {
        Number::I64(number) => Some((*number).into()),
        Number::U64(number) => Some((*number).into()),
        Number::F64(number) => updraft_protocol::Number::from_f64(*number),
        Number::Digits(digits) => updraft_protocol::Number::parse(digits),
    };
    number.map_or_else(|| refuse("the number is not finite"), |number| Ok(Tree::Number(number)))
}

fn take(left: &mut usize, bytes: usize) -> Result<()> {
    match left.checked_sub(bytes) {
        Some(rest) => *left = rest,
        None => return refuse("the value is too large"),
    }
    Ok(())
}

/// The layout of JSON.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// Spaces of indentation for each level; `None` for one line.
    pub(super) indent: Option<usize>,
}

/// One line.
pub(super) const COMPACT: Style = Style { indent: None };

impl Style {
    fn line(self, level: usize) -> usize {
        self.indent.map_or(0, |indent| 1 + indent * level)
    }

    fn start(self, out: &mut String, level: usize) {
        if let Some(indent) = self.indent {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent * level));
        }
    }
}

/// The most bytes of a value's text; charged for while they are counted.
pub(super) fn length(meter: &Meter, value: &Operand, style: Style, level: usize) -> Result<usize> {
    meter.work(VALUE_WORK)?;
    Ok(match value {
        Operand::Undefined => return refuse("the value is undefined"),
        Operand::Null | Operand::Bool(_) => 5,
        Operand::Number(number) => {
            if let Number::F64(_) = number {
                meter.make(FLOAT_BYTES)?;
            }
            number.len()
        }
        Operand::Text(text) => quoted_length(meter, text)?,
        Operand::List(list) => {
            let mut bytes = 2 + style.line(level);
            for item in list.iter() {
                bytes += 1 + style.line(level + 1) + length(meter, item, style, level + 1)?;
            }
            bytes
        }
        Operand::Map(map) => {
            let mut bytes = 2 + style.line(level);
            for (name, item) in map.iter() {
                let inside = quoted_length(meter, name)? + length(meter, item, style, level + 1)?;
                bytes += 3 + style.line(level + 1) + inside;
            }
            bytes
        }
    })
}

fn quoted_length(meter: &Meter, text: &str) -> Result<usize> {
    meter.read(text)?;
    let escaped = text.bytes().map(|byte| match byte {
        b'"' | b'\\' => 2,
        0..=31 => 6,
        _ => 1,
    });
    Ok(2 + escaped.sum::<usize>())
}

/// Writes a value whose [`length`] was charged for.
pub(super) fn write(out: &mut String, value: &Operand, style: Style, level: usize) {
    match value {
        Operand::Undefined | Operand::Null => out.push_str("null"),
        Operand::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Operand::Number(number) => number.append(out),
        Operand::Text(text) => quote(out, text),
        Operand::List(list) if list.is_empty() => out.push_str("[]"),
        Operand::Map(map) if map.len() == 0 => out.push_str("{}"),
        Operand::List(list) => {
            out.push('[');
            for (at, item) in list.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                style.start(out, level + 1);
                write(out, item, style, level + 1);
            }
            style.start(out, level);
            out.push(']');
        }
        Operand::Map(map) => {
            out.push('{');
            for (at, (name, item)) in map.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                style.start(out, level + 1);
                quote(out, name);
                out.push_str(if style.indent.is_some() { ": " } else { ":" });
                write(out, item, style, level + 1);
            }
            style.start(out, level);
            out.push('}');
        }
    }
}

/// A text in quotes, as serde_json writes it.
fn quote(out: &mut String, text: &str) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        let short = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            8 => "\\b",
            12 => "\\f",
            0..=31 => "",
            _ => continue,
        };
        out.push_str(text.get(plain..at).unwrap_or_default());
        plain = at + 1;
        if short.is_empty() {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            out.push_str("\\u00");
            for digit in [byte >> 4, byte & 15] {
                out.push(HEX.get(usize::from(digit)).copied().unwrap_or(b'0').into());
            }
        } else {
            out.push_str(short);
        }
    }
    out.push_str(text.get(plain..).unwrap_or_default());
    out.push('"');
}
