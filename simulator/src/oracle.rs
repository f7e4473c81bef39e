//! The oracle: the properties of the whole that must hold under any fault. Records everything that was decided, made
//! durable, called and reported, which no part of the product sees together. Never informs the product.

mod approvals;
mod calls;
mod children;
mod cleanup;
mod containments;
mod controls;
mod cooldowns;
mod ending;
mod locks;
mod pauses;
mod queue;
mod reruns;
mod rounds;
mod signals;

use std::collections::{BTreeMap, BTreeSet};

use updraft_kernel::invariant::{self, Violation};
use updraft_kernel::machine::{Act, Effects, Machine, Timer};
use updraft_kernel::shard_epochs::ShardEpochs;
use updraft_kernel::virtual_shard::VirtualShard;
use updraft_kernel::writer::WriteOutcome;
use updraft_protocol::{
    Applied, ApprovalAnswer, ControlRefusal, DocumentId, ExecutionDocument, ExecutionId, ExecutionState,
    ExecutionStatus, Revision, Signal, TaskDocument, TaskId, TaskState, TaskUpdate, Timestamp, Update, codec,
};

use crate::disk::SimulatedFrame;
use crate::event::NodeId;
use crate::execution::Verdict;
use crate::scenario::ClientControl;
use crate::store::SimulatedStore;
use calls::Calls;
use containments::{KnownContainments, is_decided};
use locks::KnownLocks;
use pauses::AskedEnds;
use queue::KnownQueue;

/// A document's state at one revision.
#[derive(Debug, Clone, PartialEq)]
enum State {
    Execution(ExecutionState),
    Task(TaskState),
}

/// The properties of the whole.
#[derive(Debug, Default)]
pub struct Oracle {
    /// The decided states of each document, by revision.
    decided: BTreeMap<DocumentId, BTreeMap<Revision, State>>,
    /// The newest revision of each document that a journal has synced.
    durable: BTreeMap<DocumentId, Revision>,
    /// The revision that holds the intent of an attempt.
    intents: BTreeMap<(TaskId, u32), Revision>,
    calls: BTreeMap<TaskId, Calls>,
    /// Tasks whose next call has its permit.
    permitted: BTreeSet<TaskId>,
    /// When a task's wait ends, by attempt.
    dues: BTreeMap<(TaskId, u32), Timestamp>,
    /// The same as it was decided, before its commit: a timer is handed out later, when its task may wait again already.
    decided_dues: BTreeMap<(TaskId, u32), Timestamp>,
    deadlines: BTreeMap<ExecutionId, Timestamp>,
    told: BTreeMap<ExecutionId, Vec<ExecutionStatus>>,
    /// When the ends were reported first.
    ended_at: BTreeMap<ExecutionId, u64>,
    /// The documents of executions whose end was reported.
    finals: BTreeMap<ExecutionId, (ExecutionDocument, Vec<TaskDocument>)>,
    /// The same for abandoned executions under an epoch, until their end is reported.
    given_up: BTreeMap<(ExecutionId, u64), (ExecutionDocument, Vec<TaskDocument>)>,
    /// All that were abandoned, each with the epoch: their ends were decided from documents alone.
    abandoned: BTreeSet<(ExecutionId, u64)>,
    cancels: BTreeMap<usize, (ExecutionId, Verdict)>,
    /// The reruns that were accepted.
    reruns: BTreeMap<usize, ExecutionId>,
    /// The tasks of reruns that have the result of another one.
    taken: BTreeSet<TaskId>,
    /// The signals that were answered, each with its execution.
    signals: BTreeMap<ClientControl, (ExecutionId, Signal, Result<Applied, ControlRefusal>)>,
    /// The answers that were answered, each with its task.
    answers: BTreeMap<ClientControl, (TaskId, ApprovalAnswer, Result<Applied, ControlRefusal>)>,
    /// The pauses, and their ends, that were answered.
    pauses: BTreeSet<ClientControl>,
    /// The skips that were answered.
    skips: BTreeSet<ClientControl>,
    /// The tasks that a person was to skip: their waits may end before their time.
    skipped: BTreeSet<TaskId>,
    /// The tasks whose child was to stop: it is asked again at instants of which no document tells.
    stopping: BTreeSet<TaskId>,
    /// The tasks of which a person changes when their waits end.
    ends: BTreeMap<TaskId, AskedEnds>,
    /// The executions that were told to be paused, until they are asked to go on.
    paused: BTreeSet<ExecutionId>,
    /// How often each execution was asked to go on; of each that was paused.
    resumes: BTreeMap<ExecutionId, u32>,
    /// The nodes that hold a control that they have not answered.
    held: BTreeSet<(ClientControl, NodeId)>,
    accepted: BTreeMap<usize, BTreeSet<ExecutionId>>,
    /// The highest claimed epoch of each virtual shard.
    epochs: BTreeMap<VirtualShard, u64>,
    containments: KnownContainments,
    locks: KnownLocks,
    /// What is queued at each process.
    queues: BTreeMap<NodeId, KnownQueue>,
    /// The priorities that were answered.
    prioritised: BTreeSet<ClientControl>,
}

