//! The flow while the store works: delays, batches, barriers and the bound.

use std::collections::BTreeMap;
use std::time::Duration;

use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use updraft_kernel::coalescer::Limits;
use updraft_protocol::limits::FLUSH_DELAY;

use super::faulty_store::Doing;
use super::*;
use crate::journal::testing::{open_update, sized_update, update};

#[tokio::test(start_paused = true)]
async fn a_lone_update_waits_for_company_and_no_longer() {
    let rig = start(WriterConfig::default());
    rig.send(1, vec![update(1, 1)]).await;
    tokio::time::sleep(FLUSH_DELAY / 2).await;
    rig.send(2, vec![update(2, 1), update(1, 2)]).await;
    tokio::time::sleep(FLUSH_DELAY / 2 - Duration::from_millis(1)).await;
    assert!(rig.store.held().writes.is_empty());
    tokio::time::sleep(Duration::from_millis(3)).await;
    assert_eq!(rig.store.held().writes, [2]);
    assert_eq!(rig.store.seq(update(1, 2).document()), Some(2));
    assert_eq!(rig.stored.get(), 3);
    assert_eq!(rig.close().await, Ended::Stored);
}

#[tokio::test(start_paused = true)]
async fn what_goes_on_waits_for_its_end_for_three_delays_and_no_longer() {
    let rig = start(WriterConfig::default());
    rig.send(1, vec![open_update(1, 1), update(2, 1)]).await;
    tokio::time::sleep(FLUSH_DELAY + Duration::from_millis(2)).await;
    assert_eq!(rig.store.held().writes, [1]);
    rig.send(2, vec![open_update(3, 1)]).await;
    tokio::time::sleep(FLUSH_DELAY).await;
    assert_eq!(rig.store.held().writes, [1], "both that go on are left");
    rig.send(3, vec![update(3, 2)]).await;
    tokio::time::sleep(FLUSH_DELAY).await;
    assert_eq!(rig.store.held().writes, [1, 2], "one that ended, and one that was left for two whole rounds");
    assert_eq!(
        [1, 2, 3].map(|document| rig.store.seq(update(document, 1).document())),
        [Some(1), Some(1), Some(2)]
    );
    assert_eq!(rig.stored.get(), 4);
}

#[tokio::test(start_paused = true)]
async fn what_goes_on_is_written_at_once_where_somebody_waits_for_it_or_for_its_room() {
    let limits = Limits { documents: 10, bytes: 1 << 30 };
    let rig = start(WriterConfig { limits, ..WriterConfig::default() });
    let began = tokio::time::Instant::now();
    rig.send(1, vec![open_update(1, 1)]).await;
    rig.flush().await;
    assert_eq!(rig.store.held().writes, [1]);
    rig.send(2, (0..10).map(|document| open_update(document, 2)).collect()).await;
    rig.send(3, (10..20).map(|document| open_update(document, 1)).collect()).await;
    settle().await;
    assert_eq!(rig.store.held().writes, [1, 10]);
    rig.send(4, vec![open_update(10, 2)]).await;
    let store = rig.store.clone();
    assert_eq!(rig.close().await, Ended::Stored);
    assert_eq!(store.seq(update(10, 1).document()), Some(2));
    assert!(began.elapsed() < FLUSH_DELAY / 2);
}

