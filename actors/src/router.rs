//! The router: the addresses of an engine's shards, and the way of executions and controls to them. Decides nothing.

use std::sync::Arc;

use updraft_kernel::shared::Handover;
use updraft_kernel::shared::controls::AskVerdict;
use updraft_kernel::virtual_shard::VirtualShard;
use updraft_protocol::TenantCode;

use crate::control::Control;
use crate::entry::RegistryEntry;
use crate::shard::address::{Launch, ShardAddress, ShardMessage};

/// The addresses of an engine's shards; a shard that was restarted has another one.
pub struct Router {
    addresses: Vec<Handover<Arc<ShardAddress>>>,
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
    pub(crate) fn to(&self, shard: usize) -> &Handover<Arc<ShardAddress>> {
        &self.addresses[shard]
    }

    /// The shard that runs a tenant.
    pub(crate) fn shard_of(&self, tenant: &TenantCode) -> usize {
        VirtualShard::of(tenant).shard(self.count())
    }

    /// Says that an execution is accepted and hands it to its shard. Called on the journal's thread; never waits.
    /// Where the shard is being restarted, its successor finds the execution in the registry.
    pub fn launch(&self, launch: Launch) {
        let shard = self.to(self.shard_of(&launch.entry.tenant));
        if let Some(address) = shard.announce(|| launch.entry.accept(Ok(()))) {
            let _ = address.launches.try_send(launch);
        }
    }

    /// Asks an execution: its entry holds the control until whoever runs the execution has answered it. Waits for room there.
    /// Where the shard is just being restarted, its successor finds the execution in the registry, and the control with it.
    pub async fn ask(&self, entry: &RegistryEntry, mut control: Control) {
        let shard = self.to(self.shard_of(&entry.tenant));
        loop {
            let mut changed = std::pin::pin!(entry.changed());
            changed.as_mut().enable();
            let mut verdict = None;
            let address = shard.announce(|| verdict = Some(entry.ask(control)));
            // Told also where there is no room: an earlier caller may have been cancelled between its control and this message.
            if let Some(address) = address {
                let _ = address.mailbox.send(ShardMessage::Asked(entry.peid)).await;
            }
            match verdict {
                Some(AskVerdict::Full(back)) => control = back,
                Some(AskVerdict::Held | AskVerdict::Closed(_)) | None => return,
            }
            changed.await;
        }
    }
}
