//! A mistake in a playbook's text: its place and its message, in an author's words. Translates the messages of serde.

use std::fmt;

use serde::de::{Expected, Unexpected};

use super::node::Field;
use crate::suggest::suggestion;

/// One step of the path from the root to a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    Field(String),
    Item(usize),
}

/// The message and the place.
#[derive(Debug)]
pub(super) struct Mistake {
    /// The byte of the text; `None` until a caller adds it.
    pub(super) at: Option<usize>,
    /// From the innermost outwards.
    steps: Vec<Step>,
    /// The field of the map at this place that the mistake is about, until its place is known.
    field: Option<String>,
    pub(super) message: String,
}

impl Mistake {
    pub(super) fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at: Some(at), ..Self::words(message) }
    }

    fn words(message: impl Into<String>) -> Self {
        Self { at: None, steps: vec![], field: None, message: message.into() }
    }

    /// The same mistake, seen from the list or map around it.
    pub(super) fn inside(mut self, step: Step) -> Self {
        self.steps.push(step);
        self.field = None;
        self
    }

    /// The same mistake, at the field that it is about, of the map with these fields.
    pub(super) fn at_field(self, fields: &[Field]) -> Self {
        let field = self.field.as_ref().and_then(|name| fields.iter().find(|field| field.name == *name));
        match field {
            Some(field) => self.or_at(field.at).inside(Step::Field(field.name.clone())),
            None => self,
        }
    }

    /// The same mistake, at this byte unless it has a position already.
    pub(super) fn or_at(mut self, at: usize) -> Self {
        self.at.get_or_insert(at);
        self
    }

    /// The path to the value.
    pub(super) fn outermost_first(&self) -> Vec<Step> {
        self.steps.iter().rev().cloned().collect()
    }

    /// The path to the value, in words: `steps[3].retry`.
    pub(super) fn path(&self) -> String {
        let mut path = String::new();
        for step in self.steps.iter().rev() {
            match step {
                Step::Item(at) => path.push_str(&format!("[{at}]")),
                Step::Field(name) if plain(name) => {
                    let dot = if path.is_empty() { "" } else { "." };
                    path.push_str(&format!("{dot}{name}"));
                }
                Step::Field(name) => path.push_str(&format!("[{name:?}]")),
            }
        }
        path
    }
}

fn plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Mistake {}

impl serde::de::Error for Mistake {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::words(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, needed: &dyn Expected) -> Self {
        Self::words(format!("{} is needed; here stands {}", words(needed), said(&found)))
    }

    fn invalid_value(found: Unexpected<'_>, needed: &dyn Expected) -> Self {
        Self::invalid_type(found, needed)
    }

    fn invalid_length(length: usize, needed: &dyn Expected) -> Self {
        Self::words(format!("{} is needed; here stand {length}", words(needed)))
    }

    fn unknown_variant(found: &str, known: &'static [&'static str]) -> Self {
        Self::words(format!("`{found}` is not known here; there {}", listed(known)))
    }

    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        let near = suggestion(name, known.iter().copied());
        let there = if near.is_empty() { format!("; there {}", listed(known)) } else { String::new() };
        let message = format!("there is no such field{near}{there}");
        Self { field: Some(name.to_owned()), ..Self::words(message) }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::words(format!("the field `{field}` is missing"))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::words(format!("the field `{field}` stands here twice"))
    }
}

/// The requirement if any text will do.
pub(super) const TEXT: &str = "a text";

/// The requirement. Types with their own parser give their own words.
pub(super) fn words(needed: &dyn Expected) -> String {
    let needed = needed.to_string();
    match needed.as_str() {
        "a string" | "string" => TEXT.to_owned(),
        "a boolean" => "`true` or `false`".to_owned(),
        // No whole number of a playbook may be 0.
        "u32" => format!("a whole number from 1 to {}", u32::MAX),
        "u64" | "usize" => "a whole number from 1 on".to_owned(),
        "f64" => "a number".to_owned(),
        "a sequence" => "a list".to_owned(),
        _ if needed.starts_with("struct ") => "a map".to_owned(),
        _ => needed,
    }
}

/// The value that was found.
fn said(found: &Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => format!("`{value}`"),
        Unexpected::Unsigned(number) => format!("the number {number}"),
        Unexpected::Signed(number) => format!("the number {number}"),
        Unexpected::Float(number) => format!("the number {number:?}"),
        Unexpected::Str(text) => format!("the text `{text}`"),
        Unexpected::Other(words) => (*words).to_owned(),
        Unexpected::Unit | Unexpected::Option => "null".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a map".to_owned(),
        found => found.to_string(),
    }
}

fn listed(known: &[&str]) -> String {
    let verb = if known.len() == 1 { "is" } else { "are" };
    format!("{verb} {}", known.join(", "))
}
