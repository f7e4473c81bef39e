//! `updraft show`: one execution and its tasks.

use std::io::Read;

use updraft::{
    CacheFound, CacheUse, Failure, FailureKind, FileId, Inspection, TaskDocument, TaskState, TaskStatus,
    Wait, WaitKind,
};

use crate::data::Kept;
use crate::exit::{Ending, Error};
use crate::options::Show;
use crate::output::Output;
use crate::playbook::with_way;
use crate::reading::Reading;
use crate::text::{clean, duration};
use crate::why::controls;

/// What is copied of a file at once.
const BLOCK_BYTES: usize = 64 << 10;

/// Shows; nothing is resumed by it.
pub(crate) async fn show(options: &Show) -> Result<Ending, Error> {
    if let Some(file) = options.file {
        return copy(options, file);
    }
    let stored = Reading::open(&options.data).await?;
    let found = look(&stored, options).await;
    stored.close().await;
    let Some((inspection, markings)) = found? else {
        return Err(Error::Failed(format!("tenant {} has no execution {}", options.tenant, options.peid)));
    };
    let mut output = Output::stdout();
    if options.json {
        output.whole(&inspection);
    } else {
        print(&inspection, &markings, &mut output);
    }
    output.finish().map(|()| Ending::Completed)
}

/// Copies a file of the execution, which is in the data directory whatever the store is.
fn copy(options: &Show, file: FileId) -> Result<Ending, Error> {
    let kept = Kept::of(&options.data)?;
    let opened = updraft::file_in(&kept.directory, &options.tenant, options.peid, file);
    let mut opened = opened.map_err(|error| Error::Failed(error.to_string()))?;
    let mut output = Output::stdout();
    let mut block = vec![0; BLOCK_BYTES];
    while !output.closed() {
        match opened.content.read(&mut block) {
            Ok(0) => break,
            Ok(length) => output.bytes(block.get(..length).unwrap_or_default()),
            Err(error) => return Err(Error::Failed(format!("file {file} cannot be read: {error}"))),
        }
    }
    output.finish().map(|()| Ending::Completed)
}

/// The execution, with the markings of its playbook.
async fn look(stored: &Reading, options: &Show) -> Result<Option<(Inspection, Vec<String>)>, Error> {
    let Some(inspection) = stored.execution(&options.tenant, options.peid).await? else { return Ok(None) };
    let markings = stored.markings(&options.tenant, inspection.execution.head.pid).await?;
    Ok(Some((inspection, markings)))
}

fn print(inspection: &Inspection, markings: &[String], output: &mut Output) {
    let (head, state) = (&inspection.execution.head, &inspection.execution.state);
    let time = |time: Option<updraft::Timestamp>| time.map(|time| time.to_string());
    let fields = [
        ("execution", Some(inspection.execution.peid.to_string())),
        ("tenant", Some(head.tenant_code.to_string())),
        ("playbook", Some(format!("{} version {}", head.playbook_name, head.playbook_version))),
        ("alert", head.alert_id.as_deref().map(str::to_owned)),
        ("uid", head.uid.as_deref().map(str::to_owned)),
        ("key", head.idempotency_key.as_deref().map(str::to_owned)),
        ("status", Some(state.execution_status.to_string())),
        ("created", Some(head.createddate.to_string())),
        ("finished", time(state.finished_date)),
        ("runtime", state.playbook_runtime.map(duration)),
        ("error", state.error.as_ref().map(|error| way(error, error.to_string()))),
        ("output", state.output.as_ref().map(ToString::to_string).filter(|output| output != "null")),
    ];
    for (name, value) in fields.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
        output.line(format_args!("{name:9}  {}", clean(value)));
    }
    for marking in markings {
        output.line(format_args!("{:9}  {}", "marked", clean(marking)));
    }
    for told in state.controls.iter().flat_map(|history| controls(history)) {
        output.line(format_args!("{:9}  {}", "control", clean(&told)));
    }
    table(&inspection.tasks, output);
}

fn table(tasks: &[TaskDocument], output: &mut Output) {
    let tools: Vec<String> =
        tasks.iter().map(|task| format!("{}.{}", task.head.integration, task.head.action)).collect();
    let steps = tasks.iter().map(|task| task.head.step_id.as_str().len()).max().unwrap_or_default().max(4);
    let wide = tools.iter().map(String::len).max().unwrap_or_default().max(6);
    let scopes = tasks.iter().map(|task| task.head.scope.as_str().len()).max().unwrap_or_default();
    // Without branches, items and rounds there is nothing to tell apart.
    let within = |scope: &str| match scopes {
        0 => String::new(),
        widest => format!("  {scope:width$}", width = widest.max(2)),
    };
    output.line("");
    let (step, action, scope) = ("STEP", "ACTION", within("IN"));
    output.line(format_args!(
        " SEQ  {step:steps$}{scope}  {action:wide$}  STATUS     ATTEMPT   RUNTIME  ERROR OR NOTE"
    ));
    for (task, tool) in tasks.iter().zip(&tools) {
        let state = &task.state;
        // What went wrong before it completed is past; its cleanup came after that.
        let is_told =
            |error: &Failure| state.status != TaskStatus::Completed || error.kind == FailureKind::Cleanup;
        let error = state.error.as_deref().filter(|error| is_told(error));
        let error = error.map(|error| told(state, error));
        let line = format!(
            "{:4}  {:steps$}{}  {tool:wide$}  {:9}  {:7}  {:>8}  {}",
            task.head.task_seq,
            task.head.step_id.as_str(),
            within(task.head.scope.as_str()),
            state.status,
            state.attempt,
            state.runtime.map(duration).unwrap_or_default(),
            clean(
                &error
                    .or_else(|| waiting(state))
                    .or_else(|| note(state))
                    .or_else(|| cached(state))
                    .unwrap_or_default()
            )
        );
        output.line(line.trim_end());
    }
}

