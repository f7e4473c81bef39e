//! Lines as they are written: their indentation, blank lines between them, and comments at their ends. Owns which of these comments
//! stand in one column: those that did before.

use super::flow::columns;
use super::tree::Comment;
use crate::Error;

/// How many lines further down a comment may stand that is in one column with another: a line without one may be between.
const NEAR: usize = 2;

/// The lines of a text.
pub(super) struct Lines {
    done: Vec<Line>,
    /// The bytes of all of them.
    bytes: usize,
    most: usize,
}

#[derive(Default)]
struct Line {
    text: String,
    /// The comment at its end, and the column in which it stood.
    comment: Option<(String, usize)>,
}

impl Lines {
    /// No lines; at most so many bytes.
    pub(super) fn new(most: usize) -> Self {
        Self { done: Vec::new(), bytes: 0, most }
    }

    /// Begins a line, below a blank one if that is said. The first line has none above it.
    pub(super) fn begin(&mut self, indent: usize, blank: bool) {
        if blank && !self.done.is_empty() {
            self.add(Line::default());
        }
        self.add(Line { text: " ".repeat(indent), comment: None });
    }

    /// A line of a text, as it is.
    pub(super) fn verbatim(&mut self, indent: usize, text: &str) {
        let indent = if text.is_empty() { 0 } else { indent };
        self.add(Line { text: " ".repeat(indent) + text, comment: None });
    }

    /// Goes on in the last line.
    pub(super) fn push(&mut self, text: &str) {
        if let Some(line) = self.done.last_mut() {
            line.text.push_str(text);
            self.bytes += text.len();
        }
    }

    /// Ends the last line by a comment.
    pub(super) fn comment(&mut self, comment: &Comment<'_>) {
        if let Some(line) = self.done.last_mut() {
            line.comment = Some((comment.text.to_owned(), comment.column));
            self.bytes += comment.text.len();
        }
    }

    /// The columns of the last line.
    pub(super) fn column(&self) -> usize {
        self.done.last().map_or(0, |line| columns(&line.text))
    }

    fn add(&mut self, line: Line) {
        self.bytes += line.text.len() + 1;
        // What is too large is refused at the end; until then it does not grow.
        if self.bytes <= self.most {
            self.done.push(line);
        }
    }

    /// The text.
    ///
    /// # Errors
    /// It is too large.
    pub(super) fn finish(mut self) -> Result<String, Error> {
        let too_large = Error::TooLarge { most: self.most };
        if self.bytes > self.most {
            return Err(too_large);
        }
        let mut run: Vec<usize> = Vec::new();
        let mut column = None;
        for at in 0..self.done.len() {
            let line = self.done.get(at);
            let here = line.and_then(|line| line.comment.as_ref()).map(|(_, column)| *column);
            let is_near = run.last().is_some_and(|last| at - last <= NEAR);
            if here.is_some() && (here != column || !is_near) {
                self.align(&mut run);
                column = here;
            }
            run.extend(here.map(|_| at));
        }
        self.align(&mut run);
        let mut text = String::with_capacity(self.bytes);
        for line in self.done {
            text.push_str(&line.text);
            if let Some((comment, _)) = line.comment {
                text.push(' ');
                text.push_str(&comment);
            }
            text.push('\n');
        }
        if text.len() > self.most { Err(too_large) } else { Ok(text) }
    }

    /// Brings the comments of these lines into one column, one blank behind the longest of them.
    fn align(&mut self, run: &mut Vec<usize>) {
        let width = |at: &usize| self.done.get(*at).map_or(0, |line| columns(&line.text));
        let longest = run.iter().map(width).max().unwrap_or_default();
        for at in run.drain(..) {
            if let Some(line) = self.done.get_mut(at) {
                let missing = longest.saturating_sub(columns(&line.text));
                line.text.extend(std::iter::repeat_n(' ', missing));
            }
        }
    }
}
