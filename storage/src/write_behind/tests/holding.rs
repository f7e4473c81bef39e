//! A store that defers some updates: they are retried at growing intervals, and delay no others.

use std::time::Duration;

use updraft_protocol::DocumentId;
use updraft_protocol::limits::{FLUSH_DELAY, UNKNOWN_REFUSALS, WRITE_BACKOFF, WRITE_BACKOFF_MAX};

use super::faulty_store::Doing;
use super::*;
use crate::journal::testing::{sized_update, update};

fn document(number: u64) -> DocumentId {
    update(number, 1).document()
}

impl Rig {
    /// How often a document was sent.
    fn times(&self, number: u64) -> usize {
        self.store.held().sent.iter().filter(|(sent, _)| *sent == document(number)).count()
    }

    fn refuse(&self, number: u64, times: usize) {
        self.store.held().not_yet.insert(document(number), times);
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_store_will_not_have_yet_comes_again_until_it_does() {
    let rig = start(WriterConfig::default());
    rig.refuse(3, 5);
    rig.send(1, (0..8).map(|number| update(number, 1)).collect()).await;
    rig.flush().await;
    assert_eq!(rig.times(3), 6);
    assert_eq!(rig.times(2), 1, "the others were written the first time");
    assert_eq!(rig.store.held().documents.len(), 8);
    assert_eq!((rig.stored.get(), rig.events()), (2, vec![]));
    assert_eq!(rig.close().await, Ended::Stored);
}

#[tokio::test(start_paused = true)]
async fn a_document_that_is_never_taken_neither_spins_nor_holds_others_up() {
    let rig = start(WriterConfig::default());
    rig.refuse(0, usize::MAX);
    rig.send(1, vec![update(0, 1)]).await;
    for lsn in 2..=6_000 {
        rig.send(lsn, vec![update(lsn, 1)]).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let stored = rig.store.held().documents.len() as u64;
        assert!(stored + 2 >= lsn - 1, "{stored} of {lsn}");
    }
    // Ten minutes, with a try each ten seconds at the longest pause.
    let tries = rig.times(0);
    assert!((60..200).contains(&tries), "{tries}");
    assert_eq!(rig.stored.get(), 1, "it is kept in the journal");
    rig.refuse(0, 0);
    rig.flush().await;
    assert_eq!(rig.stored.get(), 6_001);
}

#[tokio::test(start_paused = true)]
async fn with_little_to_do_a_refused_document_does_not_delay_the_next_one() {
    let rig = start(WriterConfig::default());
    rig.refuse(0, usize::MAX);
    rig.send(1, vec![update(0, 1)]).await;
    // Long enough that the pauses before its tries have grown to the longest.
    tokio::time::sleep(Duration::from_secs(300)).await;
    for lsn in 2..50 {
        let began = tokio::time::Instant::now();
        rig.send(lsn, vec![update(lsn, 1)]).await;
        while rig.store.seq(document(lsn)).is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(began.elapsed() <= WRITE_BACKOFF + Duration::from_millis(50), "{:?}", began.elapsed());
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_held_back_does_not_send_the_others_off_one_by_one() {
    let rig = start(WriterConfig { bytes: 20_000, ..paced(100, 1) });
    rig.refuse(0, usize::MAX);
    rig.send(1, vec![sized_update(0, 1, 50_000)]).await;
    tokio::time::sleep(Duration::from_secs(300)).await;
    let before = rig.store.held().writes.len();
    for lsn in 2..7 {
        rig.send(lsn, vec![update(lsn, 1)]).await;
        tokio::time::sleep(FLUSH_DELAY / 10).await;
    }
    tokio::time::sleep(2 * FLUSH_DELAY).await;
    let writes = rig.store.held().writes[before..].to_vec();
    assert_eq!(rig.store.held().documents.len(), 5);
    // One for the updates within the delay, and perhaps a try of the deferred ones.
    assert!(writes.len() <= 2, "{writes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_newer_update_goes_with_the_one_that_is_held_back() {
    let rig = start(WriterConfig::default());
    rig.refuse(0, 3);
    rig.send(1, vec![update(0, 1), update(1, 1)]).await;
    tokio::time::sleep(FLUSH_DELAY + Duration::from_millis(1)).await;
    rig.send(2, vec![update(0, 2)]).await;
    rig.flush().await;
    assert_eq!(rig.store.seq(document(0)), Some(2));
    assert_eq!((rig.times(0), rig.stored.get()), (4, 3));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_refuses_everything_is_left_alone_and_catches_up_when_it_does_not() {
    let rig = start(paced(10, 2));
    let all = 200;
    (0..all).for_each(|number| rig.refuse(number, usize::MAX));
    rig.send(1, (0..all).map(|number| update(number, 1)).collect()).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert!(matches!(&rig.events()[..], [Notice::StoreFailing { reason }] if reason == "not yet"));
    let before = rig.store.held().writes.len();
    tokio::time::sleep(Duration::from_secs(600)).await;
    let writes = rig.store.held().writes.len() - before;
    let fewest = (600 / WRITE_BACKOFF_MAX.as_secs()) as usize / 2;
    assert!((fewest..10 * fewest).contains(&writes), "{writes} writes in ten minutes");
    rig.store.held().not_yet.clear();
    let began = tokio::time::Instant::now();
    rig.flush().await;
    assert!(began.elapsed() < 2 * WRITE_BACKOFF_MAX, "{:?}", began.elapsed());
    assert_eq!((rig.store.held().documents.len(), rig.stored.get()), (all as usize, 2));
    assert!(matches!(rig.events().last(), Some(Notice::StoreWorking)));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_refusal_among_others_that_are_written_is_held_back_and_may_pass() {
    let rig = start(WriterConfig::default());
    rig.store.held().unknown.insert(document(3));
    rig.send(1, (0..8).map(|number| update(number, 1)).collect()).await;
    tokio::time::sleep(FLUSH_DELAY + Duration::from_millis(1)).await;
    assert!(rig.times(3) > 0);
    assert_eq!(rig.stored.get(), 1);
    rig.store.held().unknown.clear();
    rig.flush().await;
    let held = rig.store.held();
    assert_eq!((held.documents.len(), held.dead_letters.len(), rig.stored.get()), (8, 0, 2));
    drop(held);
    let events = rig.events();
    assert!(!events.iter().any(|event| matches!(event, Notice::Poison { .. })), "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_refusal_is_poison_where_the_store_takes_others_and_is_kept_where_not() {
    let rig = start(WriterConfig::default());
    rig.store.held().unknown.insert(document(0));
    rig.send(1, vec![update(0, 1)]).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(matches!(&rig.events()[..], [Notice::StoreFailing { reason }] if reason == "who knows"));
    assert_eq!(rig.stored.get(), 1, "it may be the store");
    rig.send(2, vec![update(1, 1), update(2, 1)]).await;
    rig.flush().await;
    let poison = |event: &Notice| matches!(event, Notice::Poison { update, reason } if **update == self::update(0, 1) && reason == "who knows");
    assert_eq!(rig.events().iter().filter(|event| poison(event)).count(), 1, "{:?}", rig.events());
    let (documents, dead_letters) = {
        let held = rig.store.held();
        (held.documents.len(), held.dead_letters.len())
    };
    assert_eq!((documents, dead_letters), (2, 1));
    assert_eq!(rig.stored.get(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_refusal_alone_in_its_batches_holds_nobody_up_and_is_poison_in_the_end() {
    let rig = start(WriterConfig::default());
    rig.store.held().unknown.insert(document(0));
    rig.send(1, vec![update(0, 1)]).await;
    // Nothing else is written: the store may be at fault, and nothing is given up.
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert!(rig.times(0) > UNKNOWN_REFUSALS as usize && rig.store.held().dead_letters.is_empty());
    rig.store.held().unknown.insert(document(1));
    let (before, mut lsn) = (rig.times(0), 2);
    rig.send(lsn, vec![update(1, 1)]).await;
    while rig.store.held().dead_letters.len() < 2 {
        lsn += 1;
        let began = tokio::time::Instant::now();
        rig.send(lsn, vec![update(lsn, 1)]).await;
        while rig.store.seq(document(lsn)).is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(began.elapsed() <= WRITE_BACKOFF + Duration::from_millis(50), "{:?}", began.elapsed());
        tokio::time::sleep(Duration::from_millis(90)).await;
        assert!(lsn < 5_000, "they are given up in the end");
    }
    assert!(rig.times(0) <= before + 2, "it had been tried often enough");
    assert!((1..=UNKNOWN_REFUSALS as usize).contains(&rig.times(1)));
    rig.flush().await;
    assert_eq!(rig.stored.get(), lsn + 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_held_back_is_given_up_at_the_end_with_the_rest() {
    let rig = start(WriterConfig { drain: Duration::from_secs(20), ..WriterConfig::default() });
    rig.refuse(0, usize::MAX);
    rig.send(1, (0..8).map(|number| update(number, 1)).collect()).await;
    let store = Arc::clone(&rig.store);
    assert_eq!(rig.close().await, Ended::GaveUp { documents: 1 });
    assert_eq!(store.held().documents.len(), 7);
}

#[tokio::test(start_paused = true)]
async fn an_outage_while_some_are_held_back_loses_nothing() {
    let rig = start(WriterConfig::default());
    rig.refuse(0, 4);
    rig.refuse(1, 9);
    rig.store.script([Doing::Delay(Duration::ZERO), Doing::Hide, Doing::Panic, Doing::Part(1), Doing::Hide]);
    rig.send(1, (0..8).map(|number| update(number, 1)).collect()).await;
    rig.send(2, (0..8).map(|number| update(number, 2)).collect()).await;
    rig.flush().await;
    assert!((0..8).all(|number| rig.store.seq(document(number)) == Some(2)));
    assert_eq!(rig.stored.get(), 3);
}
