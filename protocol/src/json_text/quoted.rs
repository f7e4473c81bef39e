//! Mistakes inside a text in double quotes, with their positions. The parser takes an incomplete escape for the end of
//! the file, and reports a pair of escapes at its second half.

use super::Mistake;

/// The first mistake of the quoted text that begins at a byte; `None` if it is valid.
pub(super) fn mistake(text: &str, start: usize) -> Option<Mistake> {
    let bytes = text.as_bytes();
    let mut at = start + 1;
    loop {
        let wrong = |message: &str| Some(Mistake { at, message: message.to_owned() });
        match bytes.get(at) {
            None => return Some(Mistake { at: start, message: "a quote is not closed".to_owned() }),
            Some(b'"') => return None,
            Some(b'\\') => match escape(text, at) {
                Ok(width) => at += width,
                Err(message) => return wrong(&message),
            },
            Some(b'\n' | b'\r') => {
                return wrong("a line ends inside a text; close the quote, or write the line's end as `\\n`");
            }
            Some(control @ ..b' ') => {
                return wrong(&format!("a control character; write it as `\\u{control:04x}`"));
            }
            Some(_) => at += 1,
        }
    }
}

/// The number of bytes of the escape at a byte.
fn escape(text: &str, at: usize) -> Result<usize, String> {
    let after = text.get(at + 1..).unwrap_or_default();
    match after.chars().next() {
        Some('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't') => Ok(2),
        Some('u') => match unit(text, at) {
            None => Err("four hexadecimal digits are needed after `\\u`".to_owned()),
            Some(0xd800..=0xdbff) if matches!(unit(text, at + 6), Some(0xdc00..=0xdfff)) => Ok(12),
            Some(0xd800..=0xdfff) => {
                Err("one half of a character alone; `\\ud800` to `\\udfff` stand in pairs".to_owned())
            }
            Some(_) => Ok(6),
        },
        // The end of the text is reported as a quote that is not closed.
        None => Ok(1),
        Some(other) => Err(format!(
            "`\\{other}` is no escape; a backslash itself is written as `\\\\`",
            other = printed(other)
        )),
    }
}

/// The unit of UTF-16 of the escape at a byte.
fn unit(text: &str, at: usize) -> Option<u16> {
    let digits = text.get(at..)?.strip_prefix("\\u")?.get(..4)?;
    let hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u16::from_str_radix(digits, 16).ok().filter(|_| hex)
}

/// A character for a message.
fn printed(character: char) -> String {
    if character.is_control() { character.escape_default().to_string() } else { character.to_string() }
}
