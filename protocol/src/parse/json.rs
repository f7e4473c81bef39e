//! JSON to nodes: what a parser's events say, with the place of each.

use std::rc::Rc;

use json_event_parser::{JsonEvent, LowLevelJsonParser};

use super::mistake::Mistake;
use super::node::{Builder, Kind, Node};
use crate::text::place;
use crate::value::Number;

/// The tree of the one value in `text`.
///
/// # Errors
/// The first mistake.
pub(super) fn read(text: &str) -> Result<Rc<Node>, Mistake> {
    let mut parser = LowLevelJsonParser::new();
    let mut builder = Builder::default();
    let mut reached = 0;
    loop {
        let rest = text.as_bytes().get(reached..).unwrap_or_default();
        let at = reached + rest.iter().take_while(|byte| b" \t\r\n:,".contains(byte)).count();
        let result = parser.parse_next(rest, true);
        reached += result.consumed_bytes;
        let event = match result.event {
            None => continue,
            Some(Ok(event)) => event,
            Some(Err(error)) => {
                let start = usize::try_from(error.location().start.offset).unwrap_or(at);
                return Err(builder.mistake(start, format!("not JSON: {}", error.message())));
            }
        };
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
