//! Bytes of files to text: UTF-8, or UTF-16 with its mark, as tools on Windows write it. Owns the position of an
//! invalid byte; does not look at the content.

use std::borrow::Cow;

use thiserror::Error;

/// Why bytes are not a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Error {
    /// A byte does not belong to the text.
    #[error("line {line}, column {column}: {encoding} ends here; save the file as UTF-8")]
    Ends {
        /// The line, from 1.
        line: u64,
        /// The column in characters, from 1.
        column: u64,
        /// The encoding of the text up to here.
        encoding: &'static str,
    },
    /// The text is in an encoding that is not read.
    #[error("the file is in {found}; save it as UTF-8")]
    Encoding {
        /// The encoding, as its first bytes show.
        found: &'static str,
    },
}

impl Error {
    /// Whether the same bytes can be valid another time: never.
    pub fn retryable(&self) -> bool {
        false
    }
}

/// The text in `bytes`, without its byte order mark.
///
/// # Errors
/// The place of the first byte that does not belong to a text.
pub fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, Error> {
    match bytes {
        // No text begins with NUL or has one after its first letter, except in a wider encoding.
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] | [1..=255, 0, 0, 0, ..] | [0, 0, 0, 1..=255, ..] => {
            Err(Error::Encoding { found: "UTF-32" })
        }
        [1..=255, 0, ..] | [0, 1..=255, ..] => Err(Error::Encoding { found: "UTF-16 without its mark" }),
        [0xEF, 0xBB, 0xBF, rest @ ..] => utf8(rest).map(Cow::Borrowed),
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes).map(Cow::Owned),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes).map(Cow::Owned),
        _ => utf8(bytes).map(Cow::Borrowed),
    }
}

/// Line and column, both from 1, of the byte `at`.
pub(crate) fn place(text: &str, at: usize) -> (u64, u64) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rfind('\n').map_or(0, |end| end + 1);
    let lines = before.bytes().filter(|byte| *byte == b'\n').count();
    (lines as u64 + 1, before[line..].chars().count() as u64 + 1)
}

fn utf8(bytes: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(bytes).map_err(|error| {
        let valid = bytes.get(..error.valid_up_to()).and_then(|valid| std::str::from_utf8(valid).ok());
        broken(valid.unwrap_or_default(), "UTF-8")
    })
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, Error> {
    let pairs = bytes.chunks_exact(2);
    let whole = pairs.remainder().is_empty();
    let units = pairs.map(|pair| unit([pair[0], pair[1]]));
    let mut text = String::with_capacity(bytes.len());
    for character in char::decode_utf16(units) {
        text.push(character.map_err(|_| broken(&text, "UTF-16"))?);
    }
    if whole { Ok(text) } else { Err(broken(&text, "UTF-16")) }
}

fn broken(valid: &str, encoding: &'static str) -> Error {
    let (line, column) = place(valid, valid.len());
    Error::Ends { line, column, encoding }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of a file from a tool on Windows.
    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(bytes).collect()
    }

    #[test]
    fn a_text_is_the_same_with_a_mark_without_one_and_in_utf16() {
        let text = "name: Zürich 🦀\r\n\u{0}\u{feff}";
        let marked = [b"\xEF\xBB\xBF", text.as_bytes()].concat();
        for bytes in [text.into(), marked, utf16(text, u16::to_le_bytes), utf16(text, u16::to_be_bytes)] {
            assert_eq!(decode(&bytes).unwrap(), text);
        }
        assert_eq!(decode(b"").unwrap(), "");
    }

    #[test]
    fn what_is_no_text_is_refused_with_its_place() {
        let place = |bytes: &[u8]| match decode(bytes) {
            Err(Error::Ends { line, column, .. }) => (line, column),
            other => panic!("{other:?}"),
        };
        assert_eq!(place(b"a: b\nc: \xC3\xBC\xFF"), (2, 5));
        assert_eq!(place(b"\xEF\xBB\xBF\xFF"), (1, 1));
        let mut lone = utf16("ab\nc", u16::to_le_bytes);
        lone.extend([0x00, 0xD8]);
        assert_eq!(place(&lone), (2, 2));
        assert_eq!(place(&[0xFE, 0xFF, 0x00]), (1, 1));
        assert!(decode(b"\xFFx").unwrap_err().to_string().contains("save the file as UTF-8"));
    }

    #[test]
    fn utf_32_and_utf_16_without_a_mark_are_named() {
        let said = |bytes: &[u8]| decode(bytes).unwrap_err().to_string();
        for text in ["{\"a\": 1}", "7"] {
            for bytes in [u16::to_le_bytes, u16::to_be_bytes] {
                let unmarked: Vec<u8> = text.encode_utf16().flat_map(bytes).collect();
                assert_eq!(said(&unmarked), "the file is in UTF-16 without its mark; save it as UTF-8");
            }
            for bytes in [u32::to_le_bytes, u32::to_be_bytes] {
                for mark in ["\u{feff}", ""] {
                    let text = format!("{mark}{text}");
                    let wide: Vec<u8> = text.chars().flat_map(|c| bytes(u32::from(c))).collect();
                    assert_eq!(said(&wide), "the file is in UTF-32; save it as UTF-8");
                }
            }
        }
    }
}
