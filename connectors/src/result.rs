//! The result of an action: values with names, of what its tool has answered. Owns what becomes of one that cannot be made; judges
//! no answer.

use std::collections::BTreeMap;

use updraft_kernel::template::Template;
use updraft_protocol::limits::{CONNECTOR_RESULTS, RESPONSE_BYTES};
use updraft_protocol::{Effect, Failure, FailureKind, Json, Value};

use crate::data::CallData;
use crate::read::Reading;

/// The field that says what of an answer could not be kept.
const NOTE: &str = "note";

/// The values of a result.
#[derive(Debug)]
pub(crate) struct ActionResult {
    template: Template,
    names: Vec<String>,
}

impl ActionResult {
    /// Compiles a result at `place`, whose texts may read these names.
    pub(crate) fn read(
        reading: &mut Reading<'_>,
        place: &str,
        written: &BTreeMap<String, Value>,
        names: &[&str],
    ) -> Option<Self> {
        if written.len() > CONNECTOR_RESULTS {
            reading.mistake(place, format!("at most {CONNECTOR_RESULTS} values are allowed"));
            return None;
        }
        if written.contains_key(NOTE) {
            reading.mistake(format!("{place}.{NOTE}"), "is the field that says what could not be kept");
            return None;
        }
        let template = reading.value(place, &Value::Object(written.clone()), names)?;
        Some(Self { template, names: written.keys().cloned().collect() })
    }

    pub(crate) fn template(&self) -> &Template {
        &self.template
    }

    /// The output. What changed something is done, whatever of its answer can be kept: then it is said what could not.
    ///
    /// # Errors
    /// Of a read: a value cannot be made of the answer.
    pub(crate) fn output(
        &self,
        data: &CallData,
        effect: Effect,
        note: Option<String>,
    ) -> Result<Json, Failure> {
        let (rendered, _) = self.template.render_metered(data);
        let failed = match rendered {
            Ok(Value::Object(mut fields)) => {
                if let Some(note) = &note {
                    fields.insert(NOTE.to_owned(), Value::String(note.clone()));
                }
                let output = Json::from(Value::Object(fields));
                match output.as_str().len() <= RESPONSE_BYTES {
                    true => return Ok(output),
                    false => Failure::new(FailureKind::TooLarge, too_large()),
                }
            }
            Ok(_) => Failure::new(FailureKind::InvalidResponse, "the result is no map"),
            Err(failure) => Failure::new(FailureKind::InvalidResponse, failure.message),
        };
        if effect == Effect::Read {
            return Err(failed);
        }
        let mut fields: BTreeMap<String, Value> =
            self.names.iter().map(|name| (name.clone(), Value::Null)).collect();
        let said = [note, Some(failed.message)];
        let note = said.into_iter().flatten().collect::<Vec<_>>().join("; ");
        fields.insert(NOTE.to_owned(), Value::String(note));
        Ok(Json::from(Value::Object(fields)))
    }
}

fn too_large() -> String {
    format!("the result has more than {RESPONSE_BYTES} bytes")
}
