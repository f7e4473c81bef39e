//! Dot segments in every spelling that servers and proxies are known to read: percent-encoded, again and again, in
//! UTF-8 that is longer than it need be, as `%u002e`, in full-width characters, before a `;`. Encodes nothing.

use updraft_protocol::limits::HTTP_URL_READINGS;

/// Whether a part of `text` between `/` and `\` is, or can be read as, `.` or `..`.
pub(super) fn leads_elsewhere(text: &str) -> bool {
    if text.bytes().all(|byte| byte.is_ascii() && !matches!(byte, b'.' | b'%')) {
        return false;
    }
    let mut text = text.to_owned();
    for _ in 0..HTTP_URL_READINGS {
        if has_dots(&text) {
            return true;
        }
        let bytes = shortest(&unescaped(text.as_bytes()));
        let read: String = String::from_utf8_lossy(&bytes).chars().map(plain).collect();
        if read == text {
            return false;
        }
        text = read;
    }
    // A name is hardly ever written like this.
    true
}

fn has_dots(text: &str) -> bool {
    text.split(['/', '\\']).any(|part| {
        // Some servers cut off parameters, and after decoding the end of a path or of a text.
        let name = part.split([';', '?', '#', '\0']).next().unwrap_or_default();
        let mut name = name.chars().filter(|c| !is_ignored(*c));
        let dot = |c: char| c == '.';
        match (name.next(), name.next(), name.next()) {
            (Some('\u{2025}'), None, _) => true,
            (Some(first), None, _) => dot(first),
            (Some(first), Some(second), None) => dot(first) && dot(second),
            _ => false,
        }
    })
}

/// Whether a segment is empty for a reader that drops invisible characters and takes several `/` for one.
pub(super) fn is_nothing(text: &str) -> bool {
    let bytes = shortest(&unescaped(text.as_bytes()));
    String::from_utf8_lossy(&bytes).chars().map(plain).all(|c| matches!(c, '/' | '\\') || is_ignored(c))
}

/// Characters that some readers drop: blanks, control characters, and invisible characters: Unicode's format characters
/// and those of its property Default_Ignorable_Code_Point (Unicode 16, DerivedCoreProperties.txt).
fn is_ignored(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}' | '\u{891}'
            | '\u{8e2}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// The bytes with every escape decoded, also those that decoding makes. Linear: each byte is pushed once, and each
/// escape becomes shorter.
fn unescaped(bytes: &[u8]) -> Vec<u8> {
    let mut read = Vec::with_capacity(bytes.len());
    for &byte in bytes {
        read.push(byte);
        while let Some((start, found)) = escape(&read) {
            read.truncate(start);
            read.extend_from_slice(found.encode_utf8(&mut [0; 4]).as_bytes());
        }
        while let Some((start, found)) = raw_escape(&read) {
            read.truncate(start);
            read.push(found);
        }
    }
    read
}

/// `%u002e` at the end: its start and its character.
fn escape(read: &[u8]) -> Option<(usize, char)> {
    let start = read.len().checked_sub(6)?;
    let [b'%', b'u' | b'U', digits @ ..] = read.get(start..)? else { return None };
    let code = digits.iter().try_fold(0, |code, digit| Some(code << 4 | hex(*digit)?))?;
    Some((start, char::from_u32(code)?))
}

/// `%2e` at the end: its start and its byte.
fn raw_escape(read: &[u8]) -> Option<(usize, u8)> {
    let start = read.len().checked_sub(3)?;
    let [b'%', high, low] = read.get(start..)? else { return None };
    let byte = hex(*high)? << 4 | hex(*low)?;
    Some((start, u8::try_from(byte).ok()?))
}

fn hex(digit: u8) -> Option<u32> {
    char::from(digit).to_digit(16)
}

/// The bytes, with characters of ASCII that take more than one byte in one: UTF-8 forbids them, but some readers accept
/// them.
fn shortest(bytes: &[u8]) -> Vec<u8> {
    let mut read = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&lead) = bytes.get(at) {
        let (length, bits) = match lead {
            0xc0 | 0xc1 => (2, u32::from(lead & 1)),
            0xe0 => (3, 0),
            0xf0 => (4, 0),
            0xf8 => (5, 0),
            0xfc => (6, 0),
            _ => (1, u32::from(lead)),
        };
        match bytes.get(at + 1..at + length).and_then(|rest| overlong(bits, rest)) {
            Some(ascii) if length > 1 => {
                read.push(ascii);
                at += length;
            }
            _ => {
                read.push(lead);
                at += 1;
            }
        }
    }
    read
}

