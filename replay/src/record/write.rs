//! The text of a recorded case: YAML whose values are JSON, which YAML reads alike.

use std::fmt::Write;

use serde_json::json;
use updraft_protocol::{StepId, Value};

use crate::case::TestCase;
use crate::expect::Expectation;
use crate::file::{WrittenAnswer, WrittenApproval, WrittenFailure, WrittenSignal};

/// The text of a file with this case; `playbook` and `subs` are paths from its folder, `remark` is what stands above it.
pub fn file_of(case: &TestCase, playbook: &str, subs: &[String], remark: &str) -> String {
    let mut text = String::new();
    for line in remark.lines() {
        put(&mut text, 0, &format!("# {line}"));
    }
    put(&mut text, 0, &format!("playbook: {}", json!(playbook)));
    if !subs.is_empty() {
        put(&mut text, 0, &format!("sub: {}", json!(subs)));
    }
    put(&mut text, 0, "cases:");
    put(&mut text, 1, &format!("- name: {}", json!(case.name)));
    let mut field = |name: &str, value: String| put(&mut text, 2, &format!("{name}: {value}"));
    if let Some(alert) = &case.alert {
        field("alert", alert.to_string());
    }
    if !case.variables.is_empty() {
        field("variables", Value::Object(case.variables.clone()).to_string());
    }
    if let Some(clock) = &case.clock {
        field("clock", json!(clock).to_string());
    }
    if let Some(after) = case.cancel_after {
        field("cancel_after", json!(after.to_string()).to_string());
    }
    let lists = [
        ("answers", case.answers.iter().map(answer).collect::<Vec<Entry>>()),
        ("approvals", case.approvals.iter().map(approval).collect()),
        ("signals", case.signals.iter().map(signal).collect()),
    ];
    for (name, entries) in lists {
        list(&mut text, 2, name, entries);
    }
    put(&mut text, 2, "expect:");
    expected(&mut text, &case.expect);
    numbered(&text)
}

/// What YAML does not take as it is stands in texts alone, where it may be written by its number.
fn numbered(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for c in text.chars() {
        let is_plain = c == '\n'
            || !(c.is_control()
                || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'));
        if is_plain {
            written.push(c);
        } else {
            // Writing to a text never fails.
            let _ = write!(written, "\\u{:04x}", u32::from(c));
        }
    }
    written
}

fn put(text: &mut String, depth: usize, line: &str) {
    // Writing to a text never fails.
    let _ = writeln!(text, "{:indent$}{line}", "", indent = 2 * depth);
}

fn list(text: &mut String, depth: usize, name: &str, entries: Vec<Entry>) {
    if entries.is_empty() {
        return;
    }
    put(text, depth, &format!("{name}:"));
    for entry in entries {
        put(text, depth + 1, &format!("- {}", entry.written()));
    }
}

fn expected(text: &mut String, expect: &Expectation) {
    let mut field = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            put(text, 3, &format!("{name}: {value}"));
        }
    };
    let steps = |steps: &Option<Vec<StepId>>| steps.as_ref().map(|steps| json!(steps).to_string());
    field("status", expect.status.clone());
    field("output_exactly", expect.output_exactly.as_ref().map(Value::to_string));
    field("path", steps(&expect.path));
    field("path_exactly", steps(&expect.path_exactly));
    if let Some(failure) = &expect.failure {
        let mut entry = Entry::default();
        entry.add("kind", failure.kind.map(|kind| kind.as_str()));
        entry.add("message", failure.message.as_deref());
        field("failure", Some(entry.written()));
    }
    let calls = expect.calls.iter().map(|call| {
        let mut entry = Entry::default();
        entry.add("step", call.step.as_ref().map(StepId::as_str));
        entry.add("scope", call.scope.as_ref().map(ToString::to_string));
        entry.add("within", call.within.as_deref());
        entry.value("arguments", call.arguments.as_ref());
        entry
    });
    list(text, 3, "calls", calls.collect());
}

/// A map on one line, its fields in the order in which people read them.
#[derive(Default)]
struct Entry(Vec<String>);

impl Entry {
    fn add(&mut self, name: &str, value: Option<impl serde::Serialize>) {
        if let Some(value) = value {
            self.0.push(format!("{name}: {}", json!(value)));
        }
    }

    fn value(&mut self, name: &str, value: Option<&Value>) {
        if let Some(value) = value {
            self.0.push(format!("{name}: {value}"));
        }
    }

    fn flag(&mut self, name: &str, is_set: bool) {
        self.add(name, is_set.then_some(true));
    }

    fn written(&self) -> String {
        format!("{{{}}}", self.0.join(", "))
    }
}

fn answer(answer: &WrittenAnswer) -> Entry {
    let mut entry = Entry::default();
    entry.add("step", answer.step.as_ref().map(StepId::as_str));
    entry.add("scope", answer.scope.as_ref().map(ToString::to_string));
    entry.add("within", answer.within.as_deref());
    entry.add("times", answer.times);
    entry.flag("optional", answer.optional);
    entry.add("after", answer.after);
    entry.value("output", answer.output.as_ref());
    entry.value("body", answer.body.as_ref());
    if let Some(failed) = &answer.failure {
        entry.0.push(format!("failure: {}", failure(failed).written()));
    }
    entry
}

fn failure(failure: &WrittenFailure) -> Entry {
    let mut entry = Entry::default();
    entry.add("kind", failure.kind.map(|kind| kind.as_str()));
    entry.add("message", failure.message.as_deref());
    entry.add("status", failure.status);
    entry.value("headers", failure.headers.as_ref());
    entry.value("body", failure.body.as_ref());
    entry.add("retry_after", failure.retry_after);
    entry.add("retryable", failure.retryable);
    entry.add("acted", failure.acted);
    entry
}

fn approval(approval: &WrittenApproval) -> Entry {
    let mut entry = Entry::default();
    entry.add("step", approval.step.as_ref().map(StepId::as_str));
    entry.add("scope", approval.scope.as_ref().map(ToString::to_string));
    entry.add("within", approval.within.as_deref());
    entry.add("choice", approval.choice.as_ref().map(StepId::as_str));
    entry.add("uid", approval.uid.as_deref());
    entry.value("data", approval.data.as_ref());
    entry.add("comment", approval.comment.as_deref());
    entry.add("after", approval.after);
    entry.flag("expires", approval.expires);
    entry.flag("skip", approval.skip);
    entry
}

fn signal(signal: &WrittenSignal) -> Entry {
    let mut entry = Entry::default();
    entry.add("step", signal.step.as_ref().map(StepId::as_str));
    entry.add("scope", signal.scope.as_ref().map(ToString::to_string));
    entry.add("within", signal.within.as_deref());
    entry.value("payload", signal.payload.as_ref());
    entry.add("after", signal.after);
    entry.flag("expires", signal.expires);
    entry
}
