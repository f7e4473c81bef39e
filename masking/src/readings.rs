//! The readings of a text: the characters that each position may represent, with nested escapes. Owns the limit of
//! nesting and that a position is read once; knows nothing of secrets.

use updraft_protocol::limits::{MASKED_NESTING, MASKED_READINGS};

use crate::escape::{self, Escape, Step, is_introducer};
use crate::few::Few;

/// Positions whose readings are cached, for each level: as many as the longest common escape.
const REMEMBERED: usize = 32;
/// Levels of a text, and one more for a text that is itself a text of JSON.
const LEVELS: usize = MASKED_NESTING + 2;
/// Alternatives of escapes that wait to be read: an escape has one reading at nearly all of its positions.
const OPEN: usize = 64;

/// The readings of one position.
pub(crate) type List = Few<Reading, MASKED_READINGS>;

/// A character, or a part of one, that a position of a text may represent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    bytes: [u8; 4],
    len: u8,
    /// How many bytes of the text it takes: at most some hundred, because of the limit of nesting.
    takes: u16,
}

impl Reading {
    /// One byte.
    pub(crate) fn byte(byte: u8, takes: usize) -> Self {
        Self { bytes: [byte, 0, 0, 0], len: 1, takes: u16::try_from(takes).unwrap_or(u16::MAX) }
    }

    fn character(character: char, takes: usize) -> Self {
        let mut bytes = [0; 4];
        let len = character.encode_utf8(&mut bytes).len() as u8;
        Self { bytes, len, takes: u16::try_from(takes).unwrap_or(u16::MAX) }
    }

    /// Where the text continues after this reading at this position.
    pub(crate) fn end(&self, at: usize) -> usize {
        at + usize::from(self.takes)
    }

    /// The bytes that it represents: a character, or a part of one.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    fn ascii(&self) -> Option<u8> {
        match self.bytes() {
            [byte] => Some(*byte),
            _ => None,
        }
    }
}

/// A text with its cached readings.
pub(crate) struct Readings<'t> {
    text: &'t [u8],
    /// The newest readings, by level and position; empty until the first escape.
    remembered: Vec<(usize, List)>,
    /// Escapes that are being read, each with the position where it continues.
    open: Vec<(Escape, usize)>,
    /// The work so far: bounded by the length of the text.
    pub(crate) steps: u64,
}

