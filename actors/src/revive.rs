//! Reviving: reading an execution back from the store, after its actor died, or its wait is over, or the
//! engine started.

use std::sync::Arc;
use std::time::Duration;

use updraft_kernel::plan::Plan;
use updraft_protocol::{ExecutionDocument, ExecutionId, TaskDocument, TenantCode};

use crate::core::Core;
use crate::live::{Live, Lost};
use crate::plans;
use updraft_storage::store::Resumable;

/// The pause before the store is asked again.
const PAUSE: Duration = Duration::from_millis(250);

/// What the store has of an execution.
pub(crate) enum Found {
    /// It is unfinished.
    Unfinished { plan: Arc<Plan>, document: Box<ExecutionDocument>, tasks: Vec<TaskDocument> },
    /// It is unfinished, and its playbook cannot be run.
    Unplanned { document: Box<ExecutionDocument>, tasks: Vec<TaskDocument>, reason: String },
    /// It has ended.
    Ended(Box<ExecutionDocument>),
    /// There is no such execution: it was never accepted.
    Nothing,
}

/// What the store must have before an execution is read from it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Since {
    /// It has everything: the engine has just started.
    Start,
    /// What stands in the journal up to here.
    Position(u64),
    /// Everything that the journal has at this moment.
    Now,
}

/// Reads an execution, once the store has everything that was journaled of it. Asks again while the store
/// is unavailable.
pub(crate) async fn find(core: &Core, live: &Live, since: Since) -> Result<Found, Lost> {
    let there = match since {
        Since::Start => true,
        Since::Position(lsn) => core.stored.reached(lsn + 1),
        Since::Now => false,
    };
    if !there {
        core.flush().await?;
    }
    loop {
        match read(core, live).await {
            Ok(found) => return Ok(found),
            Err(error) if error.retryable() => {
                tracing::warn!(peid = %live.peid, %error, "an execution cannot be read back yet");
                if core.failed.is_settled() {
                    return Err(Lost::ShutDown);
                }
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => {
                tracing::error!(peid = %live.peid, %error, "an execution cannot be read back and is left as it is");
                return Err(Lost::Engine(error.to_string()));
            }
        }
    }
}

/// Reads executions that are as the start found them, with one call of the store. Where that fails, each is read
/// alone, and asked for again.
pub(crate) async fn find_all(core: &Core, lives: &[Arc<Live>]) -> Vec<Result<Found, Lost>> {
    let wanted = lives.iter().map(|live| (live.tenant.clone(), live.peid)).collect();
    let read = core.store.resumables(wanted).await.inspect_err(|error| {
        tracing::warn!(%error, "executions are read one by one: together they could not be");
    });
    let mut read = read.unwrap_or_default().into_iter();
    let mut all = Vec::with_capacity(lives.len());
    for live in lives {
        let found = match read.next() {
            Some(resumable) => found(core, resumable).await.ok(),
            None => None,
        };
        all.push(match found {
            Some(found) => Ok(found),
            None => find(core, live, Since::Start).await,
        });
    }
    all
}

async fn read(core: &Core, live: &Live) -> Result<Found, updraft_storage::Error> {
    let mut read = core.store.resumables(vec![(live.tenant.clone(), live.peid)]).await?;
    found(core, read.pop().flatten()).await
}

async fn found(core: &Core, resumable: Option<Resumable>) -> Result<Found, updraft_storage::Error> {
    let Some(Resumable { document, tasks }) = resumable else { return Ok(Found::Nothing) };
    let document = Box::new(document);
    if document.state.execution_status.ended() {
        return Ok(Found::Ended(document));
    }
    match core.plans.get(core.store.as_ref(), &document.head.tenant_code, document.head.pid).await {
        Ok(ready) => Ok(Found::Unfinished { plan: ready.plan.clone(), document, tasks }),
        Err(plans::Error::Store(error)) => Err(error),
        Err(error) => Ok(Found::Unplanned { document, tasks, reason: error.to_string() }),
    }
}

/// All tasks of an execution, in order.
pub(crate) async fn tasks(
    core: &Core,
    tenant: &TenantCode,
    peid: ExecutionId,
) -> Result<Vec<TaskDocument>, updraft_storage::Error> {
    core.store.all_tasks(tenant, peid).await
}
