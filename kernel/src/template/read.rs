//! Reading JSON text into values: only the wanted parts, each value charged for before it is made. The text was checked
//! to be JSON when it was received.

use std::sync::Arc;

use updraft_protocol::limits::VALUE_NESTING;

use super::number::{FLOAT_BYTES, Number};
use super::value::{self, Growing, Operand};
use crate::meter::{Meter, Result, TEXT_BYTES, VALUE_WORK, refuse};
use crate::outline::{LargeValue, Outline};
use crate::references::WantedPart;

/// Digits of a whole number that is read without an allocation.
const PLAIN_DIGITS: usize = 18;
/// The number of cached names.
const NAMES: usize = 64;

/// The part of the value in `text` that `wanted` names; other fields of its maps are left out, other items of its lists
/// are null. With the outline of the text, what is large and not wanted is not passed over, and not charged for.
pub(super) fn read(
    meter: &Meter,
    text: &str,
    outline: Option<&Outline>,
    wanted: WantedPart<'_>,
) -> Result<Operand> {
    let large = outline.map_or(&[][..], |outline| outline.from(0));
    if large.is_empty() {
        meter.work(2 * text.len() as u64)?;
    }
    let mut reader = Reader { meter, text, large, at: 0, names: [const { None }; NAMES] };
    reader.value(Some(wanted), 0)
}

struct Reader<'a> {
    meter: &'a Meter,
    text: &'a str,
    /// The large values ahead.
    large: &'a [LargeValue],
    at: usize,
    /// Names that were read before: the maps of a list have the same ones, which need not be copied again.
    names: [Option<Arc<str>>; NAMES],
}

impl<'a> Reader<'a> {
    /// The next value, or null for one that is not wanted.
    fn value(&mut self, wanted: Option<WantedPart<'_>>, level: usize) -> Result<Operand> {
        let Some(wanted) = wanted.filter(|wanted| !wanted.is_nothing()) else {
            self.skip()?;
            return Ok(Operand::Null);
        };
        if level > VALUE_NESTING {
            return refuse("the data is nested too deeply to be read");
        }
        self.meter.work(VALUE_WORK)?;
        let first = self.peek();
        if let Some(large) = self.large() {
            self.meter.work(2 * large.own as u64)?;
        }
        match first {
            Some(b'[') => self.list(wanted, level),
            Some(b'{') => self.map(wanted, level),
            Some(b'"') => Ok(Operand::Text(self.string()?)),
            Some(b't') => self.word("true", Operand::Bool(true)),
            Some(b'f') => self.word("false", Operand::Bool(false)),
            Some(b'n') => self.word("null", Operand::Null),
            _ => {
                let number = self.token();
                if number.is_empty() {
                    return broken();
                }
                self.meter.work(4 * number.len() as u64)?;
                if number.len() > PLAIN_DIGITS || number.contains(['.', 'e', 'E']) {
                    self.meter.make(FLOAT_BYTES + TEXT_BYTES + number.len())?;
                }
                Ok(Operand::Number(Number::parse(number)))
            }
        }
    }

    fn list(&mut self, wanted: WantedPart<'_>, level: usize) -> Result<Operand> {
        let mut items = Growing::new(self.meter);
        let last = wanted.last_item();
        let end = self.large().map(|large| large.end);
        self.at += 1;
        let mut index = 0;
        while !self.closes(b']') {
            if wanted.is_whole() || last.is_some_and(|last| index <= last) {
                items.push(self.value(wanted.item(index), level + 1)?)?;
            } else if let Some(end) = end {
                self.at = end - 1;
                break;
            } else {
                self.skip()?;
            }
            index += 1;
            self.comma();
        }
        self.at += 1;
        Operand::list(self.meter, items.finish())
    }

    fn map(&mut self, wanted: WantedPart<'_>, level: usize) -> Result<Operand> {
        let mut fields = Growing::new(self.meter);
        self.at += 1;
        while !self.closes(b'}') {
            if self.peek() != Some(b'"') {
                return broken();
            }
            let start = self.at;
            self.skip()?;
            let end = self.at;
            self.colon();
            let inside = self.field(wanted, start, end)?;
            if inside.is_some() {
                let next = self.at;
                self.at = start;
                let name = self.name()?;
                self.at = next;
                let value = self.value(inside, level + 1)?;
                fields.push((name, value))?;
            } else {
                self.skip()?;
            }
            self.comma();
        }
        self.at += 1;
        Operand::map(self.meter, fields.finish())
    }

