//! Places: where in a text what a mistake is about stands, as editors and CI underline it. Owns how the path in a message is
//! read, and where a range ends; finds no mistake.

use std::rc::Rc;

use serde::Serialize;

use super::node;
use super::node::{Kind, Node};
use crate::limits::PLAYBOOK_BYTES;
use crate::text;

/// A character of a text; lines and columns from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct TextPlace {
    /// The line.
    pub line: u64,
    /// The column.
    pub column: u64,
}

/// A part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TextRange {
    /// Its first character.
    pub start: TextPlace,
    /// The character behind its last one.
    pub end: TextPlace,
}

/// A message in its parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlacedMessage {
    /// What is said.
    pub message: String,
    /// The path of fields that it is about, empty where it names none: `steps[3].on_failure`.
    pub path: String,
    /// Where that stands; the beginning of the text where that is not known, and none where it is no text.
    pub range: Option<TextRange>,
}

/// The places of a playbook's text.
#[derive(Debug)]
pub struct PlaybookPlaces {
    text: Option<String>,
    /// The tree of the text, if it is JSON or YAML.
    root: Option<Rc<Node>>,
}

impl PlaybookPlaces {
    /// Those of this file.
    pub fn of(bytes: &[u8]) -> Self {
        let text = text::decode(bytes).ok().filter(|_| bytes.len() <= PLAYBOOK_BYTES);
        let text = text.map(std::borrow::Cow::into_owned);
        let root = text.as_deref().and_then(|text| node(text).ok());
        Self { text, root }
    }

    /// The parts of a message about the playbook, which begins with its place: `line 3, column 5, steps[0].retry: …` or
    /// `steps[0].retry: …`.
    pub fn find(&self, message: &str) -> PlacedMessage {
        if let Some((at, path, rest)) = lined(message) {
            let range = self.text.as_deref().map(|text| token(text, offset(text, at)));
            return PlacedMessage { message: rest.to_owned(), path: path.to_owned(), range };
        }
        let pathed = message.match_indices(": ").map(|(end, _)| end).find_map(|end| {
            let (path, rest) = (message.get(..end)?, message.get(end + 2..)?);
            Some((path, rest, self.locate(&segments(path)?)?))
        });
        match pathed {
            Some((path, rest, range)) => {
                PlacedMessage { message: rest.to_owned(), path: path.to_owned(), range: Some(range) }
            }
            None => {
                let range = self.text.as_deref().map(|text| between(text, 0, 0));
                PlacedMessage { message: message.to_owned(), path: String::new(), range }
            }
        }
    }

    /// The range of what the path names, or of the last of its parts that is there; none where not even the first is.
    fn locate(&self, path: &[Segment]) -> Option<TextRange> {
        let (text, mut node) = (self.text.as_deref()?, self.root.as_ref()?);
        let mut found = None;
        for segment in path {
            if let (Segment::Item(_), Kind::Map(fields)) = (segment, &node.kind)
                && let Some(list) = fields.iter().find(|field| field.name == "do")
            {
                // A body with a `catch` is named as one without.
                node = &list.node;
            }
            match (segment, &node.kind) {
                (Segment::Field(name), Kind::Map(fields)) => {
                    let Some(field) = fields.iter().find(|field| field.name == *name) else { break };
                    found = Some(token(text, field.at));
                    node = &field.node;
                }
                (Segment::Item(number), Kind::List(items)) => {
                    let Some(item) = items.get(*number) else { break };
                    found = Some(line(text, item.at));
                    node = item;
                }
                _ => break,
            }
        }
        found
    }
}

/// A part of a path.
#[derive(Debug, PartialEq)]
enum Segment {
    Field(String),
    Item(usize),
}

/// The parts of a path such as `steps[3].arguments["a b"]`; none where it is none.
fn segments(path: &str) -> Option<Vec<Segment>> {
    let mut segments = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix("[\"") {
            let (name, after) = inside.split_once("\"]")?;
            segments.push(Segment::Field(name.to_owned()));
            rest = after;
        } else if let Some(inside) = rest.strip_prefix('[') {
            let (number, after) = inside.split_once(']')?;
            segments.push(Segment::Item(number.parse().ok()?));
            rest = after;
        } else {
            let name = if segments.is_empty() { rest } else { rest.strip_prefix('.')? };
            let end = name.find(['.', '[']).unwrap_or(name.len());
            let (name, after) = name.split_at(end);
            let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            if name.is_empty() || !name.chars().all(is_plain) {
                return None;
            }
            segments.push(Segment::Field(name.to_owned()));
            rest = after;
        }
    }
    (!segments.is_empty()).then_some(segments)
}

/// The place, the path and the rest of a message that begins with a line and a column.
fn lined(message: &str) -> Option<(TextPlace, &str, &str)> {
    let rest = message.strip_prefix("line ")?;
    let (line, rest) = rest.split_once(", column ")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit())?;
    let (column, rest) = rest.split_at(digits);
    let place = TextPlace { line: line.parse().ok()?, column: column.parse().ok()? };
    if let Some(rest) = rest.strip_prefix(": ") {
        return Some((place, "", rest));
    }
    let rest = rest.strip_prefix(", ")?;
    let ends = rest.match_indices(": ").map(|(end, _)| end);
    let end = ends.into_iter().find(|end| rest.get(..*end).is_some_and(|path| segments(path).is_some()))?;
    Some((place, rest.get(..end)?, rest.get(end + 2..)?))
}

