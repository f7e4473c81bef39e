//! The printer: how a value stands in a text, and how long that may be.

use std::borrow::Cow;

use updraft_protocol::limits::{ARGUMENTS_BYTES, TEMPLATE_OUTPUT_BYTES};

use super::json::{self, COMPACT};
use super::value::Operand;
use crate::meter::{Meter, Result, refuse};

/// A value as it stands in a text, charged for: a text as it is, anything else as JSON writes it.
pub(super) fn printed<'v>(meter: &Meter, value: &'v Operand) -> Result<Cow<'v, str>> {
    if let Operand::Text(text) = value {
        return Ok(Cow::Borrowed(text));
    }
    let length = json::length(meter, value, COMPACT, 0)?;
    meter.make(length)?;
    let mut text = String::with_capacity(length);
    json::write(&mut text, value, COMPACT, 0);
    Ok(Cow::Owned(text))
}

/// What a text that grows takes of memory for each byte, with the copies of it that are dropped.
pub(super) const GROWTH: usize = 4;

/// What a template has printed, and what it may still print.
#[derive(Debug)]
pub(super) struct Printed {
    text: String,
    left: usize,
}

impl Printed {
    /// Nothing yet, of at most `left` bytes.
    pub(super) fn new(left: usize) -> Self {
        Self { text: String::new(), left }
    }

    /// Prints a value.
    pub(super) fn print(&mut self, meter: &Meter, value: &Operand) -> Result<()> {
        let text = printed(meter, value)?;
        self.left = match self.left.checked_sub(text.len()) {
            Some(left) => left,
            None => {
                return refuse(format!(
                    "too long: a template prints at most {TEMPLATE_OUTPUT_BYTES} bytes, those of one step {ARGUMENTS_BYTES}"
                ));
            }
        };
        // A text that grows is copied as it doubles.
        meter.make(GROWTH * text.len())?;
        self.text.push_str(&text);
        Ok(())
    }

    /// What was printed.
    pub(super) fn finish(self) -> String {
        self.text
    }
}
