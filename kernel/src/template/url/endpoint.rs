//! Endpoints: the allowed constants for scheme, host and port. Resolves and connects nothing.

use url::Url;

use super::spelling::leads_elsewhere;

/// Why `text` cannot be scheme, host, port and prefix of a URL.
///
/// # Errors
/// What is needed instead; never the text, which may contain credentials.
pub(crate) fn base(text: &str) -> Result<(), &'static str> {
    const NEEDED: &str = "a URL is needed that begins with `http://` or `https://`";
    if !begins_as_url(text) {
        return Err(NEEDED);
    }
    if let Some(mistake) = unfit(text) {
        return Err(mistake);
    }
    let authority = text.split_once("://").map_or("", |(_, rest)| rest);
    let (authority, path) = authority.split_at(authority.find(['/', '?', '#']).unwrap_or(authority.len()));
    if authority.contains('@') {
        return Err("credentials belong into a header, as a secret: `{$secret: NAME}`");
    }
    if authority.is_empty() {
        return Err(NEEDED);
    }
    if path.contains(['?', '#']) {
        return Err("a place to connect to has no query and no fragment");
    }
    if path.split('/').any(leads_elsewhere) {
        return Err("the path of a place to connect to has no `.` and `..`");
    }
    match Url::parse(text) {
        Ok(url) if url.has_host() => Ok(()),
        _ => Err("not a URL: its host or port is not one"),
    }
}

/// Why `text` cannot be a part of a host, or a port.
///
/// # Errors
/// What is needed instead.
pub(crate) fn host(text: &str) -> Result<(), &'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '[' | ']');
    if !text.is_empty() && text.chars().all(plain) {
        return Ok(());
    }
    Err("the name of a host, or a port, is needed: letters, digits, `-` and `.`")
}

/// Whether it begins with the scheme of HTTP.
pub(super) fn begins_as_url(text: &str) -> bool {
    ["http://", "https://"]
        .into_iter()
        .any(|scheme| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
}

/// The part of an author's text that is no URL: a reader would drop it, or take it for something else.
pub(super) fn unfit(text: &str) -> Option<&'static str> {
    let bytes = text.as_bytes();
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Some("a URL has no blanks and line breaks: a blank is written `%20`");
    }
    if text.contains('\\') {
        return Some("a URL has no `\\`: it is read as `/`; as a part of a name it is written `%5C`");
    }
    let escaped = |(at, byte): (usize, &u8)| *byte != b'%' || super::encode::is_escape(bytes, at);
    if !bytes.iter().enumerate().all(escaped) {
        return Some("in a URL, `%` begins an escape of two digits; alone it is written `%25`");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_to_connect_to_is_scheme_host_port_and_prefix() {
        for text in [
            "http://h",
            "https://h.example:8443/api/v1/",
            "HTTPS://10.1.2.3",
            "http://[::1]:80/",
            "https://ä.example",
        ] {
            assert_eq!(base(text), Ok(()), "{text}");
        }
        for text in [
            "",
            "h",
            "ftp://h",
            "//h",
            "https:/h",
            "https://",
            "https:///a",
            "https://u@h",
            "https://u:p@h/",
            "https://h?a",
            "https://h/#a",
            "https://h/a/../b",
            "https://h/%2e%2e",
            "https://h h",
            "https://h\n",
            " https://h",
            "https:\\\\h",
            "https://h\\a",
            "https://h:99999",
            "https://h:x",
            "https://%",
            "https://a%2fb",
        ] {
            assert!(base(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_part_of_a_host_is_plain() {
        for text in ["eu-1", "8443", "edr.example:8443", "[::1]"] {
            assert_eq!(host(text), Ok(()), "{text}");
        }
        for text in ["", "a/b", "a@b", "a?b", "a#b", "a b", "a\\b", "a%2fb", "ä"] {
            assert!(host(text).is_err(), "{text}");
        }
    }
}
