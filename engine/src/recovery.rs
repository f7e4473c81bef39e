//! Recovery: the journal is replayed into the store, then every unfinished execution resumes.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::mpsc;
use updraft_actors::{EngineContext, Lost, Node, RegistryEntry, abandoned, plans};
use updraft_kernel::shared::permits::Acquire;
use updraft_protocol::limits::PAGE_ROWS;
use updraft_protocol::{ExecutionDocument, IdempotencyKey};
use updraft_storage::journal::{self, Torn};
use updraft_storage::page;
use updraft_storage::store::Cursor;
use updraft_storage::write_behind::Message;

use crate::breakers;
use crate::builder::Resume;
use crate::deadline::answered;
use crate::error::StartError;
use crate::guardrails;
use crate::standstill::StoreWait;
use crate::{pauses, quotas};

/// The result of a recovery.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Groups of updates that were replayed from the journal.
    pub replayed: u64,
    /// An append that a crash cut short; it was never acknowledged.
    pub torn: Option<Torn>,
    /// Unfinished executions that were resumed.
    pub resumed: u64,
    /// Executions that were found queued: they begin in their turn.
    pub queued: u64,
}

pub(crate) async fn recover(
    context: &EngineContext,
    node: &Node,
    replay: journal::Replay,
    writer: mpsc::Sender<Message>,
    (resume, wait): (Resume, StoreWait<'_>),
) -> Result<(Recovered, Vec<Arc<RegistryEntry>>), StartError> {
    // What the operator lets playbooks do holds before any of them goes on.
    guardrails::load(context).await?;
    let torn = replay.torn().cloned();
    let replayed = wait.within(replay.replay(writer)).await??;
    wait.within(context.flush()).await??;
    wait.within(abandoned::fail_poisoned(context)).await??;
    wait.within(breakers::load(context)).await??;
    wait.within(quotas::load(context)).await??;
    wait.within(pauses::load(context)).await??;
    let entries = match resume {
        Resume::All => unfinished(context).await?,
        Resume::Nothing => Vec::new(),
    };
    let queued = if context.admission.queues() { queued(context).await? } else { 0 };
    let resumed = entries.len() as u64;
    if replayed > 0 || resumed > 0 || queued > 0 {
        tracing::info!(replayed, resumed, queued, "recovered");
    }
    node.load(entries.clone()).await;
    Ok((Recovered { replayed, torn, resumed, queued }, entries))
}

/// The unfinished executions, registered; each of their playbooks is known to run here.
async fn unfinished(context: &EngineContext) -> Result<Vec<Arc<RegistryEntry>>, StartError> {
    let mut entries = Vec::new();
    let mut checked = BTreeSet::new();
    let mut after = None;
    loop {
        let page = answered(context.store.unfinished(after, PAGE_ROWS), &context.timer).await?;
        for document in &page {
            if checked.insert(document.head.pid) {
                can_run(context, document).await?;
            }
            let entry = registered(context, document);
            // No submission can have taken its key yet.
            let _ = context.registry.add(entry.clone());
            entries.push(entry);
        }
        match page.last() {
            Some(last) if page::is_full(&page, PAGE_ROWS) => {
                after = Some(Cursor { createddate: last.head.createddate, peid: last.peid });
            }
            _ => return Ok(entries),
        }
    }
}

/// Counts the queued executions, which begin when there is room. None of them is read.
async fn queued(context: &EngineContext) -> Result<u64, StartError> {
    let (mut after, mut all) = (None, 0);
    loop {
        let page = answered(context.store.queued_tenants(after, PAGE_ROWS), &context.timer).await?;
        for (tenant, queued) in &page {
            context.admission.found(tenant, *queued);
            all += queued;
        }
        match page.last() {
            Some((last, _)) if page::is_full(&page, PAGE_ROWS) => after = Some(last.clone()),
            _ => return Ok(all),
        }
    }
}

/// A playbook with mistakes for this version stops the start, since its executions would fail. A missing integration is
/// no mistake: executions wait for it.
pub(crate) async fn can_run(context: &EngineContext, document: &ExecutionDocument) -> Result<(), StartError> {
    let (store, head) = (context.store.as_ref(), &document.head);
    match context.plans.get_as_of(store, &head.tenant_code, head.pid, head.createddate).await {
        Err(error @ plans::Error::Invalid { .. }) => Err(StartError::Unresumable(error)),
        Err(plans::Error::Store(error)) => Err(StartError::Store(error)),
        // Its executions are failed with the reason: the playbook will never be found.
        Err(plans::Error::Missing { .. } | plans::Error::Unreadable { .. }) | Ok(_) => Ok(()),
    }
}

/// The entry of an execution, which was accepted long ago.
pub(crate) fn registered(context: &EngineContext, document: &ExecutionDocument) -> Arc<RegistryEntry> {
    let tenant = document.head.tenant_code.clone();
    // If the limits were lowered, some executions run without a permit until they end.
    let permit = match context.admission.try_acquire(&tenant) {
        Acquire::Granted(permit) => Some(permit),
        Acquire::EngineFull | Acquire::TenantFull => None,
    };
    let entry = RegistryEntry::new(document.peid, tenant, permit)
        .under_key(IdempotencyKey::of(&document.head), document.head.input_hash);
    entry.accept(Ok::<(), Lost>(()));
    Arc::new(entry)
}
