//! The outputs of a playbook: what an execution that completes gives to its reader. Owns their check and their value.

use updraft_protocol::limits::SCHEMA_OUTPUT_BYTES;
use updraft_protocol::{Failure, FailureKind, Playbook, Value};

use super::authored::AuthoredSchema;
use super::mistakes::Mistakes;
use crate::references::References;
use crate::template::{Budget, Spent, Template};
use crate::visible::Visible;

/// The checked outputs.
#[derive(Debug)]
pub struct PlannedOutputs {
    template: Template,
    schema: Option<AuthoredSchema>,
}

impl PlannedOutputs {
    /// Checks the outputs of a playbook; adds what is wrong with them.
    pub(super) fn check(playbook: &Playbook, budget: &mut Budget, mistakes: &mut Mistakes) -> Option<Self> {
        let schema = playbook.output_schema.as_ref();
        let schema = schema.and_then(|written| {
            let checked = AuthoredSchema::check("output_schema", written);
            let found = checked.as_ref().err().into_iter().flatten();
            found.for_each(|mistake| mistakes.header(&mistake.path, &mistake.message));
            checked.ok()
        });
        if playbook.outputs.is_empty() {
            if schema.is_some() {
                mistakes.header("output_schema", "there are no `outputs` that it could check");
            }
            return None;
        }
        match Template::compile_within("outputs", &Value::Object(playbook.outputs.clone()), budget) {
            Ok(template) => Some(Self { template, schema }),
            Err(found) => {
                found.into_iter().for_each(|mistake| mistakes.header(&mistake.path, mistake.message));
                None
            }
        }
    }

    /// Their value, with its cost.
    pub fn evaluate(&self, visible: &dyn Visible) -> (Result<Value, Failure>, Spent) {
        let (value, spent) = self.template.render_metered(visible);
        let checked = value.and_then(|value| match &self.schema {
            None => Ok(value),
            Some(schema) => match schema.mistakes("outputs", &value, SCHEMA_OUTPUT_BYTES).first() {
                None => Ok(value),
                Some(mistake) => Err(Failure::new(FailureKind::Template, mistake.to_string())),
            },
        });
        (checked, spent)
    }

    /// The data that they read.
    pub(super) fn references(&self) -> &References {
        self.template.references()
    }

    /// Their approximate size in memory.
    pub(super) fn bytes(&self) -> usize {
        self.template.bytes() + self.schema.as_ref().map_or(0, AuthoredSchema::bytes)
    }
}
