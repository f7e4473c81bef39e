//! JSON text as events, each with its position. Owns the messages of its mistakes, so that they are the same for an
//! alert, a playbook and a variable of the command line; builds no tree.

mod mistake;
mod quoted;

use json_event_parser::{JsonEvent, LowLevelJsonParser};

pub(crate) use mistake::shortened;

/// The events of a text, one after the other.
pub(crate) struct Events<'t> {
    text: &'t str,
    parser: LowLevelJsonParser,
    /// The number of bytes that were read.
    reached: usize,
    /// Whether the last event was the name of a field, so that a `:` and its value follow.
    named: bool,
}

/// A syntax mistake.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// The byte of the mistake.
    pub(crate) at: usize,
    /// The message, in an author's words.
    pub(crate) message: String,
}

impl<'t> Events<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, parser: LowLevelJsonParser::new(), reached: 0, named: false }
    }

    /// The next event, with the byte at which it begins.
    ///
    /// # Errors
    /// The first mistake; the caller must stop after it.
    pub(crate) fn next(&mut self) -> Result<(usize, JsonEvent<'t>), Mistake> {
        loop {
            let rest = self.text.as_bytes().get(self.reached..).unwrap_or_default();
            let at = self.reached + rest.iter().take_while(|byte| b" \t\r\n:,".contains(byte)).count();
            let result = self.parser.parse_next(rest, true);
            self.reached += result.consumed_bytes;
            match result.event {
                None => {}
                Some(Ok(event)) => {
                    self.named = matches!(event, JsonEvent::ObjectKey(_));
                    return Ok((at, event));
                }
                Some(Err(error)) => {
                    let found = usize::try_from(error.location().start.offset).unwrap_or(at);
                    return Err(mistake::told(self.text, at, found, error.message(), self.named));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
