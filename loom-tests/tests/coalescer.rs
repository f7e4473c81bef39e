//! Models of the write-behind: a producer, the writer, and the store that acknowledges while the producer goes on.
//! The coalescer, the merge of updates, the fence and the watermark are those that ship. In the product one thread
//! alone touches the coalescer, the writer's: what is modelled is what crosses to it, groups from the journal's thread
//! through a bounded queue and outcomes from the store's, in any order. The writer is written here as
//! `kernel/src/writer.rs` has it, without its pauses and rounds: what waits may always go.
#![cfg(loom)]
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, VecDeque};

use loom::sync::atomic::{AtomicU64, Ordering};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;
use updraft_kernel::coalescer::{Batch, BatchId, Coalescer, Limits, Settled};
use updraft_kernel::shared::DurableWatermark;
use updraft_kernel::shared::fence::{Fence, Revision, fence};
use updraft_loom_tests::planted::Bug;
use updraft_loom_tests::{catches, catches_misuse};
use updraft_protocol::{
    DocumentId, ExecutionId, TaskId, TaskState, TaskStatus, TaskUpdate, Timestamp, Update,
};

/// Batches in flight.
const FLIGHTS: usize = 2;
/// Documents of a model.
const DOCUMENTS: usize = 2;

/// What is to arrive, and under which circumstances.
#[derive(Clone, Copy)]
struct Case {
    /// Groups by their position, from 1: documents and the numbers of their updates, each higher than before.
    groups: [&'static [(u8, u64)]; 2],
    /// The most documents that the coalescer may have.
    room: usize,
    /// Whether the store refuses the first batch for now.
    refuses: bool,
    /// Whether the store tells the writer that it has answered.
    wakes: bool,
}

/// The second group overtakes the first, which is refused.
const OVERTAKEN: Case = Case { groups: [&[(0, 1)], &[(0, 2), (1, 1)]], room: 3, refuses: true, wakes: true };
/// The second group has no room until the first has landed.
const FULL: Case = Case { groups: [&[(0, 1)], &[(1, 1)]], room: 1, refuses: false, wakes: true };

fn update((document, seq): (u8, u64)) -> Update {
    Update::from(TaskUpdate {
        task_id: TaskId::from_bytes([document; 16]),
        peid: ExecutionId::from_bytes([9; 16]),
        revision: Revision { epoch: 1, seq },
        head: None,
        state: TaskState::change(TaskStatus::Executing, u32::try_from(seq).unwrap(), Timestamp(seq)),
        positions: Default::default(),
    })
}

fn number(update: &Update) -> usize {
    match update.document() {
        DocumentId::Task(task) => usize::from(task.as_bytes()[0]),
        DocumentId::Execution(_) => unreachable!(),
    }
}

/// What the writer waits for, and the store.
#[derive(Default)]
struct Exchange {
    /// From the journal; room for one.
    group: Option<(u64, Vec<Update>)>,
    closed: bool,
    /// To the store.
    batches: VecDeque<Batch>,
    /// From the store.
    outcomes: VecDeque<(BatchId, Vec<Settled>)>,
    ended: bool,
}

struct Rig {
    case: Case,
    exchange: Mutex<Exchange>,
    /// There is room for a group.
    room: Condvar,
    /// There is something for the writer.
    reports: Condvar,
    /// There is something for the store.
    work: Condvar,
    /// The numbers that the store has, by document.
    stored: [AtomicU64; DOCUMENTS],
    mark: DurableWatermark,
}

impl Rig {
    /// Waits until there is something, and takes it.
    fn wait<T>(&self, condition: &Condvar, mut take: impl FnMut(&mut Exchange) -> Option<T>) -> T {
        let mut exchange = self.exchange.lock().unwrap();
        loop {
            match take(&mut exchange) {
                Some(taken) => return taken,
                None => exchange = condition.wait(exchange).unwrap(),
            }
        }
    }

    /// The journal's thread: hands groups on, and deletes what the store has.
    fn produce(&self) {
        for (lsn, group) in (1..).zip(self.case.groups) {
            let mut group = Some(group.iter().copied().map(update).collect());
            self.wait(&self.room, |exchange| {
                exchange.group = match exchange.group {
                    Some(_) => return None,
                    None => group.take().map(|group| (lsn, group)),
                };
                exchange.closed = usize::try_from(lsn).unwrap() == self.case.groups.len();
                Some(())
            });
            self.reports.notify_one();
        }
        self.look_at_the_watermark();
    }

    /// A segment below the watermark may go: the store has all of it.
    fn look_at_the_watermark(&self) {
        let below = usize::try_from(self.mark.get()).unwrap();
        for (document, seq) in self.case.groups.iter().take(below.saturating_sub(1)).copied().flatten() {
            let stored = self.stored[usize::from(*document)].load(Ordering::Relaxed);
            assert!(stored >= *seq, "the watermark is ahead of the store");
        }
    }

    /// The store's threads: of two batches the newer first.
    fn store(&self) {
        let mut refuses = self.case.refuses;
        while let Some(batch) = self.wait(&self.work, |exchange| match exchange.batches.pop_back() {
            None if !exchange.ended => None,
            batch => Some(batch),
        }) {
            let refused = std::mem::take(&mut refuses);
            let outcomes = batch.updates.iter().map(|update| {
                if refused {
                    return Settled::Retry;
                }
                let place = &self.stored[number(update)];
                let document = Revision { epoch: 1, seq: place.load(Ordering::Relaxed) };
                if let Fence::Newer = fence(document, update.revision()) {
                    place.store(update.revision().seq, Ordering::Relaxed);
                }
                Settled::Done
            });
            let outcomes = (batch.id, outcomes.collect());
            self.exchange.lock().unwrap().outcomes.push_back(outcomes);
            if self.case.wakes {
                self.reports.notify_one();
            }
        }
    }

