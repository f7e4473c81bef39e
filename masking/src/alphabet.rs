//! Alphabets: plain, hexadecimal digits, base64. Owns the spelling of a secret in each, and which bytes are the same
//! letter of it; searches nothing.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use updraft_protocol::limits::{MASKED_BASE64_CHARACTERS, MASKED_BEGUN_BYTES, MASKED_HEX_DIGITS};
use zeroize::Zeroizing;

use crate::automaton::Pattern;

/// The spelling of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alphabet {
    Plain,
    Hex,
    Base64,
}

impl Alphabet {
    pub(crate) const ALL: [Self; 3] = [Self::Plain, Self::Hex, Self::Base64];

    /// The letter of a byte, since several bytes may be the same letter: the standard alphabet of base64 and that for
    /// URLs, upper and lower case of digits.
    pub(crate) fn letter(self, byte: u8) -> u8 {
        match (self, byte) {
            (Self::Hex, byte) => byte.to_ascii_lowercase(),
            (Self::Base64, b'-') => b'+',
            (Self::Base64, b'_') => b'/',
            (_, byte) => byte,
        }
    }

    /// Whether a byte may be between two letters without a meaning: base64 is broken into lines.
    pub(crate) fn is_passed_over(self, byte: u8) -> bool {
        self == Self::Base64 && matches!(byte, b'\r' | b'\n')
    }

    /// How much of a secret's spelling counts as its beginning if a text was cut.
    pub(crate) fn begun(self) -> usize {
        match self {
            Self::Plain => MASKED_BEGUN_BYTES,
            Self::Hex => MASKED_BEGUN_BYTES * 2,
            Self::Base64 => (MASKED_BEGUN_BYTES * 4).div_ceil(3),
        }
    }

    /// The patterns of a secret at any position of a spelled text.
    pub(crate) fn patterns(self, secret: &str, all: &mut Vec<Pattern>) {
        match self {
            Self::Plain => {
                all.push(pattern(secret.as_bytes()));
                all.extend(latin(secret));
            }
            Self::Hex => all.extend(written(secret).iter().filter_map(|text| hex(text))),
            Self::Base64 => {
                for text in written(secret) {
                    all.extend((0..3).filter_map(|before| base64(&text, before)));
                    all.extend(whole_base64(&text));
                }
            }
        }
    }
}

/// The patterns of a secret beyond ASCII as programs write it that take bytes for characters (Latin-1), as most do with
/// headers: each of its bytes as a character, and each of its characters as a byte.
fn latin(secret: &str) -> Vec<Pattern> {
    if secret.is_ascii() {
        return Vec::new();
    }
    let taken = Zeroizing::new(secret.bytes().map(char::from).collect::<String>());
    let mut written = Zeroizing::new(Vec::with_capacity(secret.len()));
    written.extend(secret.chars().map_while(|c| u8::try_from(u32::from(c)).ok()));
    let is_whole = written.len() == secret.chars().count();
    [Some(pattern(taken.as_bytes())), is_whole.then(|| pattern(&written))].into_iter().flatten().collect()
}

/// The pattern of a whole text in base64, as Basic sends `user:password`.
pub(crate) fn whole_base64(text: &str) -> Option<Pattern> {
    let mut encoded = Zeroizing::new(Vec::with_capacity(text.len() * 4 / 3 + 4));
    encoded.resize(text.len() * 4 / 3 + 4, 0);
    let len = STANDARD_NO_PAD.encode_slice(text, &mut encoded).ok()?;
    encoded.truncate(len);
    (len >= MASKED_BASE64_CHARACTERS).then_some(Pattern { bytes: encoded, alone: false })
}

fn pattern(bytes: &[u8]) -> Pattern {
    Pattern { bytes: Zeroizing::new(bytes.to_vec()), alone: false }
}

fn hex(text: &str) -> Option<Pattern> {
    let mut digits = Zeroizing::new(Vec::with_capacity(text.len() * 2));
    let letter = |half: u8| char::from_digit(u32::from(half), 16).map_or(0, |digit| digit as u8);
    digits.extend(text.bytes().flat_map(|byte| [letter(byte >> 4), letter(byte & 15)]));
    (digits.len() >= MASKED_HEX_DIGITS).then_some(Pattern { bytes: digits, alone: false })
}

