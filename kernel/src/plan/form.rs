//! The form of an approval: what people fill in beside their choice. Owns what fits; the bounds of its schema are in
//! `authored`.

use updraft_protocol::Value;
use updraft_protocol::limits::SCHEMA_OUTPUT_BYTES;

use super::authored::AuthoredSchema;
use super::check::is_too_deep;
use crate::mistake::Mistake;

/// The name of the data in mistakes.
const DATA: &str = "data";

/// A checked form.
#[derive(Debug)]
pub struct PlannedForm(AuthoredSchema);

impl PlannedForm {
    /// Checks a form that is written at `place`.
    pub(in crate::plan) fn check(place: &str, written: &Value) -> Result<Self, Vec<Mistake>> {
        let form = AuthoredSchema::check(place, written)?;
        let mistakes = form.mistakes_in_defaults(place);
        if mistakes.is_empty() { Ok(Self(form)) } else { Err(mistakes) }
    }

    /// The data with the defaults of what it lacks; no data counts as an empty map.
    ///
    /// # Errors
    /// What does not fit, each with its place: `data.hours`.
    pub(crate) fn filled(&self, data: &Value) -> Result<Value, Vec<Mistake>> {
        if is_too_deep(data) {
            return Err(vec![Mistake::new(DATA, "nested too deeply")]);
        }
        let filled = self.0.filled(data);
        let mistakes = self.0.mistakes(DATA, &filled, SCHEMA_OUTPUT_BYTES);
        if mistakes.is_empty() { Ok(filled) } else { Err(mistakes) }
    }

    /// Its approximate size in memory.
    pub(in crate::plan) fn bytes(&self) -> usize {
        self.0.bytes()
    }
}
