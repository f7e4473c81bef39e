//! Executions that the start left as they were: cancelled from their documents when somebody asks for it, without
//! running anything. Not for executions that run: those are asked through their handles.

use updraft_kernel::machine::cancel_abandoned;
use updraft_protocol::{ExecutionId, TenantCode};
use updraft_storage::log::Need;

use crate::commit;
use crate::context::EngineContext;
use crate::control::CancelVerdict;
use crate::entry::Lost;
use crate::load;
use crate::poisoned::Error;

/// Cancels an execution that nobody runs; answers when that is durable. None where the tenant has no such execution.
/// The caller sees to it that nobody takes it up meanwhile.
///
/// # Errors
/// The store did not answer, or the journal has failed.
pub async fn cancel(
    context: &EngineContext,
    tenant: &TenantCode,
    peid: ExecutionId,
) -> Result<Option<CancelVerdict>, Error> {
    // What the journal has of it, an earlier cancel say, is in the store before it is read there.
    context.flush().await?;
    let Some(document) = context.store.execution(tenant, peid).await? else { return Ok(None) };
    let status = document.state.execution_status;
    if status.ended() {
        return Ok(Some(CancelVerdict::AlreadyEnded(status)));
    }
    let tasks = load::tasks(context, tenant, peid).await?;
    let (_, writes) = cancel_abandoned(document, &tasks, context.epochs.of(tenant), context.clock.now());
    commit::append(context, writes, Need::Durable).await.map_err(Lost::Engine)?;
    Ok(Some(CancelVerdict::Cancelled))
}
