//! What is asked of queued executions, which have no actor: they are cancelled, given another priority, or given signals, in their
//! documents. Each is claimed meanwhile, so that it does not begin. Starts nothing.

use std::sync::Arc;
use std::time::Duration;

use updraft_kernel::backlog::{Claim, reprioritised};
use updraft_kernel::machine::{Machine, MachineEvent, cancel_abandoned};
use updraft_protocol::{
    Applied, Asked, ControlRefusal, ExecutionDocument, ExecutionId, ExecutionStatus, Priority, TenantCode,
    Update,
};
use updraft_storage::log::Need;

use crate::abandoned::Error;
use crate::backlog;
use crate::commit;
use crate::context::EngineContext;
use crate::control::CancelVerdict;
use crate::entry::{Lost, RegistryEntry};
use crate::plans;

/// The pause before a claim is asked for again.
const PAUSE: Duration = Duration::from_millis(2);

/// A queued execution that does not begin until this is dropped.
struct Claimed<'a> {
    context: &'a EngineContext,
    entry: Arc<RegistryEntry>,
    is_queued: bool,
}

impl Drop for Claimed<'_> {
    fn drop(&mut self) {
        self.context.admission.give_back(&self.entry.tenant, self.entry.peid, self.is_queued);
    }
}

/// An entry for an execution in an engine in which nothing that is queued begins; known to nobody else.
pub fn entry_at_rest(tenant: &TenantCode, peid: ExecutionId) -> Arc<RegistryEntry> {
    let entry = RegistryEntry::new(peid, tenant.clone(), None);
    entry.set_queued();
    Arc::new(entry)
}

/// The entry of a queued execution that nobody holds; `None` if the tenant has no queued execution of this id.
///
/// # Errors
/// The store did not answer.
pub async fn entry_of(
    context: &EngineContext,
    tenant: &TenantCode,
    peid: ExecutionId,
) -> Result<Option<Arc<RegistryEntry>>, updraft_storage::Error> {
    let is_queued = |document: Option<ExecutionDocument>| {
        document.is_some_and(|document| document.state.execution_status == ExecutionStatus::Queued)
    };
    if !context.admission.queues() || !is_queued(context.store.execution(tenant, peid).await?) {
        return Ok(None);
    }
    let entry = backlog::entry(context, tenant, peid);
    // One that began and ended meanwhile is not in the registry any more: an entry for it would wait for ever.
    if entry.is_queued() && !is_queued(context.store.execution(tenant, peid).await?) {
        if let Some(ended) = context.store.execution(tenant, peid).await?
            && ended.state.execution_status.ended()
            && entry.is_queued()
        {
            let _ = entry.settle(Ok(Arc::new(ended)));
            context.registry.remove(&entry);
        }
    } else if entry.is_queued() {
        context.registry.forget_queued(entry.clone(), 0);
    }
    Ok(Some(entry))
}

/// Cancels a queued execution; returns when that is durable. `None` if it is not queued.
///
/// # Errors
/// The store did not answer, or the journal has failed.
pub async fn cancel(
    context: &EngineContext,
    entry: &Arc<RegistryEntry>,
    asked: Option<Asked>,
) -> Result<Option<CancelVerdict>, Error> {
    let Some((mut claimed, document)) = claim(context, entry).await? else { return Ok(None) };
    let (epoch, now) = (context.epochs.of(&entry.tenant), context.clock.now());
    let (document, writes) = cancel_abandoned(document, &[], epoch, asked, now);
    let lsn = append(context, writes).await?;
    claimed.is_queued = false;
    // Whoever reads what is queued before the store has the end sees by the entry that it has ended.
    let entry = backlog::entry(context, &entry.tenant, entry.peid);
    let _ = entry.settle(Ok(Arc::new(document)));
    context.registry.remove_when_stored(entry.peid, lsn);
    drop(claimed);
    Ok(Some(CancelVerdict::Cancelled))
}

/// Gives a queued execution another priority; returns when that is durable. `None` if it is not queued.
///
/// # Errors
/// The store did not answer, or the journal has failed.
pub async fn reprioritise(
    context: &EngineContext,
    entry: &Arc<RegistryEntry>,
    (priority, asked): (Priority, Asked),
) -> Result<Option<Applied>, Error> {
    let Some((_claimed, document)) = claim(context, entry).await? else { return Ok(None) };
    if document.priority() == priority {
        return Ok(Some(Applied::Repeated));
    }
    let (epoch, now) = (context.epochs.of(&entry.tenant), context.clock.now());
    let lsn = append(context, vec![reprioritised(&document, priority, asked, epoch, now)]).await?;
    context.admission.changed_at(lsn);
    Ok(Some(Applied::Reprioritised))
}

/// Applies a control to a queued execution, if it can be kept until it begins: a signal. `None` if it is not queued.
///
/// # Errors
/// The store did not answer, or the journal has failed.
pub async fn apply(
    context: &EngineContext,
    entry: &Arc<RegistryEntry>,
    event: MachineEvent,
) -> Result<Option<Result<Applied, ControlRefusal>>, Error> {
    if !matches!(event, MachineEvent::Signal(..)) {
        return Ok(entry.is_queued().then_some(Err(ControlRefusal::Queued)));
    }
    let Some((_claimed, document)) = claim(context, entry).await? else { return Ok(None) };
    let head = &document.head;
    let (store, tenant) = (context.store.as_ref(), &head.tenant_code);
    let ready = match context.plans.get_as_of(store, tenant, head.pid, head.createddate).await {
        Ok(ready) => ready,
        Err(plans::Error::Store(error)) => return Err(error.into()),
        // It fails when it begins.
        Err(_) => return Ok(Some(Err(ControlRefusal::Queued))),
    };
    let terms = context.terms(&head.tenant_code);
    let mut machine = Machine::queued(ready.plan.clone(), document, terms);
    let effects = machine.apply(event, context.clock.now());
    if !effects.writes.is_empty() {
        append(context, effects.writes).await?;
    }
    Ok(Some(effects.reply.unwrap_or(Err(ControlRefusal::Queued))))
}

/// Claims a queued execution, with its newest document; `None` if it is not queued.
async fn claim<'a>(
    context: &'a EngineContext,
    entry: &Arc<RegistryEntry>,
) -> Result<Option<(Claimed<'a>, ExecutionDocument)>, Error> {
    let (tenant, peid) = (&entry.tenant, entry.peid);
    loop {
        if !entry.is_queued() || entry.outcome().is_some() {
            return Ok(None);
        }
        match context.admission.claim(tenant, peid) {
            Claim::Claimed => break,
            // Nothing that is queued begins in this engine.
            Claim::NotQueued if !context.admission.queues() => break,
            Claim::Busy => context.timer.pause(PAUSE).await,
            Claim::NotQueued => return Ok(None),
        }
    }
    let claimed = Claimed { context, entry: entry.clone(), is_queued: true };
    if !entry.is_queued() || entry.outcome().is_some() {
        return Ok(None);
    }
    // What was changed of it before must be in the store before it is read there.
    context.flush().await?;
    let document = context.store.execution(tenant, peid).await?;
    let queued = document.filter(|document| document.state.execution_status == ExecutionStatus::Queued);
    Ok(queued.map(|document| (claimed, document)))
}

async fn append(context: &EngineContext, writes: Vec<Update>) -> Result<u64, Error> {
    let appended = commit::append(context, writes, Need::Durable).await;
    appended.map_err(|error| Error::Lost(Lost::Engine(error.into())))
}
