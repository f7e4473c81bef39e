//! From a text to its tree: the parser says what there is, and a cursor goes over the text beside it, so that no byte is left
//! unaccounted for. Owns which comment belongs to which value.

mod collection;
mod cursor;
mod events;

use self::cursor::Cursor;
use self::events::{Events, Kind};
pub(super) use self::events::{is_missing, offset, parser};
use super::block_text;
use super::tree::{Comment, Content, Node, Tree};
use crate::Error;

/// The tree of a text with one value, which has been read before, and whose lines end by line feeds.
///
/// # Errors
/// The place of what has no layout.
pub(super) fn tree(text: &str) -> Result<Tree<'_>, Error> {
    let mut reader = TreeReader { cursor: Cursor::new(text), events: Events::new(text) };
    reader.cursor.space();
    while reader.cursor.rest().starts_with('%') {
        reader.cursor.directive();
        reader.cursor.space();
    }
    let marked = match reader.next()?.kind {
        Kind::Document { marked } => marked,
        _ => return Err(reader.unusual(NOT_READ)),
    };
    let mut before = Vec::new();
    if marked {
        before = std::mem::take(&mut reader.cursor.pending);
        reader.expect("---")?;
    }
    let root = reader.node(None)?;
    reader.cursor.space();
    while reader.cursor.rest().starts_with("...") {
        reader.expect("...")?;
        reader.cursor.last = None;
        reader.cursor.space();
    }
    if !reader.cursor.rest().is_empty() {
        return Err(reader.unusual(NOT_READ));
    }
    let Cursor { pending: after, trailing, comments, .. } = reader.cursor;
    Ok(Tree { before, marked, root, after, trailing, comments })
}

const NOT_READ: &str = "this has no layout; write it in another way";

/// What is said of a plain text that goes on below a comment: the parser takes some of these.
const COMMENT: &str = "a comment stands inside a text of several lines; put the text in quotes";

/// Whether a line of a plain text is a comment.
fn has_comment(spelled: &str) -> bool {
    spelled.split('\n').any(|line| line.trim_start_matches([' ', '\t']).starts_with('#'))
}

struct TreeReader<'t> {
    cursor: Cursor<'t>,
    events: Events<'t>,
}

impl<'t> TreeReader<'t> {
    /// The value that comes next, in a collection whose entries stand in column `around`.
    fn node(&mut self, around: Option<usize>) -> Result<Node<'t>, Error> {
        let number = self.cursor.number();
        self.cursor.last = None;
        let start = self.cursor.at;
        self.cursor.space();
        let event = self.next()?;
        let mut properties = Vec::new();
        for _ in 0..event.properties {
            self.cursor.space();
            properties.push(self.property()?);
        }
        if event.properties > 0 {
            self.cursor.space();
        }
        let below = self.cursor.text.get(start..self.cursor.at).is_some_and(|gap| gap.contains('\n'));
        let mut header = self.cursor.take_header();
        let mut above = Vec::new();
        let content = match event.kind {
            Kind::Missing => {
                let inside = around.map_or(0, |column| column + 1);
                above = self.cursor.take_inside(inside);
                Content::Missing
            }
            Kind::Scalar { end } => {
                above = std::mem::take(&mut self.cursor.pending);
                let spelled = self.upto(event.start, end)?;
                self.cursor.last = Some(number);
                Content::Scalar(spelled)
            }
            Kind::BlockText => {
                above = std::mem::take(&mut self.cursor.pending);
                Content::BlockText(self.block_text(around)?)
            }
            Kind::Open { is_map, flow: false } => Content::Collection(self.block(is_map, around)?),
            Kind::Open { is_map, flow: true } => {
                above = std::mem::take(&mut self.cursor.pending);
                Content::Collection(self.flow(is_map, number, &mut header, &mut above)?)
            }
            Kind::Document { .. } | Kind::Close => return Err(self.unusual(NOT_READ)),
        };
        Ok(Node { number, properties, header, above, below, content })
    }

    /// An anchor or a tag.
    fn property(&mut self) -> Result<&'t str, Error> {
        let rest = self.cursor.rest();
        let end = match rest.strip_prefix("!<") {
            Some(inside) => inside.find('>').map(|end| end + "!<>".len()),
            None => rest.find([' ', '\t', '\n', ',', '[', ']', '{', '}']).or(Some(rest.len())),
        };
        match end.and_then(|end| rest.get(..end)) {
            Some(spelled) if spelled.starts_with(['&', '!']) => {
                self.cursor.token(spelled.len());
                Ok(spelled)
            }
            _ => Err(self.unusual(NOT_READ)),
        }
    }

    /// A scalar that begins here, as the parser says, and ends at `end`.
    fn upto(&mut self, start: usize, end: usize) -> Result<&'t str, Error> {
        match self.cursor.text.get(start..end) {
            Some(spelled) if start == self.cursor.at => {
                let spelled = spelled.trim_end_matches([' ', '\t', '\n']);
                if !spelled.starts_with(['"', '\'']) && has_comment(spelled) {
                    return Err(self.unusual(COMMENT));
                }
                self.cursor.token(spelled.len());
                Ok(spelled)
            }
            _ => Err(self.unusual(NOT_READ)),
        }
    }

    fn block_text(&mut self, around: Option<usize>) -> Result<super::tree::BlockText<'t>, Error> {
        let extent = around.and_then(|around| block_text::read(self.cursor.rest(), around));
        let Some(mut extent) = extent else { return Err(self.unusual(NOT_READ)) };
        let end = self.cursor.at + extent.whole;
        self.cursor.token(extent.header);
        extent.text.comment = self.cursor.comment_in_line();
        self.cursor.token(end.saturating_sub(self.cursor.at));
        self.cursor.last = None;
        Ok(extent.text)
    }

    fn next(&mut self) -> Result<events::Item, Error> {
        match self.events.next() {
            Some(item) => Ok(item),
            None => Err(self.unusual(NOT_READ)),
        }
    }

    fn expect(&mut self, token: &str) -> Result<(), Error> {
        if !self.cursor.rest().starts_with(token) {
            return Err(self.unusual(NOT_READ));
        }
        self.cursor.token(token.len());
        Ok(())
    }

    /// What stands here has no layout.
    fn unusual(&self, message: &'static str) -> Error {
        let before = self.cursor.text.get(..self.cursor.at).unwrap_or_default();
        let line = before.bytes().filter(|byte| *byte == b'\n').count() as u64 + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() as u64 + 1;
        Error::Unusual { line, column, message }
    }
}

impl<'t> Cursor<'t> {
    /// The first comment that waits, if it stands in the line of a name or dash.
    fn take_header(&mut self) -> Option<Comment<'t>> {
        let is_header = self.pending.first().is_some_and(|comment| !comment.own_line);
        is_header.then(|| self.pending.remove(0))
    }

    /// The first comments that wait, as long as they do not stand to the left of this column.
    fn take_inside(&mut self, column: usize) -> Vec<Comment<'t>> {
        let inside =
            self.pending.iter().take_while(|comment| !comment.own_line || comment.column >= column).count();
        self.pending.drain(..inside).collect()
    }
}
