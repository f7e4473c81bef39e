//! The layout of texts: what it looks like, and what it keeps of whatever text.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod cases;
mod comments;
mod corpus;
mod random;
mod refused;
mod written;

use updraft_formatter::{Error, format};

/// More than any text of these tests has.
const MOST: usize = 1 << 20;

/// The layout of a text; and that it is its own layout.
fn laid_out(text: &str) -> String {
    let once = format(text.as_bytes(), MOST).unwrap_or_else(|error| panic!("{error}: {text:?}"));
    assert_eq!(format(once.as_bytes(), MOST).as_deref(), Ok(&*once), "{text:?}");
    once
}

/// Why a text has no layout.
fn refusal(text: &str) -> String {
    format(text.as_bytes(), MOST)
        .map_or_else(|error: Error| error.mistakes().join("\n"), |text| panic!("{text}"))
}
