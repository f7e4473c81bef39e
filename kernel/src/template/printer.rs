//! The printer: the text of a value, and its limit.

use std::borrow::Cow;

use updraft_protocol::limits::{ARGUMENTS_BYTES, TEMPLATE_OUTPUT_BYTES};

use super::json::{self, COMPACT};
use super::value::Operand;
use crate::meter::{Meter, Result, refuse};

/// The text of a value, charged for: a text as it is, any other value as JSON.
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

/// The memory of a growing text for each byte, including the copies that are dropped.
pub(super) const GROWTH: usize = 4;

/// The output of a template, and how much it may still print.
#[derive(Debug)]
pub(super) struct Printed {
    text: String,
    left: usize,
}

impl Printed {
    /// Empty, for at most `left` bytes.
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
        // A growing text is copied when it doubles.
        meter.make(GROWTH * text.len())?;
        self.text.push_str(&text);
        Ok(())
    }

    /// The output.
    pub(super) fn finish(self) -> String {
        self.text
    }
}
