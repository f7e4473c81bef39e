//! Charsets: the bytes of an answer as text. A byte order mark decides first, then `Content-Type`, then UTF-8 is
//! assumed. An invalid byte becomes U+FFFD; nothing else is lost.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8};

use super::problem::Problem;

/// Decodes the bytes.
pub(crate) fn text<'a>(bytes: &'a [u8], content_type: Option<&str>) -> Result<Cow<'a, str>, Problem> {
    if bytes.is_empty() {
        return Ok(Cow::Borrowed(""));
    }
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        let rest = bytes.get(mark..).unwrap_or_default();
        return Ok(encoding.decode_without_bom_handling(rest).0);
    }
    let encoding = match content_type.and_then(declared) {
        None => UTF_8,
        Some(label) => Encoding::for_label_no_replacement(label.as_bytes())
            .ok_or_else(|| Problem::unknown("charset", label))?,
    };
    Ok(encoding.decode_without_bom_handling(bytes).0)
}

/// The charset that a `Content-Type` declares (RFC 9110, 8.3.1).
fn declared(content_type: &str) -> Option<&str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches('"').trim();
        (name.trim().eq_ignore_ascii_case("charset") && !value.is_empty()).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], content_type: &str) -> Result<String, Problem> {
        text(bytes, Some(content_type).filter(|text| !text.is_empty())).map(Cow::into_owned)
    }

    #[test]
    fn a_text_is_read_in_the_charset_that_is_declared() {
        for (bytes, content_type, text) in [
            (&b"gr\xc3\xbcn"[..], "", "grün"),
            (b"gr\xc3\xbcn", "application/json", "grün"),
            (b"gr\xfcn", "text/plain; charset=ISO-8859-1", "grün"),
            (b"gr\xfcn", "text/plain;Charset=\"latin1\"; format=flowed", "grün"),
            (b"\x93x\x94 \x80", "text/plain; charset=windows-1252", "“x” €"),
            ("\u{8a66}".as_bytes(), "text/plain; charset=utf8", "試"),
            (b"\x82\xa0", "text/plain; charset=Shift_JIS", "あ"),
            (b"\xc7\xd1", "text/plain; charset=euc-kr", "한"),
            (b"\xd0\xd2", "text/plain; charset=koi8-r", "пр"),
            (b"a\0\xfc\0", "text/plain; charset=utf-16le", "aü"),
            (b"gr\xc3\xbcn", "text/plain; charset=", "grün"),
        ] {
            assert_eq!(read(bytes, content_type).as_deref(), Ok(text), "{content_type}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_believed_before_the_declaration_and_is_no_text() {
        for bytes in [&b"\xef\xbb\xbf[1]"[..], b"\xff\xfe[\x001\x00]\x00", b"\xfe\xff\x00[\x001\x00]"] {
            for content_type in ["", "application/json; charset=windows-1252", "text/plain; charset=klingon"]
            {
                assert_eq!(read(bytes, content_type).as_deref(), Ok("[1]"));
            }
        }
    }

    #[test]
    fn a_bad_character_costs_that_character() {
        assert_eq!(read(b"a\xffb\xc3", "").as_deref(), Ok("a\u{fffd}b\u{fffd}"));
        assert_eq!(read(b"\xff\xfea\x00\x00\xd8b\x00", "").as_deref(), Ok("a\u{fffd}b"));
    }

    #[test]
    fn a_charset_that_nobody_knows_is_a_problem() {
        for label in ["klingon", "utf-7", "iso-2022-kr", "\u{0}"] {
            let content_type = format!("text/plain; charset={label}");
            assert!(read(b"a", &content_type).is_err(), "{label}");
            assert_eq!(read(b"", &content_type).as_deref(), Ok(""), "nothing is nothing in every charset");
        }
    }
}
