//! From a tree to its layout. Owns where values stand; how they are spelled is theirs.

use super::flow::{WIDTH, columns, in_line};
use super::lines::Lines;
use super::tree::{BlockText, Collection, Comment, Content, Entry, Node, Tree};
use crate::Error;

/// How much further in the parts of a value stand.
const INDENT: usize = 2;

/// The text of a tree in its layout, which has at most so many bytes.
///
/// # Errors
/// It would have more.
pub(super) fn print(tree: &Tree<'_>, most: usize) -> Result<String, Error> {
    let mut printer = Printer { lines: Lines::new(most), trailing: &tree.trailing };
    printer.comments(&tree.before, 0, true);
    printer.root(&tree.root, tree.marked);
    printer.comments(&tree.after, 0, false);
    printer.lines.finish()
}

struct Printer<'a, 't> {
    lines: Lines,
    trailing: &'a [Option<Comment<'t>>],
}

/// What a value stands behind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Behind {
    Name,
    Dash,
}

impl<'t> Printer<'_, 't> {
    fn root(&mut self, node: &Node<'t>, marked: bool) {
        let properties = node.properties.join(" ");
        let (mark, gap) = if marked { ("---", " ") } else { ("", "") };
        if marked || !properties.is_empty() {
            self.lines.begin(0, false);
            self.lines.push(mark);
            if !properties.is_empty() {
                self.lines.push(gap);
                self.lines.push(&properties);
            }
            node.header.iter().for_each(|header| self.lines.comment(header));
        } else {
            self.comments(node.header.as_slice(), 0, true);
        }
        self.comments(&node.above, 0, true);
        match (&node.content, in_line(node, 0)) {
            (_, Some(line)) => {
                self.lines.begin(0, false);
                self.lines.push(&line);
                self.trailing(node);
            }
            (Content::Collection(collection), None) => {
                self.entries(collection, 0, false);
                self.comments(self.trailing_of(node).as_slice(), 0, false);
            }
            // A text is no playbook.
            (Content::Missing | Content::Scalar(_) | Content::BlockText(_), None) => {}
        }
    }

    /// Writes the entries of a collection, the first where the last line ends if that is said.
    fn entries(&mut self, collection: &Collection<'t>, indent: usize, goes_on: bool) {
        for (at, Entry { before, blank, name, value }) in collection.entries.iter().enumerate() {
            if at > 0 || !goes_on {
                self.comments(before, indent, at == 0);
                self.lines.begin(indent, *blank && (at > 0 || !before.is_empty()));
            }
            let Some(name) = name else {
                self.lines.push("-");
                self.value(value, indent, Behind::Dash);
                continue;
            };
            for property in &name.properties {
                self.lines.push(property);
                self.lines.push(" ");
            }
            self.lines.push(name.text);
            self.lines.push(":");
            self.value(value, indent, Behind::Name);
        }
        self.comments(&collection.end, indent, false);
    }

    /// Writes a value behind its name or dash, which stands in this column.
    fn value(&mut self, node: &Node<'t>, indent: usize, behind: Behind) {
        let inside = indent + INDENT;
        for property in &node.properties {
            self.lines.push(" ");
            self.lines.push(property);
        }
        let alone = node.header.is_some() || !node.above.is_empty();
        match &node.content {
            Content::Missing => self.header(node, inside),
            Content::Scalar(text) => {
                let is_long = text.contains('\n') || self.lines.column() + 1 + columns(text) > WIDTH;
                let below = behind == Behind::Name && node.below && is_long;
                self.place(node, inside, alone || below);
                self.scalar(text, inside);
                self.trailing(node);
            }
            Content::BlockText(text) => {
                self.place(node, inside, alone);
                self.block_text(text, inside);
            }
            Content::Collection(collection) => {
                let column = if alone { inside } else { self.lines.column() + 1 };
                match in_line(node, column) {
                    Some(line) => {
                        self.place(node, inside, alone);
                        self.lines.push(&line);
                        self.trailing(node);
                    }
                    None => self.collection(node, collection, inside, behind),
                }
            }
        }
    }

    /// Writes a collection, an entry a line.
    fn collection(&mut self, node: &Node<'t>, collection: &Collection<'t>, inside: usize, behind: Behind) {
        // The comment behind a bracket is about the whole, unless others stand before it.
        let closing = self.trailing_of(node);
        let comments = collection.flow.is_some_and(|flow| flow.comments);
        let is_header = node.header.is_none() && node.above.is_empty() && !comments;
        let header = closing.filter(|_| is_header);
        let first = collection.entries.first();
        let goes_on = behind == Behind::Dash
            && node.properties.is_empty()
            && node.header.is_none()
            && header.is_none()
            && node.above.is_empty()
            && first.is_some_and(|first| first.before.is_empty());
        if goes_on {
            self.lines.push(" ");
        }
        header.iter().for_each(|header| self.lines.comment(header));
        self.header(node, inside);
        self.entries(collection, inside, goes_on);
        self.comments(closing.filter(|_| !is_header).as_slice(), inside, false);
    }

    /// Goes to where a value is written: behind its name, or in a line of its own below the comments that are above it.
    fn place(&mut self, node: &Node<'t>, inside: usize, alone: bool) {
        if alone {
            self.header(node, inside);
            self.lines.begin(inside, false);
        } else {
            self.lines.push(" ");
        }
    }

    /// The comment in the line of the name, and those below it.
    fn header(&mut self, node: &Node<'t>, inside: usize) {
        node.header.iter().for_each(|header| self.lines.comment(header));
        self.comments(&node.above, inside, true);
    }

    /// A plain or quoted text: lines of it may be indented in any way.
    fn scalar(&mut self, text: &str, inside: usize) {
        let escapes = text.starts_with('"');
        for (at, line) in text.split('\n').enumerate() {
            let line = if at > 0 { line.trim_start_matches([' ', '\t']) } else { line };
            let short = line.trim_end_matches([' ', '\t']);
            // A blank that is escaped at the end of a line is part of the text.
            let line = if escapes && short.ends_with('\\') { line } else { short };
            if at > 0 {
                self.lines.verbatim(inside, line);
            } else {
                self.lines.push(line);
            }
        }
    }

    fn block_text(&mut self, text: &BlockText<'_>, inside: usize) {
        let mut header = String::from(text.style);
        if text.indented {
            header += "2";
        }
        header.extend(text.chomping);
        self.lines.push(&header);
        text.comment.iter().for_each(|comment| self.lines.comment(comment));
        text.lines.iter().for_each(|line| self.lines.verbatim(inside, line));
    }

    /// Comments in lines of their own; the first without a blank line above it where it is the first of a body.
    fn comments(&mut self, comments: &[Comment<'t>], indent: usize, is_first: bool) {
        for (at, comment) in comments.iter().enumerate() {
            self.lines.begin(indent, comment.blank && (at > 0 || !is_first));
            self.lines.push(comment.text);
        }
    }

    /// The comment at the end of a value's line.
    fn trailing(&mut self, node: &Node<'t>) {
        self.trailing_of(node).iter().for_each(|comment| self.lines.comment(comment));
    }

    fn trailing_of(&self, node: &Node<'t>) -> Option<Comment<'t>> {
        self.trailing.get(node.number).copied().flatten()
    }
}
