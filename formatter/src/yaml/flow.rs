//! Values in one line. Owns when a collection may stand between brackets: where it was written so in one line, and there is room.

use super::tree::{Collection, Content, Entry, Node};

/// How wide a line may be in which a collection stands between brackets.
pub(super) const WIDTH: usize = 100;

/// From this column on, lines of their own would be of no use to a reader.
const FAR: usize = 80;

/// The value in one line, without its own anchor and tag, if it may stand so from this column on.
pub(super) fn in_line(node: &Node<'_>, column: usize) -> Option<String> {
    let is_far = column >= FAR;
    let room = if is_far { usize::MAX } else { WIDTH.saturating_sub(column) };
    let mut line = Line { text: String::new(), room, is_far };
    line.content(node, true).then_some(line.text)
}

/// The columns that a text takes, about.
pub(super) fn columns(text: &str) -> usize {
    text.chars().count()
}

struct Line {
    text: String,
    /// The columns that are left.
    room: usize,
    /// Whether several lines become one.
    is_far: bool,
}

impl Line {
    /// Writes a value; false where it does not fit.
    fn content(&mut self, node: &Node<'_>, outermost: bool) -> bool {
        match &node.content {
            Content::Missing => true,
            Content::Scalar(text) => !text.contains('\n') && self.push(text),
            Content::BlockText(_) => false,
            Content::Collection(collection) => self.collection(collection, outermost),
        }
    }

    fn collection(&mut self, collection: &Collection<'_>, outermost: bool) -> bool {
        let Some(flow) = collection.flow else { return false };
        if !flow.brackets {
            return !outermost && self.entries(&collection.entries);
        }
        let joined = self.is_far && !flow.comments;
        if !flow.one_line && !joined && !collection.entries.is_empty() {
            return false;
        }
        let (open, close) = if collection.is_map { ("{", "}") } else { ("[", "]") };
        self.push(open) && self.entries(&collection.entries) && self.push(close)
    }

    fn entries(&mut self, entries: &[Entry<'_>]) -> bool {
        entries.iter().enumerate().all(|(at, entry)| (at == 0 || self.push(", ")) && self.entry(entry))
    }

    fn entry(&mut self, entry: &Entry<'_>) -> bool {
        let mut gap = false;
        if let Some(name) = &entry.name {
            let properties = name.properties.iter().all(|property| self.push(property) && self.push(" "));
            if !properties || !self.push(name.text) || !self.push(":") {
                return false;
            }
            gap = true;
        }
        for property in &entry.value.properties {
            if (gap && !self.push(" ")) || !self.push(property) {
                return false;
            }
            gap = true;
        }
        let missing = matches!(entry.value.content, Content::Missing);
        (missing || !gap || self.push(" ")) && self.content(&entry.value, false)
    }

    fn push(&mut self, text: &str) -> bool {
        let Some(room) = self.room.checked_sub(columns(text)) else { return false };
        self.room = room;
        self.text.push_str(text);
        true
    }
}
