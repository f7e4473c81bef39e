//! Events: the possible next steps of a run, as values, and the queue that orders them. Events of one instant are in
//! the order in which they were scheduled.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use updraft_kernel::backlog::QueuedPage;
use updraft_kernel::containment::ReconcilerEvent;
use updraft_kernel::machine::{StartAttempt, TaskSeq, Timer};
use updraft_kernel::writer::{StoreCall, StoreFault, WriteOutcome};
use updraft_protocol::{ExecutionId, Failure, Json, TaskId};

use crate::execution::LockLook;
use crate::node::{ChildWork, ReconcilerCall};
use crate::scenario::ClientControl;
use crate::world::AskedPut;

/// One process of an engine; each start has a new id.
pub type NodeId = u64;
/// One incarnation of an execution's actor, or one read of its documents.
pub type Incarnation = u64;

/// An event.
#[derive(Debug, Clone)]
pub enum WorldEvent {
    /// A client submits.
    Submit(usize),
    /// Another client submits the same under the same key.
    Again(usize),
    /// A client asks for a control.
    Control(ClientControl),
    /// A person asks for a rerun, after having asked so often.
    Rerun(usize, u32),
    /// A person asks something of a containment, after having asked so often.
    AskOfContainment(usize, u32),
    /// An operator pauses a scope, or lets it go on.
    PauseScope(usize, bool),
    /// An operator sets a quota.
    SetQuota(usize),
    /// What a person has asked of a containment reaches the store.
    PutAsked(Box<AskedPut>),
    /// A call of a reconciler reaches the store, even if its process has died.
    Reconcile(Box<ReconcilerCall>),
    /// A process starts on a directory.
    Start(usize),
    /// A request reaches the store, even if its sender has died.
    Arrive(Request),
    /// A tool acts, even if its caller has died.
    Act(TaskId),
    /// An event of one process; ignored if it has died.
    Node(NodeId, Inner),
}

/// A call on its way to the store.
#[derive(Debug, Clone)]
pub struct Request {
    /// The sender.
    pub node: NodeId,
    /// Its number at that node.
    pub number: u64,
    /// The call.
    pub call: StoreCall,
    /// How the answer is delivered.
    pub answer: Reply,
}

/// How an answer of the store is delivered.
#[derive(Debug, Clone, Copy)]
pub enum Reply {
    /// After so long.
    After(u64),
    /// After so long, as an unspecific error.
    Broken(u64),
    /// Never.
    Never,
}

/// An event of one process.
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
    /// The result of the append of a new execution.
    Accepted(ExecutionId, Option<u64>),
    /// The journal has a group of a shard.
    Told(usize, Vec<Ticket>, u64),
    /// The writer has something to do.
    Wake,
    /// A store call has an answer, or has timed out.
    Landed(u64, Result<Vec<WriteOutcome>, StoreFault>),
    /// A call has its permit, or was refused it.
    Permitted(ExecutionId, Incarnation, TaskId, Result<(), Failure>),
    /// A queued execution begins.
    Begin(ExecutionId),
    /// A read of queued executions reaches the store.
    QueueRead(u64),
    /// A read of queued executions has an answer.
    QueuePage(u64, Option<QueuedPage>),
    /// A claim is asked for again.
    Claim(u64),
    /// The journal has the change of a queued execution.
    ClaimTold(u64, u64),
    /// The store is asked again what runs of a scope.
    Scope(u64),
    /// An owner in line looks whether it has its lock.
    Lock(LockLook),
    /// The request of an attempt that waited is sent.
    Leaves(Box<Departure>),
    /// An attempt reports.
    Reported(Report),
    /// A timer of an execution's actor.
    Due(ExecutionId, Incarnation, Timer),
    /// The documents of an execution may be read.
    Read(ExecutionId, Incarnation),
    /// Work for a sub-playbook.
    Child(ChildWork),
    /// It is time for the reconciler to look.
    Look,
    /// A call of the reconciler has an answer, or has timed out.
    Reconciled(u64, Box<ReconcilerEvent>),
    /// A shard checks which parked executions are due.
    Alarm(usize),
    /// The time limit of the shutdown has passed.
    Deadline,
}

/// A waiter for a commit of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ticket {
    /// An execution's actor.
    Execution(ExecutionId, Incarnation),
    /// The read of an execution after its actor died.
    Settled(ExecutionId, Incarnation),
    /// An execution that was given up, under this epoch.
    GivenUp(ExecutionId, u64),
}

/// The request of an attempt on its way to a tool.
#[derive(Debug, Clone)]
pub struct Departure {
    /// Its execution.
    pub peid: ExecutionId,
    /// The incarnation of the actor.
    pub incarnation: Incarnation,
    /// The attempt.
    pub start: StartAttempt,
}

/// The outcome of an attempt.
#[derive(Debug, Clone)]
pub struct Report {
    /// Its execution.
    pub peid: ExecutionId,
    /// The incarnation of the actor.
    pub incarnation: Incarnation,
    /// Its task.
    pub task: TaskSeq,
    /// The number of its call.
    pub call: u32,
    /// The outcome.
    pub outcome: Result<Json, Failure>,
}

/// The future events, in order.
#[derive(Debug, Default)]
pub struct Queue {
    heap: BinaryHeap<Reverse<(u64, u64)>>,
    events: std::collections::BTreeMap<u64, WorldEvent>,
    asked: u64,
}

impl Queue {
    /// Schedules an event.
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
