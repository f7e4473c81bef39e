//! Abandoned executions: unfinished executions without an actor, because the replay found poison for them, or because
//! the start did not resume them. Ends them from their documents, without running anything. Not for running executions:
//! those are ended through their handles.

use thiserror::Error;
use updraft_kernel::machine::{cancel_abandoned, fail_abandoned};
use updraft_protocol::limits::PAGE_ROWS;
use updraft_protocol::{Asked, ExecutionDocument, ExecutionId, Failure, TenantCode};
use updraft_storage::log::Need;
use updraft_storage::store::Cursor;

use crate::commit;
use crate::context::EngineContext;
use crate::control::CancelVerdict;
use crate::entry::Lost;
use crate::load;

/// Why abandoned executions were not ended. The next start finds them unfinished again.
#[derive(Debug, Error)]
pub enum Error {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] updraft_storage::Error),
    /// The journal has failed.
    #[error(transparent)]
    Lost(#[from] Lost),
}

impl Error {
    /// Whether trying again can help.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Store(error) if error.retryable())
    }
}

/// Fails the executions for which the replay of the journal found poison, durably and in the store. Those that have
/// ended keep their end.
///
/// # Errors
/// The store did not answer, or the journal has failed.
pub async fn fail_poisoned(context: &EngineContext) -> Result<(), Error> {
    let mut poisoned = context.registry.poisoned.take();
    let (mut after, mut failed) = (None, 0);
    while !poisoned.is_empty() {
        let page = context.store.unfinished(after, PAGE_ROWS).await?;
        let Some(last) = page.last() else { break };
        after = Some(Cursor { createddate: last.head.createddate, peid: last.peid });
        for document in page {
            if let Some(failure) = poisoned.remove(&document.peid) {
                write_off(context, document, failure).await?;
                failed += 1;
            }
        }
    }
    if failed > 0 {
        tracing::warn!(failed, "executions were failed: the store will never take what they were to write");
        context.flush().await?;
    }
    Ok(())
}

async fn write_off(
    context: &EngineContext,
    document: ExecutionDocument,
    failure: Failure,
) -> Result<(), Error> {
    let tasks = load::tasks(context, &document.head.tenant_code, document.peid).await?;
    let epoch = context.epochs.of(&document.head.tenant_code);
    context.target_locks.release_all(document.peid);
    let (_, writes) = fail_abandoned(document, &tasks, epoch, failure, context.clock.now());
    commit::append(context, writes, Need::Durable).await.map_err(|error| Lost::Engine(error.into()))?;
    Ok(())
}

/// Cancels an execution without an actor; returns when that is durable. `None` if the tenant has no such execution. The
/// caller makes sure that the execution is not resumed in the meantime.
///
/// # Errors
/// The store did not answer, or the journal has failed.
pub async fn cancel(
    context: &EngineContext,
    tenant: &TenantCode,
    peid: ExecutionId,
    asked: Option<Asked>,
) -> Result<Option<CancelVerdict>, Error> {
    // The journal's updates of it, such as an earlier cancel, must be in the store before it is read there.
    context.flush().await?;
    let Some(document) = context.store.execution(tenant, peid).await? else { return Ok(None) };
    let status = document.state.execution_status;
    if status.ended() {
        return Ok(Some(CancelVerdict::AlreadyEnded(status)));
    }
    let decided = document.state.ending.as_ref().map(|ending| ending.status);
    let tasks = load::tasks(context, tenant, peid).await?;
    let epoch = context.epochs.of(tenant);
    context.target_locks.release_all(peid);
    let (_, writes) = cancel_abandoned(document, &tasks, epoch, asked, context.clock.now());
    commit::append(context, writes, Need::Durable).await.map_err(|error| Lost::Engine(error.into()))?;
    Ok(Some(decided.map_or(CancelVerdict::Cancelled, CancelVerdict::AlreadyEnded)))
}
