//! The batch limit in use: it grows with a quick store, falls with one that pushes back, and is visible.

use std::collections::BTreeMap;
use std::time::Duration;

use metrics_util::debugging::{DebugValue, DebuggingRecorder};

use super::faulty_store::Doing;
use super::*;
use crate::journal::testing::update;
use crate::store::{self, Store};

const ADAPTIVE: BatchLimit = BatchLimit::Adaptive {
    operations_min: 10,
    operations_max: 100,
    batches_max: 3,
    latency: Duration::from_millis(200),
};

fn adaptive() -> WriterConfig {
    WriterConfig { batch_limit: Some(ADAPTIVE), ..WriterConfig::default() }
}

/// Sends so many documents at once and waits until they are stored; returns the sizes of the batches.
async fn send(rig: &Rig, lsn: u64, documents: u64) -> Vec<usize> {
    let before = rig.store.held().writes.len();
    let first = lsn * 1_000_000;
    rig.send(lsn, (first..first + documents).map(|document| update(document, 1)).collect()).await;
    rig.flush().await;
    rig.store.held().writes[before..].to_vec()
}

#[tokio::test(start_paused = true)]
async fn batches_grow_with_a_quick_store_and_fly_together() {
    let rig = start(adaptive());
    rig.store.script(vec![Doing::Delay(Duration::from_millis(5)); 1_000]);
    let sizes = send(&rig, 1, 5_000).await;
    assert_eq!(sizes[..5], [10, 20, 40, 80, 100]);
    assert!(sizes[5..sizes.len() - 1].iter().all(|size| *size == 100), "{sizes:?}");
    assert_eq!(rig.store.held().most_at_once, 3);
}

#[tokio::test(start_paused = true)]
async fn after_pushback_less_is_sent_and_then_more_again() {
    let rig = start(adaptive());
    let quick = Doing::Delay(Duration::from_millis(5));
    rig.store.script(vec![quick.clone(); 60]);
    send(&rig, 1, 5_000).await;
    rig.store.held().script.clear();
    rig.store.script(vec![Doing::Fail(store::Error::Unavailable); 4]);
    rig.store.script(vec![quick; 1_000]);
    let sizes = send(&rig, 2, 5_000).await;
    // The last batch has the rest.
    let full = &sizes[..sizes.len() - 1];
    let fell = full.iter().position(|size| *size <= 50).expect("it fell");
    assert!(full[fell..].contains(&100), "it rose again: {sizes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_store_gets_smaller_batches() {
    let rig = start(adaptive());
    rig.store.script(vec![Doing::Delay(Duration::from_millis(5)); 100]);
    send(&rig, 1, 5_000).await;
    rig.store.held().script.clear();
    rig.store.script(vec![Doing::Delay(Duration::from_millis(900)); 40]);
    let sizes = send(&rig, 2, 1_500).await;
    assert!(sizes.iter().any(|size| *size < 60), "{sizes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_split_says_nothing_of_the_stores_speed() {
    let rig = start(adaptive());
    rig.store.script(vec![Doing::Delay(Duration::from_millis(5)); 100]);
    send(&rig, 1, 3_000).await;
    let refused = update(2_000_003, 1).document();
    rig.store.held().refused.insert(refused, store::Error::Refused);
    rig.store.held().script.clear();
    rig.store.script(vec![Doing::Delay(Duration::from_millis(100)); 1_000]);
    let sizes = send(&rig, 2, 1_000).await;
    assert_eq!(sizes.iter().filter(|size| **size == 100).count(), 10, "{sizes:?}");
}

#[tokio::test(start_paused = true)]
async fn without_a_setting_the_store_says_what_suits_it() {
    let rig = start(WriterConfig::default());
    assert_eq!(rig.store.batch_limit(), BatchLimit::EMBEDDED);
    let sizes = send(&rig, 1, 12_000).await;
    assert_eq!(sizes, [4_000; 3]);
    assert_eq!(rig.store.held().most_at_once, 2);
}

#[tokio::test(start_paused = true)]
async fn the_pace_is_shown() {
    let recorder = DebuggingRecorder::new();
    let shown = recorder.snapshotter();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let rig = start(adaptive());
    rig.store.script(vec![Doing::Delay(Duration::from_millis(5)); 100]);
    send(&rig, 1, 5_000).await;
    rig.store.held().script.clear();
    rig.store.script([Doing::Hang]);
    rig.send(2, vec![update(1, 1)]).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let gauges: BTreeMap<_, _> = shown
        .snapshot()
        .into_vec()
        .into_iter()
        .filter_map(|(key, _, _, value)| match value {
            DebugValue::Gauge(gauge) => Some((key.key().name().to_owned(), gauge.0)),
            DebugValue::Counter(_) | DebugValue::Histogram(_) => None,
        })
        .collect();
    assert_eq!(gauges["updraft_store_batch_operations"], 100.0);
    assert_eq!(gauges["updraft_store_batches_in_flight"], 1.0);
    assert_eq!(gauges["updraft_store_batches_in_flight_most"], 3.0);
    assert_eq!(gauges["updraft_store_deferred_documents"], 0.0);
}
