//! Lists and maps: their entries, and the comments between and after these.

use super::events::Kind;
use super::{NOT_READ, TreeReader};
use crate::Error;
use crate::yaml::tree::{Collection, Comment, Entry, Flow, Name};

/// What is said of a name that has no layout.
const NAME: &str = "the name of a field is laid out only where it is written in one line";

impl<'t> TreeReader<'t> {
    /// A collection whose entries are lines.
    pub(super) fn block(&mut self, is_map: bool, around: Option<usize>) -> Result<Collection<'t>, Error> {
        let (mut entries, mut column) = (Vec::new(), None);
        loop {
            self.cursor.space();
            if self.closes()? {
                break;
            }
            let mut before = std::mem::take(&mut self.cursor.pending);
            let blank = self.cursor.after_blank();
            let here = *column.get_or_insert(self.cursor.column());
            let name = if is_map {
                Some(self.name(&mut before)?)
            } else {
                self.expect("-")?;
                None
            };
            entries.push(Entry { before, blank, name, value: self.node(Some(here))? });
        }
        // Items may stand below the name of their list itself; then a comment there is about what follows.
        let column = column.unwrap_or_default();
        let shared = !is_map && around == Some(column);
        let end = self.cursor.take_inside(column + usize::from(shared));
        Ok(Collection { flow: None, is_map, entries, end })
    }

    /// A collection between brackets, or a map of one field without them.
    pub(super) fn flow(
        &mut self,
        is_map: bool,
        number: usize,
        header: &mut Option<Comment<'t>>,
        above: &mut Vec<Comment<'t>>,
    ) -> Result<Collection<'t>, Error> {
        let (start, comments) = (self.cursor.at, self.cursor.comments.len());
        let (open, close) = if is_map { ("{", "}") } else { ("[", "]") };
        let brackets = !is_map || self.cursor.rest().starts_with(open);
        if brackets {
            self.expect(open)?;
            self.cursor.space();
            if header.is_none() && above.is_empty() {
                *header = self.cursor.take_header();
            }
        }
        let mut entries = Vec::new();
        loop {
            self.cursor.space();
            // Without brackets the comma is the list's.
            while brackets && self.cursor.rest().starts_with(',') {
                self.cursor.token(1);
                self.cursor.space();
            }
            if self.closes()? {
                break;
            }
            let mut before = std::mem::take(&mut self.cursor.pending);
            let blank = self.cursor.after_blank();
            let name = if is_map { Some(self.name(&mut before)?) } else { None };
            entries.push(Entry { before, blank, name, value: self.node(None)? });
        }
        let mut end = Vec::new();
        if brackets {
            end = std::mem::take(&mut self.cursor.pending);
            self.expect(close)?;
            self.cursor.last = Some(number);
        }
        if entries.is_empty() {
            above.append(&mut end);
        }
        let one_line = self.cursor.text.get(start..self.cursor.at).is_some_and(|text| !text.contains('\n'));
        let comments = self.cursor.comments.len() > comments;
        Ok(Collection { flow: Some(Flow { one_line, comments, brackets }), is_map, entries, end })
    }

    /// Passes the end of a collection, if it is here.
    fn closes(&mut self) -> Result<bool, Error> {
        let Some(item) = self.events.peek() else { return Err(self.unusual(NOT_READ)) };
        let closes = item.kind == Kind::Close;
        if closes {
            self.events.next();
        }
        Ok(closes)
    }

    /// The name of a field, and its `:`. Comments between both are put before it.
    fn name(&mut self, before: &mut Vec<Comment<'t>>) -> Result<Name<'t>, Error> {
        if self
            .cursor
            .rest()
            .strip_prefix('?')
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\n']))
        {
            self.cursor.token(1);
            self.cursor.last = None;
            self.cursor.space();
        }
        let event = self.next()?;
        let mut properties = Vec::new();
        for _ in 0..event.properties {
            properties.push(self.property()?);
            self.cursor.space();
        }
        let Kind::Scalar { end } = event.kind else { return Err(self.unusual(NAME)) };
        if self.cursor.text.get(event.start..end).is_some_and(|text| text.contains('\n')) {
            return Err(self.unusual(NAME));
        }
        let text = self.upto(event.start, end)?;
        self.cursor.last = None;
        self.cursor.space();
        before.append(&mut self.cursor.pending);
        self.expect(":")?;
        Ok(Name { properties, text })
    }
}
