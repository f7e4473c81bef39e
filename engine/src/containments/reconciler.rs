//! The thread of the reconciler of containments: makes the calls that `kernel/src/containment/reconciler.rs` asks for, once a
//! second. Decides nothing.

use std::io;
use std::sync::Arc;

use tokio::sync::oneshot;
use updraft_actors::timer::TimerThread;
use updraft_kernel::containment::{
    Reconciler, ReconcilerCommand, ReconcilerEvent, ReconcilerMode, RoundProgress, UndoRound,
};
use updraft_protocol::limits::{CONTAINMENT_LOOK, CONTAINMENT_PAGE_ROWS, LOCAL_CLOSE};
use updraft_protocol::{ExecutionId, Priority, TenantCode};
use updraft_storage as storage;

use crate::builder::Resume;
use crate::deadline::after;
use crate::engine::Submitter;
use crate::error::{PutError, ReadError, Refusal};
use crate::playbooks::Playbooks;
use crate::submission::Submission;
use crate::submit::OrElse;

/// The running thread. Dropped, it ends without being waited for.
pub(crate) struct ReconcilerThread {
    /// Sent to end the thread once it has registered what is contained, dropped to end it at once.
    close: oneshot::Sender<()>,
    /// Completes when it has ended.
    closed: oneshot::Receiver<()>,
}

