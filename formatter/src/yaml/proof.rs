//! What the layout of a text must keep: every event of the parser with its value, its notation, its anchor and its tag, in the same order;
//! and every comment. Brackets around collections, and `---` and `...`, are layout.

use granit_parser::{Event, ScalarStyle, Span};

use super::read::{is_missing, offset, parser};
use super::tree::Tree;
use crate::Error;

/// What an event says, without its layout.
#[derive(Debug, PartialEq, Eq)]
enum Fact {
    Text { value: Option<String>, style: ScalarStyle, anchor: usize, tag: Option<String> },
    Open { is_map: bool, anchor: usize, tag: Option<String> },
    Close,
    Alias(usize),
}

/// Whether both texts say the same.
///
/// # Errors
/// The line of the first from which on they do not.
pub(super) fn same(text: &str, laid_out: &str) -> Result<(), Error> {
    let (mut one, mut other) = (Facts::new(text), Facts::new(laid_out));
    loop {
        let (first, second) = (one.next(), other.next());
        if first != second {
            return Err(Error::Unproven { line: one.line });
        }
        match first {
            None => return Ok(()),
            Some(Err(())) => return Err(Error::Unproven { line: one.line }),
            Some(Ok(_)) => {}
        }
    }
}

/// Whether both have the same comments in the same order.
///
/// # Errors
/// They do not.
pub(super) fn same_comments(tree: &Tree<'_>, laid_out: &Tree<'_>) -> Result<(), Error> {
    if tree.comments == laid_out.comments { Ok(()) } else { Err(Error::Unproven { line: 1 }) }
}

struct Facts<'t> {
    text: &'t str,
    parser: granit_parser::Parser<'t, granit_parser::StrInput<'t>>,
    /// The line of the last fact.
    line: u64,
    /// Its first byte.
    at: usize,
}

impl<'t> Facts<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, parser: parser(text), line: 1, at: 0 }
    }

    /// The next fact; what cannot be read is the last one.
    fn next(&mut self) -> Option<Result<Fact, ()>> {
        loop {
            let Ok((event, span)) = self.parser.next()? else { return Some(Err(())) };
            let at = offset(&span.start);
            let passed = self.text.get(self.at..at).unwrap_or_default();
            self.line += passed.bytes().filter(|byte| *byte == b'\n').count() as u64;
            self.at = self.at.max(at);
            if let Some(fact) = fact(event, &span) {
                return Some(Ok(fact));
            }
        }
    }
}

fn fact(event: Event<'_>, span: &Span) -> Option<Fact> {
    Some(match event {
        Event::Scalar(value, style, anchor, tag) => {
            let value = (!is_missing(style, span)).then(|| value.into_owned());
            Fact::Text { value, style, anchor, tag: tag.map(|tag| tag.to_string()) }
        }
        Event::SequenceStart(_, anchor, tag) => {
            Fact::Open { is_map: false, anchor, tag: tag.map(|tag| tag.to_string()) }
        }
        Event::MappingStart(_, anchor, tag) => {
            Fact::Open { is_map: true, anchor, tag: tag.map(|tag| tag.to_string()) }
        }
        Event::SequenceEnd | Event::MappingEnd => Fact::Close,
        Event::Alias(anchor) => Fact::Alias(anchor),
        _ => return None,
    })
}
