//! Text to playbook: JSON or YAML, with the place of the first mistake. Checks the shape only; the graph is checked by
//! the plan.

mod deserialize;
mod json;
mod mistake;
mod node;
mod places;
mod rest;
mod scalar;
mod shape;
mod yaml;

use std::fmt;
use std::rc::Rc;

use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::limits::PLAYBOOK_BYTES;
use crate::playbook::{FORMAT, Playbook};
use crate::text;
use mistake::Mistake;
use node::{Kind, Node};
pub use places::{PlacedMessage, PlaybookPlaces, TextPlace, TextRange};
pub use rest::PlaybookRest;

/// Why a text is no playbook.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// The text is larger than a playbook may be.
    #[error("the playbook has {bytes} bytes; at most {PLAYBOOK_BYTES} are allowed")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Another document is larger than it may be.
    #[error("{bytes} bytes; at most {most} are allowed")]
    LargeDocument {
        /// Its size.
        bytes: usize,
        /// The bound.
        most: usize,
    },
    /// The bytes are not a text.
    #[error(transparent)]
    NotText(#[from] text::Error),
    /// The text is not JSON or YAML, or does not have a playbook's shape.
    #[error("{place}: {message}{}", listed(.more))]
    Shape {
        /// The place of the first mistake.
        place: Place,
        /// What it is.
        message: String,
        /// The other mistakes.
        more: Vec<ShapeMistake>,
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

    /// Its mistakes, a message for each.
    pub fn mistakes(&self) -> Vec<String> {
        match self {
            Self::Shape { place, message, more } => {
                let first = ShapeMistake { place: place.clone(), message: message.clone() };
                [&first].into_iter().chain(more).map(ToString::to_string).collect()
            }
            Self::TooLarge { .. } | Self::LargeDocument { .. } | Self::NotText(_) | Self::Format { .. } => {
                vec![self.to_string()]
            }
        }
    }
}

/// A mistake in the shape of a playbook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeMistake {
    /// Its place.
    pub place: Place,
    /// What it is.
    pub message: String,
}

impl fmt::Display for ShapeMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

fn listed(more: &[ShapeMistake]) -> String {
    more.iter().map(|mistake| format!("; {mistake}")).collect()
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
    /// Its mistakes, each with line and column: one where the text is not JSON or YAML, else a bounded number.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > PLAYBOOK_BYTES {
            return Err(Error::TooLarge { bytes: bytes.len() });
        }
        let text = text::decode(bytes)?;
        let read = node(&text).map(shape::read).map_err(|mistake| shape(&text, &[mistake]))?;
        match read.playbook {
            Some(playbook) if read.mistakes.is_empty() && playbook.format == FORMAT => Ok(playbook),
            Some(playbook) if read.mistakes.is_empty() => Err(Error::Format { found: playbook.format }),
            _ => Err(shape(&text, &read.mistakes)),
        }
    }
}

/// Reads another document that people write as they write playbooks: answers, test cases.
///
/// # Errors
/// Its first mistake, with line and column; or its size, where that is more than `most` bytes.
pub fn document<T: DeserializeOwned>(bytes: &[u8], most: usize) -> Result<T, Error> {
    if bytes.len() > most {
        return Err(Error::LargeDocument { bytes: bytes.len(), most });
    }
    let text = text::decode(bytes)?;
    let read = node(&text).and_then(|node| deserialize::read(&node));
    read.map_err(|mistake| shape(&text, &[mistake]))
}

/// The lines and columns of parts of such a document, by their paths: `cases[2].answers[0].step`; of the innermost part around one
/// that it does not have. The text is read once.
pub fn places_in<'p>(bytes: &[u8], paths: impl IntoIterator<Item = &'p str>) -> Vec<Option<Place>> {
    let text = text::decode(bytes).ok();
    let root = text.as_deref().and_then(|text| node(text).ok());
    let place = |path: &str| {
        let (text, mut here) = (text.as_deref()?, root.clone()?);
        for key in path.split(['.', '[']).filter(|key| !key.is_empty()) {
            let inner = match (&here.kind, key.strip_suffix(']').and_then(|at| at.parse::<usize>().ok())) {
                (Kind::List(items), Some(at)) => items.get(at),
                (Kind::Map(fields), _) => {
                    fields.iter().find(|field| field.name == key).map(|field| &field.node)
                }
                _ => None,
            };
            let Some(inner) = inner.cloned() else { break };
            here = inner;
        }
        let (line, column) = text::place(text, here.at);
        Some(Place { line, column, path: path.to_owned() })
    };
    paths.into_iter().map(place).collect()
}

fn node(text: &str) -> Result<Rc<Node>, Mistake> {
    if is_json(text) { json::read(text) } else { yaml::read(text) }
}

/// Whether the text is JSON rather than YAML, in which `{name: value}` is valid too.
pub fn is_json(text: &str) -> bool {
    let inside = text.trim_start().strip_prefix('{').map(str::trim_start);
    inside.is_some_and(|inside| inside.is_empty() || inside.starts_with(['"', '}']))
}

fn shape(text: &str, mistakes: &[Mistake]) -> Error {
    let placed = |mistake: &Mistake| {
        let (line, column) = text::place(text, mistake.at.unwrap_or_default());
        let place = Place { line, column, path: short(&mistake.path()) };
        ShapeMistake { place, message: short(&mistake.message) }
    };
    let mut all: Vec<ShapeMistake> = mistakes.iter().map(placed).collect();
    all.sort_by_key(|mistake| (mistake.place.line, mistake.place.column));
    let mut all = all.into_iter();
    let first = all.next().unwrap_or_else(|| ShapeMistake {
        place: Place { line: 1, column: 1, path: String::new() },
        message: "it has not the shape of a playbook".to_owned(),
    });
    Error::Shape { place: first.place, message: first.message, more: all.collect() }
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
