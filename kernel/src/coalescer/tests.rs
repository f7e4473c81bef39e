//! The coalescer against a model store that guards by revision and may have written what nobody confirmed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use updraft_protocol::{
    DocumentId, ExecutionId, Json, Name, Revision, StepId, TaskHead, TaskId, TaskState, TaskStatus,
    TaskUpdate, TenantCode, Timestamp, Update,
};

use super::*;

const WIDE: Limits = Limits { documents: 1_000, bytes: 1 << 20 };

/// An update of task `task`; the first one brings the head, and every field can tell which update set it.
fn update(task: u8, seq: u64, response_bytes: Option<usize>) -> Update {
    let head = || TaskHead {
        peid: ExecutionId::from_bytes([9; 16]),
        task_seq: u32::from(task),
        step_id: StepId::new("scan").unwrap(),
        iteration: 0,
        tenant_code: TenantCode::new("acme").unwrap(),
        alert_id: None,
        integration: Name::new("http").unwrap(),
        action: Name::new("get").unwrap(),
    };
    Update::Task(TaskUpdate {
        task_id: TaskId::from_bytes([task; 16]),
        revision: Revision { epoch: 1, seq },
        head: (seq == 1).then(|| Arc::new(head())),
        state: TaskState {
            status: TaskStatus::Executing,
            attempt: u32::try_from(seq).unwrap(),
            response: response_bytes.map(|bytes| Json::from(serde_json::json!("x".repeat(bytes)))),
            error: None,
            started_date: seq.is_multiple_of(3).then_some(Timestamp(seq)),
            updated_date: Timestamp(seq),
            runtime: seq.is_multiple_of(2).then_some(seq),
        },
    })
}

fn tasks(batch: &Batch) -> Vec<u8> {
    let first = |update: &Update| match update.document() {
        DocumentId::Task(id) => id.as_bytes()[0],
        DocumentId::Execution(id) => id.as_bytes()[0],
    };
    batch.updates.iter().map(first).collect()
}

fn merged(base: Option<Update>, newer: Update) -> Update {
    match base {
        Some(mut base) => {
            base.merge(newer);
            base
        }
        None => newer,
    }
}

#[test]
fn a_status_that_was_overtaken_is_never_written() {
    let mut coalescer = Coalescer::new(WIDE);
    coalescer.offer(1, vec![update(1, 1, None)]);
    coalescer.offer(2, vec![update(1, 2, Some(5)), update(1, 3, None)]);
    let batch = coalescer.take(10, 1 << 20).unwrap();
    let expected = [update(1, 2, Some(5)), update(1, 3, None)]
        .into_iter()
        .fold(update(1, 1, None), |a, b| merged(Some(a), b));
    assert_eq!(batch.updates, [expected]);
    assert_eq!(coalescer.stored_below(), 1);
    coalescer.settle(batch.id, vec![Settled::Done]);
    assert_eq!((coalescer.stored_below(), coalescer.is_empty()), (3, true));
}

#[test]
fn a_document_in_flight_waits_and_is_ready_when_it_has_landed() {
    let mut coalescer = Coalescer::new(WIDE);
    coalescer.offer(1, vec![update(1, 1, None)]);
    let first = coalescer.take(10, 1 << 20).unwrap();
    coalescer.offer(2, vec![update(1, 2, None), update(2, 1, None)]);
    let second = coalescer.take(10, 1 << 20).unwrap();
    assert_eq!(tasks(&second), [2]);
    assert!(coalescer.take(10, 1 << 20).is_none());
    assert_eq!((coalescer.documents(), coalescer.in_flight()), (2, 2));
    coalescer.settle(first.id, vec![Settled::Done]);
    assert_eq!(coalescer.stored_below(), 2);
    let third = coalescer.take(10, 1 << 20).unwrap();
    assert_eq!(third.updates, [update(1, 2, None)]);
}

#[test]
fn what_must_be_written_again_goes_under_what_came_meanwhile_and_before_what_is_newer() {
    let mut coalescer = Coalescer::new(WIDE);
    coalescer.offer(1, vec![update(1, 1, Some(3))]);
    let first = coalescer.take(10, 1 << 20).unwrap();
    coalescer.offer(2, vec![update(2, 1, None), update(1, 2, None)]);
    coalescer.settle(first.id, vec![Settled::Retry]);
    let again = coalescer.take(10, 1 << 20).unwrap();
    assert_eq!(again.updates, [merged(Some(update(1, 1, Some(3))), update(1, 2, None)), update(2, 1, None)]);
    assert_eq!(coalescer.stored_below(), 1);
}

#[test]
fn an_update_larger_than_a_batch_goes_alone() {
    let mut coalescer = Coalescer::new(WIDE);
    coalescer.offer(1, vec![update(1, 1, None), update(2, 1, Some(10_000)), update(3, 1, None)]);
    let batches: Vec<_> =
        std::iter::from_fn(|| coalescer.take(10, 1_000)).map(|batch| tasks(&batch)).collect();
    assert_eq!(batches, [[1], [2], [3]]);
    assert!(Coalescer::new(WIDE).take(10, 1_000).is_none());
}

