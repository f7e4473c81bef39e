//! The router: the addresses of an engine's shards; sends executions and controls to them. Decides nothing.

use std::sync::Arc;

use updraft_kernel::shared::Handover;
use updraft_kernel::shared::controls::AskVerdict;
use updraft_kernel::virtual_shard::VirtualShard;
use updraft_protocol::TenantCode;

use crate::control::Control;
use crate::entry::RegistryEntry;
use crate::shard::address::{Launch, ShardAddress, ShardMessage};

/// The addresses of an engine's shards; a restarted shard has a new address.
pub struct Router {
    addresses: Vec<Handover<Arc<ShardAddress>>>,
    /// The capacity of each shard for launches: as many as admission allows.
    pub(crate) capacity: usize,
}

impl Router {
    /// Addresses of `shards` shards, each with room for `executions` launches.
    pub fn new(shards: usize, executions: usize) -> Self {
        Self { addresses: (0..shards).map(|_| Handover::new()).collect(), capacity: executions }
    }

    /// The number of shards.
    pub fn count(&self) -> usize {
        self.addresses.len()
    }

    /// The address of a shard, through its restarts.
    pub(crate) fn to(&self, shard: usize) -> &Handover<Arc<ShardAddress>> {
        &self.addresses[shard]
    }

    /// The shard that runs a tenant.
    pub(crate) fn shard_of(&self, tenant: &TenantCode) -> usize {
        VirtualShard::of(tenant).shard(self.count())
    }

    /// Accepted executions that a shard has not taken up yet; `None` while it is being restarted.
    pub fn launches_waiting(&self, shard: usize) -> Option<usize> {
        let address = self.addresses.get(shard)?.current()?;
        Some(address.launches.max_capacity().saturating_sub(address.launches.capacity()))
    }

    /// Records that an execution is accepted and hands it to its shard. Called on the journal's thread; never waits. If
    /// the shard is being restarted, its successor finds the execution in the registry.
    pub fn launch(&self, launch: Launch) {
        let shard = self.to(self.shard_of(&launch.entry.tenant));
        if let Some(address) = shard.announce(|| launch.entry.accept(Ok(()))) {
            let _ = address.launches.try_send(launch);
        }
    }

    /// Sends a control: the execution's entry holds it until the execution has answered. Waits for room in the entry.
    /// If the shard is being restarted, its successor finds the execution in the registry, and the control in its
    /// entry.
    pub async fn ask(&self, entry: &RegistryEntry, mut control: Control) {
        let shard = self.to(self.shard_of(&entry.tenant));
        let is_awaited = control.is_awaited();
        loop {
            let mut changed = std::pin::pin!(entry.changed());
            changed.as_mut().enable();
            let mut verdict = None;
            let address = shard.announce(|| verdict = Some(entry.ask(control)));
            // Sent also if there is no room: an earlier caller may have been cancelled between its control and this
            // message.
            if let Some(address) = address {
                let message = if is_awaited { ShardMessage::Asked } else { ShardMessage::Woken };
                let _ = address.mailbox.send(message(entry.peid)).await;
            }
            match verdict {
                Some(AskVerdict::Full(back)) => control = back,
                Some(AskVerdict::Held | AskVerdict::Closed(_)) | None => return,
            }
            changed.await;
        }
    }
}
