//! What is asked of queued executions, which have no actor: they are cancelled, given another priority, or given signals, in their
//! documents. Each is claimed meanwhile, so that it does not begin. Starts nothing.

use std::sync::Arc;
use std::time::Duration;

use updraft_kernel::backlog::{Claim, GivenBack, Queued, reprioritised};
use updraft_kernel::machine::{Machine, MachineEvent, cancel_abandoned};
use updraft_protocol::{
    Applied, Asked, ControlRefusal, ExecutionDocument, ExecutionHead, ExecutionId, ExecutionStatus, Name,
    Priority, TenantCode, Update,
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
    given: GivenBack,
    /// Its playbook, once that was read.
    playbook: Option<Name>,
}

impl Claimed<'_> {
    /// The execution is queued at this place, as the store has it.
    fn is_at(&mut self, head: &ExecutionHead, priority: Priority) {
        let position = Queued::position(head.createddate, priority);
        self.given = GivenBack::At(Queued { position, peid: self.entry.peid });
    }

    /// A change is durable at this position in the journal. The execution begins with what the store has of it, which must have
    /// that before.
    async fn changed(&mut self, lsn: u64) -> Result<(), Error> {
        self.given = GivenBack::Somewhere;
        self.context.admission.changed_at(lsn);
        Ok(self.context.flush().await?)
    }
}

impl Drop for Claimed<'_> {
    fn drop(&mut self) {
        let (context, tenant) = (self.context, &self.entry.tenant);
        // Asked while nothing else can enter the line: a pause that holds later takes it out again.
        let may_begin = || self.playbook.as_ref().is_some_and(|name| !context.pauses.holds(tenant, name));
        context.admission.give_back(tenant, self.entry.peid, self.given, may_begin);
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
    claimed.given = GivenBack::Gone;
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
    let Some((mut claimed, document)) = claim(context, entry).await? else { return Ok(None) };
    if document.priority() == priority {
        return Ok(Some(Applied::Repeated));
    }
    let (epoch, now) = (context.epochs.of(&entry.tenant), context.clock.now());
    let lsn = append(context, vec![reprioritised(&document, priority, asked, epoch, now)]).await?;
    claimed.changed(lsn).await?;
    claimed.is_at(&document.head, priority);
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
    let Some((mut claimed, document)) = claim(context, entry).await? else { return Ok(None) };
    let priority = document.priority();
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
        let lsn = append(context, effects.writes).await?;
        claimed.changed(lsn).await?;
        claimed.is_at(machine.head(), priority);
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
    let given = GivenBack::Somewhere;
    let mut claimed = Claimed { context, entry: entry.clone(), given, playbook: None };
    if !entry.is_queued() || entry.outcome().is_some() {
        return Ok(None);
    }
    // What was changed of it before must be in the store before it is read there.
    context.flush().await?;
    let document = context.store.execution(tenant, peid).await?;
    let is_queued = |found: &ExecutionDocument| found.state.execution_status == ExecutionStatus::Queued;
    let Some(document) = document.filter(is_queued) else { return Ok(None) };
    claimed.playbook = Some(document.head.playbook_name.clone());
    claimed.is_at(&document.head, document.priority());
    Ok(Some((claimed, document)))
}

async fn append(context: &EngineContext, writes: Vec<Update>) -> Result<u64, Error> {
    let appended = commit::append(context, writes, Need::Durable).await;
    appended.map_err(|error| Error::Lost(Lost::Engine(error.into())))
}
