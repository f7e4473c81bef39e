//! The router: the addresses of an engine's shards, and the way of executions and controls to them. Decides nothing.

use std::sync::Arc;

use updraft_kernel::shared::Handover;
use updraft_kernel::virtual_shard::VirtualShard;
use updraft_protocol::TenantCode;

use crate::control::Control;
use crate::entry::RegistryEntry;
use crate::shard::{Launch, Pass, ShardAddress};

/// The addresses of an engine's shards; a shard that was restarted has another one.
pub struct Router {
    addresses: Vec<Handover<ShardAddress>>,
    /// Launches that fit into each shard: as many as admission lets in.
    pub(crate) capacity: usize,
}

impl Router {
    /// To `shards` shards, each with room for `executions` launches.
    pub fn new(shards: usize, executions: usize) -> Self {
        Self { addresses: (0..shards).map(|_| Handover::new()).collect(), capacity: executions }
    }

    /// How many shards there are.
    pub(crate) fn count(&self) -> usize {
        self.addresses.len()
    }

    /// The address of a shard, through its restarts.
    pub(crate) fn to(&self, shard: usize) -> &Handover<ShardAddress> {
        &self.addresses[shard]
    }

    /// The shard that runs a tenant.
    pub(crate) fn shard_of(&self, tenant: &TenantCode) -> usize {
        VirtualShard::of(tenant).shard(self.count())
    }

    /// Says that an execution is accepted and hands it to its shard. Called on the journal's thread; never waits.
    /// Where the shard is just being restarted, its successor finds the execution in the registry.
    pub fn launch(&self, launch: Launch) {
        let shard = self.to(self.shard_of(&launch.entry.tenant));
        if let Some(address) = shard.announce(|| launch.entry.accept(Ok(()))) {
            let _ = address.launches.try_send(launch);
        }
    }

    /// Passes a control to an execution. The reply is dropped where the execution does not live here.
    pub async fn pass(&self, entry: Arc<RegistryEntry>, control: Control) {
        if let Some(address) = self.to(self.shard_of(&entry.tenant)).current() {
            let _ = address.addr.send(Pass { entry, control }).await;
        }
    }
}
