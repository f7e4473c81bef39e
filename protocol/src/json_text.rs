//! JSON text as events, each with its place. Owns how its mistakes are told, so that an alert, a playbook and a
//! variable of the command line hear the same words; builds no tree.

mod mistake;
mod quoted;

use json_event_parser::{JsonEvent, LowLevelJsonParser};

pub(crate) use mistake::shortened;

/// The events of a text, one after the other.
pub(crate) struct Events<'t> {
    text: &'t str,
    parser: LowLevelJsonParser,
    /// How many bytes were read.
    reached: usize,
    /// Whether the name of a field came last, so that a `:` and its value follow.
    named: bool,
}

/// What is not JSON.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// The byte where it stands.
    pub(crate) at: usize,
    /// What it is, in an author's words.
    pub(crate) message: String,
}

impl<'t> Events<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, parser: LowLevelJsonParser::new(), reached: 0, named: false }
    }

    /// The next event, with the byte at which it begins.
    ///
    /// # Errors
    /// The first mistake; nothing may be asked for after it.
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
