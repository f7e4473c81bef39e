//! The lexer: a Rust source taken apart into code and comments, so that a rule looks only where it should.
//! What a text literal says is in neither. Lines stay where they were.

/// The parts of a source: each as long as the source in lines, blank where the other has something.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) code: String,
    pub(crate) comments: String,
}

enum State {
    Code,
    LineComment,
    /// How deep block comments are nested.
    BlockComment(usize),
    Text,
    /// A raw text, closed by as many `#`.
    RawText(usize),
}

struct Lexer<'a> {
    rest: &'a [char],
    state: State,
    parts: Parts,
}

/// Takes a source apart.
pub(crate) fn split(source: &str) -> Parts {
    let chars: Vec<char> = source.chars().collect();
    let parts = Parts { code: String::new(), comments: String::new() };
    let mut lexer = Lexer { rest: &chars, state: State::Code, parts };
    while !lexer.rest.is_empty() {
        lexer.step();
    }
    lexer.parts
}

impl Lexer<'_> {
    fn step(&mut self) {
        match self.state {
            State::Code => self.code(),
            State::LineComment => {
                if self.rest[0] == '\n' {
                    self.state = State::Code;
                }
                self.comment(1);
            }
            State::BlockComment(depth) => match self.rest {
                ['*', '/', ..] => {
                    self.state = if depth == 1 { State::Code } else { State::BlockComment(depth - 1) };
                    self.comment(2);
                }
                ['/', '*', ..] => {
                    self.state = State::BlockComment(depth + 1);
                    self.comment(2);
                }
                _ => self.comment(1),
            },
            State::Text => match self.rest {
                ['\\', _, ..] => self.skip(2),
                ['"', ..] => {
                    self.state = State::Code;
                    self.keep(1);
                }
                _ => self.skip(1),
            },
            State::RawText(hashes) => {
                if self.rest[0] == '"' && self.hashes(1) >= hashes {
                    self.state = State::Code;
                    self.keep(1 + hashes);
                } else {
                    self.skip(1);
                }
            }
        }
    }

    fn code(&mut self) {
        match self.rest {
            ['/', '/', ..] => self.state = State::LineComment,
            ['/', '*', ..] => {
                self.state = State::BlockComment(1);
                self.comment(2);
            }
            ['"', ..] => {
                self.state = State::Text;
                self.keep(1);
            }
            ['r', '"' | '#', ..]
                if !self.inside_word() && self.rest.get(1 + self.hashes(1)) == Some(&'"') =>
            {
                let hashes = self.hashes(1);
                self.state = State::RawText(hashes);
                self.keep(2 + hashes);
            }
            ['\'', '\\', _, ..] => {
                let end = self.rest[3..].iter().position(|c| *c == '\'').map_or(self.rest.len(), |at| at + 4);
                self.skip(end);
            }
            ['\'', _, '\'', ..] => self.skip(3),
            _ => self.keep(1),
        }
    }

    /// How many `#` stand at `at`.
    fn hashes(&self, at: usize) -> usize {
        self.rest[at..].iter().take_while(|c| **c == '#').count()
    }

    /// Whether the code goes on with a word that has begun: `for"` is no raw text, `br"` is.
    fn inside_word(&self) -> bool {
        let word: Vec<char> =
            self.parts.code.chars().rev().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        !matches!(word.as_slice(), [] | ['b' | 'c'])
    }

    fn keep(&mut self, count: usize) {
        self.take(count, true, false);
    }

    fn comment(&mut self, count: usize) {
        self.take(count, false, true);
    }

    fn skip(&mut self, count: usize) {
        self.take(count, false, false);
    }

    fn take(&mut self, count: usize, code: bool, comment: bool) {
        let (taken, rest) = self.rest.split_at(count);
        self.rest = rest;
        for &c in taken {
            let or_blank = |keep: bool| if keep || c == '\n' { c } else { ' ' };
            self.parts.code.push(or_blank(code));
            self.parts.comments.push(or_blank(comment));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(source: &str) -> String {
        let words: Vec<_> = split(source).code.split_whitespace().map(str::to_owned).collect();
        words.join(" ")
    }

    #[test]
    fn comments_and_code_are_told_apart_line_by_line() {
        let parts = split("a // b\n/* c\n/* d */ e */ f\n");
        assert_eq!(parts.code.lines().map(str::trim).collect::<Vec<_>>(), ["a", "", "f"]);
        assert_eq!(
            parts.comments.lines().map(str::trim).collect::<Vec<_>>(),
            ["// b", "/* c", "/* d */ e */"]
        );
    }

    #[test]
    fn what_a_text_says_is_in_neither_part() {
        assert_eq!(code(r#"a("x // y \" z") // c"#).replace(' ', ""), r#"a("")"#);
        assert_eq!(code("a(r#\"x \" y\"#, br\"\\\"); b").replace(' ', ""), "a(r#\"\"#,br\"\");b");
        assert!(split("\"// no comment\"").comments.trim().is_empty());
    }

    #[test]
    fn a_quote_in_a_character_opens_no_text_and_a_lifetime_no_character() {
        assert_eq!(code("f('\"', x) // c"), "f( , x)");
        assert_eq!(code(r"f('\'', x)"), "f( , x)");
        assert_eq!(code("fn f<'a>(x: &'a str) {}"), "fn f<'a>(x: &'a str) {}");
        assert_eq!(code("r#type"), "r#type");
    }
}
