//! Percent-encoding (RFC 3986): a value as text of a URL in which nothing of it is structure.

/// Appends `text` with everything encoded except unreserved characters (RFC 3986, section 2.3).
pub(crate) fn encode(out: &mut String, text: &str) {
    for byte in text.bytes() {
        push(out, byte, is_unreserved(byte));
    }
}

/// Appends `text`, which is already pairs of a query: `&`, `=`, `+` and escapes stay.
pub(super) fn encode_query(out: &mut String, text: &str) {
    let bytes = text.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        let kept = match byte {
            b'%' => is_escape(bytes, at),
            b'&' | b'=' | b'+' => true,
            byte => is_unreserved(byte),
        };
        push(out, byte, kept);
    }
}

fn push(out: &mut String, byte: u8, kept: bool) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    if kept {
        out.push(char::from(byte));
        return;
    }
    out.push('%');
    for digit in [byte >> 4, byte & 15] {
        out.push(DIGITS.get(usize::from(digit)).copied().unwrap_or('0'));
    }
}

/// Whether a whole escape starts at `at`, where a `%` is.
pub(super) fn is_escape(bytes: &[u8], at: usize) -> bool {
    let digits = bytes.get(at + 1..at + 3);
    digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_but_unreserved_characters_is_encoded() {
        let mut out = String::new();
        encode(&mut out, "aZ09-._~/?#[]@!$&'()*+,;=:% \u{0}é");
        assert_eq!(out, "aZ09-._~%2F%3F%23%5B%5D%40%21%24%26%27%28%29%2A%2B%2C%3B%3D%3A%25%20%00%C3%A9");
    }

    #[test]
    fn a_query_keeps_its_pairs_and_nothing_else() {
        let mut out = String::new();
        encode_query(&mut out, "a=1&b=x%20y+z&c=100%#/?é");
        assert_eq!(out, "a=1&b=x%20y+z&c=100%25%23%2F%3F%C3%A9");
    }
}
