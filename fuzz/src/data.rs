//! The data of an execution that templates and conditions are given, with secrets in it that no failure may show.

use serde_json::{Value, json};
use updraft_kernel::visible::{StepView, Visible};
use updraft_protocol::{Failure, FailureKind, Json, TaskStatus, Timestamp};

/// A text that stands in every part of the data.
pub(crate) const SECRET: &str = "Xq7-canary-zU9";
/// A number that does.
pub(crate) const NUMBER: u64 = 7_318_264_590_173;

/// The two parts of an input, at a line of three dashes: a source, and the data that it reads.
pub(crate) fn parts(bytes: &[u8]) -> Option<(&str, Value)> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (source, data) = text.split_once("\n---\n").unwrap_or((text, "null"));
    Some((source, serde_json::from_str(data).ok()?))
}

/// Whether a text shows what it may not.
pub(crate) fn shows_secrets(text: &str) -> bool {
    text.contains(SECRET) || text.contains(&NUMBER.to_string())
}

/// A scope of one step that completed, `lookup`, and one that failed, `block`.
pub(crate) struct Data {
    input: Json,
    variables: Json,
    output: Json,
    error: Failure,
}

impl Data {
    pub(crate) fn new(data: &Value) -> Self {
        let with_secrets =
            json!({ "data": data, "secret": SECRET, "number": NUMBER, "list": [SECRET, NUMBER] });
        Self {
            input: with_secrets.clone().into(),
            variables: json!({ "tools": ["a", "b"], "limit": 80, "secret": SECRET }).into(),
            output: with_secrets.into(),
            error: Failure::new(FailureKind::Timeout, SECRET),
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
        let (status, output, error) = match id {
            "lookup" => (TaskStatus::Completed, Some(&self.output), None),
            "block" => (TaskStatus::Failed, None, Some(&self.error)),
            _ => return None,
        };
        Some(StepView { status, output, error })
    }
}
