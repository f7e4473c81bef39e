//! Slots: one for each document of the coalescer, found by its id. Owns their memory; knows no order.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};

use updraft_protocol::ids::mix;
use updraft_protocol::{DocumentId, Update};

/// One update with what the coalescer counts of it.
pub(super) struct Part {
    pub(super) update: Update,
    /// The oldest journal position that went into it.
    pub(super) lsn: u64,
    /// What was added to the sum, so that the same is taken away.
    pub(super) bytes: usize,
    /// It was deferred before.
    pub(super) deferred: bool,
    /// It stands in the queue of what is written next.
    pub(super) ready: bool,
    /// It is left a while, as it will soon be overtaken.
    pub(super) debounced: bool,
}

impl Part {
    pub(super) fn new(lsn: u64, update: Update) -> Self {
        Self { lsn, bytes: update.bytes(), deferred: false, ready: false, debounced: false, update }
    }

    /// Its bytes, where it could be written now.
    pub(super) fn ready_bytes(&self) -> usize {
        if self.ready { self.bytes } else { 0 }
    }

    /// Lays what came later over it; the oldest position stays.
    pub(super) fn lay_over(&mut self, newer: Update) {
        self.update.merge(newer);
        self.bytes = self.update.bytes();
    }
}

/// What waits of one document; nothing does where its only update is in flight.
struct Slot {
    /// None where the slot is free.
    id: Option<DocumentId>,
    waiting: Option<Part>,
}

/// Slots that are kept, free or not: below it, memory is not worth giving back.
const KEPT: usize = 1 << 10;

/// The map holds numbers and the slots stand beside it: batches and queues name a slot without hashing,
/// and a growing map moves no updates. It is never iterated.
#[derive(Default)]
pub(super) struct Slots {
    index: HashMap<DocumentId, usize, BuildHasherDefault<IdHasher>>,
    /// Never ends with a free slot.
    slots: Vec<Slot>,
    /// Numbers of slots that were freed, some of which may be gone or taken again.
    free: Vec<usize>,
}

impl Slots {
    /// The slot of a document, and whether it is new.
    pub(super) fn of(&mut self, id: DocumentId) -> (usize, bool) {
        let vacant = match self.index.entry(id) {
            Entry::Occupied(known) => return (*known.get(), false),
            Entry::Vacant(vacant) => vacant,
        };
        let slot = Slot { id: Some(id), waiting: None };
        while let Some(at) = self.free.pop() {
            if let Some(free) = self.slots.get_mut(at).filter(|slot| slot.id.is_none()) {
                *free = slot;
                vacant.insert(at);
                return (at, true);
            }
        }
        vacant.insert(self.slots.len());
        self.slots.push(slot);
        (self.slots.len() - 1, true)
    }

    /// What waits in the slot with a number that [`of`](Self::of) gave and that was not removed since.
    pub(super) fn waiting(&mut self, at: usize) -> &mut Option<Part> {
        &mut self.slots[at].waiting
    }

    /// Whether what waits in a slot is debounced since this position.
    pub(super) fn is_debounced(&self, lsn: u64, at: usize) -> bool {
        let waiting = self.slots.get(at).and_then(|slot| slot.waiting.as_ref());
        waiting.is_some_and(|part| part.debounced && part.lsn == lsn)
    }

    /// Forgets a document of which nothing waits and nothing is in flight.
    pub(super) fn remove(&mut self, at: usize) {
        let Some(id) = self.slots[at].id.take() else { return };
        self.index.remove(&id);
        self.free.push(at);
        while self.slots.pop_if(|slot| slot.id.is_none()).is_some() {}
        if self.slots.capacity() > KEPT && self.slots.len() < self.slots.capacity() / 4 {
            self.shrink();
        }
    }

    /// Gives the memory of a peak back. What is kept is twice what is used, so that it is seldom.
    fn shrink(&mut self) {
        let kept = (2 * self.slots.len()).max(KEPT / 2);
        self.slots.shrink_to(kept);
        self.index.shrink_to(kept);
        self.free.clear();
        self.free.extend((0..self.slots.len()).filter(|&at| self.slots[at].id.is_none()));
        self.free.shrink_to(kept);
    }

    pub(super) fn len(&self) -> usize {
        self.index.len()
    }
}

/// Spreads ids that the engine has made itself: nobody outside chooses them to collide.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 = mix(self.0 ^ u64::from_le_bytes(word));
        }
    }

    fn write_usize(&mut self, value: usize) {
        self.0 = self.0.wrapping_add(value as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::BuildHasher;

    use updraft_protocol::{ExecutionId, TaskId};

    use super::*;

    #[test]
    fn ids_that_follow_each_other_spread_over_the_low_and_the_high_bits() {
        let hasher = BuildHasherDefault::<IdHasher>::default();
        let (mut low, mut high) = (HashSet::new(), HashSet::new());
        for number in 0..512_u128 {
            let bytes = number.to_be_bytes();
            for id in [
                DocumentId::Task(TaskId::from_bytes(bytes)),
                DocumentId::Execution(ExecutionId::from_bytes(bytes)),
            ] {
                let hash = hasher.hash_one(id);
                low.insert(hash & 0xfff);
                high.insert(hash >> 57);
            }
        }
        assert_eq!(high.len(), 128);
        assert!(low.len() > 800, "{} of about 906", low.len());
    }

    #[test]
    fn a_slot_that_was_freed_serves_the_next_document() {
        let mut slots = Slots::default();
        let id = |n: u8| DocumentId::Task(TaskId::from_bytes([n; 16]));
        assert_eq!([1, 2, 1].map(|n| slots.of(id(n))), [(0, true), (1, true), (0, false)]);
        slots.remove(0);
        assert_eq!((slots.len(), slots.of(id(3)), slots.len()), (1, (0, true), 2));
    }

    fn id(number: u64) -> DocumentId {
        DocumentId::Task(TaskId::from_bytes(u128::from(number).to_be_bytes()))
    }

    #[test]
    fn the_memory_of_a_peak_is_given_back_while_some_documents_stay() {
        let mut slots = Slots::default();
        for round in 0..3 {
            for number in 0..100_000 {
                slots.of(id(number));
            }
            assert!(slots.slots.capacity() >= 100_000, "round {round}");
            for number in 10..100_000 {
                let (at, new) = slots.of(id(number));
                assert!(!new);
                slots.remove(at);
            }
            assert_eq!(slots.len(), 10);
            let kept = [slots.slots.capacity(), slots.index.capacity(), slots.free.capacity()];
            assert!(kept.iter().all(|kept| *kept <= 2 * KEPT), "{kept:?}");
        }
    }

    #[test]
    fn whatever_comes_and_goes_every_document_has_a_slot_of_its_own() {
        let mut slots = Slots::default();
        let mut known: std::collections::BTreeMap<u64, usize> = std::collections::BTreeMap::new();
        let mut random = 1;
        for round in 0..40_000_u64 {
            random = mix(random);
            // Grows for a while and falls for a while.
            let number = random % 3_000;
            if (round / 5_000).is_multiple_of(2) || random & 0x300_0000 == 0 {
                let (at, new) = slots.of(id(number));
                assert_eq!(new, !known.contains_key(&number));
                assert_eq!(*known.entry(number).or_insert(at), at);
            } else if let Some(at) = known.remove(&number) {
                slots.remove(at);
            }
            assert_eq!(slots.len(), known.len());
            assert!(slots.free.len() <= 6_000, "what is free is bounded");
        }
        let distinct: HashSet<_> = known.values().collect();
        assert_eq!(distinct.len(), known.len());
    }
}
