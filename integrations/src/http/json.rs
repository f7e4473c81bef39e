//! The text of an answer as JSON, or as JSON lines. Describes a syntax mistake in an author's words, with its place;
//! shows nothing of the text. An invalid character costs only that character.

use std::borrow::Cow;
use std::fmt::Write;

use updraft_protocol::limits::{HTTP_VALUES, VALUE_NESTING};
use updraft_protocol::value::Error;
use updraft_protocol::{FailureKind, Value};

use super::problem::Problem;

/// Prefixes that tools put before JSON so that a page cannot run it as a script.
const GUARDS: [&str; 6] = [")]}'", ")]}", "while(1);", "while (1);", "for(;;);", "throw 1;"];

/// Values in the notation of programming languages that are not JSON.
const NOT_JSON: [&str; 9] =
    ["NaN", "-Infinity", "Infinity", "nan", "inf", "undefined", "None", "True", "False"];

/// The one value of a text.
pub(crate) fn value(text: &str) -> Result<Value, Problem> {
    let mut left = HTTP_VALUES;
    let text = clean(text, &mut left)?;
    // Invalid characters after the value are dropped.
    let text = text.trim_end_matches(char::REPLACEMENT_CHARACTER);
    Value::parse(text).map_err(|error| described(&error, text, 0))
}

/// The values of a text with one in each line (NDJSON, JSON Lines, RFC 7464); blank lines are skipped. If there is a
/// problem, returns the values before it. In a text that was cut, the last line counts if it is terminated or its value
/// has an end of its own: a number may have been longer.
pub(crate) fn lines(text: &str, is_cut: bool) -> (Vec<Value>, Option<Problem>) {
    let mut values = Vec::new();
    let last = text.matches('\n').count();
    let mut left = HTTP_VALUES;
    for (index, line) in text.split('\n').enumerate() {
        let line = line.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\u{1e}');
        if line.is_empty() {
            continue;
        }
        let line = match clean(line, &mut left) {
            Ok(line) => line,
            Err(problem) => return (values, Some(problem)),
        };
        match Value::parse(&line) {
            Ok(Value::Number(_)) if is_cut && index == last => {}
            Ok(value) => values.push(value),
            Err(error) => return (values, Some(described(&error, &line, index as u64))),
        }
    }
    (values, None)
}

/// The text with lone surrogates (`\ud800`) as U+FFFD and control characters in texts as escapes, if it has no more
/// values than are left.
fn clean<'a>(text: &'a str, left: &mut usize) -> Result<Cow<'a, str>, Problem> {
    let bytes = text.as_bytes();
    let mut cleaned = String::new();
    let (mut copied, mut at, mut quoted) = (0, 0, false);
    let mut values: usize = 1;
    while let Some(&byte) = bytes.get(at) {
        let mut width = 1;
        match byte {
            b'"' => quoted = !quoted,
            b'\\' if quoted => {
                let (escape, lone) = escape(bytes, at);
                width = escape;
                if lone {
                    cleaned.push_str(text.get(copied..at).unwrap_or_default());
                    cleaned.push_str("\\ufffd");
                    copied = at + width;
                }
            }
            ..b' ' if quoted => {
                cleaned.push_str(text.get(copied..at).unwrap_or_default());
                // Writing into a string cannot fail.
                let _ = write!(cleaned, "\\u{byte:04x}");
                copied = at + 1;
            }
            b',' | b'[' | b'{' if !quoted => values += 1,
            _ => {}
        }
        at += width;
    }
    *left = left
        .checked_sub(values)
        .ok_or_else(|| Problem::too_large(format_args!("the answer has more than {HTTP_VALUES} values")))?;
    if copied == 0 {
        return Ok(Cow::Borrowed(text));
    }
    cleaned.push_str(text.get(copied..).unwrap_or_default());
    Ok(Cow::Owned(cleaned))
}

/// The number of bytes of the escape at this position, and whether it is half of a pair.
fn escape(bytes: &[u8], at: usize) -> (usize, bool) {
    let unit = |at: usize| {
        let digits = bytes.get(at..at + 6).filter(|escape| escape.starts_with(b"\\u"))?;
        let digits = std::str::from_utf8(digits.get(2..)?).ok()?;
        let hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        u16::from_str_radix(digits, 16).ok().filter(|_| hex)
    };
    match unit(at) {
        Some(0xd800..=0xdbff) if matches!(unit(at + 6), Some(0xdc00..=0xdfff)) => (12, false),
        Some(0xd800..=0xdfff) => (6, true),
        Some(_) => (6, false),
        None => (2, false),
    }
}

/// The mistake in a text, for an author who sees the tool's answer and not this parser.
fn described(error: &Error, text: &str, lines_before: u64) -> Problem {
    let (line, column) = match error {
        Error::Nesting => {
            return Problem::invalid(format_args!("the answer is nested deeper than {VALUE_NESTING} levels"));
        }
        Error::Twice { line, column, .. } => {
            let line = line + lines_before;
            return Problem::invalid(format_args!(
                "the answer has a field twice in one map: the second stands at line {line}, column {column}"
            ));
        }
        Error::Syntax { line, column, .. } => (*line, *column),
    };
    let (rest, before) = word(text, line, column);
    let ended = rest.len() as u64 <= before || rest.trim().is_empty() || is_open(rest);
    let mut column = column;
    let begins = text.trim_start();
    let reason = if let Some(guard) = GUARDS.iter().find(|guard| begins.starts_with(**guard)) {
        format!("it begins with `{guard}`, which keeps pages from reading it and is not JSON")
    } else if begins.starts_with('<') {
        "it looks like HTML or XML".to_owned()
    } else if begins.starts_with("\u{1f}\u{fffd}\u{8}") {
        "it looks packed (gzip) and does not say so".to_owned()
    } else if let Some(word) = NOT_JSON.iter().find(|word| rest.starts_with(**word)) {
        column -= before;
        format!("`{word}` is no value of JSON")
    } else if ended {
        "it ends before it is complete".to_owned()
    } else {
        "what stands there does not belong there".to_owned()
    };
    let line = line + lines_before;
    let message = format!("the answer is not JSON at line {line}, column {column}: {reason}");
    Problem::new(FailureKind::InvalidResponse, message)
}

/// The text from the beginning of the word at a position on, and how many characters before the position it begins.
fn word(text: &str, line: u64, column: u64) -> (&str, u64) {
    let index = |number: u64| usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
    let start: usize = text.split_inclusive('\n').take(index(line)).map(str::len).sum();
    let in_line = text.get(start..).unwrap_or_default().char_indices().nth(index(column));
    let place = in_line.map_or(text.len(), |(at, _)| start + at);
    let before = text.as_bytes().get(..place).unwrap_or_default();
    let in_word = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'-';
    let begun = before.iter().rev().take_while(in_word).count();
    (text.get(place - begun..).unwrap_or_default(), begun as u64)
}

/// Whether the text ends inside of a quoted text.
fn is_open(text: &str) -> bool {
    let Some(inside) = text.strip_prefix('"') else { return false };
    let mut escaped = false;
    !inside.bytes().any(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
