//! Lines: the allowed text of a header. Characters beyond ASCII are sent as UTF-8.

/// Checks that `text` arrives unchanged: one line, without blanks that a receiver would trim.
///
/// # Errors
/// The characters that it must not have, without the text.
pub(super) fn check(text: &str) -> Result<(), &'static str> {
    if text.chars().any(char::is_control) {
        return Err("a header is one line: line breaks and other control characters are not sent");
    }
    if text.starts_with(' ') || text.ends_with(' ') {
        return Err("a header keeps no blanks at its ends; `| trim` takes them off");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_one_line_that_arrives_as_it_is() {
        for text in ["", "a", "a b", "ä 日本", "a\u{a0}", "\"\\"] {
            assert_eq!(check(text), Ok(()), "{text:?}");
        }
        for text in ["a\r\nX: 1", "\n", "\r", "\0", "\t", "\u{7f}", "\u{85}", " a", "a ", " "] {
            assert!(check(text).is_err(), "{text:?}");
        }
    }
}
