//! One simple command and the words of compound ones, as far as they are written: what the next word is.

use super::place::{self, Wrong};
use super::program::{Program, is_of_shell};
use super::word::Word;

/// What the next word is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Next {
    /// The program, after assignments.
    #[default]
    Program,
    /// A word that the program reads.
    Argument,
    /// The name of a `for` or `select`.
    LoopName,
    /// The `in` or `do` after it.
    LoopIn,
    /// The words after that `in`.
    LoopWords,
    /// The word of a `case`.
    Subject,
    /// The `in` after it.
    CaseIn,
    /// A pattern of a `case`.
    Pattern,
}

/// What a redirection needs before the next word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Redirection {
    /// A file.
    Target,
    /// The text of `<<<`.
    Here,
    /// The end of a `<<`, of which leading tabs are cut off, or not.
    End { tabs: bool },
}

/// What a word was.
pub(super) enum Was {
    /// Nothing that changes how the text is followed.
    Word,
    /// The end of a `<<`.
    End { word: Word, tabs: bool },
    /// What is not followed, for this reason.
    Unknown(Wrong),
}

/// Commands in one pair of brackets, or those of the whole text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Simple {
    pub(super) word: Word,
    pub(super) next: Next,
    pub(super) redirection: Option<Redirection>,
    /// Those `case` that are open.
    pub(super) cases: usize,
    /// The program, of `Next::Argument`.
    program: Program,
    /// Whether a program was there that runs another one, which is still to come.
    is_wrapped: bool,
    /// Whether the word was there that a program reads as code.
    has_script: bool,
    /// Whether the word before was an option, whose value the next one may be.
    after_option: bool,
    /// Whether `--` was there.
    has_ended_options: bool,
    /// Whether the next word is code, or the name of something.
    before_code: bool,
}

impl Simple {
    /// Begins another command.
    pub(super) fn begin(&mut self) {
        *self = Self { cases: self.cases, ..Self::default() };
    }

    /// Why no value may stand here as a part of the word.
    pub(super) fn refuses_value(&self) -> Option<Wrong> {
        if self.word.spread {
            return Some(place::GLUED);
        }
        match self.redirection {
            Some(Redirection::Target) => return Some(place::TARGET),
            Some(Redirection::End { .. }) => return Some(place::IN_HEREDOC),
            Some(Redirection::Here) => return None,
            None => {}
        }
        match self.next {
            Next::Program => match self.word.assigned() {
                Some(variable) => is_of_shell(variable).then_some(place::VARIABLE),
                None => Some(place::PROGRAM),
            },
            Next::Argument => self.refuses_argument(),
            Next::LoopWords | Next::Subject => None,
            Next::LoopName | Next::LoopIn => Some(place::LOOP_NAME),
            Next::CaseIn | Next::Pattern => Some(place::PATTERN),
        }
    }

    fn refuses_argument(&self) -> Option<Wrong> {
        match self.program {
            Program::Code => Some(place::CODE),
            Program::Names => match self.word.assigned() {
                Some(variable) => is_of_shell(variable).then_some(place::VARIABLE),
                None => Some(place::NAME),
            },
            Program::NameAfterOption if self.before_code => Some(place::NAME),
            Program::Script if !self.has_script && self.word.assigned().is_none() => Some(place::CODE),
            _ if self.before_code => Some(place::CODE),
            _ => None,
        }
    }

    /// Whether several words may begin here.
    pub(super) fn takes_several(&self) -> bool {
        let takes = matches!(self.next, Next::Argument | Next::LoopWords);
        takes && self.redirection.is_none() && !self.word.begun
    }

    /// Why this value may not stand here, where it would be read as an option.
    pub(super) fn refuses_text(&self, value: &str) -> Option<Wrong> {
        let takes_option =
            self.next == Next::Argument && self.redirection.is_none() && !self.has_ended_options;
        match self.word.text.as_str() {
            _ if !takes_option => None,
            "" if value.starts_with('-') => Some(place::OPTION),
            "-" | "--" if !value.bytes().all(|byte| byte.is_ascii_digit()) => Some(place::OPTION_NAME),
            _ => None,
        }
    }

