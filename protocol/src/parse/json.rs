//! JSON to nodes: the parser's events with their positions.

use std::rc::Rc;

use json_event_parser::JsonEvent;

use super::mistake::Mistake;
use super::node::{Builder, Kind, Node};
use crate::json_text::Events;
use crate::text::place;
use crate::value::Number;

/// The tree of the one value in `text`.
///
/// # Errors
/// The first mistake.
pub(super) fn read(text: &str) -> Result<Rc<Node>, Mistake> {
    let mut events = Events::new(text);
    let mut builder = Builder::default();
    loop {
        let (at, event) = events
            .next()
            .map_err(|mistake| builder.mistake(mistake.at, format!("not JSON: {}", mistake.message)))?;
        let kind = match event {
            JsonEvent::Eof => break,
            JsonEvent::StartArray => {
                builder.list(at)?;
                continue;
            }
            JsonEvent::StartObject => {
                builder.map(at)?;
                continue;
            }
            JsonEvent::EndArray | JsonEvent::EndObject => {
                builder.end();
                continue;
            }
            JsonEvent::ObjectKey(name) => {
                builder.name(at, name.into_owned(), |first| {
                    let (line, column) = place(text, first);
                    format!("line {line}, column {column}")
                })?;
                continue;
            }
            JsonEvent::Null => Kind::Null,
            JsonEvent::Boolean(value) => Kind::Bool(value),
            JsonEvent::Number(digits) => Kind::Number(Number::of_json(&digits)),
            JsonEvent::String(text) => Kind::Text(text.into_owned()),
        };
        builder.scalar(at, kind);
    }
    builder.finish().ok_or_else(|| Mistake::new(0, "the file is empty"))
}