#[tokio::test(start_paused = true)]
async fn a_question_does_not_hurry_what_goes_on_and_came_after_it() {
    let rig = start(WriterConfig::default());
    rig.store.script([Doing::Delay(10 * FLUSH_DELAY)]);
    rig.send(1, vec![open_update(1, 1)]).await;
    let answered = rig.barrier().await;
    rig.send(2, vec![open_update(2, 1)]).await;
    settle().await;
    rig.send(3, vec![update(2, 2)]).await;
    answered.await.unwrap().unwrap();
    rig.flush().await;
    assert_eq!(rig.store.held().writes, [1, 1]);
    assert_eq!(rig.store.seq(update(2, 1).document()), Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_always_busy_is_given_what_goes_on_in_its_turn() {
    let rig = start(paced(2, 1));
    rig.store.script(vec![Doing::Delay(FLUSH_DELAY); 100]);
    rig.send(1, vec![open_update(1, 1)]).await;
    for lsn in 2..20 {
        rig.send(lsn, vec![update(2 * lsn, 1), update(2 * lsn + 1, 1)]).await;
        tokio::time::sleep(FLUSH_DELAY * 9 / 10).await;
        let (written, sent) = (rig.store.held().sent.len() as u64, 2 * lsn - 1);
        assert!(written < sent, "it is behind all the while");
    }
    assert_eq!(rig.store.seq(update(1, 1).document()), Some(1));
}

#[tokio::test(start_paused = true)]
async fn what_goes_on_waits_no_longer_where_one_long_write_flies() {
    let rig = start(paced(2, 1));
    rig.store.script([Doing::Delay(50 * FLUSH_DELAY)]);
    rig.send(1, vec![update(1, 1), update(2, 1)]).await;
    settle().await;
    rig.send(2, vec![open_update(3, 1)]).await;
    tokio::time::sleep(50 * FLUSH_DELAY + Duration::from_millis(1)).await;
    assert_eq!(rig.store.held().writes, [2, 1], "it goes as soon as the other has landed");
}

#[tokio::test(start_paused = true)]
async fn a_full_batch_goes_at_once_by_count_and_by_bytes() {
    let rig = start(WriterConfig { bytes: 50_000, ..paced(10, 2) });
    rig.send(1, (0..10).map(|document| update(document, 1)).collect()).await;
    settle().await;
    assert_eq!(rig.store.held().writes, [10]);
    rig.send(2, (0..4).map(|document| sized_update(document, 2, 15_000)).collect()).await;
    settle().await;
    assert_eq!(rig.store.held().writes[1], 3, "the fourth does not fit");
}

#[tokio::test(start_paused = true)]
async fn a_barrier_is_answered_when_all_before_it_is_stored_and_waits_for_nothing_after_it() {
    let rig = start(paced(1_000, 1));
    rig.store.script([Doing::Delay(Duration::from_secs(5)), Doing::Hang]);
    rig.send(1, vec![update(1, 1)]).await;
    rig.send(2, vec![update(2, 1)]).await;
    let mut answered = rig.barrier().await;
    rig.send(3, vec![update(3, 1)]).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(rig.store.held().writes, [2], "nobody waited for company");
    assert!(answered.try_recv().is_err());
    tokio::time::sleep(Duration::from_millis(1_001)).await;
    answered.await.unwrap().unwrap();
    assert_eq!(rig.stored.get(), 3);
    assert_eq!(rig.store.seq(update(3, 1).document()), None);
}

#[tokio::test(start_paused = true)]
async fn a_barrier_before_everything_is_answered_at_once() {
    let rig = start(WriterConfig::default());
    rig.flush().await;
    assert_eq!(rig.close().await, Ended::Stored);
}

#[tokio::test(start_paused = true)]
async fn an_overtaken_status_is_never_written() {
    let rig = start(WriterConfig::default());
    for seq in 1..=50 {
        rig.send(seq, vec![update(1, seq)]).await;
    }
    rig.flush().await;
    assert!(rig.store.held().writes.len() <= 2, "{:?}", rig.store.held().writes);
    assert_eq!(rig.store.seq(update(1, 1).document()), Some(50));
}

#[tokio::test(start_paused = true)]
async fn every_update_is_counted_as_written_or_as_overtaken() {
    let recorder = DebuggingRecorder::new();
    let counted = recorder.snapshotter();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let rig = start(WriterConfig::default());
    for seq in 1..=50 {
        rig.send(seq, vec![update(seq % 3, seq), update(seq, 1_000)]).await;
    }
    rig.flush().await;
    assert_eq!(rig.close().await, Ended::Stored);
    let counts: BTreeMap<_, _> = counted
        .snapshot()
        .into_vec()
        .into_iter()
        .map(|(key, _, _, value)| (key.key().name().to_owned(), value))
        .collect();
    let count = |name: &str| match counts[name] {
        DebugValue::Counter(count) => count,
        DebugValue::Gauge(gauge) => gauge.0 as u64,
        DebugValue::Histogram(_) => panic!("no histogram"),
    };
    assert_eq!(count("updraft_store_updates_total") + count("updraft_store_coalesced_total"), 100);
    assert!(count("updraft_store_coalesced_total") > 0);
    assert_eq!(count("updraft_store_pending_documents"), 0);
    assert_eq!(count("updraft_store_pending_bytes"), 0);
}

#[tokio::test(start_paused = true)]
async fn batches_fly_together_up_to_the_configured_number() {
    let rig = start(paced(5, 3));
    rig.store.script(vec![Doing::Delay(Duration::from_secs(1)); 10]);
    rig.send(1, (0..50).map(|document| update(document, 1)).collect()).await;
    rig.flush().await;
    assert_eq!(rig.store.held().most_at_once, 3);
    assert_eq!(rig.store.held().writes, [5; 10]);
}

#[tokio::test(start_paused = true)]
async fn at_its_limit_the_writer_takes_nothing_in_until_the_store_goes_on() {
    let limits = Limits { documents: 10, bytes: 1 << 30 };
    let rig = start(WriterConfig { limits, ..paced(5, 2) });
    rig.store.script(vec![Doing::Delay(Duration::from_secs(3_000)); 2]);
    let sent = {
        let send = async {
            for lsn in 1..=500 {
                rig.send(lsn, vec![update(lsn, 1)]).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(1), send).await
    };
    assert!(sent.is_err(), "the queue filled");
    assert_eq!(rig.queue.capacity(), 0);
    assert_eq!(rig.store.held().writes, [5, 5]);
    assert_eq!(rig.stored.get(), 1);
    tokio::time::timeout(Duration::from_secs(1), rig.flush()).await.unwrap_err();
    assert_eq!(rig.queue.capacity(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_larger_than_the_limit_is_taken_in_step_by_step() {
    let limits = Limits { documents: 4, bytes: 1 << 30 };
    let rig = start(WriterConfig { limits, ..WriterConfig::default() });
    let groups = (1..=100).map(|lsn| Group::new(lsn, vec![update(lsn, 1), update(lsn + 1, 2)])).collect();
    assert!(rig.queue.send(Message::Groups(groups)).await.is_ok());
    rig.flush().await;
    assert!(rig.store.held().writes.iter().all(|&updates| updates <= 4));
    assert_eq!(rig.store.held().documents.len(), 101);
    assert_eq!(rig.close().await, Ended::Stored);
}

#[tokio::test(start_paused = true)]
async fn groups_without_updates_move_the_watermark() {
    let rig = start(WriterConfig::default());
    rig.send(1, vec![]).await;
    rig.send(2, vec![]).await;
    rig.flush().await;
    assert_eq!(rig.stored.get(), 3);
    assert!(rig.store.held().writes.is_empty());
}