impl<'t> Readings<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text: text.as_bytes(), remembered: Vec::new(), open: Vec::new(), steps: 0 }
    }

    /// The readings of the position, with `level` levels of escapes; empty at the end of the text.
    pub(crate) fn at(&mut self, at: usize, level: usize) -> List {
        match self.text.get(at) {
            None => List::default(),
            Some(byte) if level == 0 || !is_introducer(*byte) => {
                self.steps += 1;
                List::one(Reading::byte(*byte, 1))
            }
            Some(_) => {
                let slot = self.remember(at, level);
                self.remembered.get(slot).map_or_else(List::default, |(_, list)| *list)
            }
        }
    }

    /// The index of the cached readings of a position at which an escape may begin.
    fn remember(&mut self, at: usize, level: usize) -> usize {
        self.steps += 1;
        if self.remembered.is_empty() {
            self.remembered.resize(LEVELS * REMEMBERED, (usize::MAX, List::default()));
        }
        let slot = level * REMEMBERED + at % REMEMBERED;
        if self.remembered.get(slot).is_some_and(|(place, _)| *place == at) {
            return slot;
        }
        let mut list = self.at(at, level - 1);
        for index in 0..list.as_slice().len() {
            let Some(reading) = list.as_slice().get(index).copied() else { break };
            match reading.ascii().map(escape::begin) {
                Some(Step::On(escape)) => self.follow(at, (escape, reading.end(at)), level - 1, &mut list),
                Some(Step::Byte(byte)) => add(&mut list, Reading::byte(byte, reading.end(at) - at)),
                _ => {}
            }
        }
        if let Some(remembered) = self.remembered.get_mut(slot) {
            *remembered = (at, list);
        }
        slot
    }

    /// Adds to `list` every result of an escape that begins at `from`, and of which the first byte has been read.
    fn follow(&mut self, from: usize, begun: (Escape, usize), level: usize, list: &mut List) {
        let base = self.open.len();
        self.open.push(begun);
        while self.open.len() > base
            && let Some((escape, at)) = self.open.pop()
        {
            match self.text.get(at) {
                None => {}
                Some(byte) if level == 0 || !is_introducer(*byte) => {
                    self.steps += 1;
                    self.then(from, escape, at, Reading::byte(*byte, 1), list);
                }
                Some(_) => {
                    let slot = self.remember(at, level);
                    let mut index = 0;
                    while let Some((_, inner)) = self.remembered.get(slot)
                        && let Some(reading) = inner.as_slice().get(index).copied()
                    {
                        self.then(from, escape, at, reading, list);
                        index += 1;
                    }
                }
            }
        }
    }

    fn then(&mut self, from: usize, escape: Escape, at: usize, reading: Reading, list: &mut List) {
        let takes = reading.end(at) - from;
        match reading.ascii().map_or(Step::Not, |byte| escape.then(byte)) {
            Step::On(escape) if self.open.len() < OPEN => self.open.push((escape, reading.end(at))),
            Step::On(_) | Step::Not => {}
            Step::Byte(byte) => add(list, Reading::byte(byte, takes)),
            Step::Character(character) => {
                add(list, Reading::character(character, takes));
                // A non-breaking blank may be typed for any blank.
                if character == '\u{a0}' {
                    add(list, Reading::byte(b' ', takes));
                }
            }
        }
    }
}

fn add(list: &mut List, reading: Reading) {
    if !list.as_slice().contains(&reading) {
        list.push(reading);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The readings of the beginning of the text, with their lengths.
    fn readings(text: &str, level: usize) -> Vec<(String, usize)> {
        let list = Readings::new(text).at(0, level);
        list.as_slice().iter().map(|r| (String::from_utf8_lossy(r.bytes()).into_owned(), r.end(0))).collect()
    }

    #[test]
    fn a_place_stands_for_itself_and_for_its_escape() {
        assert_eq!(readings("a", 3), [("a".to_owned(), 1)]);
        assert_eq!(readings("%41", 1), [("%".to_owned(), 1), ("A".to_owned(), 3)]);
        assert_eq!(readings("+", 1), [("+".to_owned(), 1), (" ".to_owned(), 1)]);
        assert_eq!(readings("%4", 3), [("%".to_owned(), 1)]);
        assert_eq!(readings("", 3), []);
    }

    #[test]
    fn escapes_stand_in_escapes_as_deep_as_asked() {
        for (text, levels) in [
            ("&amp;amp;quot;", 3),
            ("%252522", 3),
            ("%2522", 2),
            (r#"\\\""#, 2),
            (r"\u005cu0022", 2),
            ("&#37;22", 2),
            ("%26%23x22%3B", 2),
            ("%25%32%32", 2),
            ("&quot;", 1),
        ] {
            let whole = ("\"".to_owned(), text.len());
            assert!(readings(text, levels).contains(&whole), "{text}");
            assert!(!readings(text, levels - 1).contains(&whole), "{text}");
        }
    }

    #[test]
    fn all_readings_of_a_run_of_backslashes_fit() {
        let ends = |level: usize| {
            let mut ends: Vec<usize> =
                readings(&"\\".repeat(40), level).iter().map(|(_, end)| *end).collect();
            ends.sort_unstable();
            ends
        };
        assert_eq!(ends(3), (1..=8).collect::<Vec<_>>());
        assert_eq!(ends(4), (1..=16).collect::<Vec<_>>());
    }
}
