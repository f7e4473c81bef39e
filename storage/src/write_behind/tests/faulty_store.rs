//! A store in memory with scripted faults, which also checks the promises that every store may rely on.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use updraft_kernel::backlog::Queued;
use updraft_kernel::containment::{DueCursor, HoldCursor};
use updraft_kernel::shard_epochs::ShardEpochs;
use updraft_kernel::virtual_shard::VirtualShard;
use updraft_protocol::*;

use crate::store::*;

/// The behaviour of one write.
#[derive(Debug, Clone)]
pub(super) enum Doing {
    /// Takes time, then writes everything.
    Delay(Duration),
    /// Fails before anything is written.
    Fail(fn(String) -> Error),
    /// Writes so many and fails.
    Part(usize),
    /// Writes everything and fails.
    Hide,
    /// Writes everything and answers for one update less.
    Miscount,
    Panic,
    /// Never answers.
    Hang,
}

#[derive(Default)]
pub(super) struct Held {
    pub(super) documents: BTreeMap<DocumentId, Update>,
    /// The behaviour of the next writes that are not refused; later writes succeed.
    pub(super) script: VecDeque<Doing>,
    /// A write with one of these fails with this error.
    pub(super) refused: BTreeMap<DocumentId, fn(String) -> Error>,
    /// These are poison, as reported by their outcome.
    pub(super) poison: BTreeSet<DocumentId>,
    /// These are refused so many times, for the moment.
    pub(super) not_yet: BTreeMap<DocumentId, usize>,
    /// These are refused for an unknown reason.
    pub(super) unknown: BTreeSet<DocumentId>,
    /// The errors of the next calls that keep letters.
    pub(super) keep_fails_with: VecDeque<fn(String) -> Error>,
    /// The results of the next notes; later notes succeed.
    pub(super) notes: VecDeque<Result<(), Error>>,
    /// Keeping one of these fails for good.
    pub(super) unkeepable: BTreeSet<String>,
    pub(super) dead_letters: BTreeMap<String, DeadLetter>,
    /// The number of letters in each call.
    pub(super) letters_a_call: Vec<usize>,
    /// When each document was sent.
    pub(super) sent: Vec<(DocumentId, tokio::time::Instant)>,
    /// The number of updates in each write.
    pub(super) writes: Vec<usize>,
    flying: BTreeSet<DocumentId>,
    /// The most batches that were in flight at once.
    pub(super) most_at_once: usize,
    at_once: usize,
}

#[derive(Default)]
pub(super) struct FaultyStore(Mutex<Held>);

impl FaultyStore {
    pub(super) fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap()
    }

    pub(super) fn script(&self, doings: impl IntoIterator<Item = Doing>) {
        self.held().script.extend(doings);
    }

    /// The stored revision of a document.
    pub(super) fn seq(&self, document: DocumentId) -> Option<u64> {
        self.held().documents.get(&document).map(|update| update.revision().seq)
    }
}

impl Held {
    fn take(&mut self, update: Update) -> WriteOutcome {
        let document = update.document();
        if self.poison.contains(&document) {
            return WriteOutcome::Poison("never this one".to_owned());
        }
        if self.unknown.contains(&document) {
            return WriteOutcome::Unknown("who knows".to_owned());
        }
        if let Some(left) = self.not_yet.get_mut(&document).filter(|left| **left > 0) {
            *left -= 1;
            return WriteOutcome::Retry("not yet".to_owned());
        }
        match self.documents.get_mut(&document) {
            Some(held) if held.revision() >= update.revision() => return WriteOutcome::Stale,
            Some(held) => held.merge(update),
            None => drop(self.documents.insert(document, update)),
        }
        WriteOutcome::Written
    }
}

/// A write under way; it ends with its future.
struct Flight<'a>(&'a FaultyStore, Vec<DocumentId>);

impl<'a> Flight<'a> {
    fn begin(store: &'a FaultyStore, batch: &[Update]) -> Self {
        let documents: Vec<_> = batch.iter().map(Update::document).collect();
        let mut held = store.held();
        for document in &documents {
            assert!(held.flying.insert(*document), "two batches in flight with one document");
        }
        held.writes.push(batch.len());
        let now = tokio::time::Instant::now();
        held.sent.extend(documents.iter().map(|document| (*document, now)));
        held.at_once += 1;
        held.most_at_once = held.most_at_once.max(held.at_once);
        Self(store, documents)
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut held = self.0.held();
        held.at_once -= 1;
        for document in &self.1 {
            held.flying.remove(document);
        }
    }
}

fn unavailable<T>() -> Result<T, Error> {
    Err(Error::Unavailable("told to".to_owned()))
}

/// The calls of one trait that these tests do not need; and its other items.
macro_rules! unavailable {
    ($trait:ident { $($call:ident($($argument:ty),*) -> $answer:ty;)+ $({ $($else:tt)* })? }) => {
        #[async_trait]
        impl $trait for FaultyStore {
            $(async fn $call(&self, $(_: $argument),*) -> Result<$answer, Error> {
                unavailable()
            })+

            $($($else)*)?
        }
    };
}