#[test]
fn a_batch_of_no_operations_is_none_and_loses_nothing() {
    let mut coalescer = Coalescer::new(WIDE);
    coalescer.offer(1, vec![update(1, 1, None)]);
    assert!(coalescer.take(0, 1_000).is_none());
    assert_eq!(tasks(&coalescer.take(1, 0).unwrap()), [1]);
}

#[test]
fn the_producer_waits_at_either_limit_and_one_more_group_is_still_kept() {
    for limits in [Limits { documents: 2, bytes: 1 << 20 }, Limits { documents: 100, bytes: 500 }] {
        let mut coalescer = Coalescer::new(limits);
        coalescer.offer(1, vec![update(1, 1, None)]);
        assert!(coalescer.has_room());
        coalescer.offer(2, vec![update(2, 1, None)]);
        assert!(!coalescer.has_room());
        coalescer.offer(3, vec![update(3, 1, None)]);
        let batch = coalescer.take(10, 1 << 20).unwrap();
        assert_eq!(tasks(&batch), [1, 2, 3]);
        assert!(!coalescer.has_room(), "what is in flight takes room");
        coalescer.settle(batch.id, vec![Settled::Done; 3]);
        assert!(coalescer.has_room());
    }
    assert!(Coalescer::new(Limits { documents: 0, bytes: 0 }).has_room(), "or nothing would ever move");
}

#[test]
fn an_outcome_that_is_missing_is_a_retry_and_a_second_settlement_is_nothing() {
    let mut coalescer = Coalescer::new(WIDE);
    coalescer.offer(1, vec![update(1, 1, None), update(2, 1, None)]);
    let batch = coalescer.take(10, 1 << 20).unwrap();
    coalescer.settle(batch.id, vec![Settled::Done]);
    coalescer.settle(batch.id, vec![Settled::Done, Settled::Done]);
    assert_eq!((coalescer.documents(), coalescer.in_flight(), coalescer.stored_below()), (1, 0, 1));
    assert_eq!(tasks(&coalescer.take(10, 1 << 20).unwrap()), [2]);
}

#[test]
fn a_group_without_updates_moves_the_end() {
    let mut coalescer = Coalescer::new(WIDE);
    coalescer.offer(7, Vec::new());
    assert_eq!((coalescer.stored_below(), coalescer.is_empty()), (8, true));
}

/// What became of one update of a batch: what the store did, and what the coalescer was told.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Written,
    Lost,
    WrittenUnconfirmed,
    /// Nobody confirms it, and it reaches the store at some later time.
    Late,
}

#[derive(Debug, Clone)]
enum Step {
    Offer(Vec<(u8, Option<usize>)>),
    Take { operations: usize, bytes: usize },
    Settle { which: usize, fates: Vec<Fate> },
    Land,
}

fn step() -> impl Strategy<Value = Step> {
    let fate = prop_oneof![
        3 => Just(Fate::Written),
        1 => Just(Fate::Lost),
        1 => Just(Fate::WrittenUnconfirmed),
        1 => Just(Fate::Late)
    ];
    prop_oneof![
        4 => prop::collection::vec((0_u8..6, prop::option::of(0_usize..400)), 0..5).prop_map(Step::Offer),
        3 => (1_usize..5, 0_usize..1_500).prop_map(|(operations, bytes)| Step::Take { operations, bytes }),
        3 => (0_usize..4, prop::collection::vec(fate, 4)).prop_map(|(which, fates)| Step::Settle { which, fates }),
        1 => Just(Step::Land),
    ]
}

/// The coalescer, its store, and a second account of what it should hold.
struct World {
    coalescer: Coalescer,
    store: BTreeMap<DocumentId, Update>,
    newest: BTreeMap<DocumentId, Update>,
    /// Every update offered: position, document, revision.
    offered: Vec<(u64, DocumentId, Revision)>,
    waiting: BTreeMap<DocumentId, (u64, Update)>,
    flying: BTreeMap<DocumentId, (u64, Update)>,
    batches: Vec<Batch>,
    late: Vec<Update>,
    lsn: u64,
    stored_below: u64,
}

impl World {
    fn new() -> Self {
        Self {
            coalescer: Coalescer::new(WIDE),
            store: BTreeMap::new(),
            newest: BTreeMap::new(),
            offered: Vec::new(),
            waiting: BTreeMap::new(),
            flying: BTreeMap::new(),
            batches: Vec::new(),
            late: Vec::new(),
            lsn: 0,
            stored_below: 0,
        }
    }

    fn offer(&mut self, changes: Vec<(u8, Option<usize>)>) {
        let mut group = Vec::new();
        for (task, response) in changes {
            let id = DocumentId::Task(TaskId::from_bytes([task; 16]));
            let seq = self.newest.get(&id).map_or(1, |newest| newest.revision().seq + 1);
            let update = update(task, seq, response);
            self.offered.push((self.lsn, id, update.revision()));
            let newest = merged(self.newest.remove(&id), update.clone());
            self.newest.insert(id, newest);
            self.wait(id, self.lsn, update.clone());
            group.push(update);
        }
        self.coalescer.offer(self.lsn, group);
        self.lsn += 1;
    }

