//! The address of a shard: what its actor is sent from other threads. Knows nothing of the actor that reads it, so that
//! the engine's context can hold the addresses of all shards.

use std::sync::Arc;

use actix::{Message, Recipient};
use tokio::sync::{mpsc, oneshot};
use updraft_kernel::machine::{Act, Machine};
use updraft_kernel::shard::Since;
use updraft_protocol::ExecutionId;

use crate::entry::RegistryEntry;

/// The address of a shard.
pub(crate) struct ShardAddress {
    pub(crate) mailbox: Recipient<ShardMessage>,
    /// Holds every execution that admission lets in, so that the journal's thread never waits here.
    pub(crate) launches: mpsc::Sender<Launch>,
}

/// An accepted execution, its first writes durable.
pub struct Launch {
    /// Its registry entry.
    pub entry: Arc<RegistryEntry>,
    /// Its machine.
    pub machine: Box<Machine>,
    /// What to do first.
    pub acts: Vec<Act>,
    /// Where its first writes stand in the journal.
    pub lsn: u64,
}

/// What is sent to a shard's mailbox.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) enum ShardMessage {
    /// The registry entry of this execution holds a control.
    Asked(ExecutionId),
    /// Executions are to be read back, once the store has enough of them.
    Load(Vec<Arc<RegistryEntry>>, Since),
    /// Nothing is to be left running; answered when nothing runs.
    Drain(oneshot::Sender<()>),
}