/// The letters of base64 that depend only on the text if `before` bytes precede it: letters with bits of its neighbours
/// are left out.
fn base64(text: &str, before: usize) -> Option<Pattern> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(before + text.len()));
    bytes.resize(before, 0);
    bytes.extend_from_slice(text.as_bytes());
    let mut encoded = Zeroizing::new(Vec::with_capacity(bytes.len() * 4 / 3 + 4));
    encoded.resize(bytes.len() * 4 / 3 + 4, 0);
    STANDARD_NO_PAD.encode_slice(&*bytes, &mut encoded).ok()?;
    let own = encoded.get((before * 8).div_ceil(6)..bytes.len() * 8 / 6)?;
    (own.len() >= MASKED_BASE64_CHARACTERS).then(|| pattern(own))
}

/// The encodings of a secret in common formats: plain, in a text of JSON, in a URL, in a form, in HTML.
fn written(secret: &str) -> Vec<Zeroizing<String>> {
    let mut all: Vec<Zeroizing<String>> = vec![Zeroizing::new(secret.to_owned())];
    let mut add = |text: String| {
        let text = Zeroizing::new(text);
        if !all.contains(&text) {
            all.push(text);
        }
    };
    // Any text can be written as JSON.
    let json = Zeroizing::new(serde_json::to_string(secret).unwrap_or_default());
    let json = json.get(1..json.len().saturating_sub(1)).unwrap_or_default();
    add(json.to_owned());
    add(json.replace('/', "\\/"));
    add(percent(secret, ""));
    add(percent(secret, " ").replace(' ', "+"));
    add(html(secret));
    all
}

fn percent(secret: &str, also_plain: &str) -> String {
    let mut text = String::with_capacity(secret.len() * 3);
    for c in secret.chars() {
        if c.is_ascii_alphanumeric() || "-._~".contains(c) || also_plain.contains(c) {
            text.push(c);
            continue;
        }
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            // Writing into a string cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

fn html(secret: &str) -> String {
    let mut text = String::with_capacity(secret.len() * 6);
    for c in secret.chars() {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\'' => text.push_str("&#39;"),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(alphabet: Alphabet, secret: &str) -> Vec<String> {
        let mut all = Vec::new();
        alphabet.patterns(secret, &mut all);
        all.iter().map(|pattern| String::from_utf8(pattern.bytes.to_vec()).unwrap()).collect()
    }

    #[test]
    fn a_secret_of_letters_has_one_spelling_in_digits_and_four_in_base64() {
        assert_eq!(patterns(Alphabet::Plain, "hunter2"), ["hunter2"]);
        assert_eq!(patterns(Alphabet::Hex, "hunter2"), ["68756e74657232"]);
        // Of `hunter2`, `xhunter2` and `xxhunter2`, without the letters at their edges; then the first as a whole.
        assert_eq!(
            patterns(Alphabet::Base64, "hunter2"),
            ["aHVudGVyM", "h1bnRlcj", "odW50ZXIy", "aHVudGVyMg"]
        );
    }

    #[test]
    fn what_is_too_short_to_be_told_from_chance_has_no_pattern() {
        assert!(patterns(Alphabet::Hex, "abc").is_empty());
        assert!(patterns(Alphabet::Base64, "abc").is_empty());
    }

    #[test]
    fn a_secret_with_signs_is_also_encoded_as_json_urls_forms_and_html_write_it() {
        let texts: Vec<String> = written("a \"/ä'").iter().map(|text| text.to_string()).collect();
        assert_eq!(
            texts,
            [
                "a \"/ä'",
                "a \\\"/ä'",
                "a \\\"\\/ä'",
                "a%20%22%2F%C3%A4%27",
                "a+%22%2F%C3%A4%27",
                "a &quot;/ä&#39;",
            ]
        );
    }

    #[test]
    fn several_bytes_are_one_letter() {
        assert_eq!(Alphabet::Hex.letter(b'A'), b'a');
        assert_eq!((Alphabet::Base64.letter(b'_'), Alphabet::Base64.letter(b'-')), (b'/', b'+'));
        assert_eq!(Alphabet::Plain.letter(b'A'), b'A');
        assert!(Alphabet::Base64.is_passed_over(b'\n') && !Alphabet::Hex.is_passed_over(b'\n'));
    }
}