    fn wait(&mut self, id: DocumentId, lsn: u64, update: Update) {
        let (since, base) = self.waiting.remove(&id).map_or((lsn, None), |(since, base)| (since, Some(base)));
        self.waiting.insert(id, (since, merged(base, update)));
    }

    fn take(&mut self, operations: usize, max_bytes: usize) {
        let ready = self.waiting.iter().filter(|(id, _)| !self.flying.contains_key(id));
        let mut oldest: Vec<_> = ready.map(|(_, (since, _))| *since).collect();
        oldest.sort_unstable();
        let Some(batch) = self.coalescer.take(operations, max_bytes) else {
            assert!(oldest.is_empty(), "what is ready is taken");
            return;
        };
        let distinct: BTreeSet<_> = batch.updates.iter().map(Update::document).collect();
        assert_eq!(distinct.len(), batch.updates.len(), "one operation for each document");
        assert!(batch.updates.len() <= operations);
        let bytes: usize = batch.updates.iter().map(Update::bytes).sum();
        assert!(bytes <= max_bytes || batch.updates.len() == 1);
        let mut positions = Vec::new();
        for update in &batch.updates {
            let (since, expected) = self.waiting.remove(&update.document()).unwrap();
            assert_eq!(update, &expected);
            positions.push(since);
            let before = self.flying.insert(update.document(), (since, expected));
            assert!(before.is_none(), "one batch in flight for each document");
        }
        assert_eq!(positions, oldest[..positions.len()], "the oldest first");
        self.batches.push(batch);
    }

    fn settle(&mut self, which: usize, fates: &[Fate]) {
        if self.batches.is_empty() {
            return;
        }
        let batch = self.batches.remove(which % self.batches.len());
        let mut outcomes = Vec::new();
        for (update, fate) in batch.updates.into_iter().zip(fates.iter().cycle()) {
            let id = update.document();
            let (since, _) = self.flying.remove(&id).unwrap();
            match fate {
                Fate::Written => self.write(update),
                Fate::Lost => self.again(id, since, update),
                Fate::WrittenUnconfirmed => {
                    self.write(update.clone());
                    self.again(id, since, update);
                }
                Fate::Late => {
                    self.late.push(update.clone());
                    self.again(id, since, update);
                }
            }
            outcomes.push(if matches!(fate, Fate::Written) { Settled::Done } else { Settled::Retry });
        }
        self.coalescer.settle(batch.id, outcomes);
    }

    fn again(&mut self, id: DocumentId, since: u64, update: Update) {
        let newer = self.waiting.remove(&id);
        self.waiting.insert(id, (since, update));
        if let Some((_, newer)) = newer {
            self.wait(id, since, newer);
        }
    }

    /// Guarded, as every store is.
    fn write(&mut self, update: Update) {
        let id = update.document();
        if self.store.get(&id).is_none_or(|stored| stored.revision() < update.revision()) {
            let stored = merged(self.store.remove(&id), update);
            self.store.insert(id, stored);
        }
    }

    fn check(&mut self) {
        let documents: BTreeSet<_> = self.waiting.keys().chain(self.flying.keys()).collect();
        assert_eq!(self.coalescer.documents(), documents.len());
        assert_eq!(self.coalescer.is_empty(), documents.is_empty());
        assert_eq!(self.coalescer.in_flight(), self.flying.len());
        let parts = || self.waiting.values().chain(self.flying.values());
        assert_eq!(self.coalescer.bytes(), parts().map(|(_, update)| update.bytes()).sum::<usize>());
        let below = parts().map(|(since, _)| *since).min().unwrap_or(self.lsn);
        assert_eq!(self.coalescer.stored_below(), below);
        assert!(below >= self.stored_below, "what is stored stays stored");
        self.stored_below = below;
        for (lsn, id, revision) in self.offered.iter().filter(|(lsn, ..)| *lsn < below) {
            let stored = self.store.get(id).map(Update::revision);
            assert!(stored >= Some(*revision), "{lsn} is said to be stored");
        }
    }

    fn drain(&mut self) {
        while !self.coalescer.is_empty() {
            self.take(3, 700);
            self.settle(0, &[Fate::Written]);
            self.check();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_is_lost_or_late_the_store_ends_with_the_newest_of_every_document(
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let mut world = World::new();
        for step in steps {
            match step {
                Step::Offer(changes) => world.offer(changes),
                Step::Take { operations, bytes } => world.take(operations, bytes),
                Step::Settle { which, fates } => world.settle(which, &fates),
                Step::Land => {
                    if let Some(update) = world.late.pop() {
                        world.write(update);
                    }
                }
            }
            world.check();
        }
        world.drain();
        for update in std::mem::take(&mut world.late) {
            world.write(update);
        }
        prop_assert_eq!(&world.store, &world.newest);
        prop_assert_eq!((world.coalescer.documents(), world.coalescer.bytes()), (0, 0));
        prop_assert_eq!(world.coalescer.stored_below(), world.lsn);
    }
}
