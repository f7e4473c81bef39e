//! Random secrets in random encodings: no decoding of the masked text contains the secret, and the text around it
//! stays.

use proptest::prelude::*;

use super::encoders::{ENCODERS, Encoder, Letters, decodings, encode, letters};
use super::masker;

/// Texts in which quotes, escapes and similar sequences are frequent.
fn secret() -> impl Strategy<Value = String> {
    let pieces = [
        "\"", "\\", "/", "%41", "%", "&amp;", "&", ";", "+", " ", "\n", "\t", "\u{1}", "ä", "🦀", "'", "<",
        "=", "a", "Zq9", "x", "7", "\\n", "%2541",
    ];
    let piece = prop::sample::select(pieces.to_vec());
    prop::collection::vec(piece, 6..14).prop_map(|pieces| format!("k{}", pieces.concat()))
}

fn shape() -> impl Strategy<Value = Option<Letters>> {
    let line = prop::sample::select(vec![64, 76]);
    prop_oneof![
        3 => Just(None),
        1 => any::<bool>().prop_map(|upper| Some(Letters::Hex { upper })),
        2 => (any::<bool>(), any::<bool>(), line)
            .prop_map(|(url, padded, line)| Some(Letters::Base64 { url, padded, line })),
    ]
}

/// Up to three nested escapes, after bytes were encoded in letters.
fn spelled(secret: &str, shape: Option<Letters>, edges: (&str, &str), nest: &[Encoder]) -> String {
    let text = match shape {
        Some(shape) => letters(shape, &format!("{}{secret}{}", edges.0, edges.1)),
        None => secret.to_owned(),
    };
    nest.iter().fold(text, |text, encoder| encode(*encoder, &text))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_reader_finds_the_secret_in_what_was_masked(
        secret in secret(),
        shape in shape(),
        before in "[a-z:]{0,4}",
        after in "[a-z!]{0,4}",
        nest in prop::collection::vec(prop::sample::select(ENCODERS.to_vec()), 0..=3),
    ) {
        let text = format!("GET {} HTTP", spelled(&secret, shape, (&before, &after), &nest));
        let masked = masker(&[&secret]).text(text.clone());
        prop_assert!(masked.contains("***"), "{}", text);
        for decoded in decodings(&masked, 3) {
            prop_assert!(!decoded.contains(&secret), "{}\n{}\n{}", text, masked, decoded);
        }
        if shape.is_none() {
            prop_assert_eq!(masked, "GET *** HTTP");
        } else {
            prop_assert!(masked.starts_with("GET ") && masked.ends_with(" HTTP"), "{}", masked);
        }
    }

    #[test]
    fn each_character_may_be_spelled_in_a_way_of_its_own(
        secret in secret(),
        nests in prop::collection::vec(prop::collection::vec(prop::sample::select(ENCODERS.to_vec()), 0..=3), 1..40),
    ) {
        let spelled = secret.chars().zip(nests.iter().cycle());
        let text: String =
            spelled.map(|(c, nest)| nest.iter().fold(c.to_string(), |text, encoder| encode(*encoder, &text))).collect();
        prop_assert_eq!(masker(&[&secret]).text(format!("a: {text}, b")), "a: ***, b");
    }

    #[test]
    fn a_text_without_the_secret_stays_byte_for_byte(
        secret in secret(),
        pieces in prop::collection::vec(prop::sample::select(vec![
            "\"", "\\", "%41", "%", "&amp;", "&", "+", "\n", "ä", "🦀", "a", "Zq9", "\\u00e4", "%25", "c2VjcmV0", "6b", "7",
        ]), 0..60),
    ) {
        // The secret begins with a letter that is in no encoding of the other pieces.
        let secret = format!("§{secret}");
        let text = pieces.concat();
        prop_assert_eq!(masker(&[&secret]).text(text.clone()), text.clone());
        prop_assert_eq!(masker(&[&secret]).beginning(text.clone(), true), text);
    }

    #[test]
    fn of_a_text_that_was_cut_anywhere_no_long_part_of_the_secret_stays(
        secret in "[a-z/\"& ]{12,20}",
        encoder in prop::sample::select(ENCODERS.to_vec()),
        cut in any::<prop::sample::Index>(),
    ) {
        let spelled = encode(encoder, &secret);
        let text = format!("0123: {spelled}");
        let cut = cut.index(spelled.len() + 1) + text.len() - spelled.len();
        let masked = masker(&[&secret]).beginning(text[..cut].to_owned(), true);
        for decoded in decodings(&masked, 1) {
            // The first three letters, and the beginning of a cut escape that happens to equal the fourth.
            prop_assert!(!decoded.contains(&secret[..4]), "{} {}", &text[..cut], masked);
        }
    }
}
