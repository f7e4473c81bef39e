//! The writer of a command: quotes each value as one word, where the author's text so far lets it be one. The author's text is
//! written as it is.

use std::borrow::Cow;

use updraft_protocol::limits::COMMAND_BYTES;

use super::lexer::Lexer;
use crate::meter::{Meter, Result, refuse};
use crate::template::one::{check_list, text_of};
use crate::template::value::Operand;

/// How far a command is written.
#[derive(Debug)]
pub(crate) struct Writer {
    lexer: Lexer,
    bytes: usize,
}

/// The cost of following a byte of the author's text, and of looking at and quoting a byte of a value.
const FOLLOW_WORK: u64 = 24;
const QUOTE_WORK: u64 = 4;

impl Writer {
    /// Of a command of which nothing is written yet.
    pub(crate) fn new() -> Self {
        Self { lexer: Lexer::new(), bytes: 0 }
    }

    /// The author's text, as it is written.
    pub(crate) fn literal<'a>(&mut self, meter: &Meter, text: &'a str) -> Result<&'a str> {
        meter.work(FOLLOW_WORK * text.len() as u64)?;
        self.grown(text)?;
        self.lexer.author(text);
        self.lexer.wrong.map_or(Ok(text), refuse)
    }

    /// A value, as one word or a part of one.
    pub(crate) fn value(&mut self, meter: &Meter, value: &Operand) -> Result<String> {
        let text = text_of(meter, value, "one word is needed")?;
        self.lexer.value(Some(&text)).or_else(refuse)?;
        let mut written = String::new();
        self.quote(meter, &text, &mut written)?;
        Ok(written)
    }

    /// A list of values, as a word each.
    pub(crate) fn words(&mut self, meter: &Meter, value: &Operand) -> Result<String> {
        check_list(value)?;
        let Operand::List(items) = value else { return Ok(String::new()) };
        meter.make(items.len() * size_of::<Cow<'_, str>>())?;
        let texts: Vec<_> =
            items.iter().map(|item| text_of(meter, item, "one word is needed")).collect::<Result<_>>()?;
        self.lexer.values(texts.iter().map(AsRef::as_ref)).or_else(refuse)?;
        let mut written = String::new();
        for (at, text) in texts.iter().enumerate() {
            if at > 0 {
                self.grown(" ")?;
                written.push(' ');
            }
            self.quote(meter, text, &mut written)?;
        }
        Ok(written)
    }

    /// Adds a text in single quotes, of which those in it are left: each is written between quotes that end and begin.
    fn quote(&mut self, meter: &Meter, text: &str, to: &mut String) -> Result<()> {
        meter.work(QUOTE_WORK * text.len() as u64)?;
        if text.contains('\0') {
            return refuse("a word of a command has no NUL: no program would get it");
        }
        // Each quote is four characters, and the text has two around it.
        let length = text.len() + 3 * text.bytes().filter(|byte| *byte == b'\'').count() + 2;
        self.fits(length)?;
        meter.make(4 * length)?;
        self.bytes += length;
        to.push('\'');
        to.push_str(&text.replace('\'', "'\\''"));
        to.push('\'');
        Ok(())
    }

    fn grown(&mut self, text: &str) -> Result<()> {
        self.fits(text.len())?;
        self.bytes += text.len();
        Ok(())
    }

    fn fits(&self, more: usize) -> Result<()> {
        if self.bytes + more > COMMAND_BYTES {
            refuse(format!("a command has at most {COMMAND_BYTES} bytes, those of its values included"))
        } else {
            Ok(())
        }
    }
}
