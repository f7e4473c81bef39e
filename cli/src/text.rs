//! Texts for people: times, durations, and words of others made safe for a terminal.

use std::borrow::Cow;

/// A duration as people read it: `340ms`, `1.2s`, `2m 05s`, `3h 04m`.
pub(crate) fn duration(millis: u64) -> String {
    let seconds = millis / 1_000;
    match seconds {
        0 => format!("{millis}ms"),
        1..60 => format!("{seconds}.{}s", millis % 1_000 / 100),
        60..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3_600, seconds / 60 % 60),
    }
}

/// The text on one line, without what a terminal would obey: the words of tools come from outside.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    replaced(text, |c, cleaned| match c {
        '\n' | '\t' | '\r' => cleaned.push(' '),
        c => cleaned.extend(c.escape_unicode()),
    })
}

/// The same of several lines.
pub(crate) fn clean_lines(text: &str) -> Cow<'_, str> {
    replaced(text, |c, cleaned| match c {
        '\n' => cleaned.push('\n'),
        '\t' | '\r' => cleaned.push(' '),
        c => cleaned.extend(c.escape_unicode()),
    })
}

/// The same of JSON, which stays the same value: what a terminal would obey stands in texts there, where it may be written
/// by its number.
pub(crate) fn clean_json(text: &str) -> Cow<'_, str> {
    replaced(text, |c, cleaned| match c {
        '\n' | '\t' | '\r' => cleaned.push(c),
        c => {
            for unit in c.encode_utf16(&mut [0; 2]) {
                cleaned.push_str(&format!("\\u{unit:04x}"));
            }
        }
    })
}

/// What a terminal obeys: control characters, the second kind of which begins above ASCII, breaks of lines, and marks that
/// turn the direction of writing, which can make a line say what it does not.
fn obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn replaced(text: &str, replace: impl Fn(char, &mut String)) -> Cow<'_, str> {
    if !text.contains(obeyed) {
        return Cow::Borrowed(text);
    }
    let mut cleaned = String::with_capacity(text.len());
    for c in text.chars() {
        if obeyed(c) { replace(c, &mut cleaned) } else { cleaned.push(c) }
    }
    Cow::Owned(cleaned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short_and_do_not_round_up() {
        let shown: Vec<String> =
            [0, 999, 1_000, 59_999, 60_000, 3_599_999, 11_040_000].map(duration).into_iter().collect();
        assert_eq!(shown, ["0ms", "999ms", "1.0s", "59.9s", "1m 00s", "59m 59s", "3h 04m"]);
    }

    #[test]
    fn a_terminal_obeys_nothing_that_a_tool_said() {
        assert_eq!(clean("äß ok"), "äß ok");
        assert_eq!(clean("a\nb\u{1b}[2Jc\u{202e}"), "a b\\u{1b}[2Jc\\u{202e}");
        assert_eq!(clean("\u{9b}2J\u{7f}\u{61c}\u{2028}"), "\\u{9b}2J\\u{7f}\\u{61c}\\u{2028}");
        assert_eq!(clean_lines("a\r\nb\u{1b}c\n"), "a \nb\\u{1b}c\n");
    }

    #[test]
    fn json_that_is_shown_is_the_same_value() {
        let value = serde_json::json!({"a\u{9b}": ["\u{1b}[2J\u{202e}\u{7f}\u{0}", "ü🦀"], "n": 1});
        for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            let shown = clean_json(&text);
            assert!(!shown.chars().any(|c| obeyed(c) && c != '\n'), "{shown:?}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
        }
    }
}
