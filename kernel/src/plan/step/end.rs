//! The steps `end` and `fail`: their planned form, and the checks of their texts.

use updraft_protocol::Value;
use updraft_protocol::playbook::{End, Fail};

use super::{Draft, Steps};
use crate::template::Template;

/// The end of a path.
#[derive(Debug)]
pub struct PlannedEnd {
    /// The reason, of a path that fails.
    pub failure: Option<Template>,
    /// The output. `None` if there is none.
    pub output: Option<Template>,
}

impl PlannedEnd {
    /// Checks the fields of an `end`.
    pub(super) fn check(steps: &mut Steps<'_>, draft: &mut Draft, end: &End) -> Option<Self> {
        let output = match &end.output {
            Value::Null => None,
            output => Some(template(steps, draft, "end", output)?),
        };
        Some(Self { failure: None, output })
    }

    /// Checks the fields of a `fail`.
    pub(super) fn check_fail(steps: &mut Steps<'_>, draft: &mut Draft, fail: &Fail) -> Option<Self> {
        let failure = template(steps, draft, "fail", &Value::String(fail.message.clone()));
        let output = match &fail.output {
            Some(output) => Some(template(steps, draft, "output", output)?),
            None => None,
        };
        Some(Self { failure: Some(failure?), output })
    }

    pub(super) fn texts(&self) -> impl Iterator<Item = &Template> {
        self.failure.iter().chain(&self.output)
    }
}

/// Compiles the texts of a field.
pub(super) fn template(
    steps: &mut Steps<'_>,
    draft: &mut Draft,
    field: &'static str,
    value: &Value,
) -> Option<Template> {
    let place = format!("{}.{field}", draft.place);
    match Template::compile_within(&place, value, &mut steps.budget) {
        Ok(template) => {
            draft.read(field, template.references());
            Some(template)
        }
        Err(mistakes) => {
            mistakes.into_iter().for_each(|mistake| steps.mistakes.inside(draft.at, field, mistake));
            None
        }
    }
}

/// Compiles an expression that stands alone, as the list of a loop does.
pub(super) fn expression(
    steps: &mut Steps<'_>,
    draft: &mut Draft,
    field: &'static str,
    source: &str,
) -> Option<Template> {
    if ["{{", "{%"].iter().any(|start| source.trim_start().starts_with(start)) {
        let message = "an expression is written without `{{ }}` around it: `steps.lookup.output.hosts`";
        steps.mistakes.step(draft.at, field, message);
        return None;
    }
    // The template that is this expression and nothing else gives its value as it is.
    template(steps, draft, field, &Value::String(format!("{{{{ {source} }}}}")))
}

/// Whether a text means itself, as nothing in it is computed.
pub(super) fn is_literal(text: &str) -> bool {
    !["{{", "{%", "{#"].iter().any(|mark| text.contains(mark))
}