impl ReconcilerThread {
    /// Starts the thread. An engine that resumes nothing registers what is contained, and undoes nothing: it may have none of
    /// the tools.
    pub(crate) fn start(submitter: Arc<Submitter>, resume: Resume) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (close, closing) = oneshot::channel();
        let (told, closed) = oneshot::channel();
        let run = move || {
            runtime.block_on(async {
                let is_shut_down = tokio::select! {
                    asked = closing => asked.is_ok(),
                    () = reconcile(&submitter, resume) => false,
                };
                if is_shut_down {
                    let _ = tokio::time::timeout(LOCAL_CLOSE, register_last(&submitter)).await;
                }
            });
            // The caller may not wait for it.
            let _ = told.send(());
        };
        std::thread::Builder::new().name("updraft-contain".to_owned()).spawn(run)?;
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
async fn register_last(submitter: &Submitter) {
    // If the store lags, what it has is registered.
    let _ = submitter.context.flush().await;
    let mut reconciler = Reconciler::new(ReconcilerMode::RegistersLast, CONTAINMENT_PAGE_ROWS);
    look(submitter, &mut reconciler, false).await;
}

/// Registers what the tasks in the store contain, but for those that wait for others.
pub(super) async fn register_stored(submitter: &Submitter) -> Result<(), ReadError> {
    let mut reconciler = Reconciler::new(ReconcilerMode::Registers, CONTAINMENT_PAGE_ROWS);
    let mut event = ReconcilerEvent::Look;
    loop {
        match reconciler.on(event, submitter.context.clock.now()) {
            ReconcilerCommand::Rest => return Ok(()),
            command => event = call(submitter, command).await?,
        }
    }
}

/// Looks again and again.
async fn reconcile(submitter: &Submitter, resume: Resume) {
    let mode = match resume {
        Resume::Nothing => ReconcilerMode::Registers,
        _ => ReconcilerMode::All,
    };
    let mut reconciler = Reconciler::new(mode, CONTAINMENT_PAGE_ROWS);
    let mut is_troubled = false;
    loop {
        is_troubled = look(submitter, &mut reconciler, is_troubled).await;
        tokio::time::sleep(CONTAINMENT_LOOK).await;
    }
}

/// Makes the calls of one look; returns whether one failed. The first failure is told, and those that follow it are not until all
/// went well again.
async fn look(submitter: &Submitter, reconciler: &mut Reconciler, was_troubled: bool) -> bool {
    let (mut event, mut is_troubled) = (ReconcilerEvent::Look, false);
    loop {
        let command = reconciler.on(event, submitter.context.clock.now());
        if command == ReconcilerCommand::Rest {
            return is_troubled;
        }
        let what = subject(&command);
        event = call(submitter, command).await.unwrap_or_else(|error| {
            if !was_troubled && !is_troubled {
                tracing::error!(%error, what, "a containment is not looked after, and is tried again");
            }
            is_troubled = true;
            ReconcilerEvent::Failed
        });
    }
}

/// What a call is about, for the log.
fn subject(command: &ReconcilerCommand) -> String {
    match command {
        ReconcilerCommand::Read(tenant, id) => format!("containment {id} of {tenant}"),
        ReconcilerCommand::Put(document, _) => {
            format!("containment {} of {}", document.id, document.tenant_code)
        }
        ReconcilerCommand::Submit(round) => format!("{} of {}", round.playbook.name, round.tenant),
        ReconcilerCommand::Follow(tenant, peid) => format!("execution {peid} of {tenant}"),
        ReconcilerCommand::ReadHolds(_)
        | ReconcilerCommand::ReadDue(..)
        | ReconcilerCommand::Mark(_)
        | ReconcilerCommand::Rest => "the store".to_owned(),
    }
}

/// Makes a call.
async fn call(submitter: &Submitter, command: ReconcilerCommand) -> Result<ReconcilerEvent, ReadError> {
    let store = &submitter.context.store;
    Ok(match command {
        ReconcilerCommand::ReadHolds(after) => {
            ReconcilerEvent::Holds(store.unregistered_holds(after, CONTAINMENT_PAGE_ROWS).await?)
        }
        ReconcilerCommand::ReadDue(by, after) => {
            ReconcilerEvent::Due(store.due_containments(by, after, CONTAINMENT_PAGE_ROWS).await?)
        }
        ReconcilerCommand::Read(tenant, id) => ReconcilerEvent::Read(store.containment(&tenant, id).await?),
        ReconcilerCommand::Put(document, before) => {
            ReconcilerEvent::Put(store.put_containment(document, before).await?)
        }
        ReconcilerCommand::Mark(tasks) => {
            store.mark_registered(&tasks).await?;
            ReconcilerEvent::Marked
        }
        ReconcilerCommand::Submit(round) => ReconcilerEvent::Round(submit(submitter, *round).await?),
        ReconcilerCommand::Follow(tenant, peid) => {
            ReconcilerEvent::Round(follow(submitter, &tenant, peid).await?)
        }
        ReconcilerCommand::Rest => ReconcilerEvent::Look,
    })
}

/// How far the execution of a round is, by its entry, else by the store.
async fn follow(
    submitter: &Submitter,
    tenant: &TenantCode,
    peid: ExecutionId,
) -> Result<RoundProgress, ReadError> {
    let entry = submitter.context.registry.get(peid);
    Ok(match entry.as_ref().map(|entry| entry.outcome()) {
        Some(None | Some(Err(_))) => RoundProgress::Runs(Some(peid)),
        Some(Some(Ok(document))) => RoundProgress::of(peid, Some(&document.state)),
        None => {
            let document = submitter.context.store.execution(tenant, peid).await?;
            RoundProgress::of(peid, document.map(|document| document.state).as_ref())
        }
    })
}

/// Submits the execution of a round under its key, so that it is there once however often this is done.
async fn submit(submitter: &Submitter, round: UndoRound) -> Result<RoundProgress, ReadError> {
    let put = Playbooks::of(submitter.context.clone()).put(&round.tenant, round.playbook).await;
    let pid = match put {
        // A holder that came since has other retries for the same call.
        Ok(pid) | Err(PutError::Conflict { pid, .. }) => pid,
        Err(PutError::Store(error)) if error.retryable() => return Err(error.into()),
        Err(error) => return Ok(RoundProgress::Ended(Err(error.to_string().into()))),
    };
    let mut submission = Submission::new(round.tenant, pid).input(round.input).idempotency_key(round.key);
    // What is to be undone does not wait behind a storm of alerts.
    submission = submission.priority(Priority::Critical);
    if let Some(alert) = round.alert_id.as_deref() {
        submission = submission.alert_id(alert);
    }
    match submitter.submit_within(submission, OrElse::Queue).await.map_err(|error| error.refusal) {
        Ok(handle) => Ok(RoundProgress::Runs(Some(handle.peid()))),
        Err(Refusal::KeyReused { peid }) => Ok(RoundProgress::Runs(Some(peid))),
        Err(Refusal::ShuttingDown | Refusal::Failed(_)) => {
            Err(storage::Error::Unavailable("the engine is shutting down".to_owned()).into())
        }
        Err(refusal) if refusal.retryable() => Ok(RoundProgress::Runs(None)),
        Err(refusal) => Ok(RoundProgress::Ended(Err(refusal.to_string().into()))),
    }
}
