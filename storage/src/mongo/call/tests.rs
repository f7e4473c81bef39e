//! What is logged and counted of slow calls: which and how long, and nothing of what was asked.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use mongodb::bson::doc;
use updraft_protocol::limits::{MONGO_CALL_TIMEOUT, MONGO_SCAN_TIMEOUT, WRITE_TIMEOUT};
use updraft_protocol::{IdempotencyKey, Name, TenantCode};

use super::{Calls, Work};
use crate::mongo::MongoStore;
use crate::mongo::connect::fake::Fake;
use crate::store::Store;

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

/// What a call of a store with this threshold leaves in the log, and how many slow commands it counts.
fn left(threshold: Duration, refuse: bool) -> (String, u64) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let recorder = DebuggingRecorder::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tracing::subscriber::with_default(subscriber, || {
        metrics::with_local_recorder(&recorder, || {
            runtime.block_on(async {
                let fake = Fake::start(doc! {}).await;
                let builder = MongoStore::builder(fake.uri()).read_only(true).slow_commands(threshold);
                let store = builder.connect().await.unwrap();
                if refuse {
                    fake.answer("find", doc! {"ok": 0.0, "code": 2, "errmsg": "tenant acme, key k3y"});
                }
                let key = IdempotencyKey {
                    tenant_code: TenantCode::new("acme").unwrap(),
                    playbook_name: Name::new("triage").unwrap(),
                    text: "k3y".into(),
                };
                assert_eq!(store.execution_by_key(&key).await.is_err(), refuse);
            });
        });
    });
    let counted = recorder.snapshotter().snapshot().into_vec().into_iter();
    let counted = counted.filter(|(key, ..)| key.key().name() == "updraft_store_slow_commands_total");
    let counted = counted.map(|(.., value)| match value {
        DebugValue::Counter(count) => count,
        other => panic!("{other:?}"),
    });
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    (text, counted.sum())
}

#[test]
fn a_slow_call_is_logged_by_command_and_collection_without_what_was_asked() {
    let (log, counted) = left(Duration::ZERO, false);
    let of_call = |line: &&str| line.contains("a slow command") && line.contains("playbook_execution");
    let line = log.lines().find(of_call).expect("a line");
    assert!(line.contains("WARN") && line.contains("updraft::store::slow"), "{line}");
    for part in
        ["command=\"find\"", "collection=\"playbook_execution_collection\"", "ended=\"answered\"", "took_ms="]
    {
        assert!(line.contains(part), "{line}");
    }
    assert!(!log.contains("acme") && !log.contains("k3y"), "{log}");
    assert_eq!(counted, 2, "and the look at the schema when it was connected");
}

#[test]
fn a_slow_call_that_failed_is_logged_as_such_without_the_words_of_the_server() {
    let (log, counted) = left(Duration::ZERO, true);
    assert!(log.contains("ended=\"failed\""), "{log}");
    assert!(!log.contains("acme") && !log.contains("k3y"), "{log}");
    assert_eq!(counted, 2, "and the look at the schema when it was connected");
}

#[test]
fn a_call_below_the_threshold_leaves_nothing() {
    let (log, counted) = left(Duration::from_secs(3600), true);
    assert!(!log.contains("a slow command"), "{log}");
    assert_eq!(counted, 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_its_caller_left_is_told_too() {
    let recorder = DebuggingRecorder::new();
    let calls = calls(MONGO_CALL_TIMEOUT);
    {
        let call = calls.run(Work::Few, "find", "x", never());
        let left = tokio::time::timeout(Duration::from_secs(1), call);
        // Dropped with the recorder in place.
        let _guard = metrics::set_default_local_recorder(&recorder);
        assert!(left.await.is_err());
    }
    let counted = recorder.snapshotter().snapshot().into_vec();
    assert!(
        counted.iter().any(|(key, ..)| key.key().name() == "updraft_store_slow_commands_total"),
        "{counted:?}"
    );
}

fn calls(patience: Duration) -> Calls {
    Calls::new(Duration::from_millis(500), patience, crate::mongo::pool::Pool::default())
}

async fn never() -> Result<(), crate::Error> {
    std::future::pending().await
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_never_answered_ends_in_time_with_how_long_it_waited() {
    let calls = calls(Duration::from_secs(7));
    for (work, bound) in
        [(Work::Few, Duration::from_secs(7)), (Work::Batch, WRITE_TIMEOUT), (Work::Scan, MONGO_SCAN_TIMEOUT)]
    {
        let began = tokio::time::Instant::now();
        let error = calls.run(work, "find", "x", never()).await.unwrap_err();
        assert!(matches!(error, crate::Error::Unavailable(_)) && error.retryable(), "{error}");
        assert!(error.to_string().contains(&format!("no answer in {bound:?}")), "{error}");
        assert!((bound..bound + Duration::from_secs(1)).contains(&began.elapsed()), "{work:?}");
    }
}
