//! Text to playbook: JSON or YAML, with the place of the first mistake. Checks the shape only; the graph is checked by
//! the plan.

mod deserialize;
mod json;
mod mistake;
mod node;
mod scalar;
mod yaml;

use std::fmt;

use thiserror::Error;

use crate::limits::PLAYBOOK_BYTES;
use crate::playbook::{FORMAT, Playbook};
use crate::text;
use mistake::Mistake;

/// Why a text is no playbook.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// The text is larger than a playbook may be.
    #[error("the playbook has {bytes} bytes; at most {PLAYBOOK_BYTES} are allowed")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The bytes are not a text.
    #[error(transparent)]
    NotText(#[from] text::Error),
    /// The text is not JSON or YAML, or does not have a playbook's shape.
    #[error("{place}: {message}")]
    Shape {
        /// The place.
        place: Place,
        /// The message.
        message: String,
    },
    /// The playbook is of a format that this version of Updraft does not read.
    #[error("format: {found} is not known; this version reads format {FORMAT}")]
    Format {
        /// The format in the text.
        found: u32,
    },
}

impl Error {
    /// Whether the same text can be valid another time: never.
    pub fn retryable(&self) -> bool {
        false
    }
}

/// A place in a text; lines and columns from 1, 0 if unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: u64,
    /// The column.
    pub column: u64,
    /// The path of fields, if known: `steps[3].retry`.
    pub path: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, ", {}", self.path)?;
        }
        Ok(())
    }
}

impl Playbook {
    /// Reads a playbook from the bytes of a file, UTF-8 or UTF-16 with its mark: JSON if it begins with `{` and a
    /// quoted name, YAML otherwise.
    ///
    /// # Errors
    /// The first mistake with its line and column.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > PLAYBOOK_BYTES {
            return Err(Error::TooLarge { bytes: bytes.len() });
        }
        let text = text::decode(bytes)?;
        let node = if is_json(&text) { json::read(&text) } else { yaml::read(&text) };
        let node = node.map_err(|mistake| shape(&text, &mistake))?;
        let playbook: Self = deserialize::read(&node).map_err(|mistake| shape(&text, &mistake))?;
        if playbook.format != FORMAT {
            return Err(Error::Format { found: playbook.format });
        }
        Ok(playbook)
    }
}

/// Whether the text is JSON rather than YAML, in which `{name: value}` is valid too.
fn is_json(text: &str) -> bool {
    let inside = text.trim_start().strip_prefix('{').map(str::trim_start);
    inside.is_some_and(|inside| inside.is_empty() || inside.starts_with(['"', '}']))
}

fn shape(text: &str, mistake: &Mistake) -> Error {
    let (line, column) = text::place(text, mistake.at.unwrap_or_default());
    Error::Shape {
        place: Place { line, column, path: short(&mistake.path()) },
        message: short(&mistake.message),
    }
}

/// A text for a message: an author's text is repeated in messages, and may be as long as a playbook.
fn short(text: &str) -> String {
    const BYTES: usize = 512;
    match text.char_indices().map(|(at, _)| at).take_while(|at| *at <= BYTES).last() {
        Some(end) if text.len() > BYTES => format!("{}…", &text[..end]),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
