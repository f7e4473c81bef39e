//! The text of a JSONPath and the position in it: names, texts in quotes, numbers. Knows no grammar above them.

use updraft_protocol::Number;

/// A text that is read from its beginning to its end.
pub(super) struct Text<'a> {
    all: &'a str,
    /// The position of the next character, in bytes.
    at: usize,
}

impl<'a> Text<'a> {
    pub(super) fn new(all: &'a str) -> Self {
        Self { all, at: 0 }
    }

    fn rest(&self) -> &'a str {
        self.all.get(self.at..).unwrap_or_default()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest().is_empty()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    pub(super) fn place(&self) -> usize {
        self.at
    }

    pub(super) fn return_to(&mut self, place: usize) {
        self.at = place;
    }

    pub(super) fn take(&mut self, sign: char) -> bool {
        let found = self.peek() == Some(sign);
        if found {
            self.at += sign.len_utf8();
        }
        found
    }

    pub(super) fn take_all(&mut self, sign: &str) -> bool {
        let found = self.rest().starts_with(sign);
        if found {
            self.at += sign.len();
        }
        found
    }

    pub(super) fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    pub(super) fn skip_blanks(&mut self) {
        self.take_while(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
    }

    /// A name without quotes.
    pub(super) fn name(&mut self) -> Option<String> {
        let first = |c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii();
        self.peek().filter(|c| first(*c))?;
        Some(self.take_while(|c| first(c) || c.is_ascii_digit()).to_owned())
    }

    /// A number of JSON.
    pub(super) fn number(&mut self) -> Option<Number> {
        let before = self.at;
        let belongs = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
        let number = Number::parse(self.take_while(belongs));
        if number.is_none() {
            self.at = before;
        }
        number
    }

    /// A text between two quotes of one kind.
    pub(super) fn quoted(&mut self) -> Result<String, String> {
        let quote = self.next();
        let mut text = String::new();
        loop {
            let before = self.at;
            match self.next() {
                None => return Err(self.needed("the closing quote")),
                found if found == quote => return Ok(text),
                Some('\\') => match self.escape(quote) {
                    Some(escaped) => text.push(escaped),
                    None => {
                        self.at = before;
                        return Err(self.needed("an escape that JSON has"));
                    }
                },
                Some(control) if control < ' ' => {
                    self.at = before;
                    return Err(self.needed("an escape (`\\n`, `\\u0000`) for the control character"));
                }
                Some(other) => text.push(other),
            }
        }
    }

    fn escape(&mut self, quote: Option<char>) -> Option<char> {
        match self.next()? {
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            same @ ('/' | '\\') => Some(same),
            'u' => {
                let unit = self.unit()?;
                if !(0xd800..0xdc00).contains(&unit) {
                    return char::from_u32(unit);
                }
                let low = if self.take_all("\\u") { self.unit()? } else { return None };
                let low = low.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + low)
            }
            same if Some(same) == quote => Some(same),
            _ => None,
        }
    }

    fn unit(&mut self) -> Option<u32> {
        let mut unit = 0;
        for _ in 0..4 {
            unit = unit * 16 + self.next()?.to_digit(16)?;
        }
        Some(unit)
    }

    /// The mistake that something else is needed here.
    pub(super) fn needed(&self, what: &str) -> String {
        self.wrong(format_args!("{what} is needed"))
    }

    /// A mistake at or before this position, which is counted in characters from 1.
    pub(super) fn wrong(&self, what: impl std::fmt::Display) -> String {
        let place = self.all.get(..self.at).unwrap_or_default().chars().count() + 1;
        format!("not a JSONPath at character {place}: {what}")
    }
}
