//! What templates do, what they may not do, and the limits of their cost.

use serde_json::{Value, json};
use updraft_protocol::limits::{ARGUMENTS_BYTES, TEMPLATE_OUTPUT_BYTES, TEMPLATE_SOURCE_BYTES};
use updraft_protocol::{Failure, FailureKind, Json, TaskStatus, Timestamp};

use super::*;
use crate::visible::StepView;

mod commands;
mod documents;
mod filters;
mod hostile;
mod kept;
mod language;
mod numbers;
mod places;
mod secrets;
mod urls;

/// A scope of one finished step, `lookup`, and one failed one, `block-ip`.
pub(super) struct Data {
    pub(super) input: Json,
    pub(super) variables: Json,
    pub(super) output: Json,
    pub(super) error: Failure,
}

impl Data {
    pub(super) fn new(input: Value) -> Self {
        Self {
            input: input.into(),
            variables: json!({"tools": ["a", "b"], "limit": 80}).into(),
            output: json!({"score": 90, "names": ["x", "y"]}).into(),
            error: Failure::new(FailureKind::Timeout, "no answer in 30s"),
        }
    }
}

impl Visible for Data {
    fn input(&self) -> &Json {
        &self.input
    }

    fn variables(&self) -> &Json {
        &self.variables
    }

    fn constants(&self) -> &Json {
        &self.variables
    }

    fn now(&self) -> Timestamp {
        Timestamp(1_769_857_200_000)
    }

    fn step(&self, id: &str) -> Option<StepView<'_>> {
        match id {
            "lookup" => {
                Some(StepView { status: TaskStatus::Completed, output: Some(&self.output), error: None })
            }
            "block-ip" => {
                Some(StepView { status: TaskStatus::Failed, output: None, error: Some(&self.error) })
            }
            _ => None,
        }
    }
}

fn compile(text: &str) -> Result<Template, String> {
    Template::compile("arguments", &json!({ "x": text }).into())
        .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

/// The rendered text, or the message of the failure.
fn render(text: &str, input: Value) -> Result<Value, String> {
    let template = compile(text)?;
    let value = template.render(&Data::new(input)).map_err(|failure| {
        assert_eq!(failure.kind, FailureKind::Template);
        assert!(!failure.retryable());
        failure.message
    })?;
    Ok(value["x"].clone().try_into().expect("a number of serde_json"))
}

#[track_caller]
fn refused(text: &str, input: Value, reason: &str) {
    let error = render(text, input).expect_err(text);
    assert!(error.contains(reason), "{text}: {error}");
    assert!(error.starts_with("arguments.x: "), "{error}");
}
