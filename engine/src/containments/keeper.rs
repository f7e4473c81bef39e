//! The keeper of containments: a thread that hears which tasks contain something, begins the undo of what is due, and follows
//! it to its end. It remembers nothing: what there is to do is in the store, so that a restart goes on.

use std::io;
use std::sync::Arc;

use tokio::sync::oneshot;
use updraft_actors::timer::TimerThread;
use updraft_kernel::containment::{ContainmentEvent, apply, containment_of, register, waits_for_others};
use updraft_protocol::limits::{CONTAINMENT_LATE, CONTAINMENT_LOOK, CONTAINMENT_PAGE_ROWS, LOCAL_CLOSE};
use updraft_protocol::{
    ContainmentDocument, ContainmentStatus, ExecutionDocument, ExecutionId, ExecutionStatus, TaskDocument,
    Timestamp,
};
use updraft_storage as storage;

use super::change;
use super::playbook::{ROUND, undo_playbook};
use crate::builder::Resume;
use crate::deadline::after;
use crate::engine::Submitter;
use crate::error::{ContainmentError, PutError, ReadError, Refusal};
use crate::playbooks::Playbooks;
use crate::submission::Submission;

/// The running keeper. Dropped, it ends without being waited for.
pub(crate) struct Keeper {
    /// Sent to end the thread once it has registered what is contained, dropped to end it at once.
    close: oneshot::Sender<()>,
    /// Completes when it has ended.
    closed: oneshot::Receiver<()>,
}

impl Keeper {
    /// Starts the thread. An engine that resumes nothing registers what is contained, and undoes nothing: it may have none of
    /// the tools.
    pub(crate) fn start(submitter: Arc<Submitter>, resume: Resume) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (close, closing) = oneshot::channel();
        let (told, closed) = oneshot::channel();
        let keep = move || {
            runtime.block_on(async {
                let is_shut_down = tokio::select! {
                    asked = closing => asked.is_ok(),
                    () = keep(&submitter, resume) => false,
                };
                if is_shut_down {
                    let _ = tokio::time::timeout(LOCAL_CLOSE, register_last(&submitter)).await;
                }
            });
            // The caller may not wait for it.
            let _ = told.send(());
        };
        std::thread::Builder::new().name("updraft-contain".to_owned()).spawn(keep)?;
        Ok(Self { close, closed })
    }

    /// Ends it: what is contained is registered, if the store answers; what it does else is dropped, and done again by the
    /// next start.
    pub(crate) async fn close(self, timer: &TimerThread) {
        let _ = self.close.send(());
        let _ = timer.until(after(LOCAL_CLOSE), self.closed).await;
    }
}

/// Registers what the executions that have ended contain, so that a person who looks afterwards finds it.
async fn register_last(submitter: &Submitter) -> Result<(), ReadError> {
    // If the store lags, what it has is registered.
    let _ = submitter.context.flush().await;
    look(submitter, Resume::Nothing, Last::Yes).await
}

async fn keep(submitter: &Submitter, resume: Resume) {
    let mut troubled = false;
    loop {
        let looked = look(submitter, resume, Last::No).await;
        if let Err(error) = &looked
            && !troubled
        {
            tracing::warn!(%error, "containments are not looked after until the store answers");
        }
        troubled = looked.is_err();
        tokio::time::sleep(CONTAINMENT_LOOK).await;
    }
}

/// Whether no look follows: then no task waits for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Yes,
    No,
}

/// Everything that there is to do now. What was so before is heard ahead of its time where the target is contained.
async fn look(submitter: &Submitter, resume: Resume, last: Last) -> Result<(), ReadError> {
    loop {
        let by = submitter.context.clock.now().after(CONTAINMENT_LATE);
        let tasks = submitter.context.store.hold_news(by, CONTAINMENT_PAGE_ROWS).await?;
        let mut heard = Vec::new();
        for task in &tasks {
            match hear(submitter, task, last).await {
                Ok(true) => heard.push(task.clone()),
                Ok(false) => {}
                Err(error) => {
                    let (tenant, task) = (&task.head.tenant_code, task.task_request_id);
                    tracing::error!(%tenant, %task, %error, "a containment was not registered, and is tried again");
                }
            }
        }
        // After the containment is durable: a crash between the two tells it again.
        if !heard.is_empty() {
            submitter.context.store.heard(&heard).await?;
        }
        if heard.len() < CONTAINMENT_PAGE_ROWS {
            break;
        }
    }
    if resume == Resume::Nothing {
        return Ok(());
    }
    let now = submitter.context.clock.now();
    for containment in submitter.context.store.due_containments(now, CONTAINMENT_PAGE_ROWS).await? {
        let (tenant, id) = (containment.tenant_code.clone(), containment.id);
        if let Err(error) = go_on(submitter, containment).await {
            tracing::error!(%tenant, %id, %error, "a containment is due, and is looked at again");
        }
    }
    Ok(())
}

