//! The lines of a `<<`, up to its end.

use super::word::Word;

/// A `<<` whose lines come after the line that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heredoc {
    end: String,
    /// Whether tabs at the beginning of its last line are cut off.
    tabs: bool,
    /// Whether the lines are read as they are.
    is_quoted: bool,
    /// The line so far, up to a character more than its end has.
    line: String,
    /// Whether the line ends with a backslash so far.
    is_escaped: bool,
}

/// What a character of it was.
pub(super) enum Line {
    Goes,
    /// The last line has ended.
    Ends,
    /// Shells read it in different ways.
    Unknown,
}

impl Heredoc {
    /// The one with this word as its end; `None` where the end is not plain.
    pub(super) fn of(word: &Word, tabs: bool) -> Option<Self> {
        let end = word.written().filter(|end| !end.is_empty() && end.len() < 64)?;
        let is_plain = end.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let (end, is_quoted) = (end.to_owned(), word.quoted);
        is_plain.then_some(Self { end, tabs, is_quoted, line: String::new(), is_escaped: false })
    }

    /// Reads a character.
    pub(super) fn read(&mut self, c: char) -> Line {
        if c == '\n' {
            let is_end = self.line == self.end;
            self.line.clear();
            return match (is_end, self.is_escaped && !self.is_quoted) {
                (true, _) => Line::Ends,
                (false, true) => Line::Unknown,
                (false, false) => Line::Goes,
            };
        }
        self.is_escaped = c == '\\';
        let is_cut = self.tabs && c == '\t' && self.line.is_empty();
        if !is_cut && self.line.len() <= self.end.len() {
            self.line.push(c);
        }
        Line::Goes
    }
}