    /// The writer's thread.
    fn write(&self) {
        let mut coalescer = Coalescer::new(Limits { documents: self.case.room, bytes: usize::MAX });
        let mut flights: BTreeMap<BatchId, Vec<DocumentId>> = BTreeMap::new();
        let (mut backlog, mut closed) = (None, false);
        loop {
            if let Some((lsn, group)) =
                backlog.take_if(|(_, group): &mut (u64, Vec<Update>)| coalescer.has_room_for(group))
            {
                coalescer.offer(lsn, group);
                assert!(coalescer.documents() <= self.case.room, "the bound is passed");
            }
            let batches = launch(&mut coalescer, &mut flights);
            let ended = closed && backlog.is_none() && coalescer.is_empty();
            let _ = self.mark.advance(coalescer.stored_below());
            let mut sent = Some((batches, ended));
            let outcome = self.wait(&self.reports, |exchange| {
                if let Some((batches, ended)) = sent.take() {
                    exchange.batches.extend(batches);
                    exchange.ended = ended;
                    self.work.notify_one();
                }
                let receives = backlog.is_none() && !closed;
                match exchange.outcomes.pop_front() {
                    None if exchange.ended => Some(None),
                    None if receives => {
                        backlog = Some(exchange.group.take()?);
                        closed = exchange.closed;
                        self.room.notify_one();
                        Some(None)
                    }
                    None => None,
                    outcome => Some(outcome),
                }
            });
            if ended {
                return;
            }
            if let Some((id, outcomes)) = outcome {
                flights.remove(&id);
                coalescer.settle(id, outcomes);
            }
        }
    }
}

/// Sends off what is ready, in as many batches as may fly.
fn launch(coalescer: &mut Coalescer, flights: &mut BTreeMap<BatchId, Vec<DocumentId>>) -> Vec<Batch> {
    let mut batches = Vec::new();
    coalescer.end_debounce_until(u64::MAX);
    while flights.len() < FLIGHTS
        && let Some(batch) = coalescer.take(2, usize::MAX)
    {
        let documents: Vec<DocumentId> = batch.updates.iter().map(Update::document).collect();
        let twice =
            documents.iter().any(|document| flights.values().flatten().any(|flying| flying == document));
        assert!(!twice, "a document is in flight twice");
        flights.insert(batch.id, documents);
        batches.push(batch);
    }
    batches
}

/// Claim: nothing is lost: in the end the store has the newest of every document, whatever was refused. A document is
/// in flight once at the most; the bound is never passed; below the watermark the store has everything, at every
/// moment; and nobody waits for ever.
/// Threads: the journal, which hands on groups and looks at the watermark; the writer; the store, whose answers come out
/// of order.
/// Fails if the coalescer takes a document that is in flight, forgets what came meanwhile (a deadlock: the writer never
/// ends), has room for anything, keeps the older of two updates, or counts what was taken as stored; if the watermark
/// does not publish; or if the store does not wake the writer.
fn everything_arrives(case: Case) {
    let rig = Arc::new(Rig {
        case,
        exchange: Mutex::default(),
        room: Condvar::new(),
        reports: Condvar::new(),
        work: Condvar::new(),
        stored: std::array::from_fn(|_| AtomicU64::new(0)),
        mark: DurableWatermark::new(0),
    });
    let writer = thread::spawn({
        let rig = Arc::clone(&rig);
        move || rig.write()
    });
    let store = thread::spawn({
        let rig = Arc::clone(&rig);
        move || rig.store()
    });
    rig.produce();
    writer.join().unwrap();
    store.join().unwrap();
    for (document, newest) in case.groups.into_iter().flatten().copied().collect::<BTreeMap<_, _>>() {
        let stored = rig.stored[usize::from(document)].load(Ordering::Relaxed);
        assert_eq!(stored, newest, "the store has not the newest");
    }
    assert_eq!(rig.mark.get(), case.groups.len() as u64 + 1, "the watermark stays behind");
}

#[test]
fn everything_arrives_in_its_newest_form() {
    loom::model(|| everything_arrives(OVERTAKEN));
}

#[test]
fn who_finds_no_room_waits_for_it() {
    loom::model(|| everything_arrives(FULL));
}

#[test]
fn canary_a_document_that_is_taken_twice() {
    catches(Bug::CoalescerTakesTwice, "a document is in flight twice", || everything_arrives(OVERTAKEN));
}

#[test]
fn canary_a_newer_update_that_is_forgotten() {
    // The store takes the first at once; the second came meanwhile, and nobody writes it.
    let taken = Case { refuses: false, ..OVERTAKEN };
    catches(Bug::CoalescerForgetsNewer, "deadlock", move || everything_arrives(taken));
}

#[test]
fn canary_a_coalescer_that_keeps_the_older_update() {
    catches(Bug::CoalescerKeepsOlder, "the store has not the newest", || everything_arrives(OVERTAKEN));
}

#[test]
fn canary_a_watermark_that_ignores_the_pins() {
    catches(Bug::PinsIgnored, "the watermark is ahead of the store", || everything_arrives(OVERTAKEN));
}

#[test]
fn canary_a_watermark_that_does_not_publish_what_was_stored() {
    catches(Bug::MarkNotReleased, "the watermark is ahead of the store", || everything_arrives(OVERTAKEN));
}

#[test]
fn canary_a_coalescer_without_a_bound() {
    catches(Bug::CoalescerUnbounded, "the bound is passed", || everything_arrives(FULL));
}

#[test]
fn canary_a_store_that_does_not_wake_the_writer() {
    let silent = Case { wakes: false, ..FULL };
    catches_misuse("deadlock", move || everything_arrives(silent));
}
