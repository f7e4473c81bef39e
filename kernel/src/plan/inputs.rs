//! What a playbook asks of its input, as a JSON Schema. Owns which fields of `input` can be there; the bounds of a schema,
//! and its defaults, are in `authored`.

use std::collections::BTreeMap;

use updraft_protocol::Value;
use updraft_protocol::limits::SCHEMA_INPUT_BYTES;
use updraft_protocol::suggest::suggestion;

use super::authored::AuthoredSchema;
use super::mistakes::Mistakes;
use crate::mistake::Mistake;
use crate::references::References;
use crate::template::at::field;

/// The checked schema of an input.
#[derive(Debug)]
pub struct PlannedInputs(AuthoredSchema);

impl PlannedInputs {
    /// Checks a playbook's schema; adds what is wrong with it.
    pub(super) fn check(written: Option<&Value>, mistakes: &mut Mistakes) -> Option<Self> {
        let checked = AuthoredSchema::check("inputs", written?);
        let found = match &checked {
            Ok(schema) => schema.mistakes_in_defaults("inputs"),
            Err(found) => found.clone(),
        };
        found.into_iter().for_each(|mistake| mistakes.header(&mistake.path, mistake.message));
        checked.ok().map(Self)
    }

    /// The input with the defaults of what it lacks; an input that is `null` counts as an empty map.
    ///
    /// # Errors
    /// What is wrong with it, each with its place: `input.host`.
    pub fn filled(&self, input: &Value) -> Result<Value, Vec<Mistake>> {
        let filled = self.0.filled(input);
        let mistakes = self.0.mistakes("input", &filled, SCHEMA_INPUT_BYTES);
        if mistakes.is_empty() { Ok(filled) } else { Err(mistakes) }
    }

    /// Why no input has a field at these names; `None` if one may have it.
    pub(super) fn lacks(&self, names: &[&str]) -> Option<String> {
        let mut at = &self.0.written;
        for (depth, name) in names.iter().enumerate() {
            let known = at.get("properties").and_then(Value::as_object);
            match known.and_then(|known| known.get(*name)) {
                Some(inside) => at = inside,
                None if is_closed(at) => {
                    let place =
                        names.iter().take(depth + 1).fold("input".to_owned(), |at, name| field(&at, name));
                    let known = || known.into_iter().flat_map(BTreeMap::keys).map(String::as_str);
                    let near = suggestion(name, known());
                    let there: Vec<&str> = known().collect();
                    return Some(format!(
                        "`{place}` is not among the inputs{near}; there are {}",
                        there.join(", ")
                    ));
                }
                None => return None,
            }
        }
        None
    }

    /// Its approximate size in memory.
    pub(super) fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

/// Whether a schema allows the fields alone that it names.
/// What is wrong with the fields of the input that these texts read.
pub(super) fn lacking(references: &References, inputs: Option<&PlannedInputs>) -> Vec<String> {
    let lacks = |inputs: &PlannedInputs| {
        references.wanted.names_in("input").iter().filter_map(|names| inputs.lacks(names)).collect()
    };
    inputs.map(lacks).unwrap_or_default()
}

fn is_closed(schema: &Value) -> bool {
    let closed = schema.get("additionalProperties").and_then(Value::as_bool) == Some(false);
    closed && schema.get("patternProperties").is_none()
}