/// The byte of a place.
fn offset(text: &str, place: TextPlace) -> usize {
    let lines = text.split_inclusive('\n');
    let before = usize::try_from(place.line).unwrap_or(usize::MAX).saturating_sub(1);
    let start: usize = lines.take(before).map(str::len).sum();
    let line = text.get(start..).unwrap_or_default();
    let column = usize::try_from(place.column).unwrap_or(usize::MAX).saturating_sub(1);
    start + line.char_indices().nth(column).map_or(line.len(), |(at, _)| at)
}

/// The word, or the text in quotes, that begins at a byte.
fn token(text: &str, at: usize) -> TextRange {
    let rest = text.get(at..).unwrap_or_default();
    let row = rest.split(['\n', '\r']).next().unwrap_or_default();
    let quoted = row.chars().next().filter(|quote| matches!(quote, '"' | '\''));
    let end = match quoted {
        Some(quote) => row.get(1..).and_then(|inside| inside.find(quote)).map_or(row.len(), |end| end + 2),
        None => {
            let ends = [row.find(": "), row.find(" #"), row.find([',', '}', ']'])];
            let colon = row.strip_suffix(':').map(str::len);
            let end = ends.into_iter().flatten().chain(colon).min().unwrap_or(row.len());
            row.get(..end).unwrap_or_default().trim_end().len()
        }
    };
    between(text, at, at + end.max(row.chars().next().map_or(0, char::len_utf8)))
}

/// From a byte to the end of its line.
fn line(text: &str, at: usize) -> TextRange {
    let rest = text.get(at..).unwrap_or_default();
    let row = rest.split(['\n', '\r']).next().unwrap_or_default();
    between(text, at, at + row.trim_end().len())
}

fn between(text: &str, start: usize, end: usize) -> TextRange {
    let place = |at: usize| {
        let (line, column) = text::place(text, at);
        TextPlace { line, column }
    };
    TextRange { start: place(start), end: place(end) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "format: 1\nname: a\nsteps:\n  - id: one # the first\n    on_failure: two\n  - if: 'x'\n    then: {do: [{id: b, 'end': null}], catch: []}\n";

    fn part(range: TextRange) -> String {
        let at = |place: TextPlace| offset(TEXT, place);
        TEXT[at(range.start)..at(range.end)].to_owned()
    }

    #[test]
    fn what_a_message_is_about_is_found_by_its_path() {
        let places = PlaybookPlaces::of(TEXT.as_bytes());
        for (message, path, found, rest) in [
            ("steps[0].on_failure: no step \"two\"", "steps[0].on_failure", "on_failure", "no step \"two\""),
            ("steps[0]: a: b", "steps[0]", "id: one # the first", "a: b"),
            ("steps[1].then[0].end: it: is", "steps[1].then[0].end", "'end'", "it: is"),
            ("steps[1].then.do[0].id: x", "steps[1].then.do[0].id", "id", "x"),
            ("steps[0].retry.max: too long", "steps[0].retry.max", "id: one # the first", "too long"),
            ("line 4, column 9, steps[0].id: no", "steps[0].id", "one", "no"),
            ("line 1, column 9: no: really", "", "1", "no: really"),
            ("nothing here: is known", "", "", "nothing here: is known"),
            ("variables: none", "", "", "variables: none"),
        ] {
            let placed = places.find(message);
            assert_eq!((placed.path.as_str(), placed.message.as_str()), (path, rest), "{message}");
            assert_eq!(part(placed.range.unwrap()), found, "{message}");
        }
    }

    #[test]
    fn places_are_found_in_what_is_no_playbook_and_no_text() {
        let placed = PlaybookPlaces::of(b"a: [\n").find("line 2, column 1: it ends too early");
        let end = TextPlace { line: 2, column: 1 };
        assert_eq!(placed.range, Some(TextRange { start: end, end }));
        assert_eq!(PlaybookPlaces::of(&[0xff, 0xfe, 0]).find("no text").range, None);
        let far = PlaybookPlaces::of(b"a: 1").find(&format!("line {0}, column {0}: x", u64::MAX));
        assert_eq!(far.range.unwrap().start, TextPlace { line: 1, column: 5 });
    }

    #[test]
    fn a_path_is_read_and_nothing_else_is_one() {
        let field = |name: &str| Segment::Field(name.to_owned());
        assert_eq!(
            segments("a[\"b.c\"][2].d-e"),
            Some(vec![field("a"), field("b.c"), Segment::Item(2), field("d-e")])
        );
        for wrong in ["", "a b", "a.", "a[x]", "a[1", "\"a\" is", ".a"] {
            assert_eq!(segments(wrong), None, "{wrong}");
        }
    }
}
