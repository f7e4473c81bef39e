//! The parser's events, as far as the layout of a text depends on them.

use granit_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput, StructureStyle};
use updraft_protocol::limits::VALUE_NESTING;

/// The events of a text.
pub(super) struct Events<'t> {
    parser: Parser<'t, StrInput<'t>>,
    ahead: Option<Item>,
}

/// One event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    pub(super) kind: Kind,
    /// How many anchors and tags stand before it.
    pub(super) properties: usize,
    /// Its first byte.
    pub(super) start: usize,
}

/// What an event says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The one document begins.
    Document { marked: bool },
    /// A value that is not written.
    Missing,
    /// A plain or quoted text, or an alias.
    Scalar { end: usize },
    /// A text after `|` or `>`.
    BlockText,
    /// A list or a map begins.
    Open { is_map: bool, flow: bool },
    /// A list or a map ends.
    Close,
}

/// A parser with the bounds of the reader of playbooks.
pub(in crate::yaml) fn parser(text: &str) -> Parser<'_, StrInput<'_>> {
    let mut options = granit_parser::options! {};
    options.set_emit_comments(false);
    options.flow_nesting_limit = VALUE_NESTING + 1;
    options.block_nesting_limit = VALUE_NESTING + 1;
    Parser::new_from_str_with_options(text, options)
}

/// The byte of a place.
pub(in crate::yaml) fn offset(marker: &Marker) -> usize {
    marker.byte_offset().unwrap_or_default()
}

/// Whether a plain text is there because nothing is written.
pub(in crate::yaml) fn is_missing(style: ScalarStyle, span: &Span) -> bool {
    style == ScalarStyle::Plain && offset(&span.end) <= offset(&span.start)
}

impl<'t> Events<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { parser: parser(text), ahead: None }
    }

    /// The next event, which is the next one again.
    pub(super) fn peek(&mut self) -> Option<Item> {
        self.ahead = self.next();
        self.ahead
    }

    /// The next event; none where the document has ended, or cannot be read.
    pub(super) fn next(&mut self) -> Option<Item> {
        if let Some(item) = self.ahead.take() {
            return Some(item);
        }
        loop {
            let (event, span) = self.parser.next()?.ok()?;
            if let Some((kind, properties)) = told(&event, &span) {
                return Some(Item { kind, properties, start: offset(&span.start) });
            }
        }
    }
}

fn told(event: &Event<'_>, span: &Span) -> Option<(Kind, usize)> {
    let properties = |anchor: &usize, tagged: bool| usize::from(*anchor != 0) + usize::from(tagged);
    Some(match event {
        Event::DocumentStart(marked, _) => (Kind::Document { marked: *marked }, 0),
        Event::Alias(_) => (Kind::Scalar { end: offset(&span.end) }, 0),
        Event::Scalar(_, style, anchor, tag) => {
            let kind = match style {
                ScalarStyle::Literal | ScalarStyle::Folded => Kind::BlockText,
                style if is_missing(*style, span) => Kind::Missing,
                _ => Kind::Scalar { end: offset(&span.end) },
            };
            (kind, properties(anchor, tag.is_some()))
        }
        Event::SequenceStart(style, anchor, tag) => {
            let flow = *style == StructureStyle::Flow;
            (Kind::Open { is_map: false, flow }, properties(anchor, tag.is_some()))
        }
        Event::MappingStart(style, anchor, tag) => {
            let flow = *style == StructureStyle::Flow;
            (Kind::Open { is_map: true, flow }, properties(anchor, tag.is_some()))
        }
        Event::SequenceEnd | Event::MappingEnd => (Kind::Close, 0),
        _ => return None,
    })
}