fn broken(invariant: &'static str, what: String) -> Result<(), Violation> {
    Err(Violation { invariant, what })
}

impl Oracle {
    /// A process has its epochs: each must be higher than every earlier one of its virtual shard.
    pub fn began(&mut self, node: NodeId, epochs: &ShardEpochs) -> Result<(), Violation> {
        for shard in VirtualShard::ALL {
            let (epoch, before) = (epochs.get(shard), self.epochs.get(&shard).copied().unwrap_or(0));
            // It has not claimed this virtual shard.
            if epoch == 0 {
                continue;
            }
            self.epochs.insert(shard, epoch);
            if epoch <= before {
                let what = format!("node {node} has {epoch} after {before} of {shard:?}");
                return broken("a new epoch is higher", what);
            }
        }
        Ok(())
    }

    /// A machine has decided something.
    pub fn decided(&mut self, machine: &Machine, effects: &Effects, epoch: u64) -> Result<(), Violation> {
        machine.is_paused().then(|| self.resumes.entry(machine.peid()).or_default());
        let tasks = machine.task_documents();
        for update in &effects.writes {
            let revision = update.revision();
            if revision.epoch != epoch {
                return broken("fenced", format!("{revision:?} is written under epoch {epoch}"));
            }
            let state = match update {
                Update::Execution(_) => State::Execution(machine.document().state),
                Update::Task(update) => {
                    let task = tasks.iter().find(|task| task.task_request_id == update.task_id);
                    let Some(task) = task else {
                        return broken("decided", "a task that is not there".to_owned());
                    };
                    let after = self.after(update, task);
                    self.keeps_the_rest(update, &after)?;
                    if !self.has_child(update.task_id) {
                        self.unknown_was_begun(update)?;
                    }
                    self.waited_for_its_child(machine, task, &after)?;
                    State::Task(after)
                }
            };
            self.decided.entry(update.document()).or_default().insert(revision, state);
        }
        for act in &effects.acts {
            if let Act::Arm(Timer::Task(seq), due) = act
                && let Some(task) = tasks.iter().find(|task| task.head.task_seq == seq.0)
            {
                self.decided_dues.insert((task.task_request_id, task.state.attempt), *due);
            }
            if let Act::StopChild(task) = act {
                self.stopping.insert(*task);
            }
            if let Act::Start(start) = act
                && let Some(task) = tasks.iter().find(|task| task.task_request_id == start.task_id)
            {
                let revision = Revision { epoch: task.epoch, seq: task.seq };
                self.intents.insert((start.task_id, start.attempt), revision);
                self.has_its_place(machine, start)?;
            }
        }
        invariant::steps_in_order(machine.plan(), &tasks)
    }

