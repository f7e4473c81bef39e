//! Reading: JSON text to a tree, without recursion.

use std::collections::BTreeMap;

use json_event_parser::{JsonEvent, SliceJsonParser};
use thiserror::Error;

use super::{Number, Value};
use crate::limits::VALUE_NESTING;

/// Why a text is no value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// The text is not JSON.
    #[error("not JSON at line {line}, column {column}: {message}")]
    Syntax {
        /// The line, from 1.
        line: u64,
        /// The column in characters, from 1.
        column: u64,
        /// What is wrong there.
        message: String,
    },
    /// Lists and maps are nested too deeply.
    #[error("nested deeper than {VALUE_NESTING} levels")]
    Nesting,
}

impl Error {
    /// Whether trying again can help: never, the text stays what it is.
    pub fn retryable(&self) -> bool {
        false
    }
}

/// A list or map whose end has not been read.
enum Open {
    Array(Vec<Value>),
    /// With the key of the value that comes next.
    Object(BTreeMap<String, Value>, String),
}

/// Reads the one value of a text.
pub(super) fn read(text: &str) -> Result<Value, Error> {
    let mut parser = SliceJsonParser::new(text.as_bytes());
    let mut open: Vec<Open> = Vec::new();
    let mut root = Value::Null;
    loop {
        let event = parser.parse_next().map_err(|error| {
            let start = error.location().start;
            Error::Syntax {
                line: start.line + 1,
                column: start.column + 1,
                message: error.message().to_owned(),
            }
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
                open.push(Open::Object(BTreeMap::new(), String::new()));
                continue;
            }
            JsonEvent::ObjectKey(name) => {
                if let Some(Open::Object(_, key)) = open.last_mut() {
                    *key = name.into_owned();
                }
                continue;
            }
            JsonEvent::EndArray | JsonEvent::EndObject => match open.pop() {
                Some(Open::Array(items)) => Value::Array(items),
                Some(Open::Object(fields, _)) => Value::Object(fields),
                None => Value::Null,
            },
        };
        match open.last_mut() {
            Some(Open::Array(items)) => items.push(value),
            Some(Open::Object(fields, key)) => {
                fields.insert(std::mem::take(key), value);
            }
            None => root = value,
        }
    }
}
