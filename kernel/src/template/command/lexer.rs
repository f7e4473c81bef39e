//! The lexer: follows a command from character to character, as POSIX shells and bash read it, and knows where in it a value
//! would be one word of data. What it does not follow, no value may stand after.

mod joined;

use super::heredoc::{Heredoc, Line};
use super::operator::{self, Does};
use super::place::{self, Wrong};
use super::simple::{Simple, Was};
use super::word::Word;

/// What is inside of each other: quotes, brackets, expansions.
const DEPTH: usize = 32;

/// Something that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Open {
    /// Commands: all, those of `(…)`, those of `$(…)`.
    Commands(Box<Simple>, Bracket),
    Single,
    Double,
    Backticks,
    Braces,
    /// How many brackets of `$((…))` are open.
    Arithmetic(usize),
    Comment,
    Heredoc(Heredoc),
}

/// What holds commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bracket {
    None,
    Subshell,
    Substitution,
}

/// What has begun and is decided by the next character.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Begun {
    #[default]
    Nothing,
    Backslash,
    Dollar,
    /// `$(`
    DollarBracket,
    /// `${`
    DollarBrace,
    /// An operator, and whether a word is right before it.
    Operator(String, bool),
}

/// Where in a command its text has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lexer {
    open: Vec<Open>,
    begun: Begun,
    /// Those whose lines follow the next end of a line.
    heredocs: Vec<Heredoc>,
    /// Why no value may follow any more.
    unknown: Option<Wrong>,
    /// What stands where it may not, whatever follows.
    pub(super) wrong: Option<Wrong>,
}

impl Lexer {
    /// At the beginning of a command.
    pub(super) fn new() -> Self {
        let all = Open::Commands(Box::default(), Bracket::None);
        let begun = Begun::Nothing;
        Self { open: vec![all], begun, heredocs: vec![], unknown: None, wrong: None }
    }

    /// Follows a text of the author.
    pub(super) fn author(&mut self, text: &str) {
        for c in text.chars() {
            if self.unknown.is_some() {
                return;
            }
            self.character(c);
        }
    }

    /// A value stands here; its text, if that is known.
    ///
    /// # Errors
    /// Why it may not.
    pub(super) fn value(&mut self, text: Option<&str>) -> Result<(), Wrong> {
        let is_announced = !self.heredocs.is_empty();
        let simple = self.place()?;
        if is_announced && text.is_some_and(|text| text.contains('\n')) {
            return Err(place::BEFORE_HEREDOC);
        }
        if let Some(why) = text.and_then(|text| simple.refuses_text(text)) {
            return Err(why);
        }
        simple.word.value(text);
        Ok(())
    }

