//! The layout of playbooks and test cases: one for each text, whoever wrote it. It changes where things stand, and never what they
//! say: values, their order, their spelling and comments stay, which is proven of each text before it is given. No IO, no clock.

mod error;
mod json;
mod yaml;

use updraft_protocol::parse::{self, is_json};
use updraft_protocol::{Value, text};

pub use error::Error;

/// The text of a playbook or a test case in its layout: UTF-8 without a mark, each line ended by one line feed. Neither the text nor what
/// it becomes may have more than `most` bytes.
///
/// # Errors
/// Why it is no such text, with the place; or the place that cannot be laid out.
pub fn format(bytes: &[u8], most: usize) -> Result<String, Error> {
    let value: Value = parse::document(bytes, most)?;
    if !matches!(value, Value::Object(_)) {
        return Err(Error::NoFields);
    }
    let text = text::decode(bytes).map_err(parse::Error::from)?;
    let laid_out = if is_json(&text) { json::format(&text, most)? } else { yaml::format(&text, most)? };
    // The reader itself has the last word, beside the proofs of each notation.
    match parse::document::<Value>(laid_out.as_bytes(), most) {
        Ok(same) if same == value => Ok(laid_out),
        _ => Err(Error::Unproven { line: 1 }),
    }
}
