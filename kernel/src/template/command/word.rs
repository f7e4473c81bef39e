//! One word of a command, as far as it is written.

/// A name of a program, an option, a reserved word: all that a word is compared with is shorter.
const KEPT_BYTES: usize = 128;

/// The word so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Word {
    /// Its text without quotes, up to a bound, and without what is expanded.
    pub(super) text: String,
    /// Whether it has begun: `''` is a word too.
    pub(super) begun: bool,
    /// Whether a part of it is quoted.
    pub(super) quoted: bool,
    /// Whether a part of it is a value.
    pub(super) valued: bool,
    /// Whether a part of it is expanded by the shell: without quotes it may be no word, or several.
    pub(super) expanded: bool,
    /// Whether it is `NAME=…`, with the name and `=` written out.
    pub(super) assigns: bool,
    /// Whether it stands for several words.
    pub(super) spread: bool,
}

impl Word {
    /// Adds a character without quotes.
    pub(super) fn plain(&mut self, c: char) {
        let is_whole = self.text.len() < KEPT_BYTES;
        if c == '=' && is_whole && !self.assigns && !self.quoted && !self.expanded {
            let name = self.text.strip_suffix('+').unwrap_or(&self.text);
            self.assigns = is_name(name);
        }
        self.begun = true;
        self.push(c);
    }

    /// Adds a character in quotes.
    pub(super) fn quote(&mut self, c: char) {
        (self.begun, self.quoted) = (true, true);
        self.push(c);
    }

    /// Adds a value; its text, if that is known.
    pub(super) fn value(&mut self, text: Option<&str>) {
        (self.begun, self.quoted, self.valued) = (true, true, true);
        text.into_iter().flat_map(str::chars).take(KEPT_BYTES).for_each(|c| self.push(c));
    }

    /// The text, if it is written out without quotes.
    pub(super) fn bare(&self) -> Option<&str> {
        (!self.quoted && !self.expanded && !self.valued).then_some(self.text.as_str())
    }

    /// The text, if nothing of it comes from elsewhere.
    pub(super) fn written(&self) -> Option<&str> {
        (!self.expanded && !self.valued).then_some(self.text.as_str())
    }

    /// The name of the variable that it assigns.
    pub(super) fn assigned(&self) -> Option<&str> {
        let name = self.text.split('=').next()?;
        self.assigns.then_some(name.strip_suffix('+').unwrap_or(name))
    }

    /// Takes what may differ on two ways to the same place as it is on either; gives whether it is the same place.
    pub(super) fn join(&mut self, other: &Self) -> bool {
        let is_same = self.begun == other.begun
            && self.text == other.text
            && (self.assigns, self.spread) == (other.assigns, other.spread);
        self.quoted |= other.quoted;
        self.valued |= other.valued;
        self.expanded |= other.expanded;
        is_same
    }

    fn push(&mut self, c: char) {
        if self.text.len() < KEPT_BYTES {
            self.text.push(c);
        }
    }
}

/// Whether it is a name of a variable.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