/// The character of ASCII that a sequence of more than one byte spells.
fn overlong(bits: u32, rest: &[u8]) -> Option<u8> {
    let code = rest.iter().fold(bits, |code, byte| code << 6 | u32::from(byte & 0x3f));
    let ascii = u8::try_from(code).ok().filter(u8::is_ascii)?;
    // The bytes C0 and C1 are invalid in UTF-8: the bytes after them need not be well formed either.
    let continued = rest.iter().all(|byte| (0x80..0xc0).contains(byte));
    (continued || (rest.len() == 1 && matches!(ascii, b'.' | b'/' | b'\\' | b'%'))).then_some(ascii)
}

/// The character of ASCII for which some readers take `c`.
fn plain(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{2024}' | '\u{fe52}' | '\u{3002}' | '\u{ff61}' => '.',
        '\u{2044}' | '\u{2215}' | '\u{29f8}' => '/',
        '\u{2216}' | '\u{29f5}' | '\u{fe68}' => '\\',
        '\u{fe6a}' => '%',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_dot_segment_is_known() {
        for text in [
            ".",
            "..",
            "../a",
            "a/..",
            "a/../b",
            "a\\..\\b",
            "./a",
            "%2e",
            "%2E%2e",
            ".%2e",
            "%2e./x",
            "%252e%252e",
            "%25252e.",
            "%%32%65.",
            "%2%65.",
            "a%2f..%2fb",
            "a%5c..",
            "a%255C%252e%252e",
            "..%00",
            "..%00.png",
            "a/..;v=1/b",
            "..;",
            "..?x",
            "..#x",
            "%c0%ae%c0%ae",
            "%c0%ae.",
            "..%c0%afa",
            "..%c1%9ca",
            "%e0%80%ae.",
            "%f0%80%80%ae.",
            "%f8%80%80%80%ae.",
            "%fc%80%80%80%80%ae.",
            "%c0%2e.",
            "%c0%6e.",
            "%u002e%u002e",
            "%U002E.",
            "..%u2215a",
            "..%u2216a",
            "．．",
            "．%2e",
            "a／..",
            "a＼..",
            "％2e.",
            "‥",
            "。。",
            "｡.",
            ".\u{fe0f}.",
            ".\u{34f}.",
            ".\u{202e}.",
            ".\u{2066}.",
            ".\u{180e}.",
            ".\u{e0020}.",
            "․․",
            "﹒﹒",
            " ..",
            ".. ",
            ".\t.",
            ".\n./a",
            "..%20",
            ".%09.",
            ".\u{200b}.",
            "..\u{ad}",
            "a/ . /b",
            "..%2525252525252f",
            "%c0%a52e.",
        ] {
            assert!(leads_elsewhere(text), "{text:?}");
        }
    }

    #[test]
    fn a_segment_without_anything_in_it_is_nothing() {
        for text in [
            "",
            "/",
            "//",
            "\\",
            "%2f",
            "%252F%20",
            "／",
            " ",
            "\t",
            "\0",
            "\u{200b}",
            "/ \u{feff}\\",
            "\u{3000}",
        ] {
            assert!(is_nothing(text), "{text:?}");
        }
        for text in ["a", " a", "-", "/a", "0", "\u{300}", "．"] {
            assert!(!is_nothing(text), "{text:?}");
        }
    }

    #[test]
    fn a_name_with_dots_in_it_is_a_name() {
        for text in [
            "",
            "a",
            "WS-1",
            "a.b",
            "...",
            "....",
            "..a",
            "a..",
            ".a",
            "a.",
            "v1..2",
            ".git",
            "a/b",
            "a//b",
            "a\\b",
            "100%",
            "%",
            "%2",
            "%zz",
            "a%2fb",
            "%252f",
            "é.è",
            "日本",
            "a.%00",
            "http://x.example/a?b=c#d",
            "%ff%fe",
            "%c3%a9",
            "😀..😀",
            "a;b",
            ";..",
            "%u00e9",
            "-.-",
        ] {
            assert!(!leads_elsewhere(text), "{text:?}");
        }
    }

    #[test]
    fn a_text_that_always_brings_more_to_light_is_no_name() {
        let text = (0..20).fold("%2f".to_owned(), |text, _| text.replace('%', "%c0%a5"));
        assert!(leads_elsewhere(&text[..text.len().min(1 << 14)]) || text.len() > 1 << 14);
        assert!(!leads_elsewhere(&format!("{}2f", "%25".repeat(5_000))));
    }
}
