//! Reading: JSON text to a tree, without recursion.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use json_event_parser::JsonEvent;
use thiserror::Error;

use super::{Number, Value};
use crate::json_text::{Events, shortened};
use crate::limits::VALUE_NESTING;
use crate::text::place;

/// Why a text cannot be parsed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// The text is not JSON.
    #[error("not JSON at line {line}, column {column}: {message}")]
    Syntax {
        /// The line, from 1.
        line: u64,
        /// The column in characters, from 1.
        column: u64,
        /// The mistake.
        message: String,
    },
    /// A map has two fields of one name, of which readers of JSON take either the first or the last.
    #[error("line {line}, column {column}: the field {:?} is there already", shortened(.name))]
    Twice {
        /// The line of the second, from 1.
        line: u64,
        /// Its column in characters, from 1.
        column: u64,
        /// The name.
        name: String,
    },
    /// Lists and maps are nested too deeply.
    #[error("nested deeper than {VALUE_NESTING} levels")]
    Nesting,
}

impl Error {
    /// Whether the same text can be valid another time: never.
    pub fn retryable(&self) -> bool {
        false
    }
}

/// The treatment of a map with two fields of one name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Twice {
    /// It is refused.
    Refused,
    /// The last field counts: for stored text of any writer.
    LastStays,
}

/// A list or map that is not complete.
enum Open {
    Array(Vec<Value>),
    /// With the name of the next field, and its byte.
    Object(BTreeMap<String, Value>, String, usize),
}

/// Reads the one value of a text.
pub(super) fn read(text: &str, twice: Twice) -> Result<Value, Error> {
    let mut events = Events::new(text);
    let mut open: Vec<Open> = Vec::new();
    let mut root = Value::Null;
    loop {
        let (at, event) = events.next().map_err(|mistake| {
            let (line, column) = place(text, mistake.at);
            Error::Syntax { line, column, message: mistake.message }
        })?;
        let value = match event {
            JsonEvent::Eof => return Ok(root),
            JsonEvent::Null => Value::Null,
            JsonEvent::Boolean(value) => Value::Bool(value),
            JsonEvent::Number(digits) => Value::Number(Number::of_json(&digits)),
            JsonEvent::String(text) => Value::String(text.into_owned()),
            JsonEvent::StartArray | JsonEvent::StartObject if open.len() == VALUE_NESTING => {
                return Err(Error::Nesting);
            }
            JsonEvent::StartArray => {
                open.push(Open::Array(Vec::new()));
                continue;
            }
            JsonEvent::StartObject => {
                open.push(Open::Object(BTreeMap::new(), String::new(), at));
                continue;
            }
            JsonEvent::ObjectKey(name) => {
                if let Some(Open::Object(_, next, stands)) = open.last_mut() {
                    (*next, *stands) = (name.into_owned(), at);
                }
                continue;
            }
            JsonEvent::EndArray | JsonEvent::EndObject => match open.pop() {
                Some(Open::Array(items)) => Value::Array(items),
                Some(Open::Object(fields, ..)) => Value::Object(fields),
                None => Value::Null,
            },
        };
        match open.last_mut() {
            Some(Open::Array(items)) => items.push(value),
            Some(Open::Object(fields, next, stands)) => match fields.entry(std::mem::take(next)) {
                Entry::Vacant(field) => {
                    field.insert(value);
                }
                Entry::Occupied(field) if twice == Twice::Refused => {
                    let (line, column) = place(text, *stands);
                    return Err(Error::Twice { line, column, name: field.key().clone() });
                }
                Entry::Occupied(mut field) => {
                    field.insert(value);
                }
            },
            None => root = value,
        }
    }
}