    /// The wanted part of the field whose name is, in quotes, from `start` to `end`.
    fn field<'w>(&self, wanted: WantedPart<'w>, start: usize, end: usize) -> Result<Option<WantedPart<'w>>> {
        self.meter.work(VALUE_WORK)?;
        if wanted.is_whole() {
            return Ok(Some(wanted));
        }
        let quoted = self.text.get(start..end).unwrap_or_default();
        let plain = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
        if !plain.contains('\\') {
            return Ok(wanted.field(plain));
        }
        self.meter.make(3 * quoted.len())?;
        Ok(serde_json::from_str::<String>(quoted).ok().and_then(|name| wanted.field(&name)))
    }

    /// The next name.
    fn name(&mut self) -> Result<Arc<str>> {
        let start = self.at;
        self.skip()?;
        let quoted = self.text.get(start..self.at).unwrap_or_default();
        let plain = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
        if plain.contains('\\') {
            self.at = start;
            return self.string();
        }
        self.meter.work(VALUE_WORK + plain.len() as u64 / 4)?;
        let ends = plain.bytes().next().into_iter().chain(plain.bytes().next_back());
        let place = ends.fold(plain.len(), |place, byte| 31 * place + usize::from(byte)) % NAMES;
        if let Some(Some(known)) = self.names.get(place)
            && known.as_ref() == plain
        {
            return Ok(Arc::clone(known));
        }
        let name = value::shared(self.meter, plain)?;
        if let Some(known) = self.names.get_mut(place) {
            *known = Some(Arc::clone(&name));
        }
        Ok(name)
    }

    /// The next text, with its escapes decoded.
    fn string(&mut self) -> Result<Arc<str>> {
        let start = self.at;
        self.skip()?;
        let quoted = self.text.get(start..self.at).unwrap_or_default();
        let plain = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
        if !plain.contains('\\') {
            return value::shared(self.meter, plain);
        }
        // Decoded into a growing text, and then copied.
        self.meter.make(3 * quoted.len())?;
        match serde_json::from_str::<String>(quoted) {
            Ok(text) => value::shared(self.meter, &text),
            Err(_) => broken(),
        }
    }

    fn word(&mut self, word: &str, value: Operand) -> Result<Operand> {
        if self.token() == word { Ok(value) } else { broken() }
    }

    /// The next number or word.
    fn token(&mut self) -> &'a str {
        let rest: &'a str = self.text.get(self.at..).unwrap_or_default();
        let length = rest.bytes().take_while(|byte| is_of_a_token(*byte)).count();
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    /// Skips the next value, however deep it is.
    fn skip(&mut self) -> Result<()> {
        let bytes = self.text.as_bytes();
        self.blanks();
        if let Some(large) = self.large() {
            self.at = large.end;
            return Ok(());
        }
        let mut open = 0_usize;
        loop {
            match bytes.get(self.at) {
                None => return broken(),
                Some(b'[' | b'{') => {
                    open += 1;
                    self.at += 1;
                }
                Some(b']' | b'}') => {
                    open = open.saturating_sub(1);
                    self.at += 1;
                }
                Some(b'"') => self.quoted()?,
                Some(byte) if is_of_a_token(*byte) => {
                    self.token();
                }
                Some(_) => {
                    self.at += 1;
                    continue;
                }
            }
            if open == 0 {
                return Ok(());
            }
        }
    }

    /// The value that begins here, if it is large.
    fn large(&mut self) -> Option<LargeValue> {
        if self.large.first()?.start < self.at {
            let passed = self.large.partition_point(|large| large.start < self.at);
            self.large = self.large.get(passed..).unwrap_or_default();
        }
        self.large.first().filter(|large| large.start == self.at).copied()
    }

    /// Skips a text in quotes.
    fn quoted(&mut self) -> Result<()> {
        let bytes = self.text.as_bytes();
        self.at += 1;
        loop {
            match bytes.get(self.at) {
                None => return broken(),
                Some(b'\\') => self.at += 2,
                Some(b'"') => break,
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        Ok(())
    }

    fn peek(&mut self) -> Option<u8> {
        self.blanks();
        self.text.as_bytes().get(self.at).copied()
    }

    /// Whether the list or map ends here, or the text does.
    fn closes(&mut self, bracket: u8) -> bool {
        self.peek().is_none_or(|byte| byte == bracket)
    }

    fn comma(&mut self) {
        if self.peek() == Some(b',') {
            self.at += 1;
        }
    }

    fn colon(&mut self) {
        if self.peek() == Some(b':') {
            self.at += 1;
        }
        self.blanks();
    }

    fn blanks(&mut self) {
        let bytes = self.text.as_bytes();
        while matches!(bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }
}

fn is_of_a_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')
}

fn broken<T>() -> Result<T> {
    refuse("the data is not JSON")
}

#[cfg(test)]
mod tests;
