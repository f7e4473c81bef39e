//! The step `end`: its planned form, and the check of its output.

use updraft_protocol::playbook::{End, EndStatus};

use super::{Draft, Steps};
use crate::template::Template;

/// The end of a path.
#[derive(Debug)]
pub struct PlannedEnd {
    /// How it ends.
    pub status: EndStatus,
    /// Its output.
    pub output: Option<Template>,
}

impl PlannedEnd {
    /// Checks the fields of the step.
    pub(super) fn check(steps: &mut Steps<'_>, draft: &mut Draft, end: &End) -> Option<Self> {
        let output = match &end.output {
            Some(output) => {
                let place = format!("steps[{}].output", draft.at);
                draft.reading = "output";
                match Template::compile_within(&place, output, &mut steps.budget) {
                    Ok(template) => {
                        draft.references = template.references().clone();
                        Some(template)
                    }
                    Err(mistakes) => {
                        let told = |mistake| steps.mistakes.inside(draft.at, "output", mistake);
                        mistakes.into_iter().for_each(told);
                        return None;
                    }
                }
            }
            None => None,
        };
        Some(Self { status: end.status, output })
    }
}
