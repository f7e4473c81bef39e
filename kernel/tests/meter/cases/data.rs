//! The data of the cases: values of about a given size, ordinary ones and the worst that are known.

use serde_json::{Value, json};

/// A text of this length.
pub(super) fn text(size: usize) -> Value {
    json!({ "v": "aB é".repeat(size / 5 + 1) })
}

/// A text of blanks and letters.
pub(super) fn words(size: usize) -> Value {
    json!({ "v": "a b\n".repeat(size / 4 + 1) })
}

pub(super) fn letters(size: usize) -> Value {
    json!({ "v": "x".repeat(size), "w": "x".repeat(size / 2) })
}

pub(super) fn escaped(size: usize) -> Value {
    json!({ "v": "\u{1}\"".repeat(size / 8 + 1) })
}

/// Distinct whole numbers, unordered.
pub(super) fn numbers(size: usize) -> Value {
    let count = size / 6 + 1;
    json!({ "v": (0..count).map(|n| n * 7_919 % count).collect::<Vec<_>>() })
}

/// Numbers that are kept as their digits.
pub(super) fn digits(size: usize) -> Value {
    let list: Vec<String> =
        (0..=size / 40).map(|n| format!("{}123456789012345678901234567890.5", n + 1)).collect();
    serde_json::from_str(&format!("{{\"v\": [{}]}}", list.join(","))).unwrap_or_default()
}

pub(super) fn fractions(size: usize) -> Value {
    json!({ "v": (0..=size / 8).map(|n| n as f64 * 1.5).collect::<Vec<_>>() })
}

/// Distinct texts with a common prefix.
pub(super) fn names(size: usize) -> Value {
    let count = size / 40 + 1;
    json!({ "v": (0..count).map(|n| format!("A-name-that-begins-alike-{:06}", n * 7_919 % count)).collect::<Vec<_>>() })
}

pub(super) fn flags(size: usize) -> Value {
    json!({ "v": vec![true; size / 5 + 1] })
}

pub(super) fn empty_lists(size: usize) -> Value {
    json!({ "v": vec![json!([]); size / 3 + 1] })
}

pub(super) fn empty_texts(size: usize) -> Value {
    json!({ "v": vec![""; size / 3 + 1] })
}

pub(super) fn small_maps(size: usize) -> Value {
    json!({ "v": vec![json!({"a": {}}); size / 9 + 1] })
}

/// Maps as they are in answers.
pub(super) fn users(size: usize) -> Value {
    let count = size / 80 + 1;
    let user = |n: usize| json!({"id": n, "name": format!("User-{:05}", n * 7_919 % count), "on": n.is_multiple_of(2), "tags": ["a", "b"], "at": {"x": n}});
    json!({ "v": (0..count).map(user).collect::<Vec<_>>() })
}

/// One map with many names.
pub(super) fn map(size: usize) -> Value {
    let count = size / 20 + 1;
    json!({ "v": (0..count).map(|n| (format!("key-{n:06}"), json!(count - n))).collect::<serde_json::Map<_, _>>() })
}

/// Lists inside lists.
pub(super) fn nested(size: usize) -> Value {
    let inner = json!([[[[[1], [2]], [[3]]]], "x"]);
    json!({ "v": vec![inner; size / 30 + 1] })
}

pub(super) fn two(size: usize) -> Value {
    let list: Vec<_> = (0..=size / 12).collect();
    json!({ "v": list, "w": list })
}

pub(super) fn two_maps(size: usize) -> Value {
    let one = map(size / 2)["v"].clone();
    json!({ "v": one, "w": one })
}

pub(super) fn texts_and_part(size: usize) -> Value {
    json!({ "v": "a".repeat(size), "w": format!("{}b", "a".repeat(size / 2)) })
}

pub(super) fn binary(size: usize) -> Value {
    json!({ "v": "01".repeat(size / 2) })
}

/// The longest text that fits into a URL when it is encoded, also of the largest size.
pub(super) fn address(size: usize) -> Value {
    json!({ "v": "aB/é".repeat(size / 32 / 5 + 1) })
}

pub(super) fn segments(size: usize) -> Value {
    json!({ "v": vec!["a-b é"; size / 16 / 12 + 1] })
}

pub(super) fn beside_one(size: usize) -> Value {
    json!({ "v": vec![json!({}); size / 3], "one": 1 })
}

/// A list of texts, each of them with its number.
pub(super) fn numbered(size: usize, each: usize, item: fn(usize) -> String) -> Value {
    json!({ "v": (0..=size / each).map(item).collect::<Vec<_>>() })
}

pub(super) fn dates(size: usize) -> Value {
    numbered(size, 32, |n| format!("2026-01-{:02}T12:00:00+01:00", n % 28 + 1))
}

pub(super) fn mail_dates(size: usize) -> Value {
    numbered(size, 36, |n| format!("{} Jan 2026 11:{:02}:00 GMT", n % 28 + 1, n % 60))
}

pub(super) fn ips(size: usize) -> Value {
    numbered(size, 16, |n| {
        if n.is_multiple_of(2) {
            format!("10.0.{}.1", n % 256)
        } else {
            format!("2001:db8::{:x}", n % 65_536)
        }
    })
}

pub(super) fn domains(size: usize) -> Value {
    numbered(size, 40, |n| format!("a.b.c.d.e.f.host-{n}.www.ck.co.uk"))
}

pub(super) fn links(size: usize) -> Value {
    numbered(size, 64, |n| format!("https://host-{n}.example:8443/a/b/../c?a={n}&b=x%20y&c=%41%42"))
}

pub(super) fn foreign_links(size: usize) -> Value {
    numbered(size, 64, |n| format!("https://bücher-{n}.straße.例え.example/ä/ö?ü=%FF"))
}

pub(super) fn mails(size: usize) -> Value {
    numbered(size, 40, |n| format!("Someone <user-{n}@Mail.Example.com>"))
}

pub(super) fn numbers_as_texts(size: usize) -> Value {
    numbered(size, 12, |n| format!("[{n}]"))
}

/// The digits of bytes that are a text.
pub(super) fn digits_of_bytes(size: usize) -> Value {
    json!({ "v": "417a".repeat(size / 4 + 1) })
}

/// Zeros of two bytes each, in base64.
pub(super) fn zeros(size: usize) -> Value {
    json!({ "v": "AAAAAAAA".repeat(size / 8 + 1) })
}

pub(super) fn json_of_users(size: usize) -> Value {
    json!({ "v": users(size / 2)["v"].to_string() })
}

/// What a report has of indicators, each with its number.
pub(super) fn report(size: usize) -> Value {
    let item = |n: usize| {
        format!(
            "hxxp://a{n}.evil[.]com/x 203.0.113.{} m{n}[at]corp.example.com CVE-2026-{n:05} {n:032x} ",
            n % 256
        )
    };
    json!({ "v": (0..=size / 120).map(item).collect::<String>() })
}

pub(super) fn dots(size: usize) -> Value {
    json!({ "v": "a.b@".repeat(size / 4 + 1) })
}

pub(super) fn brackets(size: usize) -> Value {
    json!({ "v": "[[(h{.".repeat(size / 6 + 1) })
}
