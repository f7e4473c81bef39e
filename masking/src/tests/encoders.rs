//! The encodings of tools, and their decoders: written independently of the tested code.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

/// An encoding of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoder {
    Json,
    JsonAscii,
    JsonUnits,
    JsonSlash,
    Percent,
    PercentLower,
    PercentAll,
    PercentLenient,
    Form,
    Html,
    HtmlDecimal,
    HtmlHex,
    HtmlPadded,
}

pub(super) const ENCODERS: [Encoder; 13] = [
    Encoder::Json,
    Encoder::JsonAscii,
    Encoder::JsonUnits,
    Encoder::JsonSlash,
    Encoder::Percent,
    Encoder::PercentLower,
    Encoder::PercentAll,
    Encoder::PercentLenient,
    Encoder::Form,
    Encoder::Html,
    Encoder::HtmlDecimal,
    Encoder::HtmlHex,
    Encoder::HtmlPadded,
];

pub(super) fn encode(encoder: Encoder, text: &str) -> String {
    let quoted = || serde_json::to_string(text).unwrap();
    let json = || quoted()[1..quoted().len() - 1].to_owned();
    match encoder {
        Encoder::Json => json(),
        Encoder::JsonSlash => json().replace('/', "\\/"),
        Encoder::JsonAscii => units(&json(), |c| !c.is_ascii() || "<>&'".contains(c), false),
        Encoder::JsonUnits => units(text, |_| true, true),
        Encoder::Percent => percent(text, |c| c.is_ascii_alphanumeric() || "-._~".contains(c), true),
        Encoder::PercentLower => percent(text, |c| c.is_ascii_alphanumeric() || "-._~".contains(c), false),
        Encoder::PercentAll => percent(text, |_| false, true),
        // As browsers do with the query of a URL: a percent sign stays.
        Encoder::PercentLenient => percent(text, |c| ('!'..='~').contains(&c) && !"\"#<>".contains(c), true),
        Encoder::Form => {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-._* ".contains(c);
            percent(text, plain, true).replace(' ', "+")
        }
        Encoder::Html => entities(text, |c| match c {
            '&' => Some("&amp;".to_owned()),
            '<' => Some("&lt;".to_owned()),
            '>' => Some("&gt;".to_owned()),
            '"' => Some("&quot;".to_owned()),
            '\'' => Some("&apos;".to_owned()),
            _ => None,
        }),
        Encoder::HtmlDecimal => entities(text, |c| plain_not(c).then(|| format!("&#{};", u32::from(c)))),
        Encoder::HtmlHex => entities(text, |c| plain_not(c).then(|| format!("&#x{:X};", u32::from(c)))),
        Encoder::HtmlPadded => entities(text, |c| plain_not(c).then(|| format!("&#X{:06x};", u32::from(c)))),
    }
}

fn plain_not(c: char) -> bool {
    !c.is_ascii_alphanumeric()
}

fn units(text: &str, escaped: impl Fn(char) -> bool, upper: bool) -> String {
    let unit = |unit: &u16| if upper { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") };
    let one = |c: char| match escaped(c) {
        true => c.encode_utf16(&mut [0; 2]).iter().map(unit).collect(),
        false => c.to_string(),
    };
    text.chars().map(one).collect()
}

fn percent(text: &str, plain: impl Fn(char) -> bool, upper: bool) -> String {
    let byte = |byte: u8| if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") };
    let one = |c: char| match plain(c) {
        true => c.to_string(),
        false => c.encode_utf8(&mut [0; 4]).bytes().map(byte).collect(),
    };
    text.chars().map(one).collect()
}

fn entities(text: &str, entity: impl Fn(char) -> Option<String>) -> String {
    text.chars().map(|c| entity(c).unwrap_or_else(|| c.to_string())).collect()
}

/// An encoding of bytes in letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Letters {
    Hex { upper: bool },
    Base64 { url: bool, padded: bool, line: usize },
}

pub(super) fn letters(letters: Letters, text: &str) -> String {
    match letters {
        Letters::Hex { upper: true } => text.bytes().map(|byte| format!("{byte:02X}")).collect(),
        Letters::Hex { upper: false } => text.bytes().map(|byte| format!("{byte:02x}")).collect(),
        Letters::Base64 { url, padded, line } => {
            let encoded = match (url, padded) {
                (false, true) => STANDARD.encode(text),
                (false, false) => STANDARD_NO_PAD.encode(text),
                (true, true) => URL_SAFE.encode(text),
                (true, false) => URL_SAFE_NO_PAD.encode(text),
            };
            let lines: Vec<&str> =
                encoded.as_bytes().chunks(line).map(|line| std::str::from_utf8(line).unwrap()).collect();
            lines.join("\r\n")
        }
    }
}