    /// The state of a task after an update: the machine shows the newest, of an earlier one it follows from the one before.
    fn after(&self, update: &TaskUpdate, newest: &TaskDocument) -> TaskState {
        let Revision { epoch, seq } = update.revision;
        let decided = self.decided.get(&DocumentId::Task(update.task_id));
        let before = decided.and_then(|all| all.get(&Revision { epoch, seq: seq - 1 }));
        match before {
            Some(State::Task(before)) if seq < newest.seq => {
                let mut state = before.clone();
                state.merge(update.state.clone());
                state
            }
            _ if update.head.is_some() => update.state.clone(),
            _ => newest.state.clone(),
        }
    }

    /// The fields that an update of a task sets are new; all others must be as they were one revision before.
    fn keeps_the_rest(&self, update: &TaskUpdate, after: &TaskState) -> Result<(), Violation> {
        fn stays<T: PartialEq>(before: &Option<T>, change: &Option<T>, after: &Option<T>) -> bool {
            after == if change.is_some() { change } else { before }
        }
        let Revision { epoch, seq } = update.revision;
        let decided = self.decided.get(&DocumentId::Task(update.task_id));
        let before = decided.and_then(|all| all.get(&Revision { epoch, seq: seq - 1 }));
        let (Some(State::Task(before)), change) = (before, &update.state) else { return Ok(()) };
        let all_stays = stays(&before.response, &change.response, &after.response)
            && stays(&before.error, &change.error, &after.error)
            && stays(&before.started_date, &change.started_date, &after.started_date)
            && stays(&before.runtime, &change.runtime, &after.runtime)
            && stays(&before.wait, &change.wait, &after.wait)
            && stays(&before.call, &change.call, &after.call);
        if all_stays {
            return Ok(());
        }
        broken("what is not named stays", format!("{before:?} changed by {change:?} is {after:?}"))
    }

    /// An execution was abandoned: its writes are merged into the stored documents.
    pub fn gave_up(&mut self, document: &ExecutionDocument, tasks: &[TaskDocument], writes: &[Update]) {
        for update in writes {
            let state = match update {
                Update::Execution(_) => State::Execution(document.state.clone()),
                Update::Task(update) => {
                    let before = tasks.iter().find(|task| task.task_request_id == update.task_id);
                    let mut state = before.map_or_else(|| update.state.clone(), |task| task.state.clone());
                    state.merge(update.state.clone());
                    State::Task(state)
                }
            };
            self.decided.entry(update.document()).or_default().insert(update.revision(), state);
        }
        let mut last = tasks.to_vec();
        for task in &mut last {
            let update =
                writes.iter().find(|update| update.document() == DocumentId::Task(task.task_request_id));
            if let Some(Update::Task(update)) = update {
                task.state.merge(update.state.clone());
                (task.epoch, task.seq) = (update.revision.epoch, update.revision.seq);
            }
        }
        self.abandoned.insert((document.peid, document.epoch));
        self.given_up.insert((document.peid, document.epoch), (document.clone(), last));
    }

    /// A journal has synced these updates.
    pub fn durable(&mut self, updates: &[Update]) {
        for update in updates {
            let newest = self.durable.entry(update.document()).or_insert(update.revision());
            *newest = (*newest).max(update.revision());
        }
    }

    /// The store was asked to write an update: the stored state must be one that a machine decided, newer than before,
    /// and an end is never undone.
    pub fn written(
        &self,
        update: &Update,
        outcome: &WriteOutcome,
        before: &Shown,
        store: &SimulatedStore,
    ) -> Result<(), Violation> {
        let document = update.document();
        let after = Shown::of(document, store);
        if before.revision == after.revision && before.state == after.state {
            return Ok(());
        }
        if let (Some(before), Some(after)) = (before.revision, after.revision) {
            invariant::never_back(&[before, after])?;
        }
        if *outcome != WriteOutcome::Written {
            return broken("never back", format!("{document:?} changed by what was {outcome:?}"));
        }
        if before.ended() && !before.tells_of_its_undo(&after) && !before.tells_of_a_rerun(&after) {
            return broken("one end", format!("{document:?} changed after its end to {:?}", after.state));
        }
        if store.poisoned.contains(&document) {
            return Ok(());
        }
        let decided = self.decided.get(&document).zip(after.revision).and_then(|(all, at)| all.get(&at));
        if !is_decided(decided, after.state.as_ref()) {
            return broken(
                "the store shows what was decided",
                format!("{document:?} at {:?} is {:?}, decided was {decided:?}", after.revision, after.state),
            );
        }
        Ok(())
    }

