//! The coalescer against a model store that guards by revision and may have written what nobody confirmed.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use updraft_protocol::Revision;
use updraft_protocol::limits::DEBOUNCE_ROUNDS;

use super::*;

/// What became of one update of a batch: what the store did, and what the coalescer was told.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Written,
    Lost,
    WrittenUnconfirmed,
    /// Nobody confirms it, and it reaches the store at some later time.
    Late,
    /// It is not to be sent again before it is released.
    Deferred,
}

#[derive(Debug, Clone)]
enum Step {
    /// Of tasks: what they answered, and whether they have ended.
    Offer(Vec<(u8, Option<usize>, bool)>),
    Take {
        operations: usize,
        bytes: usize,
    },
    Settle {
        which: usize,
        fates: Vec<Fate>,
    },
    Land,
    Release,
    EndRound,
    DebounceUntil(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let fate = prop_oneof![
        3 => Just(Fate::Written),
        1 => Just(Fate::Lost),
        1 => Just(Fate::WrittenUnconfirmed),
        1 => Just(Fate::Late),
        1 => Just(Fate::Deferred)
    ];
    prop_oneof![
        4 => prop::collection::vec((0_u8..6, prop::option::of(0_usize..400), any::<bool>()), 0..5).prop_map(Step::Offer),
        3 => (1_usize..5, 0_usize..1_500).prop_map(|(operations, bytes)| Step::Take { operations, bytes }),
        3 => (0_usize..4, prop::collection::vec(fate, 4)).prop_map(|(which, fates)| Step::Settle { which, fates }),
        1 => Just(Step::Land),
        1 => Just(Step::Release),
        4 => Just(Step::EndRound),
        1 => (0_u64..40).prop_map(Step::DebounceUntil),
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
    /// Of what waits: the rounds that those have been left which are left.
    debounced: BTreeMap<DocumentId, usize>,
    /// And the turn of those that are ready.
    ready: BTreeMap<DocumentId, u64>,
    flying: BTreeMap<DocumentId, (u64, Update)>,
    deferred: BTreeSet<DocumentId>,
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
            debounced: BTreeMap::new(),
            ready: BTreeMap::new(),
            flying: BTreeMap::new(),
            deferred: BTreeSet::new(),
            batches: Vec::new(),
            late: Vec::new(),
            lsn: 0,
            stored_below: 0,
        }
    }

    fn offer(&mut self, changes: Vec<(u8, Option<usize>, bool)>) {
        let mut group = Vec::new();
        for (task, response, ended) in changes {
            let id = DocumentId::Task(TaskId::from_bytes([task; 16]));
            let seq = self.newest.get(&id).map_or(1, |newest| newest.revision().seq + 1);
            let status = if ended { TaskStatus::Completed } else { TaskStatus::Executing };
            let update = super::status(task, seq, response, status);
            let new = !self.waiting.contains_key(&id) && !self.flying.contains_key(&id);
            match (new, ended) {
                (true, true) => _ = self.ready.insert(id, self.lsn),
                (true, false) => _ = self.debounced.insert(id, 0),
                (false, true) if self.debounced.remove(&id).is_some() => _ = self.ready.insert(id, self.lsn),
                (false, _) => {}
            }
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
        let mut oldest: Vec<_> = self.ready.values().copied().collect();
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
        let mut turns = Vec::new();
        for update in &batch.updates {
            let (since, expected) = self.waiting.remove(&update.document()).unwrap();
            assert_eq!(update, &expected);
            turns.push(self.ready.remove(&update.document()).expect("it is ready"));
            let before = self.flying.insert(update.document(), (since, expected));
            assert!(before.is_none(), "one batch in flight for each document");
        }
        assert_eq!(turns, oldest[..turns.len()], "the oldest first");
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
                Fate::Written => {
                    self.write(update);
                    if let Some((since, _)) = self.waiting.get(&id) {
                        self.ready.insert(id, *since);
                    }
                }
                Fate::Lost => self.again(id, since, update),
                Fate::Deferred => {
                    self.again(id, since, update);
                    self.ready.remove(&id);
                    self.deferred.insert(id);
                }
                Fate::WrittenUnconfirmed => {
                    self.write(update.clone());
                    self.again(id, since, update);
                }
                Fate::Late => {
                    self.late.push(update.clone());
                    self.again(id, since, update);
                }
            }
            outcomes.push(match fate {
                Fate::Written => Settled::Done,
                Fate::Deferred => Settled::Defer,
                Fate::Lost | Fate::WrittenUnconfirmed | Fate::Late => Settled::Retry,
            });
        }
        self.coalescer.settle(batch.id, outcomes);
    }

    fn release(&mut self) {
        assert_eq!(self.coalescer.deferred(), self.deferred.len());
        self.coalescer.retry_deferred(usize::MAX);
        for id in std::mem::take(&mut self.deferred) {
            self.ready.insert(id, self.waiting[&id].0);
        }
    }

    fn end_round(&mut self) {
        self.coalescer.end_round();
        let due: Vec<_> =
            self.debounced.extract_if(.., |_, rounds| *rounds == DEBOUNCE_ROUNDS).map(|(id, _)| id).collect();
        self.debounced.values_mut().for_each(|rounds| *rounds += 1);
        self.ready.extend(due.into_iter().map(|id| (id, self.lsn.saturating_sub(1))));
    }

    fn end_debounce_until(&mut self, until: u64) {
        self.coalescer.end_debounce_until(until);
        let came = |id: &DocumentId| self.waiting[id].0 <= until;
        let due: Vec<_> = self.debounced.extract_if(.., |id, _| came(id)).map(|(id, _)| id).collect();
        self.ready.extend(due.into_iter().map(|id| (id, self.lsn.saturating_sub(1))));
    }

    fn again(&mut self, id: DocumentId, since: u64, update: Update) {
        let newer = self.waiting.remove(&id);
        self.ready.insert(id, since);
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
        assert_eq!(
            (self.coalescer.deferred(), self.coalescer.ready()),
            (self.deferred.len(), self.ready.len())
        );
        assert_eq!(self.coalescer.debounced(), self.debounced.len());
        let parts = || self.waiting.values().chain(self.flying.values());
        assert_eq!(self.coalescer.bytes(), parts().map(|(_, update)| update.bytes()).sum::<usize>());
        let ready_bytes = self.ready.keys().map(|id| self.waiting[id].1.bytes()).sum::<usize>();
        assert_eq!(self.coalescer.ready_bytes(), ready_bytes);
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
            self.release();
            self.end_round();
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
                Step::Release => world.release(),
                Step::EndRound => world.end_round(),
                Step::DebounceUntil(until) => world.end_debounce_until(until),
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
