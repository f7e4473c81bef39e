//! Reading executions back from the store: after an actor died, a wait is over, or the engine started. The conditions
//! before a read are decided by [`updraft_kernel::shard::Load`].

use std::sync::Arc;
use std::time::Duration;

use updraft_protocol::{ExecutionDocument, ExecutionId, Failure, FailureKind, TaskDocument, TenantCode};
use updraft_storage::store::Resumable;

use crate::context::EngineContext;
use crate::entry::{Lost, RegistryEntry};
use crate::plans;
use crate::snapshot::Snapshot;

/// The pause before the store is read again.
const PAUSE: Duration = Duration::from_millis(250);

/// The state of an execution in the store.
pub(crate) enum Found {
    /// It is unfinished; with the reason if its playbook cannot be run.
    Unfinished(Box<Snapshot>, Option<Failure>),
    /// It has ended.
    Ended(Box<ExecutionDocument>),
    /// There is no such execution: it was never accepted.
    Nothing,
}

/// Reads an execution. Retries while the store is unavailable.
pub(crate) async fn find(context: &EngineContext, entry: &RegistryEntry) -> Result<Found, Lost> {
    loop {
        match read(context, entry).await {
            Ok(found) => return Ok(found),
            Err(error) if error.retryable() => {
                tracing::warn!(peid = %entry.peid, %error, "an execution cannot be read back yet");
                if context.failed.is_settled() {
                    return Err(Lost::ShutDown);
                }
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => {
                tracing::error!(peid = %entry.peid, %error, "an execution cannot be read back and is left as it is");
                return Err(Lost::Engine(error.to_string().into()));
            }
        }
    }
}

/// Reads executions with one call of the store. If that fails, each is read alone, with retries.
pub(crate) async fn find_all(
    context: &EngineContext,
    entries: &[Arc<RegistryEntry>],
) -> Vec<Result<Found, Lost>> {
    let wanted = entries.iter().map(|entry| (entry.tenant.clone(), entry.peid)).collect();
    let read = context.store.resumables(wanted).await.inspect_err(|error| {
        tracing::warn!(%error, "executions are read one by one: together they could not be");
    });
    let mut read = read.unwrap_or_default().into_iter();
    let mut all = Vec::with_capacity(entries.len());
    for entry in entries {
        let found = match read.next() {
            Some(resumable) => found(context, resumable).await.ok(),
            None => None,
        };
        all.push(match found {
            Some(found) => Ok(found),
            None => find(context, entry).await,
        });
    }
    all
}

async fn read(context: &EngineContext, entry: &RegistryEntry) -> Result<Found, updraft_storage::Error> {
    let mut read = context.store.resumables(vec![(entry.tenant.clone(), entry.peid)]).await?;
    found(context, read.pop().flatten()).await
}

async fn found(
    context: &EngineContext,
    resumable: Option<Resumable>,
) -> Result<Found, updraft_storage::Error> {
    let Some(Resumable { document, tasks }) = resumable else { return Ok(Found::Nothing) };
    if document.state.execution_status.ended() {
        return Ok(Found::Ended(Box::new(document)));
    }
    let head = &document.head;
    let (store, tenant) = (context.store.as_ref(), &head.tenant_code);
    let (plan, failure) = match context.plans.get_as_of(store, tenant, head.pid, head.createddate).await {
        Ok(ready) => (Some(ready.plan.clone()), None),
        Err(plans::Error::Store(error)) => return Err(error),
        Err(error) => (None, Some(Failure::new(FailureKind::Playbook, error.to_string()))),
    };
    let is_orphan = is_orphan(context, &document).await?;
    Ok(Found::Unfinished(Box::new(Snapshot { plan, document, tasks, is_orphan }), failure))
}

/// Whether the parent of an execution has ended, which waited for it. A crash may have lost the cancel.
async fn is_orphan(
    context: &EngineContext,
    document: &ExecutionDocument,
) -> Result<bool, updraft_storage::Error> {
    let Some(parent) = document.head.parent.filter(|parent| parent.waits) else { return Ok(false) };
    if let Some(entry) = context.registry.get(parent.peid) {
        return Ok(matches!(entry.outcome(), Some(Ok(_))));
    }
    let stored = context.store.execution(&document.head.tenant_code, parent.peid).await?;
    Ok(stored.is_some_and(|parent| parent.state.execution_status.ended()))
}

/// All tasks of an execution, in order.
pub(crate) async fn tasks(
    context: &EngineContext,
    tenant: &TenantCode,
    peid: ExecutionId,
) -> Result<Vec<TaskDocument>, updraft_storage::Error> {
    context.store.all_tasks(tenant, peid).await
}
