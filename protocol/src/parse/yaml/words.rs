//! Messages of the YAML parser in an author's words, with the place that the author must change. An unknown message
//! keeps the parser's words.

use granit_parser::{ErrorKind, ScanError};

use super::offset;
use crate::limits::VALUE_NESTING;

/// The message for a template without quotes, which YAML takes for a map in a map.
pub(super) const TEMPLATE: &str = "a template needs quotes around the whole text: `\"{{ … }}\"`";

/// The byte of a mistake and its message.
pub(super) fn told(text: &str, error: &ScanError) -> (usize, String) {
    let at = offset(error.marker());
    let kind = error.kind();
    if let ErrorKind::RecursionLimitExceeded = kind {
        return (at, format!("nested more than {VALUE_NESTING} deep"));
    }
    if let Some(at) = template(text, at) {
        return (at, TEMPLATE.to_owned());
    }
    if let ErrorKind::UnexpectedCharacter { character } = kind {
        let shown = match character {
            '`' => "a backtick".to_owned(),
            other => format!("`{}`", other.escape_debug()),
        };
        return (at, format!("a text that begins with {shown} needs quotes"));
    }
    match in_a_text(kind).or_else(|| in_a_line(kind)).or_else(|| in_brackets(kind)) {
        Some(NOT_CLOSED) => (opening(text, at), NOT_CLOSED.to_owned()),
        Some(message) => (at, message.to_owned()),
        None => (at, format!("not YAML: {}", error.info())),
    }
}

const NOT_CLOSED: &str = "a quote is not closed";

/// Mistakes inside a text.
fn in_a_text(kind: &ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::MissingLowSurrogate
        | ErrorKind::InvalidLowSurrogate
        | ErrorKind::UnpairedLowSurrogate
        | ErrorKind::InvalidLowSurrogateHexEscape => {
            "one half of a character alone; `\\ud800` to `\\udfff` stand in pairs"
        }
        ErrorKind::UnknownQuotedScalarEscape
        | ErrorKind::InvalidQuotedScalarHexEscape
        | ErrorKind::InvalidUnicodeEscape => {
            "in double quotes `\\` begins an escape; write `\\\\`, or put the text in single quotes"
        }
        ErrorKind::InvalidTrailingSingleQuotedScalar => {
            "more follows the closing quote; put the whole text in double quotes: `\"'a' in input.list\"`"
        }
        ErrorKind::InvalidTrailingDoubleQuotedScalar => {
            "more follows the closing quote; put the whole text in single quotes: `'\"a\" in input.list'`"
        }
        ErrorKind::UnclosedQuotedScalar
        | ErrorKind::InvalidQuotedScalarIndent
        | ErrorKind::DocumentIndicatorInQuotedScalar => NOT_CLOSED,
        ErrorKind::CommentInterceptedScalar => {
            "a comment stands inside a text of several lines; put the text in quotes"
        }
        ErrorKind::InvalidBlockScalarHeader | ErrorKind::ZeroBlockScalarIndent => {
            "after `|` or `>` a text begins on the next line; a text that begins with one of them needs quotes"
        }
        ErrorKind::InvalidBlockScalarIndent => {
            "the line is indented in another way than the text it belongs to"
        }
        ErrorKind::BomInsideDocument => "a byte order mark stands inside the text; take it out",
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => "a tab stands where blanks are needed",
        ErrorKind::UnknownAnchor | ErrorKind::MissingAnchorOrAliasName => {
            "the alias names an anchor that does not stand before it; a text that begins with `*` or `&` needs quotes"
        }
        _ => return None,
    })
}

