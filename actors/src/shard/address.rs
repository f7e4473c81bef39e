//! The address of a shard: its mailboxes for other threads. Does not know the actor that reads them, so that the
//! engine's context can hold the addresses of all shards.

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
    /// Has room for every execution that admission allows, so that the journal's thread never waits here.
    pub(crate) launches: mpsc::Sender<Launch>,
}

/// An accepted execution, its first writes durable.
pub struct Launch {
    /// Its registry entry.
    pub entry: Arc<RegistryEntry>,
    /// Its machine.
    pub machine: Box<Machine>,
    /// Its first acts.
    pub acts: Vec<Act>,
    /// The position of its first writes in the journal.
    pub lsn: u64,
}

/// A message to a shard's mailbox.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) enum ShardMessage {
    /// The registry entry of this execution holds a new control.
    Asked(ExecutionId),
    /// The registry entry of this execution holds a control to whose answer nobody waits.
    Woken(ExecutionId),
    /// Read executions back, once the store has enough of them.
    Load(Vec<Arc<RegistryEntry>>, Since),
    /// Drain; answered when nothing runs.
    Drain(oneshot::Sender<()>),
}