unavailable! { ExecutionStore {
    execution(&TenantCode, ExecutionId) -> Option<ExecutionDocument>;
    execution_by_key(&IdempotencyKey) -> Option<KeyHolder>;
    tasks(&TenantCode, ExecutionId, u32, usize) -> Vec<TaskDocument>;
    unfinished(Option<Cursor>, usize) -> Vec<ExecutionDocument>;
    {
        async fn write(&self, mut batch: Vec<Update>) -> Result<Vec<WriteOutcome>, Error> {
            let _flight = Flight::begin(self, &batch);
            tokio::task::yield_now().await;
            let (doing, refused) = {
                let mut held = self.held();
                let refused = batch.iter().find_map(|update| held.refused.get(&update.document()).copied());
                (if refused.is_none() { held.script.pop_front() } else { None }, refused)
            };
            if let Some(refused) = refused {
                return Err(refused("not this one".to_owned()));
            }
            match doing {
                Some(Doing::Delay(delay)) => tokio::time::sleep(delay).await,
                Some(Doing::Fail(error)) => return Err(error("told to".to_owned())),
                Some(Doing::Part(written)) => {
                    batch.truncate(written);
                    batch.into_iter().for_each(|update| drop(self.held().take(update)));
                    return unavailable();
                }
                Some(Doing::Hide) => {
                    batch.into_iter().for_each(|update| drop(self.held().take(update)));
                    return unavailable();
                }
                Some(Doing::Panic) => panic!("the store's own"),
                Some(Doing::Hang) => std::future::pending().await,
                Some(Doing::Miscount) | None => {}
            }
            let mut outcomes: Vec<_> = batch.into_iter().map(|update| self.held().take(update)).collect();
            if let Some(Doing::Miscount) = doing {
                outcomes.pop();
            }
            Ok(outcomes)
        }
    }
} }

unavailable! { QueryStore {
    executions(ExecutionQuery) -> Vec<ExecutionDocument>;
    tasks_of_alert(TaskQuery) -> Vec<TaskDocument>;
    inbox(InboxQuery) -> Vec<TaskDocument>;
    overdue_tasks(OverdueTasksQuery) -> Vec<TaskDocument>;
    runtimes(usize) -> Vec<(PlaybookId, u64)>;
    slowest_playbooks(SlowestQuery) -> Vec<PlaybookRuntime>;
} }

unavailable! { EventStore {
    started(&EventQuery) -> Vec<(ExecutionDocument, ExecutionPositions)>;
    ended(&EventQuery) -> Vec<(ExecutionDocument, ExecutionPositions)>;
    waits(&EventQuery) -> Vec<(TaskDocument, TaskPositions)>;
} }

unavailable! { QueueStore {
    queued(QueuedQuery) -> Vec<Queued>;
    queued_tenants(Option<TenantCode>, usize) -> Vec<(TenantCode, u64)>;
    newest_of_alert(AlertQuery) -> Option<ExecutionId>;
} }

unavailable! { PlaybookStore {
    put_playbook(PlaybookDocument) -> PutOutcome;
    playbook(&TenantCode, PlaybookId) -> Option<PlaybookDocument>;
    playbook_named(&TenantCode, &Name, Option<u32>) -> Option<PlaybookDocument>;
    playbooks(&TenantCode, PlaybookStatus, Option<&str>, Option<(Name, u32)>, usize) -> Vec<PlaybookDocument>;
} }

unavailable! { DeadLetterStore {
    dead_letters(Option<&TenantCode>, Option<&str>, usize) -> Vec<DeadLetter>;
    {
        async fn keep_dead_letters(&self, letters: Vec<DeadLetter>) -> Result<(), Error> {
            tokio::task::yield_now().await;
            let mut held = self.held();
            held.letters_a_call.push(letters.len());
            if let Some(error) = held.keep_fails_with.pop_front() {
                return Err(error("no place for dead letters".to_owned()));
            }
            if letters.iter().any(|letter| held.unkeepable.contains(&letter.key)) {
                return Err(Error::Refused("not even there".to_owned()));
            }
            for letter in letters {
                held.dead_letters.entry(letter.key.clone()).or_insert(letter);
            }
            Ok(())
        }
    }
} }

unavailable! { ContainmentStore {
    unregistered_holds(Option<HoldCursor>, usize) -> Vec<TaskDocument>;
    mark_registered(&[TaskDocument]) -> ();
    put_containment(ContainmentDocument, Option<u64>) -> bool;
    containment(&TenantCode, ContainmentId) -> Option<ContainmentDocument>;
    containments(ContainmentQuery) -> Vec<ContainmentDocument>;
    due_containments(Timestamp, Option<DueCursor>, usize) -> Vec<ContainmentDocument>;
} }

unavailable! { SettingStore {
    put_setting(Setting, Option<u64>) -> bool;
    remove_setting(&str, u64) -> bool;
    setting(&str) -> Option<Setting>;
    settings(SettingKind, Option<&str>, usize) -> Vec<Setting>;
} }

unavailable! { AuditStore {
    add_audit(Vec<AuditRecord>) -> ();
    audit(AuditQuery) -> Vec<AuditRecord>;
} }

unavailable! { EpochStore {
    claim_epochs(&[VirtualShard], uuid::Uuid, u64) -> ShardEpochs;
} }

#[async_trait]
impl BondStore for FaultyStore {
    async fn note(&self, _: uuid::Uuid, _: u64, _: bool) -> Result<(), Error> {
        self.held().notes.pop_front().unwrap_or(Ok(()))
    }
}

impl OwnerStore for FaultyStore {}

#[async_trait]
impl Store for FaultyStore {
    async fn ping(&self) -> Result<(), Error> {
        unavailable()
    }

    fn batch_limit(&self) -> updraft_kernel::batch_limit::BatchLimit {
        updraft_kernel::batch_limit::BatchLimit::EMBEDDED
    }
}
