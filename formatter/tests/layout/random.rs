//! Whatever a text says, its layout says the same, with the same comments.

use proptest::prelude::*;
use proptest::sample::select;
use updraft_formatter::{Error, format};
use updraft_protocol::{Value, parse};

use crate::MOST;
use crate::written::{Noise, Written, spelled, written};

/// The comments of a written text, in their order.
fn comments(text: &str) -> Vec<&str> {
    let ends = |rest: &str| rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    text.split("#c").skip(1).map(|rest| &rest[..ends(rest)]).collect()
}

fn value(text: &str) -> Value {
    parse::document(text.as_bytes(), MOST).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Parts of YAML, as they may stand in any order.
const PARTS: [&str; 40] = [
    "a", "b: ", "c:", "- ", "-", "\n", "\n", "\n  ", "\n    ", " ", "  ", "#c", " #d\n", "[", "]", "{", "}",
    ", ", ",", "'", "\"", "|", ">", "|+\n", ">-\n", "|2\n", "&x ", "*x", "!!str ", "? ", "\\", "1", "---",
    "...", "\t", "~", "x: 1\n", "- y\n", "\r\n", "z: ",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_text_keeps_its_value_and_its_comments(
        root in written(),
        noise in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let text = spelled(&Written::Map(root), &mut Noise::new(noise));
        let once = format(text.as_bytes(), MOST);
        let once = once.unwrap_or_else(|error| panic!("{error}:\n{text}"));
        prop_assert_eq!(value(&text), value(&once), "{}", text);
        prop_assert_eq!(comments(&text), comments(&once), "{}\n{}", text, once);
        prop_assert_eq!(format(once.as_bytes(), MOST).unwrap(), once);
    }

    #[test]
    fn whatever_can_be_read_has_a_layout(parts in prop::collection::vec(select(&PARTS[..]), 0..24)) {
        let text = format!("k: 0\n{}", parts.concat());
        let error = format(text.as_bytes(), MOST).err();
        let refused = matches!(error, None | Some(Error::Unread(_) | Error::NoFields | Error::Unusual { .. }));
        prop_assert!(refused, "{:?}: {:?}", error, text);
    }
}