    /// The watermark passed a group: the store must have it.
    pub fn is_stored(
        &self,
        lsn: u64,
        updates: &[(DocumentId, Revision)],
        store: &SimulatedStore,
    ) -> Result<(), Violation> {
        let missing = updates.iter().find(|(document, revision)| {
            !store.poisoned.contains(document) && store.revision(*document).is_none_or(|at| at < *revision)
        });
        match missing {
            Some(missing) => {
                broken("nothing lost", format!("group {lsn} counts as stored without {missing:?}"))
            }
            None => Ok(()),
        }
    }

    /// A journal deletes frames: the store must have them.
    pub fn may_forget(&self, frames: &[SimulatedFrame], store: &SimulatedStore) -> Result<(), Violation> {
        for frame in frames {
            let updates: Vec<Update> = codec::decode(&frame.payload).unwrap_or_default();
            let updates: Vec<_> =
                updates.iter().map(|update| (update.document(), update.revision())).collect();
            self.is_stored(frame.lsn, &updates, store)?;
        }
        Ok(())
    }

    /// A client's execution was reported as accepted.
    pub fn accepted(&mut self, order: usize, peid: ExecutionId) {
        self.accepted.entry(order).or_default().insert(peid);
    }

    /// Everything in a node's journal is in the store: so must be the executions that it accepted.
    pub fn recovered(&self, orders: &[usize], store: &SimulatedStore) -> Result<(), Violation> {
        for order in orders {
            let accepted = self.accepted.get(order).into_iter().flatten();
            if let Some(lost) = accepted.into_iter().find(|peid| !store.executions.contains_key(peid)) {
                return broken("accepted is durable", format!("{lost} was accepted and is lost"));
            }
        }
        Ok(())
    }

    /// An execution's end was reported to its waiters.
    pub fn ended(&mut self, machine: &Machine, status: ExecutionStatus, now: u64) {
        self.ended_at.entry(machine.peid()).or_insert(now);
        self.told.entry(machine.peid()).or_default().push(status);
        self.finals.insert(machine.peid(), (machine.document(), machine.task_documents()));
    }

    /// The end of an abandoned execution was reported.
    pub fn ended_given_up(&mut self, peid: ExecutionId, epoch: u64) {
        if let Some(last) = self.given_up.remove(&(peid, epoch)) {
            self.told.entry(peid).or_default().push(last.0.state.execution_status);
            self.finals.insert(peid, last);
        }
    }
}

/// The visible state of one document in the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    revision: Option<Revision>,
    state: Option<State>,
}

impl Shown {
    /// The visible state now.
    pub fn of(document: DocumentId, store: &SimulatedStore) -> Self {
        let state = match document {
            DocumentId::Execution(peid) => {
                store.executions.get(&peid).map(|found| State::Execution(found.state.clone()))
            }
            DocumentId::Task(task) => store.tasks.get(&task).map(|found| State::Task(found.state.clone())),
        };
        Self { revision: store.revision(document), state }
    }

    /// Whether nothing but its undo has changed: an execution that ends from its documents tells what it has not undone.
    fn tells_of_its_undo(&self, after: &Self) -> bool {
        let (Some(State::Task(before)), Some(State::Task(after))) = (&self.state, &after.state) else {
            return false;
        };
        let TaskState { undo, registration_due, updated_date, .. } = after.clone();
        *after == TaskState { undo, registration_due, updated_date, ..before.clone() }
    }

    fn ended(&self) -> bool {
        match &self.state {
            Some(State::Execution(state)) => state.execution_status.ended(),
            Some(State::Task(state)) => state.status.ended(),
            None => false,
        }
    }
}