    /// The word ends.
    pub(super) fn end_word(&mut self) -> Was {
        if !self.word.begun {
            return Was::Word;
        }
        let word = std::mem::take(&mut self.word);
        match self.redirection.take() {
            Some(Redirection::End { tabs }) => return Was::End { word, tabs },
            Some(Redirection::Target | Redirection::Here) => return Was::Word,
            None => {}
        }
        match self.next {
            Next::Program => return self.program(&word),
            Next::Argument => self.argument(&word),
            Next::LoopName => self.next = Next::LoopIn,
            Next::LoopIn => match word.bare() {
                Some("in") => self.next = Next::LoopWords,
                Some("do") => self.begin(),
                _ => return Was::Unknown(place::AFTER_CLOSING),
            },
            Next::LoopWords => {}
            Next::Subject => self.next = Next::CaseIn,
            Next::CaseIn if word.bare() == Some("in") => {
                self.cases += 1;
                self.next = Next::Pattern;
            }
            Next::CaseIn => return Was::Unknown(place::AFTER_CLOSING),
            Next::Pattern if word.bare() == Some("esac") => return self.end_case(),
            Next::Pattern => {}
        }
        Was::Word
    }

    /// A word where the program is expected.
    fn program(&mut self, word: &Word) -> Was {
        match word.bare() {
            Some("for" | "select") => self.next = Next::LoopName,
            Some("case") => self.next = Next::Subject,
            Some("esac") => return self.end_case(),
            Some("function" | "coproc" | "alias") => return Was::Unknown(place::AFTER_FUNCTION),
            Some("[[") => return Was::Unknown(place::AFTER_TEST),
            Some(
                "if" | "then" | "elif" | "else" | "fi" | "while" | "until" | "do" | "done" | "!" | "{" | "}"
                | "time",
            ) => self.begin(),
            _ => {
                // An option, or the value or number of one of a wrapper; what may be no word: the program is still to come.
                let is_option = word.text.starts_with('-') && word.text != "--";
                let is_number = self.is_wrapped && word.text.starts_with(|c: char| c.is_ascii_digit());
                let is_before = word.assigns
                    || word.expanded
                    || word.text.starts_with('-')
                    || is_number
                    || word.text.contains("]=")
                    || (self.is_wrapped && self.after_option);
                self.after_option = is_option;
                match Program::of(&word.text) {
                    _ if is_before => {}
                    Some(program) => (self.next, self.program) = (Next::Argument, program),
                    None => self.is_wrapped = true,
                }
            }
        }
        Was::Word
    }

    fn argument(&mut self, word: &Word) {
        let written = word.written();
        let is_option = written.is_some_and(|text| text.starts_with('-') && text != "--");
        let is_own = !self.after_option || self.before_code || self.has_ended_options;
        self.has_script |= written.is_some_and(|text| !text.starts_with('-')) && is_own;
        self.has_ended_options |= written == Some("--");
        self.after_option = is_option;
        self.before_code = written.is_some_and(|text| self.program.is_before_code(text));
    }

    fn end_case(&mut self) -> Was {
        match self.cases.checked_sub(1) {
            Some(cases) => {
                self.cases = cases;
                self.begin();
                Was::Word
            }
            None => Was::Unknown(place::AFTER_CLOSING),
        }
    }

    /// A line ends.
    pub(super) fn end_line(&mut self) {
        if !matches!(self.next, Next::LoopIn | Next::CaseIn | Next::Pattern) {
            self.begin();
        }
    }

    /// Takes what may differ on two ways to the same place as it is on the worse of them; gives whether it is the same place.
    pub(super) fn join(&mut self, other: &Self) -> bool {
        let is_same = self.word.join(&other.word)
            && (self.next, self.redirection, self.cases) == (other.next, other.redirection, other.cases);
        self.program = self.program.max(other.program);
        self.is_wrapped |= other.is_wrapped;
        self.after_option |= other.after_option;
        self.has_script &= other.has_script;
        self.has_ended_options &= other.has_ended_options;
        self.before_code |= other.before_code;
        is_same
    }
}
