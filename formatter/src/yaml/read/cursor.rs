//! The cursor in a text: passes space and tokens, and collects comments. Knows no structure.

use crate::yaml::flow::columns;
use crate::yaml::tree::Comment;

/// Where the reader of a text is.
pub(super) struct Cursor<'t> {
    pub(super) text: &'t str,
    /// All before it is accounted for.
    pub(super) at: usize,
    /// The node that ended last in this line: a comment that follows is its.
    pub(super) last: Option<usize>,
    /// Comments that wait for the value that they belong to.
    pub(super) pending: Vec<Comment<'t>>,
    /// The comments at the ends of the lines of nodes, by their numbers.
    pub(super) trailing: Vec<Option<Comment<'t>>>,
    /// All comments.
    pub(super) comments: Vec<&'t str>,
    /// Line feeds since the last token or comment.
    feeds: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let (pending, trailing, comments) = Default::default();
        Self { text, at: 0, last: None, pending, trailing, comments, feeds: 0 }
    }

    /// What is not accounted for.
    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The number of the next node.
    pub(super) fn number(&mut self) -> usize {
        self.trailing.push(None);
        self.trailing.len() - 1
    }

    /// The column of the cursor, in bytes from 0.
    pub(super) fn column(&self) -> usize {
        self.at - self.line_start()
    }

    /// Whether a blank line is above.
    pub(super) fn after_blank(&self) -> bool {
        self.feeds > 1
    }

    /// Passes a token.
    pub(super) fn token(&mut self, bytes: usize) {
        self.at += bytes;
        self.feeds = 0;
    }

    /// Passes space and comments.
    pub(super) fn space(&mut self) {
        loop {
            let rest = self.rest();
            let after = rest.trim_start_matches([' ', '\t', '\n']);
            let (gap, _) = rest.split_at(rest.len() - after.len());
            self.feeds += gap.bytes().filter(|byte| *byte == b'\n').count();
            self.at += gap.len();
            if !after.starts_with('#') {
                return;
            }
            let comment = self.comment();
            let free = self.last.and_then(|last| self.trailing.get_mut(last)).filter(|slot| slot.is_none());
            match free {
                Some(slot) if !comment.own_line => *slot = Some(comment),
                _ => self.pending.push(comment),
            }
        }
    }

    /// The comment in the rest of this line.
    pub(super) fn comment_in_line(&mut self) -> Option<Comment<'t>> {
        let rest = self.rest();
        let after = rest.trim_start_matches([' ', '\t']);
        self.at += rest.len() - after.len();
        after.starts_with('#').then(|| self.comment())
    }

    /// Passes a directive, which is kept as comments are.
    pub(super) fn directive(&mut self) {
        let directive = self.comment();
        self.pending.push(directive);
    }

    /// What stands here up to the end of the line.
    fn comment(&mut self) -> Comment<'t> {
        let start = self.line_start();
        let before = self.text.get(start..self.at).unwrap_or_default();
        let (own_line, column) = (before.trim().is_empty(), columns(before));
        let line = self.rest().split('\n').next().unwrap_or_default();
        let comment = Comment { text: line.trim_end(), own_line, column, blank: self.feeds > 1 };
        self.token(line.len());
        self.comments.push(comment.text);
        comment
    }

    fn line_start(&self) -> usize {
        self.text.get(..self.at).and_then(|before| before.rfind('\n')).map_or(0, |feed| feed + 1)
    }
}
