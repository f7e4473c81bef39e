//! The cost of a search, in steps: bounded for each byte, for any text and any secrets.

use super::masker;
use crate::Masker;
use crate::search::{Search, search};

/// Several times the longest secret.
const TEXT_BYTES: usize = 1 << 14;

/// Steps for each byte of the text, which is repeated.
fn steps(masker: &Masker, piece: &str) -> u64 {
    let text = piece.repeat(TEXT_BYTES / piece.len());
    search(&text, masker.tables(), Search::WHOLE).steps / text.len() as u64
}

/// Secrets that begin in many ways.
fn hundred() -> Vec<String> {
    (0..100_u32).map(|number| format!("{:x}-secret-{number}", number.wrapping_mul(2_654_435_761))).collect()
}

#[test]
fn an_ordinary_text_is_read_in_a_few_steps_a_byte_with_a_hundred_secrets() {
    let secrets = hundred();
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    let text = r#"{"id": 4711, "host": "ws-fin-014", "seen": "2026-01-02T03:04:05Z", "path": "C:\\Windows\\a.exe"}, "#;
    let cost = steps(&masker(&secrets), text);
    assert!(cost <= 4, "{cost}");
}

#[test]
fn a_text_that_is_made_to_be_slow_costs_so_many_steps_a_byte_at_most() {
    let all = hundred();
    let mut secrets: Vec<&str> = all.iter().map(String::as_str).collect();
    let (letters, slashes, percents) = ("a".repeat(2_048), "\\".repeat(2_048), "%".repeat(2_048));
    let halves = format!("{}b", "a".repeat(2_000));
    secrets.extend([letters.as_str(), &slashes, &percents, &halves, "ababab", "&&&&&&&&"]);
    let masker = masker(&secrets);
    for piece in [
        "a",
        "\\",
        "%",
        "&",
        "+",
        "%25",
        "%25%25%",
        "%2525",
        "%61",
        "\\u0061",
        "&#97;",
        "&amp;",
        "&amp;amp;",
        "&#x26;",
        "&#",
        "\\u",
        "\\ud83e",
        "\\ud83e\\udd80",
        "\\u005c",
        "%5c",
        "\\\\u005cu",
        "&#92;",
        "a%61",
        "%61a%2561",
        "%2B",
        "YWFh",
        "YWFh\r\n",
        "YWFh\\n",
        "616161",
        "%36%31",
        "&#0000038;",
        "&#0000038;#x26;",
        "a%62",
        "ab%61b",
    ] {
        let cost = steps(&masker, piece);
        assert!(cost <= 150, "{piece}: {cost}");
    }
}

#[test]
fn work_is_bounded_alike_however_long_a_secret_is() {
    for len in [64, 512, 4_096] {
        let masker = masker(&[&"a".repeat(len), &"\\".repeat(len)]);
        for piece in ["%61", "a", "\\u0061", "\\"] {
            let cost = steps(&masker, piece);
            assert!(cost <= 250, "{len} {piece}: {cost}");
        }
    }
}
