//! The words of a condition. Owns where one ends and what it is, as the grammar of STIX patterns says it; the longest word
//! counts.

use super::{Column, Error};

/// A word of a condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A name: of a variable, a property, a key. The grammar has names with a hyphen before a colon alone.
    Name(String),
    /// A keyword: `AND`.
    Keyword(&'static str),
    /// A text, without its quotes.
    Text(String),
    /// A text with a letter before it: `t`, `h` or `b`.
    Marked(char, String),
    /// A whole number, as it is written.
    Integer(String),
    /// A number with a fraction, as it is written.
    Float(String),
    /// `true` or `false`.
    Bool(bool),
    /// An operator, a bracket or another sign.
    Sign(&'static str),
}

/// The keywords of the grammar, those of observations too.
const KEYWORDS: [&str; 17] = [
    "AND",
    "OR",
    "NOT",
    "IN",
    "LIKE",
    "MATCHES",
    "ISSUBSET",
    "ISSUPERSET",
    "EXISTS",
    "FOLLOWEDBY",
    "WITHIN",
    "REPEATS",
    "TIMES",
    "SECONDS",
    "START",
    "STOP",
    "LAST",
];

/// The signs, those that begin as others do behind them.
const SIGNS: [&str; 18] =
    ["==", "!=", "<>", "<=", ">=", "=", "<", ">", "(", ")", "[", "]", ":", ",", ".", "*", "+", "-"];

/// The words of a text, each with its column.
pub(super) fn lex(text: &str) -> Result<Vec<(Token, Column)>, Error> {
    let mut lexer = Lexer { text, at: 0, column: 1 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip()?;
        let column = Column(lexer.column);
        match lexer.token()? {
            Some(token) => tokens.push((token, column)),
            None => return Ok(tokens),
        }
    }
}

/// Whether a text is a name that needs no quotes.
pub(super) fn is_plain(name: &str) -> bool {
    name.starts_with(begins_name)
        && name.chars().all(|char| continues_name(char) && char != '-')
        && !KEYWORDS.contains(&name)
        && !["true", "false"].contains(&name)
}

const fn begins_name(char: char) -> bool {
    char.is_ascii_alphabetic() || char == '_'
}

const fn continues_name(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '_' || char == '-'
}

struct Lexer<'t> {
    text: &'t str,
    /// In bytes.
    at: usize,
    /// In characters, from 1.
    column: usize,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Takes so many bytes.
    fn take(&mut self, bytes: usize) -> &'t str {
        let (taken, _) = self.rest().split_at_checked(bytes).unwrap_or((self.rest(), ""));
        self.at += taken.len();
        self.column += taken.chars().count();
        taken
    }

    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        self.take(rest.find(|char| !fits(char)).unwrap_or(rest.len()))
    }

    fn wrong<T>(&self, message: impl Into<String>) -> Result<T, Error> {
        Err(Error::at(Column(self.column), message))
    }

    /// Skips blanks and comments.
    fn skip(&mut self) -> Result<(), Error> {
        loop {
            self.take_while(char::is_whitespace);
            if self.rest().starts_with("//") {
                self.take_while(|char| char != '\n' && char != '\r');
            } else if self.rest().starts_with("/*") {
                let Some(end) = self.rest().get(2..).and_then(|rest| rest.find("*/")) else {
                    return self.wrong("a comment that begins with `/*` ends with `*/`");
                };
                self.take(end + 4);
            } else {
                return Ok(());
            }
        }
    }

    fn token(&mut self) -> Result<Option<Token>, Error> {
        let Some(first) = self.rest().chars().next() else { return Ok(None) };
        if first == '\'' {
            return self.quoted().map(Token::Text).map(Some);
        }
        if begins_name(first) {
            return self.word().map(Some);
        }
        if let Some(number) = self.number() {
            return Ok(Some(number));
        }
        if let Some(sign) = SIGNS.iter().find(|sign| self.rest().starts_with(**sign)) {
            self.take(sign.len());
            return Ok(Some(Token::Sign(sign)));
        }
        self.wrong(match first {
            '"' => "a text stands in single quotes: 'text'".to_owned(),
            '&' => "`&` is written `AND`".to_owned(),
            '|' => "`|` is written `OR`".to_owned(),
            '!' => "`!` is written `NOT`, between the path and the operator, or `!=`".to_owned(),
            _ => format!("{first:?} means nothing here"),
        })
    }

    /// A name, a keyword, a boolean, or a text with a letter before it.
    fn word(&mut self) -> Result<Token, Error> {
        let column = Column(self.column);
        let word = self.take_while(continues_name);
        if let ("t" | "h" | "b", true) = (word, self.rest().starts_with('\'')) {
            let text = self.quoted()?;
            return marked(word, text, column);
        }
        if let Some(keyword) = KEYWORDS.iter().find(|keyword| **keyword == word) {
            return Ok(Token::Keyword(keyword));
        }
        Ok(match word {
            "true" => Token::Bool(true),
            "false" => Token::Bool(false),
            _ => Token::Name(word.to_owned()),
        })
    }

    /// A text in quotes, in which `\'` and `\\` stand for a quote and a backslash.
    fn quoted(&mut self) -> Result<String, Error> {
        let start = Column(self.column);
        self.take(1);
        let mut text = String::new();
        loop {
            text.push_str(self.take_while(|char| char != '\'' && char != '\\'));
            if self.rest().starts_with('\'') {
                self.take(1);
                return Ok(text);
            }
            if self.rest().is_empty() {
                return Err(Error::at(start, "the text that begins here has no `'` at its end"));
            }
            match self.rest().get(1..).and_then(|rest| rest.chars().next()) {
                Some(escaped @ ('\'' | '\\')) => {
                    text.push(escaped);
                    self.take(2);
                }
                _ => return self.wrong(r"in a text a backslash is written `\\`, and a quote `\'`"),
            }
        }
    }

    /// A number: a sign, digits, and a fraction. A leading zero is a number of its own, which the grammar then refuses.
    fn number(&mut self) -> Option<Token> {
        let rest = self.rest();
        let unsigned = rest.strip_prefix(['+', '-']).unwrap_or(rest);
        let digits = unsigned.len() - unsigned.trim_start_matches(|char: char| char.is_ascii_digit()).len();
        let fraction = unsigned
            .get(digits..)
            .and_then(|rest| rest.strip_prefix('.'))
            .map_or(0, |rest| rest.len() - rest.trim_start_matches(|char: char| char.is_ascii_digit()).len());
        let sign = rest.len() - unsigned.len();
        if fraction > 0 {
            return Some(Token::Float(self.take(sign + digits + 1 + fraction).to_owned()));
        }
        match digits {
            0 => None,
            _ if unsigned.starts_with('0') => Some(Token::Integer(self.take(sign + 1).to_owned())),
            _ => Some(Token::Integer(self.take(sign + digits).to_owned())),
        }
    }
}

