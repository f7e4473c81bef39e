//! Templates and conditions: compiled, and used on the data of an execution.

use divan::{Bencher, black_box};
use serde_json::{Value, json};
use updraft_kernel::condition::Condition;
use updraft_kernel::template::Template;
use updraft_kernel::visible::{StepView, Visible};
use updraft_protocol::{Json, TaskStatus, Timestamp};

/// The data that a step sees: its input, and one step before.
struct Seen {
    input: Json,
    variables: Json,
    output: Json,
}

impl Visible for Seen {
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
        let view = StepView { status: TaskStatus::Completed, output: Some(&self.output), error: None };
        (id == "lookup").then_some(view)
    }
}

fn seen() -> Seen {
    Seen {
        input: Json::from(
            json!({"sender": "ceo@example.com", "urls": ["https://a.example", "https://b.example"]}),
        ),
        variables: Json::from(json!({"threshold": 50})),
        output: Json::from(json!({"score": 73, "verdict": "malicious"})),
    }
}

fn arguments() -> Value {
    json!({
        "subject": "Block {{ input.sender | lower }}",
        "urls": "{{ input.urls }}",
        "body": "score {{ steps.lookup.output.score }} of {{ variables.threshold }}",
    })
}

const CONDITION: &str =
    "steps.lookup.output.score > variables.threshold and input.urls|select('matching', 'b[.]')|length > 0";

#[divan::bench]
fn template_compile(bencher: Bencher<'_, '_>) {
    let arguments = arguments().into();
    bencher.bench(|| Template::compile("arguments", black_box(&arguments)));
}

#[divan::bench]
fn template_render(bencher: Bencher<'_, '_>) {
    let (template, seen) = (Template::compile("arguments", &arguments().into()).unwrap(), seen());
    assert_eq!(template.render(&seen).unwrap()["body"], "score 73 of 50");
    bencher.bench(|| template.render(black_box(&seen)));
}

#[divan::bench]
fn template_render_literal(bencher: Bencher<'_, '_>) {
    let literal = json!({"method": "POST", "url": "https://tool.example/act"}).into();
    let (template, seen) = (Template::compile("arguments", &literal).unwrap(), seen());
    bencher.bench(|| template.render(black_box(&seen)));
}

#[divan::bench]
fn condition_compile(bencher: Bencher<'_, '_>) {
    bencher.bench(|| Condition::compile("when", black_box(CONDITION)));
}

#[divan::bench]
fn condition_decide(bencher: Bencher<'_, '_>) {
    let (condition, seen) = (Condition::compile("when", CONDITION).unwrap(), seen());
    assert_eq!(condition.decide(&seen), Ok(true));
    bencher.bench(|| condition.decide(black_box(&seen)));
}