/// Why a task failed, or until when it waits for what is missing, or for a person who mends it.
fn told(state: &TaskState, error: &Failure) -> String {
    let waits = matches!(state.status, TaskStatus::Retrying | TaskStatus::Waiting);
    let is_told = |kind| {
        matches!(
            kind,
            WaitKind::Configuration | WaitKind::LastFailure | WaitKind::Guardrail | WaitKind::Cooldown
        )
    };
    match state.wait.as_deref().filter(|wait| waits && is_told(wait.kind)) {
        Some(Wait { kind, since, until: Some(until), .. }) => {
            let kind = kind.as_str();
            way(error, format!("wait: {kind}, since {since}, until {until}: {}", error.message))
        }
        _ => way(error, error.to_string()),
    }
}

/// What a task waits for that comes from outside, and until when.
fn waiting(state: &TaskState) -> Option<String> {
    let wait = state.wait.as_deref().filter(|_| state.status == TaskStatus::Waiting)?;
    let key = wait.key.as_deref().map(|key| format!(" (key {key})")).unwrap_or_default();
    let until = wait.until.map(|until| format!(", until {until}")).unwrap_or_default();
    let subject = wait.subject.as_deref().unwrap_or_default();
    Some(format!("wait: {}, since {}{until}: {subject}{key}", wait.kind.as_str(), wait.since))
}

/// What is told of a failure, with the option that gives what was missing. What a tool says is never taken for that.
fn way(error: &Failure, told: String) -> String {
    if error.kind == FailureKind::NotConfigured { with_way(&told) } else { told }
}

/// What could not be kept of the answer to a call that was made.
fn note(state: &TaskState) -> Option<String> {
    let note = state.response.as_ref()?.value()["note"].as_str()?.to_owned();
    Some(format!("note: {note}"))
}

/// What was found among kept answers; nothing where they were not asked.
fn cached(state: &TaskState) -> Option<String> {
    let CacheUse { found, age } = state.call.as_ref()?.cache?;
    Some(match found {
        CacheFound::Miss => format!("cache: {}", found.as_str()),
        CacheFound::Hit | CacheFound::Shared | CacheFound::Stale => {
            format!("cache: {}, {} old", found.as_str(), duration(age))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_task_waits_for_is_told_with_its_time() {
        let mut state: TaskState = serde_json::from_value(serde_json::json!({
            "status": "waiting", "attempt": 1, "updated_date": 0,
            "wait": {"kind": "signal", "subject": "closed", "key": "7", "earlier_attempts": 0,
                "since": 1_767_225_600_000_u64, "until": 1_767_312_000_000_u64},
        }))
        .unwrap();
        let told =
            "wait: signal, since 2026-01-01T00:00:00.000Z, until 2026-01-02T00:00:00.000Z: closed (key 7)";
        assert_eq!(waiting(&state).as_deref(), Some(told));
        state.status = TaskStatus::Completed;
        assert_eq!(waiting(&state), None, "it has come");
    }

    #[test]
    fn what_is_missing_is_told_with_the_option_that_gives_it() {
        let missing = "GET 10.0.0.1:80: missing here: permission to reach 10.0.0.1:80";
        let hint = "; `--allow-net 10.0.0.1:80` gives it";
        let failure = Failure::new(FailureKind::NotConfigured, missing);
        let mut state: TaskState = serde_json::from_value(serde_json::json!({
            "status": "failed", "attempt": 1, "updated_date": 0,
            "wait": {"kind": "configuration", "earlier_attempts": 0,
                "since": 1_767_225_600_000_u64, "until": 1_767_312_000_000_u64},
        }))
        .unwrap();
        assert!(told(&state, &failure).ends_with(hint), "{}", told(&state, &failure));
        state.status = TaskStatus::Retrying;
        let waiting = told(&state, &failure);
        assert!(
            waiting.starts_with("wait: configuration, since 2026") && waiting.ends_with(hint),
            "{waiting}"
        );
        let said = Failure::new(FailureKind::Status, missing);
        assert!(!told(&state, &said).contains("--allow-net"), "what a tool says is no advice of ours");
    }
}
