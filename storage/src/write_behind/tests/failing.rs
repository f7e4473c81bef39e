//! A store that fails: nothing is lost, retries are paced, and poison is found.

use std::time::Duration;

use updraft_protocol::ids::mix;
use updraft_protocol::limits::{WRITE_BACKOFF_MAX, WRITE_TIMEOUT};

use super::faulty_store::Doing;
use super::*;
use crate::journal::testing::{open_update, update};
use crate::store;

/// Eight documents of one group.
fn eight() -> Vec<Update> {
    (0..8).map(|document| update(document, 1)).collect()
}

fn poisoned(events: &[Notice]) -> Vec<&Update> {
    events.iter().filter_map(poison).collect()
}

fn poison(event: &Notice) -> Option<&Update> {
    match event {
        Notice::Poison { update, .. } => Some(update),
        Notice::StoreFailing { .. } | Notice::StoreWorking => None,
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_a_write_does_wrong_everything_arrives() {
    let wrongs = [
        Doing::Fail(store::Error::Unavailable),
        Doing::Fail(store::Error::Full),
        Doing::Part(3),
        Doing::Hide,
        Doing::Miscount,
        Doing::Panic,
        Doing::Hang,
    ];
    for wrong in wrongs {
        let rig = start(WriterConfig::default());
        rig.store.script([wrong.clone(), wrong.clone()]);
        rig.send(1, eight()).await;
        rig.flush().await;
        assert_eq!(rig.store.held().documents.len(), 8, "{wrong:?}");
        assert_eq!(rig.store.held().writes, [8; 3]);
        assert_eq!(rig.stored.get(), 2);
        let told = rig.events();
        assert!(matches!(&told[..], [Notice::StoreFailing { .. }, Notice::StoreWorking]), "{told:?}");
        assert_eq!(rig.close().await, Ended::Stored);
    }
}

#[tokio::test(start_paused = true)]
async fn the_watermark_stays_while_the_store_fails() {
    let rig = start(WriterConfig::default());
    rig.store.script(vec![Doing::Hide; 1_000]);
    rig.send(1, eight()).await;
    let mut answered = rig.barrier().await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(rig.stored.get(), 1);
    assert!(answered.try_recv().is_err());
    let tries = rig.store.held().writes.len();
    let fewest = (600 / WRITE_BACKOFF_MAX.as_secs()) as usize;
    assert!((fewest..fewest * 10).contains(&tries), "{tries} tries in ten minutes");
    assert_eq!(rig.events().len(), 1, "told once");
}

#[tokio::test(start_paused = true)]
async fn a_poison_outcome_is_reported_and_holds_nobody_up() {
    let rig = start(WriterConfig::default());
    rig.store.held().poison.insert(update(3, 1).document());
    rig.send(1, eight()).await;
    rig.flush().await;
    assert_eq!(poisoned(&rig.events()), [&update(3, 1)]);
    assert_eq!(rig.store.held().documents.len(), 7);
    assert_eq!(rig.stored.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refused_batch_is_split_until_the_poison_is_found() {
    let rig = start(WriterConfig::default());
    for document in [0, 5] {
        rig.store.held().refused.insert(update(document, 1).document(), store::Error::Refused);
    }
    rig.send(1, eight()).await;
    rig.flush().await;
    assert_eq!(poisoned(&rig.events()), [&update(0, 1), &update(5, 1)]);
    assert_eq!(rig.store.held().documents.len(), 6);
    assert_eq!(rig.stored.get(), 2);
    assert!(rig.store.held().writes.len() <= 2 * 2 * 3 + 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_goes_away_during_a_split_loses_nothing() {
    let rig = start(WriterConfig::default());
    rig.store.held().refused.insert(update(7, 1).document(), store::Error::Refused);
    // The first half is written, the third quarter fails half way, and again at the second try.
    rig.store.script([Doing::Delay(Duration::ZERO), Doing::Part(1), Doing::Panic]);
    rig.send(1, eight()).await;
    rig.flush().await;
    assert_eq!(poisoned(&rig.events()), [&update(7, 1)]);
    assert_eq!(rig.store.held().documents.len(), 7);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_poison_only_if_the_store_takes_others() {
    let rig = start(WriterConfig::default());
    rig.store.held().refused.insert(update(0, 1).document(), store::Error::Corrupt);
    rig.send(1, vec![update(0, 1)]).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(poisoned(&rig.events()), [] as [&Update; 0]);
    assert_eq!(rig.stored.get(), 1, "it may be the store, and is kept");
    rig.send(2, eight().split_off(1)).await;
    rig.flush().await;
    assert_eq!(poisoned(&rig.events()), [&update(0, 1)]);
    assert_eq!(rig.store.held().documents.len(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_store_with_another_schema_poisons_nothing() {
    let rig = start(WriterConfig::default());
    rig.store.script(vec![Doing::Fail(|place| store::Error::Schema { place, found: 9, known: 1 }); 5]);
    rig.send(1, eight()).await;
    rig.flush().await;
    assert_eq!(poisoned(&rig.events()), [] as [&Update; 0]);
    assert_eq!(rig.store.held().documents.len(), 8);
}

#[tokio::test(start_paused = true)]
async fn at_the_end_a_store_that_stays_away_is_given_up_and_barriers_are_told() {
    let config = WriterConfig { drain: Duration::from_secs(30), ..WriterConfig::default() };
    let rig = start(config);
    rig.store.script(vec![Doing::Fail(store::Error::Unavailable); 10_000]);
    rig.send(1, eight()).await;
    let answered = rig.barrier().await;
    let began = tokio::time::Instant::now();
    assert_eq!(rig.close().await, Ended::GaveUp { documents: 8 });
    assert!(matches!(answered.await.unwrap(), Err(NotStored::OutOfTime)));
    assert_eq!(began.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_hangs_is_sent_again_after_its_timeout() {
    let rig = start(WriterConfig::default());
    rig.store.script([Doing::Hang]);
    rig.send(1, eight()).await;
    let began = tokio::time::Instant::now();
    rig.flush().await;
    assert!(began.elapsed() >= WRITE_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_panics_ends_nothing() {
    let (store, stored) = (Arc::new(FaultyStore::default()), DurableWatermark::new(0));
    store.held().poison.insert(update(1, 1).document());
    let writer = WriteBehind::new(
        WriterConfig::default(),
        store.clone(),
        stored.clone(),
        Arc::new(|_| panic!("its own")),
    );
    let (queue, messages) = WriteBehind::queue();
    let running = tokio::spawn(writer.run(messages));
    let groups = vec![Group::new(1, vec![update(1, 1), update(2, 1)])];
    assert!(queue.send(Message::Groups(groups)).await.is_ok());
    drop(queue);
    assert_eq!(running.await.unwrap(), Ended::Stored);
    assert_eq!(stored.get(), 2);
}

/// The fault of one seed.
fn wrong(random: u64) -> Doing {
    match random % 10 {
        0 => Doing::Fail(store::Error::Unavailable),
        1 => Doing::Part((random >> 8) as usize % 5),
        2 => Doing::Hide,
        3 => Doing::Miscount,
        4 => Doing::Panic,
        5 => Doing::Hang,
        _ => Doing::Delay(Duration::from_millis((random >> 8) % 100)),
    }
}

/// Below the watermark, the store has every update or a newer one.
fn check_watermark(rig: &Rig, sent: &[Vec<Update>]) {
    for update in sent.iter().take(rig.stored.get().saturating_sub(1) as usize).flatten() {
        let held = rig.store.seq(update.document());
        assert!(held >= Some(update.revision().seq), "{update:?} is not in the store: {held:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn under_any_faults_the_store_ends_with_the_newest_and_the_watermark_is_never_ahead() {
    for seed in 0..40 {
        let mut random = mix(seed);
        let mut next = || {
            random = mix(random);
            random
        };
        let limits = updraft_kernel::coalescer::Limits { documents: 12, bytes: 1 << 20 };
        let rig = start(WriterConfig { limits, seed, ..paced(4, 1 + seed as usize % 4) });
        rig.store.script((0..60).map(|_| wrong(next())).collect::<Vec<_>>());
        for document in 0..next() % 4 {
            rig.store.held().not_yet.insert(update(document * 3, 1).document(), next() as usize % 5);
        }
        let (mut sent, mut seqs) = (Vec::new(), [0; 20]);
        for lsn in 1..=150 {
            let mut updates = Vec::new();
            for _ in 0..next() % 4 {
                let document = next() % 20;
                seqs[document as usize] += 1;
                let of = if next() % 2 == 0 { update } else { open_update };
                updates.push(of(document, seqs[document as usize]));
            }
            sent.push(updates.clone());
            rig.send(lsn, updates).await;
            check_watermark(&rig, &sent);
            if next() % 8 == 0 {
                tokio::time::sleep(Duration::from_millis(next() % 200)).await;
            }
        }
        rig.flush().await;
        assert_eq!(rig.stored.get(), 151, "seed {seed}");
        check_watermark(&rig, &sent);
        for (document, &seq) in (0..).zip(&seqs) {
            let held = rig.store.seq(update(document, 1).document()).unwrap_or(0);
            assert_eq!(held, seq, "document {document}, seed {seed}");
        }
        assert_eq!(rig.close().await, Ended::Stored);
    }
}
