//! Tests of masking as a whole: the secrets that are found, the cost, and the masked values. Owns the maskers that they
//! share.

mod cost;
mod encoders;
mod random;
mod spellings;
mod values;

use crate::Masker;

/// A masker with these secrets.
fn masker(secrets: &[&str]) -> Masker {
    let mut masker = Masker::new();
    secrets.iter().for_each(|secret| masker.add(secret));
    masker
}

/// The text without these secrets.
fn masked(secrets: &[&str], text: &str) -> String {
    masker(secrets).text(text.to_owned())
}
