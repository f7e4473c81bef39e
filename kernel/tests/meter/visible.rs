//! The data that the cases read: an input, and one step that ended with it.

use serde_json::Value;
use updraft_kernel::visible::{StepView, Visible};
use updraft_protocol::{Json, TaskStatus, Timestamp};

pub(crate) struct Data {
    input: Json,
    variables: Json,
}

impl Data {
    pub(crate) fn new(input: Value) -> Self {
        Self { input: input.into(), variables: Json::null() }
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
        let view = StepView { status: TaskStatus::Completed, output: Some(&self.input), error: None };
        (id == "lookup").then_some(view)
    }
}