/// Mistakes in lines and their indentation.
fn in_a_line(kind: &ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            "a `:` is missing after the name of a field"
        }
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => {
            "a `:` stands where no field can begin; a text with `: ` in it needs quotes"
        }
        ErrorKind::InvalidMappingValueWhitespace | ErrorKind::FlowMappingValueAdjacentCollection => {
            "a blank is needed after `:`"
        }
        ErrorKind::MappingKeyNotAllowed => "a field stands where none can begin",
        ErrorKind::InvalidIndentation
        | ErrorKind::InvalidFlowScalarIndent
        | ErrorKind::ExpectedDocumentStart => "the line is indented in a way that fits nothing above it",
        ErrorKind::ExpectedBlockMappingKey => {
            "a field is needed here; the line is indented in a way that fits nothing above it"
        }
        ErrorKind::ExpectedBlockSequenceEntry => {
            "an item is needed here: `- `; the line is indented in a way that fits nothing above it"
        }
        ErrorKind::BlockSequenceEntryNotAllowed => {
            "an item, `- `, stands where no list can begin: a list begins on a line of its own; a text that begins \
             with `- ` needs quotes"
        }
        ErrorKind::InvalidBlockEntryWhitespace => "a blank is needed after `-`",
        ErrorKind::CommentNotSeparated => "a blank is needed before `#`; a text with `#` in it needs quotes",
        ErrorKind::ExpectedNodeContent => "a value is needed here",
        ErrorKind::UnexpectedEofBlockSequence | ErrorKind::UnexpectedEofBlockMapping => {
            "the file ends before its value does"
        }
        _ => return None,
    })
}

/// Mistakes between brackets and braces.
fn in_brackets(kind: &ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::UnexpectedEofFlowSequence | ErrorKind::UnclosedFlowCollection { open: '[' } => {
            "a `[` is not closed"
        }
        ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofImplicitFlowMapping
        | ErrorKind::UnclosedFlowCollection { .. } => "a `{` is not closed",
        ErrorKind::UnexpectedEof => "a `[` or `{` is not closed",
        ErrorKind::MisplacedFlowCollectionEnd => {
            "a `]` or `}` closes nothing; a text that begins with one needs quotes"
        }
        ErrorKind::MismatchedFlowCollectionEnd { open: '[', .. } => "a `[` is closed by `}`",
        ErrorKind::MismatchedFlowCollectionEnd { .. } => "a `{` is closed by `]`",
        ErrorKind::ExpectedFlowMappingSeparator => "a `,` or `}` is needed here",
        ErrorKind::ExpectedFlowSequenceSeparator => "a `,` or `]` is needed here",
        ErrorKind::BlockEntryInFlowCollection => {
            "between `[` and `]`, items are parted by `,` and have no `-`"
        }
        ErrorKind::PlainScalarStartsWithDashFlowIndicator => {
            "a text that begins with `-` and a bracket or comma needs quotes"
        }
        _ => return None,
    })
}

/// The position of a template without quotes that may be the mistake: in its line, or at the beginning of a value in an
/// earlier line, where it opens a map that is not closed.
fn template(text: &str, at: usize) -> Option<usize> {
    const LINES: usize = 8;
    let end = text.get(at..)?.find('\n').map_or(text.len(), |end| at + end);
    let mut lines = text.get(..end)?.rsplit('\n').take(LINES).scan(end, |end, line| {
        let start = *end - line.len();
        *end = start.saturating_sub(1);
        Some((start, line))
    });
    let (start, line) = lines.next()?;
    let here = unquoted(line, |_| true).map(|column| start + column);
    let begins =
        |before: &str| before.trim_end().is_empty() || before.trim_end().ends_with([':', '-', '[', ',', '{']);
    here.or_else(|| lines.find_map(|(start, line)| unquoted(line, begins).map(|column| start + column)))
}

/// The position of `{{` or `{%` outside of quotes in the line, after a text for which `after` holds.
fn unquoted(line: &str, after: impl Fn(&str) -> bool) -> Option<usize> {
    let (mut quote, mut before) = (None, ' ');
    for (at, character) in line.char_indices() {
        let begins = matches!(before, ' ' | '[' | '{' | ',' | ':');
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (None, '"' | '\'') if begins => quote = Some(character),
            (None, '#') if before == ' ' => return None,
            (None, '{') if line.get(at + 1..).is_some_and(|rest| rest.starts_with(['{', '%'])) => {
                return after(line.get(..at).unwrap_or_default()).then_some(at);
            }
            _ => {}
        }
        before = character;
    }
    None
}

/// The position of the quote that may be left open before this byte: the last that begins a text.
fn opening(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    let begins = |(quote, _): &(usize, &str)| {
        before.get(..*quote).is_some_and(|text| text.ends_with([' ', '[', '{', ',', '\n']) || text.is_empty())
    };
    before.rmatch_indices(['"', '\'']).find(begins).map_or(at, |(quote, _)| quote)
}
