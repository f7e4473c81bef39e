//! Events: what can happen next in a run, as values, and the queue that orders them. Of events of one instant the
//! one that was asked for first comes first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use updraft_kernel::machine::{StartAttempt, TaskSeq, Timer};
use updraft_kernel::writer::{StoreCall, StoreFault, WriteOutcome};
use updraft_protocol::{ExecutionId, Failure, Json, TaskId};

/// One process of an engine; another one after each start.
pub type NodeId = u64;
/// One incarnation of an execution's actor, or one read of its documents.
pub type Incarnation = u64;

/// Something that happens.
#[derive(Debug, Clone)]
pub enum WorldEvent {
    /// A client submits.
    Submit(usize),
    /// Another client submits the same under the same key.
    Again(usize),
    /// A client asks to cancel.
    Cancel(usize),
    /// A process starts on a directory.
    Start(usize),
    /// A request reaches the store, whoever sent it.
    Arrive(Request),
    /// A tool acts, whoever called it.
    Act(TaskId),
    /// Something for one process; nothing where it has died.
    Node(NodeId, Inner),
}

/// A call on its way to the store.
#[derive(Debug, Clone)]
pub struct Request {
    /// Who sent it.
    pub node: NodeId,
    /// Its number at that node.
    pub number: u64,
    /// What is asked.
    pub call: StoreCall,
    /// How the answer comes back.
    pub answer: Reply,
}

/// How an answer of the store comes back.
#[derive(Debug, Clone, Copy)]
pub enum Reply {
    /// After so long.
    After(u64),
    /// After so long, saying nothing but that something went wrong.
    Broken(u64),
    /// Never.
    Never,
}

/// Something that happens to one process.
#[derive(Debug, Clone)]
pub enum Inner {
    /// The store may be asked for epochs.
    Epoch,
    /// The journal's folder may be read.
    Open,
    /// The unfinished executions may be read.
    Unfinished,
    /// The journal's write is done.
    Written,
    /// The journal's sync is done.
    Synced,
    /// The journal has, or has not, a new execution.
    Accepted(ExecutionId, Option<u64>),
    /// The journal has a group of a shard.
    Told(usize, Vec<Ticket>, u64),
    /// The writer has something to do.
    Wake,
    /// A call of the store has an answer, or none in time.
    Landed(u64, Result<Vec<WriteOutcome>, StoreFault>),
    /// A call has its place, or cannot have one.
    Permitted(ExecutionId, Incarnation, TaskId, Result<(), Failure>),
    /// The request of an attempt that waited for its turn leaves.
    Leaves(Box<Departure>),
    /// An attempt reports.
    Reported(Report),
    /// A timer of an execution's actor.
    Due(ExecutionId, Incarnation, Timer),
    /// The documents of an execution may be read.
    Read(ExecutionId, Incarnation),
    /// A shard looks which parked executions are due.
    Alarm(usize),
    /// The time to shut down is up.
    Deadline,
}

/// Who waits for a commit of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ticket {
    /// An execution's actor.
    Execution(ExecutionId, Incarnation),
    /// Whoever reads an execution after its actor died.
    Settled(ExecutionId, Incarnation),
    /// An execution that was given up, under this epoch.
    GivenUp(ExecutionId, u64),
}

/// The request of an attempt on its way to a tool.
#[derive(Debug, Clone)]
pub struct Departure {
    /// Of which execution.
    pub peid: ExecutionId,
    /// In which incarnation of the actor.
    pub incarnation: Incarnation,
    /// The attempt.
    pub start: StartAttempt,
}

/// What an attempt gave.
#[derive(Debug, Clone)]
pub struct Report {
    /// Of which execution.
    pub peid: ExecutionId,
    /// In which incarnation of the actor.
    pub incarnation: Incarnation,
    /// Of which task.
    pub task: TaskSeq,
    /// The attempt's number.
    pub attempt: u32,
    /// What it gave.
    pub outcome: Result<Json, Failure>,
}

/// What will happen, in order.
#[derive(Debug, Default)]
pub struct Queue {
    heap: BinaryHeap<Reverse<(u64, u64)>>,
    events: std::collections::BTreeMap<u64, WorldEvent>,
    asked: u64,
}

impl Queue {
    /// Has an event happen at an instant.
    pub fn at(&mut self, when: u64, event: WorldEvent) {
        self.heap.push(Reverse((when, self.asked)));
        self.events.insert(self.asked, event);
        self.asked += 1;
    }

    /// The next event with its instant.
    pub fn pop(&mut self) -> Option<(u64, WorldEvent)> {
        let Reverse((when, number)) = self.heap.pop()?;
        Some((when, self.events.remove(&number)?))
    }
}
