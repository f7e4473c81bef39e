//! The bounds: with the store stopped under load the writer holds no more than its limits, and little afterwards.

use std::time::Duration;

use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use updraft_kernel::coalescer::Limits;
use updraft_protocol::TaskStatus;
use updraft_protocol::ids::mix;

use super::faulty_store::Doing;
use super::*;
use crate::journal::testing::{open_update, sized_update, status_update, update};
use crate::store;

const LIMITS: Limits = Limits { documents: 50, bytes: 100_000 };

/// Bytes and documents that wait or are in flight, from the metrics. Reading them resets them.
fn held(shown: &Snapshotter) -> (f64, f64) {
    let (mut bytes, mut documents) = (0.0, 0.0);
    for (key, _, _, value) in shown.snapshot().into_vec() {
        match (key.key().name(), value) {
            ("updraft_store_pending_bytes", DebugValue::Gauge(gauge)) => bytes = gauge.0,
            ("updraft_store_pending_documents", DebugValue::Gauge(gauge)) => documents = gauge.0,
            _ => {}
        }
    }
    (bytes, documents)
}

/// Sends groups of any size, small and large ones, until they are no longer taken.
async fn press(rig: &Rig, lsns: std::ops::Range<u64>, mut each: impl FnMut()) -> u64 {
    for lsn in lsns.clone() {
        let random = mix(lsn);
        let group = (0..random % 4).map(|number| {
            let (document, bytes) = (mix(random + number) % 300, mix(number + random) as usize % 20_000);
            let status = if mix(document + lsn).is_multiple_of(2) {
                TaskStatus::Completed
            } else {
                TaskStatus::Executing
            };
            status_update(document, lsn, bytes, status)
        });
        let message = Message::Groups(vec![Group::new(lsn, group.collect())]);
        let sending = rig.queue.send(message);
        if tokio::time::timeout(Duration::from_secs(30), sending).await.is_err() {
            return lsn;
        }
        settle().await;
        each();
    }
    lsns.end
}

#[tokio::test(start_paused = true)]
async fn with_the_store_stopped_under_load_neither_limit_is_ever_passed() {
    for stopped in [Doing::Hang, Doing::Fail(store::Error::Unavailable), Doing::Hide] {
        for batches in 1..4 {
            let recorder = DebuggingRecorder::new();
            let shown = recorder.snapshotter();
            let _guard = metrics::set_default_local_recorder(&recorder);
            let rig = start(WriterConfig { limits: LIMITS, bytes: 40_000, ..paced(7, batches) });
            rig.store.script(vec![stopped.clone(); 100_000]);
            let (mut most, mut fullest) = (0.0_f64, 0.0_f64);
            let until = press(&rig, 1..2_000, || {
                let (bytes, documents) = held(&shown);
                most = most.max(bytes);
                fullest = fullest.max(documents);
                assert!(bytes <= LIMITS.bytes as f64 && documents <= LIMITS.documents as f64);
            })
            .await;
            assert!(until < 2_000, "{stopped:?}: the producer waits");
            assert!(most > 60_000.0 && fullest > 5.0, "{most} bytes of {fullest} documents");
            rig.store.held().script.clear();
            rig.flush().await;
            assert_eq!(held(&shown), (0.0, 0.0));
            assert_eq!(rig.stored.get(), until, "all that was taken in, and nothing else");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_beyond_the_limit_goes_alone() {
    let recorder = DebuggingRecorder::new();
    let shown = recorder.snapshotter();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let rig = start(WriterConfig { limits: LIMITS, ..paced(7, 2) });
    rig.store.script(vec![Doing::Delay(Duration::from_secs(1)); 100]);
    rig.send(1, vec![update(1, 1)]).await;
    rig.send(2, vec![sized_update(2, 1, 150_000)]).await;
    rig.send(3, vec![update(3, 1)]).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(held(&shown).1, 1.0, "it waits until there is nothing else");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(held(&shown).1, 1.0);
    rig.flush().await;
    assert_eq!(rig.store.held().writes, [1; 3]);
}

#[tokio::test(start_paused = true)]
async fn hot_documents_are_in_one_batch_at_a_time_however_many_fly() {
    for batches in [1, 2, 5] {
        let rig = start(paced(3, batches));
        // The store itself fails the test if a document is in flight twice, or twice in one batch.
        let delays = (0..2_000).map(|number| Doing::Delay(Duration::from_millis(mix(number) % 40)));
        rig.store.script(delays.collect::<Vec<_>>());
        let mut seqs = [0_u64; 9];
        for lsn in 1..600 {
            let hot = (mix(lsn) % 9) as usize;
            seqs[hot] += 1;
            let of = if mix(lsn + 1).is_multiple_of(2) { update } else { open_update };
            rig.send(lsn, vec![of(hot as u64, seqs[hot])]).await;
            tokio::time::sleep(Duration::from_millis(mix(lsn) % 5)).await;
        }
        rig.flush().await;
        for (document, seq) in (0..).zip(seqs) {
            assert_eq!(rig.store.seq(update(document, 1).document()), Some(seq), "of {batches}");
        }
        let together = rig.store.held().most_at_once;
        assert!(together <= batches && together >= batches.min(2), "{together} of {batches}");
        let sent = rig.store.held().sent.len();
        assert!(sent < 600, "{sent}: none was coalesced");
        assert_eq!(rig.close().await, Ended::Stored);
    }
}