/// A text with a letter before it, which says what the text has to be.
fn marked(letter: &str, text: String, column: Column) -> Result<Token, Error> {
    let (letter, fits, needed) = match letter {
        "t" => ('t', is_timestamp(&text), "an instant such as t'2026-01-31T11:00:00Z'"),
        "h" => ('h', is_hex(&text), "two hexadecimal digits for each byte, such as h'ff00'"),
        _ => ('b', is_base64(&text), "base64 such as b'/wA='"),
    };
    if fits {
        return Ok(Token::Marked(letter, text));
    }
    Err(Error::at(column, format!("{needed} is needed here")))
}

fn is_hex(text: &str) -> bool {
    text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_base64(text: &str) -> bool {
    let digits = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    !text.is_empty() && text.len().is_multiple_of(4) && digits.bytes().all(is_digit)
}

fn is_timestamp(text: &str) -> bool {
    /// What stands at each place before the fraction; `0` is any digit.
    const FORM: &[u8] = b"0000-00-00T00:00:00";
    let Some((whole, rest)) = text.split_at_checked(FORM.len()) else { return false };
    let fits = |(byte, form): (u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { byte == *form };
    let number = |from: usize| whole.get(from..from + 2).and_then(|digits| digits.parse::<u8>().ok());
    let within = |from, range: std::ops::RangeInclusive<u8>| number(from).is_some_and(|n| range.contains(&n));
    let fraction = rest.strip_suffix('Z').map(|rest| (rest, rest.strip_prefix('.')));
    let ends = match fraction {
        Some(("", _)) => true,
        Some((_, Some(digits))) => !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()),
        _ => false,
    };
    whole.bytes().zip(FORM).all(fits)
        && within(5, 1..=12)
        && within(8, 1..=31)
        && within(11, 0..=23)
        && within(14, 0..=59)
        && within(17, 0..=60)
        && ends
}
