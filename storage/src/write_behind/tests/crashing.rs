//! Journal and writer together: every acknowledged update reaches the store, across power loss.

use std::path::Path;
use std::time::Duration;

use updraft_protocol::ids::mix;

use super::faulty_store::Doing;
use super::*;
use crate::journal::testing::{MemoryDisk, open_update, update};
use crate::journal::{self, Journal, Replay};
use crate::log::{Append, CloseOutcome, Log, Need};
use crate::store;

/// Opens the journal over the writer of a rig.
fn open(disk: &MemoryDisk, rig: &Rig) -> (Journal, Replay) {
    let config = journal::Config { segment_bytes: 2_000, ..journal::Config::default() };
    let disk = Arc::new(disk.clone());
    Journal::open(Path::new("journal"), config, disk, rig.queue.clone(), rig.stored.clone()).unwrap()
}

/// Appends and waits until it is durable.
async fn put(journal: &Journal, update: Update) -> u64 {
    let (answer, answered) = oneshot::channel();
    let done = Box::new(move |outcome| drop(answer.send(outcome)));
    let append = Append::new(vec![update], Need::Durable, done);
    journal.append_waiting(append).await.map_err(|refused| refused.error).unwrap();
    answered.await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_reaches_the_store_across_any_number_of_power_failures() {
    let mut disk = MemoryDisk::default();
    let mut held = std::collections::BTreeMap::new();
    let mut seqs = [0_u64; 7];
    for run in 0..6_u64 {
        let rig = start(WriterConfig { delay: Duration::from_millis(1), ..WriterConfig::default() });
        rig.store.held().documents = held;
        rig.store.script((0..run % 3).map(|_| Doing::Hide));
        let (journal, recovered) = open(&disk, &rig);
        recovered.replay(rig.queue.clone()).await.unwrap();
        journal.flush().await.unwrap();
        for (document, &seq) in (0..).zip(&seqs) {
            assert_eq!(rig.store.seq(update(document, 1).document()).unwrap_or(0), seq, "run {run}");
        }
        // From here on the store takes nothing more of this run.
        rig.store.script(vec![Doing::Fail(store::Error::Unavailable); 10_000]);
        for random in 0..40 {
            let document = mix(run * 1_000 + random) % 7;
            seqs[document as usize] += 1;
            let of = if seqs[document as usize] % 2 == 0 { update } else { open_update };
            put(&journal, of(document, seqs[document as usize])).await;
        }
        disk = disk.after_power_loss();
        held = rig.store.held().documents.clone();
        rig.writer.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clean_end_leaves_an_empty_journal_and_everything_in_the_store() {
    let disk = MemoryDisk::default();
    let rig = start(WriterConfig::default());
    let (journal, recovered) = open(&disk, &rig);
    recovered.replay(rig.queue.clone()).await.unwrap();
    for seq in 1..=100 {
        put(&journal, update(seq % 10, seq)).await;
    }
    assert_eq!(journal.close(Duration::from_secs(60)).await.unwrap(), CloseOutcome::Empty);
    assert_eq!(disk.segments().len(), 1);
    let store = Arc::clone(&rig.store);
    assert_eq!(rig.close().await, Ended::Stored);
    for seq in 91..=100 {
        assert_eq!(store.seq(update(seq % 10, seq).document()), Some(seq));
    }
}
