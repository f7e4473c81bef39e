//! Printing by place: the checks of a printed value, and its text.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Run;
use crate::meter::{Meter, Refusal, Result, VALUE_WORK, refuse};
use crate::template::code::Expr;
use crate::template::lower::TextUse;
use crate::template::one;
use crate::template::url::{Asked, ENCODED_AGAIN};
use crate::template::value::Operand;

/// The outputs of `urlencode`: a URL does not encode them again. The mark is on the text itself, wherever the template
/// puts it, and not on another text with the same content.
#[derive(Debug, Default)]
pub(super) struct Encoded(BTreeMap<usize, Arc<str>>);

impl Encoded {
    fn add(&mut self, meter: &Meter, value: &Operand) -> Result<()> {
        // The empty text is shared, and is the same encoded or not.
        if let Operand::Text(text) = value
            && !text.is_empty()
        {
            const MARK_BYTES: usize = 64;
            meter.make(MARK_BYTES)?;
            self.0.insert(address(text), Arc::clone(text));
        }
        Ok(())
    }

    fn has(&self, value: &Operand) -> bool {
        matches!(value, Operand::Text(text) if self.0.contains_key(&address(text)))
    }
}

/// How much longer a character can become as text of HTML or of a URL.
const HTML_GROWTH: usize = 6;

fn address(text: &Arc<str>) -> usize {
    Arc::as_ptr(text).addr()
}

impl Run<'_> {
    /// Prints a value of `expr`.
    pub(super) fn print(&mut self, expr: &Expr, value: &Operand) -> Result<()> {
        let meter = self.meter();
        if let Some(html) = &mut self.html {
            return match (expr, value) {
                (Expr::Const(_), Operand::Text(text)) => {
                    meter.read(text)?;
                    html.literal(text);
                    self.printed.print(meter, value)
                }
                _ => {
                    let text = one::text_of(meter, value, "one value is needed")?;
                    meter.make(HTML_GROWTH * text.len())?;
                    let text = html.value(&text).map_err(|message| Refusal::Said(message.into()))?;
                    self.printed.print(meter, &Operand::text(meter, &text)?)
                }
            };
        }
        let text = match (&mut self.command, expr, value) {
            (Some(command), Expr::Const(_), Operand::Text(text)) => {
                Operand::text(meter, command.literal(meter, text)?)?
            }
            (Some(command), ..) => Operand::text(meter, &command.value(meter, value)?)?,
            (None, ..) if self.place != TextUse::Url => {
                one::check_at(self.place, value)?;
                return self.printed.print(meter, value);
            }
            (None, Expr::Const(_), Operand::Text(text)) => Operand::text(meter, self.writer.literal(text)?)?,
            (None, ..) => Operand::text(meter, &self.writer.value(meter, value, self.encoded.has(value))?)?,
        };
        self.printed.print(meter, &text)
    }

    /// Prints a value that may be structure.
    pub(super) fn print_structure(&mut self, asked: Asked, value: &Operand) -> Result<()> {
        let meter = self.meter();
        if asked == Asked::Path && self.encoded.has(value) {
            return refuse(ENCODED_AGAIN);
        }
        let text = match &mut self.command {
            Some(command) => command.words(meter, value)?,
            None => self.writer.structure(meter, asked, value)?,
        };
        self.printed.print(meter, &Operand::text(meter, &text)?)
    }

    /// Marks the place of a statement that may print or not.
    pub(super) fn branch(&mut self) {
        self.writer.touch();
    }

    /// Marks the output of a filter if it is `urlencode`; `each` says that it was applied to each item.
    pub(super) fn mark(&mut self, filter: &str, value: &Operand, each: bool) -> Result<()> {
        if self.place != TextUse::Url || filter != "urlencode" {
            return Ok(());
        }
        match value {
            Operand::List(items) if each => {
                items.iter().try_for_each(|item| self.encoded.add(&self.root.meter, item))
            }
            value => self.encoded.add(&self.root.meter, value),
        }
    }

    /// Checks that `made` contains nothing that would be encoded twice: a text that was made from an output of
    /// `urlencode` has lost its mark.
    pub(super) fn made(&self, made: &Operand, of: &[&Operand]) -> Result<()> {
        if self.place != TextUse::Url || self.encoded.0.is_empty() {
            return Ok(());
        }
        for part in of {
            let lost = match (part, made) {
                (part @ Operand::Text(_), Operand::Text(_) | Operand::List(_) | Operand::Map(_)) => {
                    self.encoded.has(part)
                }
                (Operand::List(items), Operand::Text(_)) => {
                    self.meter().work(VALUE_WORK * items.len() as u64)?;
                    items.iter().any(|item| self.encoded.has(item))
                }
                (Operand::List(items), Operand::List(made)) if items.len() == made.len() => {
                    self.meter().work(2 * VALUE_WORK * items.len() as u64)?;
                    let lost = |(item, made)| self.encoded.has(item) && self.text_without_mark(made);
                    // Items that are only reordered are not made anew.
                    items.iter().zip(made.iter()).any(lost) && !made.iter().any(|made| self.encoded.has(made))
                }
                _ => false,
            };
            if lost && !self.encoded.has(made) {
                return refuse(ENCODED_AGAIN);
            }
        }
        Ok(())
    }

    fn text_without_mark(&self, value: &Operand) -> bool {
        matches!(value, Operand::Text(_)) && !self.encoded.has(value)
    }

    /// Ends the output.
    pub(in crate::template) fn end(&mut self) -> Result<()> {
        if self.place == TextUse::Url { self.writer.end() } else { Ok(()) }
    }
}
