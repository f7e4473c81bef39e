//! The driver of the backlog: begins queued executions when there are permits, and reads the windows of tenants from the store. One
//! task on the thread of the node. What is next is decided in [`updraft_kernel::backlog`].
//!
//! An execution that begins is read by its shard as any other that the store has; only its shard starts it, and what it finds in
//! the store counts. So whatever is read twice, or late, begins once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use updraft_kernel::backlog::{BacklogFull, Queued, QueuedPage, enqueued};
use updraft_kernel::shard::Since;
use updraft_protocol::limits::BACKLOG_BEGINS_AT_ONCE;
use updraft_protocol::{ExecutionHead, ExecutionId, TenantCode, Update};
use updraft_storage::store::QueuedQuery;

use crate::admission::Begin;
use crate::context::EngineContext;
use crate::entry::RegistryEntry;
use crate::shard::address::ShardMessage;

/// How often it is looked whether the store has what is to be read.
const LOOK: Duration = Duration::from_millis(2);
/// The pause before the store is read again.
const PAUSE: Duration = Duration::from_millis(250);

/// A submission on its way into the backlog; dropped, it is not queued.
pub struct Arrival {
    context: Arc<EngineContext>,
    /// `None` once it is queued.
    tenant: Option<TenantCode>,
}

impl Arrival {
    /// Room in the backlog for one execution of a tenant.
    ///
    /// # Errors
    /// There is none.
    pub fn new(context: Arc<EngineContext>, tenant: TenantCode) -> Result<Self, BacklogFull> {
        context.admission.arrive(&tenant, context.quotas.of(&tenant).queued)?;
        Ok(Self { context, tenant: Some(tenant) })
    }

    /// The update that queues an execution.
    pub fn update(&self, peid: ExecutionId, head: Arc<ExecutionHead>) -> Update {
        let epoch = self.context.epochs.of(&head.tenant_code);
        enqueued(peid, head, epoch)
    }

    /// The journal has its execution, at this position: it is accepted.
    pub fn durable(mut self, entry: &Arc<RegistryEntry>, head: &ExecutionHead, lsn: u64) {
        entry.set_queued();
        entry.accept(Ok(()));
        self.context.registry.forget_queued(entry.clone(), lsn);
        if let Some(tenant) = self.tenant.take() {
            let position = Queued::position(head.createddate, head.priority);
            self.context.admission.arrived(&tenant, Queued { position, peid: entry.peid }, lsn);
        }
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        if let Some(tenant) = self.tenant.take() {
            self.context.admission.withdrawn(&tenant);
        }
    }
}

/// Drives the backlog, for ever.
pub(crate) async fn drive(context: Arc<EngineContext>) {
    loop {
        loop {
            let (begin, is_more) = context.admission.admit(BACKLOG_BEGINS_AT_ONCE);
            if !begin.is_empty() {
                launch(&context, begin);
            }
            if !is_more {
                break;
            }
            tokio::task::yield_now().await;
        }
        while let Some((tenant, limit, newest)) = context.admission.next_read() {
            actix::spawn(read(context.clone(), tenant, limit, newest));
        }
        metrics::gauge!("updraft_executions_queued").set(context.admission.queued() as f64);
        context.admission.changed().await;
    }
}

/// Has the shards of executions start them.
fn launch(context: &Arc<EngineContext>, begin: Vec<Begin>) {
    let mut by_shard: BTreeMap<usize, Vec<Arc<RegistryEntry>>> = BTreeMap::new();
    let mut peids = Vec::with_capacity(begin.len());
    for (tenant, queued, permit) in begin {
        peids.push(queued.peid);
        let entry = entry(context, &tenant, queued.peid);
        // One that runs or was cancelled already was read before the store had that.
        if entry.is_queued() && entry.outcome().is_none() {
            entry.hold(Some(permit));
            by_shard.entry(context.router.shard_of(&tenant)).or_default().push(entry);
        }
    }
    for (shard, mut entries) in by_shard {
        // A shard reads the last of a list first.
        entries.reverse();
        let begins = || entries.iter().for_each(|entry| entry.begin());
        if let Some(address) = context.router.to(shard).announce(begins) {
            // A shard that a tool blocks holds up no other. What is not delivered, its successor finds in the registry.
            actix::spawn(async move {
                let _ = address.mailbox.send(ShardMessage::Load(entries, Since::Start)).await;
            });
        }
    }
    context.admission.begun(peids.into_iter());
}

/// The entry of a queued execution.
pub(crate) fn entry(context: &EngineContext, tenant: &TenantCode, peid: ExecutionId) -> Arc<RegistryEntry> {
    if let Some(entry) = context.registry.get(peid) {
        return entry;
    }
    let entry = Arc::new(RegistryEntry::new(peid, tenant.clone(), None));
    entry.set_queued();
    entry.accept(Ok(()));
    match context.registry.add(entry.clone()) {
        Ok(()) => entry,
        Err(first) => first,
    }
}

/// Reads the window of a tenant, once the store has all that was queued before.
async fn read(context: Arc<EngineContext>, tenant: TenantCode, limit: usize, newest: u64) {
    while newest > 0 && !context.stored.reached(newest + 1) {
        tokio::time::sleep(LOOK).await;
    }
    let except = context.pauses.playbooks(&tenant);
    let leaves_out = !except.is_empty();
    let query = QueuedQuery { tenant: tenant.clone(), except, limit };
    let page = match context.store.queued(query).await {
        Ok(rows) => {
            let is_last = rows.len() < limit;
            let waits = |queued: &Queued| {
                let entry = context.registry.get(queued.peid);
                entry.is_none_or(|entry| entry.is_queued() && entry.outcome().is_none())
            };
            Some(QueuedPage { first: rows.into_iter().filter(waits).collect(), is_last, leaves_out })
        }
        Err(error) => {
            tracing::warn!(%tenant, %error, "queued executions cannot be read yet");
            tokio::time::sleep(PAUSE).await;
            None
        }
    };
    context.admission.read(&tenant, page);
}
