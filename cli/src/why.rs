//! `updraft why`: of one execution, what it waits for, since when, until when, and who or what ends that; and what people have
//! asked of it. Changes nothing.

use updraft::{
    Clock, ControlHistory, ControlRecord, EndedBy, ExecutionId, ExplainedWait, Explanation, Pause,
    PauseCause, SystemClock,
};

use crate::exit::{Ending, Error};
use crate::options::AskWhy;
use crate::output::Output;
use crate::overdue::overdue;
use crate::reading::Reading;
use crate::text::clean;

/// Tells; nothing is resumed by it.
pub(crate) async fn why(options: &AskWhy) -> Result<Ending, Error> {
    let stored = Reading::open(&options.data).await?;
    let Some(peid) = options.peid else {
        let listed = overdue(&stored, options).await;
        stored.close().await;
        return listed.map(|()| Ending::Completed);
    };
    let found = stored.execution(&options.tenant, peid).await;
    stored.close().await;
    let Some(inspection) = found? else {
        return Err(Error::Failed(format!("tenant {} has no execution {peid}", options.tenant)));
    };
    let explanation = Explanation::of(&inspection, SystemClock.now());
    let mut output = Output::stdout();
    if options.json {
        output.json(&explanation);
    } else {
        print(peid, &explanation, &mut output);
    }
    output.finish().map(|()| Ending::Completed)
}

fn print(peid: ExecutionId, explanation: &Explanation, output: &mut Output) {
    output.line(format_args!("{peid}  {}", explanation.status));
    if let Some((since, priority)) = explanation.queued {
        output.line(format_args!(
            "queued since {since} with priority {priority}: it begins when one that runs has ended and those before it have \
             begun; `updraft paused` lists what is held"
        ));
    }
    if let Some(pause) = &explanation.pause {
        output.line(clean(&held(pause)));
    }
    for wait in &explanation.waits {
        output.line(clean(&line(wait)));
    }
    for told in explanation.controls.iter().flat_map(|history| controls(history)) {
        output.line(clean(&told));
    }
}

/// Who or what holds an execution.
fn held(pause: &Pause) -> String {
    let since = pause.since;
    match &pause.cause {
        PauseCause::Asked(asked) => {
            format!("paused since {since} by {}: {}; `updraft resume` ends it", asked.uid, asked.reason)
        }
        PauseCause::LastFailure { step, message, .. } => format!(
            "paused since {since}, as the last attempt of step \"{step}\" has failed: {message}; once that is mended, \
             `updraft resume` lets it begin again"
        ),
    }
}

/// What people have asked of an execution, one line each.
pub(crate) fn controls(history: &ControlHistory) -> Vec<String> {
    let earlier =
        (history.earlier > 0).then(|| format!("{} controls before these are not kept", history.earlier));
    let told = history.newest.iter().map(|record| {
        let task = record.task.map_or_else(String::new, |task| format!(" {task}"));
        let until = record.until.map_or_else(String::new, |until| format!(" until {until}"));
        let rerun = record.execution.map_or_else(String::new, |peid| format!(" as {peid}"));
        let signal = record.signal.as_ref();
        let signal = signal.map_or_else(String::new, |signal| format!(" {} {}", signal.name, signal.id));
        let ControlRecord { kind, at, asked, .. } = record;
        format!("{at}  {}{task}{until}{rerun}{signal} by {}: {}", kind.as_str(), asked.uid, asked.reason)
    });
    earlier.into_iter().chain(told).collect()
}

pub(crate) fn line(wait: &ExplainedWait) -> String {
    let until = wait.until.map_or_else(String::new, |until| format!(" until {until}"));
    let scope = if wait.scope.as_str().is_empty() { String::new() } else { format!(" in {}", wait.scope) };
    format!("{}{scope}  {}  since {}{until}: {}", wait.step, wait.task, wait.since, told(&wait.ended_by))
}

fn told(ended_by: &EndedBy) -> String {
    match ended_by {
        EndedBy::Tool { integration, action, attempt } => {
            format!("{integration}.{action} is called, attempt {attempt}")
        }
        EndedBy::Instant => "waits for that instant".to_owned(),
        EndedBy::Retry { attempt, failure } => {
            format!("waits for its next attempt, after attempt {attempt}: {failure}")
        }
        EndedBy::Configuration { missing } => format!("waits for configuration: {missing}"),
        EndedBy::Signal { name, key } => {
            let key = key.as_ref().map_or_else(String::new, |key| format!(" with the key \"{key}\""));
            format!("waits for the signal \"{name}\"{key}")
        }
        EndedBy::People { question, assignees, groups, quorum, answered } => {
            let asked: Vec<&str> = assignees.iter().chain(groups).map(|name| &**name).collect();
            let asked = if asked.is_empty() { "anybody".to_owned() } else { asked.join(", ") };
            let answered = match &answered[..] {
                [] => String::new(),
                people => format!("; answered by {}", people.join(", ")),
            };
            format!("waits for {quorum} of {asked} to answer \"{question}\"{answered}")
        }
        EndedBy::Cooldown { tool, why } => format!("waits for {tool}: {why}"),
        EndedBy::Child { execution } => format!("waits for the end of execution {execution}"),
        EndedBy::Branches => "waits for calls of branches that no longer count".to_owned(),
        EndedBy::Cleanup => "runs what it has to after its end".to_owned(),
        EndedBy::Round => "waits for its next round".to_owned(),
        EndedBy::Guardrail { name, why } => format!("waits for room at guardrail \"{name}\": {why}"),
        EndedBy::LastFailure { attempt, failure } => {
            format!("waits for a person who mends it, and resumes, after attempt {attempt}: {failure}")
        }
    }
}