/// Every text that decoders may make of a text: unescaped up to so many times in every order, then decoded from
/// letters.
pub(super) fn decodings(text: &str, levels: usize) -> Vec<String> {
    let mut all = vec![text.to_owned()];
    let mut newest = all.clone();
    for _ in 0..levels {
        let decoders = [unjson, unpercent, unform, unhtml];
        let next = newest.iter().flat_map(|text| decoders.map(|decode| decode(text)));
        newest = next.filter(|text| !all.contains(text)).collect();
        newest.sort();
        newest.dedup();
        all.extend(newest.iter().cloned());
    }
    let lettered: Vec<String> = all.iter().flat_map(|text| [unhex(text), unbase64(text)]).flatten().collect();
    all.extend(lettered);
    all
}

fn unjson(text: &str) -> String {
    let mut decoded = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let len =
            (2..=12.min(rest.len())).filter(|len| c == '\\' && rest.is_char_boundary(*len)).find_map(|len| {
                let read = serde_json::from_str::<String>(&format!("\"{}\"", &rest[..len])).ok()?;
                (read.chars().count() == 1).then_some((len, read))
            });
        let (len, read) = len.unwrap_or((c.len_utf8(), c.to_string()));
        decoded.push_str(&read);
        rest = &rest[len..];
    }
    decoded
}

fn unpercent(text: &str) -> String {
    let (bytes, mut decoded, mut at) = (text.as_bytes(), Vec::new(), 0);
    while at < bytes.len() {
        let pair = text.get(at + 1..at + 3).filter(|pair| pair.bytes().all(|b| b.is_ascii_hexdigit()));
        match (bytes[at], pair) {
            (b'%', Some(pair)) => {
                decoded.push(u8::from_str_radix(pair, 16).unwrap());
                at += 3;
            }
            (byte, _) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn unform(text: &str) -> String {
    unpercent(&text.replace('+', " "))
}

fn unhtml(text: &str) -> String {
    let mut decoded = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let entity = rest.strip_prefix('&').and_then(|rest| rest.split_once(';'));
        let character = entity.and_then(|(name, _)| match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            name => {
                let number = name.strip_prefix('#')?;
                let code = match number.strip_prefix(['x', 'X']) {
                    Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                    None => number.parse().ok()?,
                };
                char::from_u32(code)
            }
        });
        match (character, entity) {
            (Some(character), Some((_, after))) => {
                decoded.push(character);
                rest = after;
            }
            _ => {
                decoded.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    decoded
}

fn unhex(text: &str) -> Vec<String> {
    let runs = text.split(|c: char| !c.is_ascii_hexdigit()).filter(|run| run.len() > 7);
    let decode = |run: &str| {
        let pairs = run.as_bytes().chunks_exact(2).map(|pair| std::str::from_utf8(pair).unwrap());
        let bytes: Vec<u8> = pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    runs.flat_map(|run| [decode(run), decode(&run[1..])]).collect()
}

fn unbase64(text: &str) -> Vec<String> {
    let text = text.replace(['\r', '\n'], "").replace('-', "+").replace('_', "/");
    let runs =
        text.split(|c: char| !(c.is_ascii_alphanumeric() || "+/".contains(c))).filter(|run| run.len() > 7);
    let decode = |run: &str| {
        let whole = &run[..run.len() - usize::from(run.len() % 4 == 1)];
        let bits = whole.bytes().map(|byte| {
            let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
            letters.iter().position(|letter| *letter == byte).unwrap() as u32
        });
        let bits: Vec<u32> = bits.collect();
        let groups = bits.chunks(4).flat_map(|group| {
            let all = (0..4).fold(0, |all, at| all << 6 | group.get(at).copied().unwrap_or(0));
            let bytes = [(all >> 16) as u8, (all >> 8) as u8, all as u8];
            bytes.into_iter().take(group.len() * 6 / 8)
        });
        String::from_utf8_lossy(&groups.collect::<Vec<u8>>()).into_owned()
    };
    runs.flat_map(|run| (0..4).map(move |from| decode(&run[from..]))).collect()
}

#[test]
fn what_is_encoded_is_decoded_again() {
    let text = "p\"a\\s/s w&o'r<d> %41+ä🦀\n";
    for encoder in ENCODERS {
        // A lenient encoder's percent signs cannot be distinguished from its escapes.
        let lost = encoder == Encoder::PercentLenient;
        assert!(lost || decodings(&encode(encoder, text), 1).contains(&text.to_owned()), "{encoder:?}");
    }
    for base64 in [(true, true), (true, false), (false, true), (false, false)] {
        let letters_of = Letters::Base64 { url: base64.0, padded: base64.1, line: 7 };
        assert!(decodings(&letters(letters_of, text), 0).contains(&text.to_owned()), "{base64:?}");
    }
    assert!(decodings(&letters(Letters::Hex { upper: true }, text), 0).contains(&text.to_owned()));
}
