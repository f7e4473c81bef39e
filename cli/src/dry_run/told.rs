//! What is told of a dry run: its steps as `run` shows them, the calls that would be made, and what was asked and not answered.

use std::sync::Arc;

use serde::Serialize;
use updraft::{
    AuthoredNames, Event, EventKind, ExecutionId, Failure, Json, LoopProgress, Name, Playbook, ScopePath,
    StepId, TaskId, TaskStatus, Value,
};
use updraft_replay::answers::QuestionAsked;
use updraft_replay::trace::{RunTrace, TraceEnd, TracedCall, TracedTask, Unanswered, effect_word};

use crate::output::Output;
use crate::step_tree::StepTree;
use crate::task_rows::TaskRows;
use crate::text::{clean, duration};
use crate::tree;

/// Characters of the arguments of a call that are told; `--json` has all of them.
const TOLD_CHARACTERS: usize = 300;

/// Prints it for people.
pub(super) fn print(
    (playbook, names): (&Playbook, &AuthoredNames),
    trace: &RunTrace,
    unused: &[String],
    output: &mut Output,
) {
    output.line(format_args!(
        "dry run of {} version {}: nothing is called that changes something, nothing is stored",
        playbook.name, playbook.version
    ));
    tree::print(&rows((playbook, names), trace), output);
    if !trace.calls.is_empty() {
        output.line("calls that would be made:");
    }
    for (number, call) in trace.calls.iter().enumerate() {
        output.line(clean(&told(number + 1, call)));
    }
    for asked in &trace.questions {
        output.line(clean(&format!("question: {} ({})", asked.question, asked.place)));
    }
    for asked in &trace.unanswered {
        output.line(clean(&format!("needs answer: step {} ({})", asked.step, cut(&asked.asked))));
    }
    for answer in unused {
        output.line(clean(&format!("not asked for: {answer}")));
    }
    for note in &trace.notes {
        output.line(clean(&format!("not taken: {note}")));
    }
    let took = duration(trace.clock.1.since(trace.clock.0));
    let end = match trace.end {
        TraceEnd::Ended(status) => format!("execution {status} after {took} of its own time"),
        _ => format!("execution not ended: {}", trace.word()),
    };
    let why = trace.failure.as_ref().map(|failure| format!(": {failure}")).unwrap_or_default();
    output.line(clean(&format!("{end}{why}")));
    if let Some(value) = trace.output.as_ref().filter(|value| value.as_str() != "null") {
        output.line(clean(&format!("output  {value}")));
    }
}

/// The rows of its own tasks, those of sub-playbooks left out.
fn rows((playbook, names): (&Playbook, &AuthoredNames), trace: &RunTrace) -> TaskRows {
    let mut rows = TaskRows::new(StepTree::authored(playbook, names));
    for (number, task) in (1_u128..).zip(&trace.tasks).filter(|(_, task)| task.place.within.is_empty()) {
        let kind = EventKind::Task {
            task_id: TaskId::from_bytes(number.to_be_bytes()),
            step_id: Some(task.place.step.clone()),
            status: task.status,
            attempt: task.attempts,
            runtime: task.ended.map(|ended| ended.since(task.began)),
            error: task.error.clone(),
            progress: None::<LoopProgress>,
        };
        let at = task.ended.unwrap_or(task.began);
        rows.apply(&Event { peid: ExecutionId::from_bytes([0; 16]), at, kind });
    }
    rows
}

fn told(number: usize, call: &TracedCall) -> String {
    let made = &call.made;
    let attempt = if made.attempt > 1 { format!(", attempt {}", made.attempt) } else { String::new() };
    let from = call.from.as_deref().map_or_else(|| "no answer".to_owned(), |from| format!("answer: {from}"));
    format!(
        "{number:4}  {}{attempt}  {}.{} ({}) {}  {from}",
        made.place,
        made.integration,
        made.action,
        effect_word(made.effect),
        cut(&made.arguments.to_string())
    )
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(TOLD_CHARACTERS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The same for programs, nothing left out.
#[derive(Serialize)]
pub(super) struct ToldRun<'a> {
    playbook: &'a Name,
    version: u32,
    end: &'static str,
    output: Option<&'a Json>,
    failure: Option<&'a Failure>,
    began: String,
    ended: String,
    path: Vec<ToldTask<'a>>,
    calls: Vec<ToldCall<'a>>,
    questions: Vec<ToldQuestion<'a>>,
    unanswered: &'a [Unanswered],
    unused: &'a [String],
    notes: &'a [String],
}

#[derive(Serialize)]
struct ToldTask<'a> {
    within: &'a str,
    scope: &'a ScopePath,
    step: &'a StepId,
    action: String,
    status: TaskStatus,
    attempts: u32,
    began: String,
    ended: Option<String>,
    output: Option<&'a Json>,
    error: Option<&'a Failure>,
}

#[derive(Serialize)]
struct ToldCall<'a> {
    within: &'a str,
    scope: &'a ScopePath,
    step: &'a StepId,
    action: String,
    effect: &'static str,
    attempt: u32,
    arguments: &'a Value,
    answer: Option<&'a str>,
}

#[derive(Serialize)]
struct ToldQuestion<'a> {
    within: &'a str,
    scope: &'a ScopePath,
    step: &'a StepId,
    question: &'a str,
    choices: &'a [StepId],
    assignees: &'a [Arc<str>],
    groups: &'a [Arc<str>],
    until: Option<String>,
}

impl<'a> ToldRun<'a> {
    /// A run of this playbook.
    pub(super) fn of(playbook: &'a Playbook, trace: &'a RunTrace, unused: &'a [String]) -> Self {
        Self {
            playbook: &playbook.name,
            version: playbook.version,
            end: trace.word(),
            output: trace.output.as_ref(),
            failure: trace.failure.as_deref(),
            began: trace.clock.0.to_string(),
            ended: trace.clock.1.to_string(),
            path: trace.tasks.iter().map(ToldTask::of).collect(),
            calls: trace.calls.iter().map(ToldCall::of).collect(),
            questions: trace.questions.iter().map(ToldQuestion::of).collect(),
            unanswered: &trace.unanswered,
            unused,
            notes: &trace.notes,
        }
    }
}

impl<'a> ToldTask<'a> {
    fn of(task: &'a TracedTask) -> Self {
        Self {
            within: &task.place.within,
            scope: &task.place.scope,
            step: &task.place.step,
            action: format!("{}.{}", task.integration, task.action),
            status: task.status,
            attempts: task.attempts,
            began: task.began.to_string(),
            ended: task.ended.map(|ended| ended.to_string()),
            output: task.output.as_ref(),
            error: task.error.as_deref(),
        }
    }
}

impl<'a> ToldCall<'a> {
    fn of(TracedCall { made, from }: &'a TracedCall) -> Self {
        Self {
            within: &made.place.within,
            scope: &made.place.scope,
            step: &made.place.step,
            action: format!("{}.{}", made.integration, made.action),
            effect: effect_word(made.effect),
            attempt: made.attempt,
            arguments: &made.arguments,
            answer: from.as_deref(),
        }
    }
}

impl<'a> ToldQuestion<'a> {
    fn of(asked: &'a QuestionAsked) -> Self {
        Self {
            within: &asked.place.within,
            scope: &asked.place.scope,
            step: &asked.place.step,
            question: &asked.question,
            choices: &asked.gate.choices,
            assignees: &asked.gate.assignees,
            groups: &asked.gate.groups,
            until: asked.until.map(|until| until.to_string()),
        }
    }
}
