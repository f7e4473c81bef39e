//! Places in a file, as text: `workflow["action--…"].commands[0]`. Owns how a property and an item are written, and how such a text
//! is taken apart again.

use std::fmt::Write;

/// The most bytes of a path in a message.
const PATH_BYTES: usize = 512;

/// The path of a property of what is at a path.
pub(crate) fn property(path: &str, name: &str) -> String {
    let mut path = path.to_owned();
    path.push_str(&segment(name, path.is_empty()));
    path
}

/// The path of an item of the list at a path, by its number from 0.
pub(crate) fn item(path: &str, number: usize) -> String {
    format!("{path}[{number}]")
}

/// A name as a part of a path.
pub(crate) fn segment(name: &str, first: bool) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || name.len() > PATH_BYTES || !name.chars().all(plain) {
        return format!("[{:?}]", short(name));
    }
    let dot = if first { "" } else { "." };
    format!("{dot}{name}")
}

/// The parts of a path, as [`segment`] and [`item`] write them; the first without a dot is as if it had one.
pub(crate) fn segments(path: &str) -> Vec<String> {
    let mut segments = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let end = if let Some(quoted) = rest.strip_prefix("[\"") {
            let mut escaped = false;
            let quote = quoted.bytes().position(|byte| {
                let ends = byte == b'"' && !escaped;
                escaped = byte == b'\\' && !escaped;
                ends
            });
            quote.map_or(rest.len(), |quote| (quote + "[\"\"]".len()).min(rest.len()))
        } else if rest.starts_with('[') {
            rest.find(']').map_or(rest.len(), |end| end + 1)
        } else {
            let inner = rest.strip_prefix('.').map_or(0, |_| 1);
            rest[inner..].find(['.', '[']).map_or(rest.len(), |end| end + inner)
        };
        // A path that was cut may end within a letter's bytes: it leads nowhere then.
        let Some((first, after)) = rest.split_at_checked(end.max(1)) else { return Vec::new() };
        let dot = if first.starts_with(['.', '[']) { "" } else { "." };
        segments.push(format!("{dot}{first}"));
        rest = after;
    }
    segments
}

/// A text of the file in a message: at most so many bytes of it.
pub(crate) fn short(text: &str) -> String {
    const BYTES: usize = 200;
    if text.len() <= BYTES {
        return text.to_owned();
    }
    let mut shortened: String = text.chars().take(BYTES / 4).collect();
    let _ = write!(shortened, "…");
    shortened
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_apart_as_it_was_put_together() {
        let mut path = String::new();
        let mut parts = Vec::new();
        for name in ["workflow", "action--1", "a\"]\\", "cases", "", "x.y"] {
            path = property(&path, name);
            parts.push(segment(name, false));
            path = item(&path, 12);
            parts.push("[12]".to_owned());
        }
        assert_eq!(segments(&path), parts);
        assert!(path.starts_with("workflow[12][\"action--1\"][12]"), "{path}");
        assert_eq!(segments(""), Vec::<String>::new());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_taken_apart_without_losing_anything(text in ".{0,40}") {
            let joined = segments(&text).concat();
            proptest::prop_assert!(joined.is_empty() || joined.len() >= text.len());
        }
    }
}