/// What a task contains, or no longer does; false if it is heard later.
async fn hear(submitter: &Submitter, task: &TaskDocument, last: Last) -> Result<bool, ContainmentError> {
    let Some((id, ..)) = containment_of(task) else { return Ok(true) };
    let now = submitter.context.clock.now();
    let store = &*submitter.context.store;
    change(store, &task.head.tenant_code, id, |before| {
        if last == Last::No && waits_for_others(before, task, now) {
            return Ok((false, None));
        }
        Ok((true, register(before, task, now)))
    })
    .await
}

/// Begins the undo of a containment that is due, or follows it.
async fn go_on(submitter: &Submitter, mut containment: ContainmentDocument) -> Result<(), ContainmentError> {
    if containment.status != ContainmentStatus::Undoing {
        containment = happens(submitter, &containment, ContainmentEvent::Due).await?;
    }
    if containment.status != ContainmentStatus::Undoing {
        return Ok(());
    }
    let round = containment.details.round;
    let event = match undo(submitter, &containment).await? {
        Round::Runs(peid) => ContainmentEvent::UndoRuns(round, peid),
        Round::Ended(outcome) => ContainmentEvent::UndoEnded(round, outcome),
    };
    happens(submitter, &containment, event).await.map(drop)
}

/// The containment after an event.
async fn happens(
    submitter: &Submitter,
    containment: &ContainmentDocument,
    event: ContainmentEvent,
) -> Result<ContainmentDocument, ContainmentError> {
    let now: Timestamp = submitter.context.clock.now();
    let (tenant, id) = (&containment.tenant_code, containment.id);
    change(&*submitter.context.store, tenant, id, |before| {
        let before = before.ok_or(ContainmentError::NoContainment(id))?;
        let after = apply(before, event.clone(), now)?;
        Ok((after.clone().unwrap_or_else(|| before.clone()), after))
    })
    .await
}

/// How far a round of an undo is.
enum Round {
    /// It has not ended, or has no place to begin; its execution, if it has one.
    Runs(Option<ExecutionId>),
    Ended(Result<(), Arc<str>>),
}

/// The round that runs: its execution is submitted, unless it was, and looked at.
async fn undo(submitter: &Submitter, containment: &ContainmentDocument) -> Result<Round, ReadError> {
    let Some(peid) = containment.details.execution else {
        // It is recorded before its end is looked for: it may have ended already, and the containment names it.
        return Ok(match submit(submitter, containment).await? {
            Ok(peid) => Round::Runs(Some(peid)),
            Err(round) => round,
        });
    };
    let entry = submitter.context.registry.get(peid);
    let document = match entry.as_ref().map(|entry| entry.outcome()) {
        Some(None | Some(Err(_))) => return Ok(Round::Runs(Some(peid))),
        Some(Some(Ok(document))) => Some(ExecutionDocument::clone(document)),
        None => submitter.context.store.execution(&containment.tenant_code, peid).await?,
    };
    let Some(state) = document.map(|document| document.state) else {
        return Ok(Round::Ended(Err("its execution is not there any more".into())));
    };
    Ok(match state.execution_status {
        status if !status.ended() => Round::Runs(Some(peid)),
        ExecutionStatus::Completed => Round::Ended(Ok(())),
        status => {
            let why = state.error.map_or_else(|| status.to_string(), |error| error.message);
            Round::Ended(Err(why.into()))
        }
    })
}

/// Submits the execution of a round under its key, so that it is there once however often this is done.
async fn submit(
    submitter: &Submitter,
    containment: &ContainmentDocument,
) -> Result<Result<ExecutionId, Round>, ReadError> {
    let failed = |why: String| Ok(Err(Round::Ended(Err(why.into()))));
    let (playbook, input) = match undo_playbook(containment) {
        Ok(made) => made,
        Err(why) => return failed(why),
    };
    let tenant = &containment.tenant_code;
    let put = Playbooks::of(submitter.context.clone()).put(tenant, playbook).await;
    let pid = match put {
        // The newest holder has changed the arguments since the round began.
        Ok(pid) | Err(PutError::Conflict { pid, .. }) => pid,
        Err(PutError::Store(error)) if error.retryable() => return Err(error.into()),
        Err(error) => return failed(error.to_string()),
    };
    let mut submission = Submission::new(tenant.clone(), pid)
        .input(input)
        .idempotency_key(format!("{ROUND}{}", containment.details.round));
    if let Some(alert) = containment.details.holders.last().and_then(|holder| holder.alert_id.as_deref()) {
        submission = submission.alert_id(alert);
    }
    match submitter.submit_within(submission, false).await.map_err(|error| error.refusal) {
        Ok(handle) => Ok(Ok(handle.peid())),
        Err(Refusal::KeyReused { peid }) => Ok(Ok(peid)),
        Err(Refusal::ShuttingDown | Refusal::Failed(_)) => {
            Err(storage::Error::Unavailable("the engine is shutting down".to_owned()).into())
        }
        Err(refusal) if refusal.retryable() => Ok(Err(Round::Runs(None))),
        Err(refusal) => failed(refusal.to_string()),
    }
}