    /// Values stand here that are a word each; their texts, if these are known.
    ///
    /// # Errors
    /// Why they may not.
    pub(super) fn values<'t>(&mut self, texts: impl Iterator<Item = &'t str> + Clone) -> Result<(), Wrong> {
        let is_announced = !self.heredocs.is_empty();
        let simple = self.place()?;
        if is_announced && texts.clone().any(|text| text.contains('\n')) {
            return Err(place::BEFORE_HEREDOC);
        }
        if !simple.takes_several() {
            return Err(place::SPREAD);
        }
        if let Some(why) = texts.into_iter().find_map(|text| simple.refuses_text(text)) {
            return Err(why);
        }
        simple.word.value(None);
        simple.word.spread = true;
        Ok(())
    }

    /// The commands in which a value may stand.
    fn place(&mut self) -> Result<&mut Simple, Wrong> {
        match self.begun {
            Begun::Backslash => return Err(place::AFTER_BACKSLASH),
            Begun::Dollar => return Err(place::AFTER_DOLLAR),
            Begun::DollarBracket => return Err(place::IN_SUBSTITUTION),
            Begun::DollarBrace => return Err(place::IN_BRACES),
            Begun::Operator(..) => self.operate(),
            Begun::Nothing => {}
        }
        if let Some(why) = self.unknown {
            return Err(why);
        }
        if self.is_substituted() {
            return Err(place::IN_SUBSTITUTION);
        }
        match self.open.last_mut() {
            Some(Open::Commands(simple, _)) => match simple.refuses_value() {
                Some(why) => Err(why),
                None => Ok(simple),
            },
            Some(Open::Single) => Err(place::IN_SINGLE),
            Some(Open::Double) => Err(place::IN_DOUBLE),
            Some(Open::Backticks) => Err(place::IN_BACKTICKS),
            Some(Open::Braces) => Err(place::IN_BRACES),
            Some(Open::Arithmetic(_)) => Err(place::IN_ARITHMETIC),
            Some(Open::Comment) => Err(place::IN_COMMENT),
            Some(Open::Heredoc(_)) => Err(place::IN_HEREDOC),
            None => Err(place::AFTER_CLOSING),
        }
    }

    fn is_substituted(&self) -> bool {
        self.open.iter().any(|open| matches!(open, Open::Commands(_, Bracket::Substitution)))
    }

    fn character(&mut self, c: char) {
        match std::mem::take(&mut self.begun) {
            Begun::Nothing => self.here(c),
            Begun::Backslash => self.escaped(c),
            Begun::Dollar => self.expansion(c),
            Begun::DollarBracket if c == '(' => self.enter(Open::Arithmetic(2)),
            Begun::DollarBracket => {
                self.enter(Open::Commands(Box::default(), Bracket::Substitution));
                self.here(c);
            }
            // Commands, in newer shells.
            Begun::DollarBrace if c.is_whitespace() || c == '|' => self.stop(place::AFTER_BRACES),
            Begun::DollarBrace => {
                self.enter(Open::Braces);
                self.here(c);
            }
            Begun::Operator(operator, is_glued) if operator::goes_on(&operator, c) => {
                self.begun = Begun::Operator(format!("{operator}{c}"), is_glued);
            }
            begun @ Begun::Operator(..) => {
                self.begun = begun;
                self.operate();
                if self.unknown.is_none() {
                    self.here(c);
                }
            }
        }
    }

    /// A character that nothing before it decides.
    fn here(&mut self, c: char) {
        let takes_heredocs = matches!(self.open.last(), Some(Open::Commands(..) | Open::Comment));
        if c == '\n' && !self.heredocs.is_empty() && !takes_heredocs {
            return self.stop(place::AFTER_HEREDOC);
        }
        match self.open.last_mut() {
            Some(Open::Commands(..)) => self.command(c),
            Some(Open::Single) if c == '\'' => self.leave(),
            Some(Open::Single) => self.quote(c),
            Some(Open::Double) => match c {
                '"' => self.leave(),
                '\\' => self.begun = Begun::Backslash,
                '$' => self.begun = Begun::Dollar,
                '`' => self.enter(Open::Backticks),
                c => self.quote(c),
            },
            Some(Open::Backticks) => match c {
                '`' => self.leave_expansion(),
                '\\' | '\'' | '"' | '#' => self.stop(place::AFTER_BACKTICKS),
                _ => {}
            },
            Some(Open::Braces) => match c {
                '}' => self.leave_expansion(),
                '\'' | '"' | '\\' | '`' | '{' | '(' => self.stop(place::AFTER_BRACES),
                _ => {}
            },
            Some(Open::Arithmetic(depth)) => match (c, *depth) {
                (')', 1) => self.leave_expansion(),
                (')', _) => *depth -= 1,
                ('(', 2..) => *depth += 1,
                (_, 1) | ('\'' | '"' | '\\' | '`' | ';' | '{' | '\n', _) => {
                    self.stop(place::AFTER_ARITHMETIC)
                }
                _ => {}
            },
            Some(Open::Comment) if c == '\n' => {
                self.open.pop();
                self.here(c);
            }
            Some(Open::Comment) => {}
            Some(Open::Heredoc(heredoc)) => match heredoc.read(c) {
                Line::Goes => {}
                Line::Ends => {
                    self.open.pop();
                }
                Line::Unknown => self.stop(place::AFTER_HEREDOC),
            },
            None => self.stop(place::AFTER_CLOSING),
        }
    }

    /// A character among commands.
    fn command(&mut self, c: char) {
        let is_substituted = self.is_substituted();
        let Some(Open::Commands(simple, _)) = self.open.last_mut() else { return };
        let ends_word = matches!(c, ' ' | '\t' | '\n') || operator::is_operator(c);
        if simple.word.spread && !ends_word {
            self.wrong = Some(place::GLUED);
            return self.stop(place::GLUED);
        }
        match c {
            ' ' | '\t' => self.end_word(),
            '\n' => self.end_line(),
            '\'' => self.enter_quotes(Open::Single),
            '"' => self.enter_quotes(Open::Double),
            '\\' => self.begun = Begun::Backslash,
            '$' => self.begun = Begun::Dollar,
            '`' => self.enter(Open::Backticks),
            '#' if !simple.word.begun && is_substituted => self.stop(place::AFTER_SUBSTITUTION),
            '#' if !simple.word.begun => self.enter(Open::Comment),
            c if operator::is_operator(c) => {
                let is_glued = simple.word.begun;
                if matches!(c, '<' | '>') && is_glued {
                    match simple.word.bare() {
                        // The number of what is redirected.
                        Some(text) if text.chars().all(|c| c.is_ascii_digit()) => {
                            simple.word = Word::default()
                        }
                        Some(text) if text.starts_with('{') => return self.stop(place::AFTER_REDIRECTION),
                        _ => {}
                    }
                }
                self.end_word();
                self.begun = Begun::Operator(c.to_string(), is_glued);
            }
            c => simple.word.plain(c),
        }
    }

    /// The character after a backslash.
    fn escaped(&mut self, c: char) {
        // The line goes on.
        if c != '\n' {
            self.quote(c);
        }
    }

    /// The character after a dollar sign.
    fn expansion(&mut self, c: char) {
        let is_quoted = matches!(self.open.last(), Some(Open::Double));
        match c {
            '(' => self.begun = Begun::DollarBracket,
            '{' => self.begun = Begun::DollarBrace,
            '[' => self.stop(place::AFTER_ARITHMETIC),
            '\'' | '"' if !is_quoted => self.stop(place::AFTER_ANSI),
            c if c.is_ascii_alphanumeric() || "_?*@#$!-".contains(c) => self.expand(),
            c => {
                self.quote('$');
                self.here(c);
            }
        }
    }

    /// The shell puts something here.
    fn expand(&mut self) {
        let is_quoted = matches!(self.open.last(), Some(Open::Double));
        if let Some(word) = self.word() {
            word.begun = true;
            word.expanded = true;
            word.quoted |= is_quoted;
        }
    }

    /// What has begun as an operator is one.
    fn operate(&mut self) {
        let Begun::Operator(operator, is_glued) = std::mem::take(&mut self.begun) else { return };
        let is_substituted = self.is_substituted();
        let depth = self.open.len();
        let Some(Open::Commands(simple, bracket)) = self.open.last_mut() else { return };
        if is_substituted && operator.starts_with("<<") && operator != "<<<" {
            return self.stop(place::AFTER_SUBSTITUTION);
        }
        match (operator::apply(simple, &operator, is_glued), *bracket) {
            (Does::Nothing, _) => {}
            (Does::Unknown(why), _) => self.stop(why),
            (Does::Opens, _) => self.enter(Open::Commands(Box::default(), Bracket::Subshell)),
            (Does::Closes, Bracket::None) => self.stop(place::AFTER_CLOSING),
            (Does::Closes, _) if simple.cases > 0 || depth == 1 => self.stop(place::AFTER_CLOSING),
            (Does::Closes, Bracket::Subshell) => {
                self.open.pop();
            }
            (Does::Closes, Bracket::Substitution) => self.leave_expansion(),
        }
    }

    fn end_word(&mut self) {
        let is_substituted = self.is_substituted();
        let Some(Open::Commands(simple, _)) = self.open.last_mut() else { return };
        match simple.end_word() {
            Was::Word if is_substituted && simple.cases > 0 => self.stop(place::AFTER_SUBSTITUTION),
            Was::Word => {}
            Was::Unknown(why) => self.stop(why),
            Was::End { word, tabs } => match Heredoc::of(&word, tabs) {
                Some(heredoc) if self.heredocs.len() < DEPTH => self.heredocs.push(heredoc),
                _ => self.stop(place::AFTER_HEREDOC),
            },
        }
    }

    fn end_line(&mut self) {
        self.end_word();
        if let Some(Open::Commands(simple, _)) = self.open.last_mut() {
            simple.end_line();
        }
        for heredoc in std::mem::take(&mut self.heredocs).into_iter().rev() {
            self.enter(Open::Heredoc(heredoc));
        }
    }

    /// The word to which the text here belongs.
    fn word(&mut self) -> Option<&mut Word> {
        self.open.iter_mut().rev().find_map(|open| match open {
            Open::Commands(simple, _) => Some(&mut simple.word),
            _ => None,
        })
    }

    fn quote(&mut self, c: char) {
        if let Some(word) = self.word() {
            word.quote(c);
        }
    }

    fn enter_quotes(&mut self, quotes: Open) {
        if let Some(word) = self.word() {
            (word.begun, word.quoted) = (true, true);
        }
        self.enter(quotes);
    }

    fn enter(&mut self, open: Open) {
        if self.open.len() == 2 * DEPTH {
            return self.stop(place::TOO_DEEP);
        }
        self.open.push(open);
    }

    fn leave(&mut self) {
        self.open.pop();
    }

    /// What is expanded has ended; its outcome is a part of the word around it.
    fn leave_expansion(&mut self) {
        self.open.pop();
        self.expand();
    }

    fn stop(&mut self, why: Wrong) {
        self.unknown = Some(why);
    }
}
