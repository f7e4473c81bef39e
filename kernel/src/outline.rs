//! The outline of a large JSON text: where its large values begin and end, so that who reads a part of the text does not
//! pass over the rest of it each time. Owns the outlines that an execution keeps; reads no value.

use std::cell::RefCell;
use std::sync::Arc;

use updraft_protocol::Json;
use updraft_protocol::limits::{OUTLINE_TEXT_BYTES, OUTLINE_VALUE_BYTES, OUTLINES};

/// The large values of one text, in the order in which they begin.
#[derive(Debug)]
pub struct Outline(Vec<LargeValue>);

/// A list, map or text of many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LargeValue {
    /// The place of its first byte.
    pub(crate) start: usize,
    /// The place behind its last byte.
    pub(crate) end: usize,
    /// Its bytes without those of the large values inside.
    pub(crate) own: usize,
}

impl Outline {
    /// The outline of this text, with its values of at least so many bytes. Of what is no JSON it names no place outside of
    /// the text.
    pub(crate) fn of(text: &str, least: usize) -> Self {
        let bytes = text.as_bytes();
        let (mut large, mut open, mut at) = (Vec::new(), Vec::<(usize, usize)>::new(), 0);
        while let Some(byte) = bytes.get(at) {
            let (start, inside) = match byte {
                b'[' | b'{' => {
                    open.push((at, 0));
                    at += 1;
                    continue;
                }
                b']' | b'}' => {
                    at += 1;
                    let Some(opened) = open.pop() else { continue };
                    opened
                }
                b'"' => {
                    let start = at;
                    at = end_of_text(bytes, at);
                    (start, 0)
                }
                _ => {
                    at += 1;
                    continue;
                }
            };
            let length = at - start;
            if length >= least {
                large.push(LargeValue { start, end: at, own: length - inside });
                if let Some((_, inside)) = open.last_mut() {
                    *inside += length;
                }
            }
        }
        large.sort_unstable_by_key(|value| value.start);
        Self(large)
    }

    /// The large values that begin at this place or behind it.
    pub(crate) fn from(&self, place: usize) -> &[LargeValue] {
        let first = self.0.partition_point(|value| value.start < place);
        self.0.get(first..).unwrap_or_default()
    }
}

/// The place behind the text in quotes that begins here.
fn end_of_text(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The outlines of the texts that one execution read last.
#[derive(Debug, Default)]
pub(crate) struct Outlines(RefCell<Vec<(Json, Arc<Outline>)>>);

impl Outlines {
    /// The outline of this text if it is large, made where it is not kept.
    pub(crate) fn get(&self, text: &Json) -> Option<Arc<Outline>> {
        if text.as_str().len() < OUTLINE_TEXT_BYTES {
            return None;
        }
        let mut kept = self.0.try_borrow_mut().ok()?;
        let entry = match kept.iter().position(|(known, _)| known.is_same_text(text)) {
            Some(at) => kept.remove(at),
            None => (text.clone(), Arc::new(Outline::of(text.as_str(), OUTLINE_VALUE_BYTES))),
        };
        let outline = Arc::clone(&entry.1);
        kept.truncate(OUTLINES - 1);
        kept.insert(0, entry);
        Some(outline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_large_values_of_a_text_are_found_with_what_is_their_own() {
        let long = "x".repeat(OUTLINE_VALUE_BYTES);
        let text = format!(r#"{{"a":[1,"\"]{long}"],"b":2,"c":"{long}"}}"#);
        let outline = Outline::of(&text, OUTLINE_VALUE_BYTES);
        let found: Vec<&str> =
            outline.0.iter().map(|value| text.get(value.start..value.end).unwrap()).collect();
        let (inner, list) = (format!(r#""\"]{long}""#), format!(r#"[1,"\"]{long}"]"#));
        assert_eq!(found, [text.as_str(), &list, &inner, &format!("\"{long}\"")]);
        assert_eq!(outline.0.iter().map(|value| value.own).sum::<usize>(), text.len());
        assert_eq!(outline.from(1).first().map(|value| value.start), Some(5));
    }

    #[test]
    fn the_texts_that_were_read_last_are_kept() {
        let texts: Vec<Json> = (0..=OUTLINES)
            .map(|n| Json::from(serde_json::json!([n, "y".repeat(OUTLINE_TEXT_BYTES)])))
            .collect();
        let outlines = Outlines::default();
        let first = outlines.get(&texts[0]).unwrap();
        for text in &texts {
            outlines.get(text);
            assert!(Arc::ptr_eq(&first, &outlines.get(&texts[0]).unwrap()), "it was read last");
        }
        assert_eq!(outlines.0.borrow().len(), OUTLINES);
        assert!(outlines.get(&Json::null()).is_none());
    }
}
