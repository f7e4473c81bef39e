//! Messages of the JSON parser in an author's words, by the text at the position. An unknown message keeps the parser's
//! words.

use super::{Mistake, quoted};

/// How many characters of an author's text a message repeats.
const SHOWN: usize = 40;

/// The mistake at the byte `found`, in the part of the text that begins at `token`; `named` if the name of a field is
/// before it.
pub(super) fn told(text: &str, token: usize, found: usize, said: &str, named: bool) -> Mistake {
    let rest = text.get(token..).unwrap_or_default();
    if found >= token
        && rest.starts_with('"')
        && let Some(mistake) = quoted::mistake(text, token)
    {
        return mistake;
    }
    if text.trim().is_empty() {
        return Mistake { at: found, message: "there is no value".to_owned() };
    }
    if rest.is_empty() {
        return Mistake { at: found, message: "the text ends before its value does".to_owned() };
    }
    // A number is read as far as it is valid: `007` as `0`, with more after it.
    let (at, word) = word(text, if said.starts_with("A number") { token } else { found });
    if let Some(message) = unknown(word).filter(|_| !said.starts_with("Object keys")) {
        return Mistake { at, message };
    }
    let template = text.get(..found).is_some_and(|before| before.ends_with('{'));
    let rest = text.get(found..).unwrap_or_default();
    if template && rest.starts_with('{') {
        let message = "a template needs quotes: `\"{{ … }}\"`".to_owned();
        return Mistake { at: found - 1, message };
    }
    Mistake { at: found, message: expected(rest, said, named) }
}

/// What was expected instead.
fn expected(rest: &str, said: &str, named: bool) -> String {
    let first = rest.chars().next().unwrap_or_default();
    let message = match said {
        _ if "'`“”„‘’".contains(first) => {
            "a text, and the name of a field, stands in double quotes: `\"`"
        }
        _ if first == '/' || first == '#' => "JSON has no comments",
        _ if said.starts_with("Trailing commas") => "the `,` before it is one too many",
        _ if said.starts_with("Object keys") && named => "a `:` is missing after the name of a field",
        _ if said.starts_with("Object keys") => "the name of a field is needed, in double quotes",
        _ if said.starts_with("Object values") => "a `,` or `}` is needed here",
        _ if said.starts_with("Array values") => "a `,` or `]` is needed here",
        _ if said.starts_with("The JSON already") => "the value has ended before; nothing may follow it",
        _ if "]},:".contains(first) => "a value is needed here",
        _ if said.starts_with("Unexpected") => {
            return format!("`{}` begins no value of JSON; a text needs double quotes", first.escape_debug());
        }
        said => said,
    };
    message.to_owned()
}

/// The word that contains a byte, and where it begins; empty if there is none.
fn word(text: &str, at: usize) -> (usize, &str) {
    let within = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '+' | '.');
    let before = text.get(..at).unwrap_or_default();
    let start = before.trim_end_matches(within).len();
    let rest = text.get(start..).unwrap_or_default();
    let word = rest.get(..rest.find(|c| !within(c)).unwrap_or(rest.len())).unwrap_or_default();
    // A word that ends before the position is valid by itself, but not expected there.
    if start + word.len() <= at { (at, "") } else { (start, word) }
}

/// Why a word is no value; `None` if it is one.
fn unknown(word: &str) -> Option<String> {
    let shown = shortened(word);
    let number = word.trim_start_matches(['-', '+', '.']).starts_with(|c: char| c.is_ascii_digit());
    match word {
        "" | "true" | "false" | "null" => None,
        _ if word.eq_ignore_ascii_case("true")
            || word.eq_ignore_ascii_case("false")
            || word.eq_ignore_ascii_case("null") =>
        {
            let plain = word.to_ascii_lowercase();
            Some(format!("`{word}` is no value of JSON; write `{plain}`, or `\"{word}\"` for the text"))
        }
        _ if crate::value::Number::parse(word).is_some() => None,
        _ if number => {
            Some(format!("`{shown}` is no number of JSON; a text needs double quotes: `\"{shown}\"`"))
        }
        _ => Some(format!("`{shown}` is no value of JSON; a text needs double quotes: `\"{shown}\"`")),
    }
}

/// A text for a message: a long one is cut.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
