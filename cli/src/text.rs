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
    // Marks that turn the direction of writing can make a line say what it does not.
    let obeyed = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(obeyed) {
        return Cow::Borrowed(text);
    }
    let mut cleaned = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' | '\r' => cleaned.push(' '),
            c if obeyed(c) => cleaned.extend(c.escape_unicode()),
            c => cleaned.push(c),
        }
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
    }
}
