//! The store that all nodes share: documents guarded by epoch and number. Mirrors the contract of
//! `storage/src/store/execution.rs` as `storage/src/sqlite/write.rs` implements it. Its writes are durable. It has no
//! unique index of idempotency keys, which would hide errors of reservations from the oracle.

mod containment;
mod queued;

use std::collections::{BTreeMap, BTreeSet};

pub use queued::place;
use updraft_kernel::shard_epochs::ShardEpochs;
use updraft_kernel::virtual_shard::VirtualShard;
use updraft_kernel::writer::WriteOutcome;
use updraft_protocol::{
    Asked, ContainmentDocument, ContainmentId, DocumentId, ExecutionDocument, ExecutionId, IdempotencyKey,
    KeyHolder, PauseScope, Quota, Revision, TaskDocument, TaskId, TaskUpdate, TenantCode, Timestamp, Update,
};

/// The documents.
#[derive(Debug, Default)]
pub struct SimulatedStore {
    /// The executions.
    pub executions: BTreeMap<ExecutionId, ExecutionDocument>,
    /// The tasks.
    pub tasks: BTreeMap<TaskId, TaskDocument>,
    /// Documents with an update that was refused for good.
    pub poisoned: BTreeSet<DocumentId>,
    /// The executions of such documents.
    pub tainted: BTreeSet<ExecutionId>,
    /// Keys of the dead letters that it keeps.
    pub letters: BTreeSet<String>,
    /// The containments.
    pub containments: BTreeMap<ContainmentId, ContainmentDocument>,
    /// Tasks whose hold is not registered, by when that is due.
    unregistered: BTreeSet<(Timestamp, TaskId)>,
    /// Until when it does not answer.
    pub out_until: u64,
    /// Whether containments or holds have changed since the reconcilers were last woken.
    pub has_holds: bool,
    epochs: BTreeMap<VirtualShard, u64>,
    /// The scopes that are paused.
    pub pauses: BTreeMap<PauseScope, Asked>,
    /// The quotas that were set.
    pub quotas: BTreeMap<TenantCode, Quota>,
}

/// An answer of a tool that the store refuses for good.
pub const POISON: &str = "poison";
/// The reason of the refusal.
const REFUSAL: &str = "never this one";

impl SimulatedStore {
    /// Writes one update, guarded by its revision.
    pub fn write(&mut self, update: &Update) -> WriteOutcome {
        let outcome = match update {
            Update::Task(update) if cursed(update) => WriteOutcome::Poison(REFUSAL.to_owned()),
            Update::Execution(update) => match self.executions.get_mut(&update.peid) {
                Some(document) if !newer(update.revision, (document.epoch, document.seq)) => {
                    WriteOutcome::Stale
                }
                Some(document) => {
                    document.state.merge(update.state.clone());
                    (document.epoch, document.seq) = (update.revision.epoch, update.revision.seq);
                    WriteOutcome::Written
                }
                None => match &update.head {
                    Some(head) => {
                        let document = ExecutionDocument {
                            peid: update.peid,
                            head: head.clone(),
                            state: update.state.clone(),
                            epoch: update.revision.epoch,
                            seq: update.revision.seq,
                        };
                        self.executions.insert(update.peid, document);
                        WriteOutcome::Written
                    }
                    None => WriteOutcome::Poison(REFUSAL.to_owned()),
                },
            },
            Update::Task(update) => self.write_task_and_hold(update),
        };
        if matches!(outcome, WriteOutcome::Poison(_)) {
            self.poisoned.insert(update.document());
            self.tainted.insert(match update {
                Update::Execution(update) => update.peid,
                Update::Task(update) => update.peid,
            });
        }
        outcome
    }

    fn write_task_and_hold(&mut self, update: &TaskUpdate) -> WriteOutcome {
        let due =
            |store: &Self| store.tasks.get(&update.task_id).and_then(|task| task.state.registration_due);
        let before = due(self);
        let outcome = self.write_task(update);
        if let Some(before) = before {
            self.unregistered.remove(&(before, update.task_id));
        }
        self.has_holds |= due(self).is_some();
        self.unregistered.extend(due(self).map(|due| (due, update.task_id)));
        outcome
    }

    fn write_task(&mut self, update: &TaskUpdate) -> WriteOutcome {
        match self.tasks.get_mut(&update.task_id) {
            Some(document) if !newer(update.revision, (document.epoch, document.seq)) => WriteOutcome::Stale,
            Some(document) => {
                document.state.merge(update.state.clone());
                (document.epoch, document.seq) = (update.revision.epoch, update.revision.seq);
                WriteOutcome::Written
            }
            None => match &update.head {
                Some(head) => {
                    let document = TaskDocument {
                        task_request_id: update.task_id,
                        head: head.clone(),
                        state: update.state.clone(),
                        epoch: update.revision.epoch,
                        seq: update.revision.seq,
                    };
                    self.tasks.insert(update.task_id, document);
                    WriteOutcome::Written
                }
                None => WriteOutcome::Poison(REFUSAL.to_owned()),
            },
        }
    }

    /// The revision of a document; `None` if it does not exist.
    pub fn revision(&self, document: DocumentId) -> Option<Revision> {
        let of = |epoch, seq| Revision { epoch, seq };
        match document {
            DocumentId::Execution(peid) => self.executions.get(&peid).map(|found| of(found.epoch, found.seq)),
            DocumentId::Task(task) => self.tasks.get(&task).map(|found| of(found.epoch, found.seq)),
        }
    }

    /// The tasks of an execution in order.
    pub fn tasks_of(&self, peid: ExecutionId) -> Vec<TaskDocument> {
        let mut tasks: Vec<TaskDocument> =
            self.tasks.values().filter(|task| task.head.peid == peid).cloned().collect();
        tasks.sort_by_key(|task| task.head.task_seq);
        tasks
    }

    /// The execution that was submitted under a key.
    pub fn under_key(&self, key: &IdempotencyKey) -> Option<KeyHolder> {
        let found = self.executions.values().find(|document| {
            let head = &document.head;
            head.tenant_code == key.tenant_code
                && head.playbook_name == key.playbook_name
                && head.idempotency_key.as_deref() == Some(&*key.text)
        });
        found.map(|document| KeyHolder { peid: document.peid, input_hash: document.head.input_hash })
    }

    /// New epochs of these virtual shards, each higher than every earlier one.
    pub fn claim_epochs(&mut self, shards: impl Iterator<Item = VirtualShard>) -> ShardEpochs {
        let mut claimed = |shard| {
            let epoch = self.epochs.entry(shard).or_default();
            *epoch += 1;
            (shard, *epoch)
        };
        shards.map(&mut claimed).collect()
    }

    /// Whether it answers at this time.
    pub fn answers(&self, now: u64) -> bool {
        now >= self.out_until
    }
}

fn newer(update: Revision, document: (u64, u64)) -> bool {
    (update.epoch, update.seq) > document
}

fn cursed(update: &TaskUpdate) -> bool {
    update.state.response.as_ref().is_some_and(|response| response.as_str().contains(POISON))
}
