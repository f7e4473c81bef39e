//! `updraft answer`: the answer of a person to an approval that waits, by the engine that runs there.

use updraft::{Applied, ApprovalAnswer, Inspection, Json, TaskDocument, TaskId, TaskStatus, Value};

use crate::data::Kept;
use crate::exit::{Ending, Error};
use crate::options::AnswerApproval;
use crate::output::Output;
use crate::reading::Reading;

/// Answers, and tells what it came to; returns when that is durable.
pub(crate) async fn answer(options: &AnswerApproval) -> Result<Ending, Error> {
    let kept = Kept::of(&options.data)?;
    let place = Reading::of_directory(&kept).await?;
    let answered = apply(options, &place).await;
    place.close().await;
    let told = match answered? {
        Applied::Counted { missing: 1 } => "counted; one more is needed".to_owned(),
        Applied::Counted { missing } => format!("counted; {missing} more are needed"),
        Applied::Repeated => "was answered so before".to_owned(),
        _ => "decided".to_owned(),
    };
    let mut output = Output::stdout();
    output.line(format_args!("{}  {told}: {}", options.peid, options.choice));
    output.finish().map(|()| Ending::Completed)
}

async fn apply(options: &AnswerApproval, place: &Reading) -> Result<Applied, Error> {
    let (tenant, peid) = (&options.tenant, options.peid);
    let found = place.execution(tenant, peid).await?;
    let found = found.ok_or_else(|| Error::Failed(format!("tenant {tenant} has no execution {peid}")))?;
    let task = match options.task {
        Some(task) => task,
        None => only(&found, options)?,
    };
    let answer = ApprovalAnswer {
        uid: options.uid.clone(),
        groups: options.groups.clone(),
        choice: options.choice.clone(),
        comment: options.comment.clone(),
        data: options.form.as_deref().map(form).transpose()?,
    };
    Ok(match place {
        Reading::Running(client) => client.answer(tenant, peid, task, answer).await?,
        Reading::Alone(engine) => engine.answer(tenant, peid, task, answer).await?,
        Reading::Server(_) => return Err(Error::Failed(format!("no engine runs {peid} here"))),
    })
}

/// A form that is filled in; a name that is twice in a map is refused.
fn form(text: &str) -> Result<Json, Error> {
    let data = Value::parse(text).map_err(|why| Error::refused("--form", why))?;
    Ok(Json::from(&data))
}

/// The approval that waits, where there is one alone: an answer never chooses its question.
fn only(found: &Inspection, options: &AnswerApproval) -> Result<TaskId, Error> {
    let waits = |task: &&TaskDocument| {
        let is_gate = task.state.wait.as_ref().is_some_and(|wait| wait.gate.is_some());
        task.state.status == TaskStatus::Waiting && is_gate
    };
    let waiting: Vec<&TaskDocument> = found.tasks.iter().filter(waits).collect();
    let is_asked = |task: &&TaskDocument| options.step.as_ref().is_none_or(|step| *step == task.head.step_id);
    let asked: Vec<&TaskDocument> = waiting.iter().copied().filter(is_asked).collect();
    match (&asked[..], &options.step) {
        ([task], _) => Ok(task.task_request_id),
        ([], Some(step)) if !waiting.is_empty() => {
            let listed = listed(&waiting);
            Err(Error::Failed(format!("no approval of the step {step} waits; there wait {listed}")))
        }
        ([], _) => Err(Error::Failed(format!("no approval of {} waits", options.peid))),
        _ => {
            let listed = listed(&asked);
            Err(Error::Failed(format!("several approvals wait; say which by --task: {listed}")))
        }
    }
}

/// Tasks with their steps, at most as many as a message has room for.
fn listed(tasks: &[&TaskDocument]) -> String {
    const TOLD: usize = 20;
    let named = |task: &&TaskDocument| format!("{} (step {})", task.task_request_id, task.head.step_id);
    let mut all: Vec<String> = tasks.iter().take(TOLD).map(named).collect();
    if tasks.len() > TOLD {
        all.push(format!("and {} more", tasks.len() - TOLD));
    }
    all.join(", ")
}
