//! From an execution to the states of its steps: of each, how its tasks went, by its id. Owns the words for that; reads no
//! store. What tools say was masked before it was stored.

use std::collections::BTreeMap;

use updraft_protocol::{ExecutionDocument, TaskDocument, TaskState, TaskStatus, Timestamp, WaitKind};

use crate::diagram::{Diagram, Kind, Step, StepState};
use crate::words::shown;

/// The order in which a state is told of a step that ran several times: what is under way or went wrong comes first.
const TOLD: [TaskStatus; 7] = [
    TaskStatus::Executing,
    TaskStatus::Retrying,
    TaskStatus::Waiting,
    TaskStatus::Unknown,
    TaskStatus::Failed,
    TaskStatus::Cancelled,
    TaskStatus::Completed,
];

impl Diagram {
    /// The diagram of the playbook's execution, with these tasks.
    #[must_use]
    pub fn executed(mut self, execution: &ExecutionDocument, tasks: &[TaskDocument]) -> Self {
        let state = &execution.state;
        let mut by_step: BTreeMap<String, Vec<&TaskDocument>> = BTreeMap::new();
        for task in tasks {
            by_step.entry(shown(task.head.step_id.as_str())).or_default().push(task);
        }
        let ended = state.execution_status.ended();
        self.main.each(&mut |step| {
            note_calls(step, &by_step);
            let parts = step.parts.iter().filter_map(|part| by_step.get(part)).flatten().copied().collect();
            step.state = Some(step_state(step.kind, by_step.get(&step.id), parts, ended));
        });
        self.status = Some(state.execution_status);
        let head = &execution.head;
        let mut times = format!("submitted {}", instant(head.createddate));
        if let Some(finished) = state.finished_date {
            times.push_str(&format!(" · finished {}", instant(finished)));
        }
        if let Some(runtime) = state.playbook_runtime {
            times.push_str(&format!(" · took {}", duration(runtime)));
        }
        self.head = vec![format!("execution {} · {}", execution.peid, self.version), times];
        self.head.extend(state.error.iter().map(|error| shown(&error.to_string())));
        self
    }
}

/// Tells of the calls that belong to a step how they went.
fn note_calls(step: &mut Step, by_step: &BTreeMap<String, Vec<&TaskDocument>>) {
    for (word, start) in [("verify", "verify "), ("already", "already? "), ("undo", "undo ")] {
        let Some(tasks) = by_step.get(&format!("{word}.{}", step.id)) else { continue };
        let Some(status) = told(tasks) else { continue };
        for note in step.notes.iter_mut().filter(|note| note.text.starts_with(start)) {
            note.text = format!("{status}: {}", note.text);
            note.is_wrong |= matches!(status, TaskStatus::Failed | TaskStatus::Unknown);
        }
    }
}

fn told(tasks: &[&TaskDocument]) -> Option<TaskStatus> {
    TOLD.into_iter().find(|status| tasks.iter().any(|task| task.state.status == *status))
}

/// The state of a step, by its own tasks and those of its parts.
fn step_state(
    kind: Kind,
    tasks: Option<&Vec<&TaskDocument>>,
    parts: Vec<&TaskDocument>,
    ended: bool,
) -> StepState {
    let tasks = tasks.map(Vec::as_slice).unwrap_or_default();
    // A part says more of a failure than the step that it fails.
    let all: Vec<&TaskDocument> = parts.into_iter().chain(tasks.iter().copied()).collect();
    // A part before the step has completed when the step begins.
    let begun = told(&all).filter(|status| !tasks.is_empty() || *status != TaskStatus::Completed);
    let Some(status) = begun else {
        let words = if ended { "not reached" } else { "not reached yet" };
        return StepState { status: None, words: words.to_owned(), why: String::new() };
    };
    let mut words = match tasks {
        [] => status.to_string(),
        [task] => one(status, &task.state, tries(&all)),
        many => {
            let count = |status| many.iter().filter(|task| task.state.status == status).count();
            let counts: Vec<String> = TOLD
                .into_iter()
                .rev()
                .map(|status| (count(status), status))
                .filter(|(count, _)| *count > 0)
                .map(|(count, status)| format!("{count} {status}"))
                .collect();
            format!("{} runs: {}", many.len(), counts.join(", "))
        }
    };
    if let [task] = tasks
        && let Some(progress) = progress(kind, &task.state)
    {
        words = format!("{words} · {progress}");
    }
    let why = all.iter().filter(|task| task.state.status == status).find_map(|task| why(&task.state));
    let why = why.unwrap_or_default();
    StepState { status: Some(status), words, why: shown(&why) }
}

/// How one run went: `completed · 1.2s · 3 tries`.
fn one(status: TaskStatus, state: &TaskState, tries: u32) -> String {
    let mut words = status.to_string();
    match (state.runtime, state.started_date) {
        (Some(runtime), _) => words.push_str(&format!(" · {}", duration(runtime))),
        (None, Some(started)) => words.push_str(&format!(" · since {}", instant(started))),
        (None, None) => {}
    }
    if tries > 1 {
        words.push_str(&format!(" · {tries} tries"));
    }
    words
}

/// The most tries that one of these took.
fn tries(tasks: &[&TaskDocument]) -> u32 {
    let of = |state: &TaskState| {
        state.wait.as_ref().map_or(0, |wait| wait.earlier_attempts).saturating_add(state.attempt)
    };
    tasks.iter().map(|task| of(&task.state)).max().unwrap_or_default()
}

/// How far a loop has come: `198 of 200`, `3 rounds`.
fn progress(kind: Kind, state: &TaskState) -> Option<String> {
    match kind {
        Kind::ForEach => {
            let output = state.response.as_ref()?.value();
            let number = |field: &str| output.get(field).and_then(|value| value.as_u64());
            let (items, completed) = (number("items")?, number("completed")?);
            Some(format!("{completed} of {items}"))
        }
        Kind::Repeat => {
            let rounds = state.wait.as_ref()?.progress.as_ref()?.rounds;
            Some(if rounds == 1 { "1 round".to_owned() } else { format!("{rounds} rounds") })
        }
        _ => None,
    }
}

/// Why it failed, or what it waits for.
fn why(state: &TaskState) -> Option<String> {
    let is_waiting = matches!(state.status, TaskStatus::Waiting | TaskStatus::Retrying);
    if let Some(wait) = state.wait.as_deref().filter(|_| is_waiting) {
        let subject = match wait.kind {
            WaitKind::Round => None,
            _ => wait.subject.as_deref(),
        };
        let subject = subject.map(|subject| format!(": {subject}")).unwrap_or_default();
        let until = wait.until.map(|until| format!(", until {}", instant(until))).unwrap_or_default();
        return Some(format!("waits for {}{subject}{until}", wait.kind.as_str()));
    }
    let error = state.error.as_deref().filter(|_| state.status != TaskStatus::Completed)?;
    Some(error.to_string())
}

/// An instant without what is smaller than a second.
fn instant(time: Timestamp) -> String {
    let text = time.to_string();
    match text.split_once('.') {
        Some((seconds, _)) => format!("{}Z", seconds.replacen('T', " ", 1)),
        None => text,
    }
}

/// A duration as people read it: `340ms`, `1.2s`, `2m 05s`, `3h 04m`.
fn duration(millis: u64) -> String {
    let seconds = millis / 1_000;
    match seconds {
        0 => format!("{millis}ms"),
        1..60 => format!("{seconds}.{}s", millis % 1_000 / 100),
        60..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3_600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests;
