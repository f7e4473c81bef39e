//! The log and the metrics of calls: their names and times, and nothing of their content.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use updraft_protocol::{IdempotencyKey, Name, TenantCode};

use super::TimedStore;
use crate::memory::MemoryStore;
use crate::store::{Error, ExecutionStore};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// How often a call was timed, and how often it was counted as slow.
fn counted(snapshots: &Snapshotter, call: &str) -> [u64; 2] {
    // Counters and histograms are reset by each snapshot.
    let metrics = snapshots.snapshot().into_vec();
    ["updraft_store_call_seconds", "updraft_store_slow_calls_total"].map(|metric| {
        let of_call = metrics.iter().filter(|(key, ..)| {
            key.key().name() == metric && key.key().labels().any(|label| label.value() == call)
        });
        let count = of_call.map(|(.., value)| match value {
            DebugValue::Counter(count) => *count,
            DebugValue::Histogram(values) => values.len() as u64,
            DebugValue::Gauge(_) => panic!("{value:?}"),
        });
        count.sum()
    })
}

/// The log, the histogram and the count of slow calls after one call of a store with this threshold.
fn left(threshold: Duration, fails: bool) -> (String, [u64; 2]) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let recorder = DebuggingRecorder::new();
    let snapshots = recorder.snapshotter();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let counts = tracing::subscriber::with_default(subscriber, || {
        metrics::with_local_recorder(&recorder, || {
            runtime.block_on(async {
                let store = TimedStore::new(Arc::new(MemoryStore::new()), threshold);
                if fails {
                    let failed = async { Err::<(), _>(Error::Unavailable("acme".to_owned())) };
                    assert!(store.timed("claim_epochs", failed).await.is_err());
                    return;
                }
                let key = IdempotencyKey {
                    tenant_code: TenantCode::new("acme").unwrap(),
                    playbook_name: Name::new("triage").unwrap(),
                    text: "k3y".into(),
                };
                assert!(store.execution_by_key(&key).await.unwrap().is_none());
            });
        });
        counted(&snapshots, if fails { "claim_epochs" } else { "execution_by_key" })
    });
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    (text, counts)
}

#[test]
fn a_slow_call_is_logged_by_store_and_name_without_what_was_asked() {
    let (log, counts) = left(Duration::ZERO, false);
    let line = log.lines().find(|line| line.contains("a slow call")).expect("a line");
    for part in [
        "WARN",
        "updraft::store::slow",
        "store=\"memory\"",
        "call=\"execution_by_key\"",
        "ended=\"answered\"",
        "took_ms=",
    ] {
        assert!(line.contains(part), "{line}");
    }
    assert!(!log.contains("acme") && !log.contains("k3y"), "{log}");
    assert_eq!(counts, [1, 1]);
}

#[test]
fn a_slow_call_that_failed_is_logged_as_such() {
    let (log, counts) = left(Duration::ZERO, true);
    assert!(log.contains("ended=\"failed\"") && !log.contains("acme"), "{log}");
    assert_eq!(counts, [1, 1]);
}

#[test]
fn a_call_below_the_threshold_is_timed_and_not_logged() {
    let (log, counts) = left(Duration::from_secs(3600), false);
    assert!(!log.contains("a slow call"), "{log}");
    assert_eq!(counts, [1, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_its_caller_left_is_timed_too() {
    let recorder = DebuggingRecorder::new();
    let store = TimedStore::new(Arc::new(MemoryStore::new()), Duration::from_millis(500));
    {
        let call = store.timed("ping", std::future::pending::<Result<(), Error>>());
        let left = tokio::time::timeout(Duration::from_secs(1), call);
        // Dropped with the recorder in place.
        let _guard = metrics::set_default_local_recorder(&recorder);
        assert!(left.await.is_err());
    }
    assert_eq!(counted(&recorder.snapshotter(), "ping"), [1, 1]);
}
