//! The engine when it is full, stopped midway, or blocked by a tool: no caller waits forever.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what a test needs fails the test")]

use std::future::Future;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::Notify;
use updraft::{
    Answer, Asked, Builder, Call, CancelVerdict, Engine, ExecutionStatus, Integration, Json, Playbook,
    PlaybookId, Refusal, Shutdown, StartError, Submission, TenantCode,
};

/// Completes when it is notified, or at once.
struct Gate(Arc<Notify>);

impl Integration for Gate {
    fn actions(&self) -> &[&str] {
        &["wait", "answer"]
    }

    fn call(&self, call: Call) -> Answer<'_> {
        Box::pin(async move {
            if call.action.as_str() == "wait" {
                self.0.notified().await;
            }
            Ok(Json::null())
        })
    }
}

/// Blocks its thread, which a tool must not do.
struct Blocking {
    blocked: SyncSender<()>,
    released: Mutex<Receiver<()>>,
}

impl Integration for Blocking {
    fn actions(&self) -> &[&str] {
        &["wait"]
    }

    fn call(&self, _: Call) -> Answer<'_> {
        Box::pin(async move {
            let _ = self.blocked.send(());
            let _ = self.released.lock().unwrap().recv();
            Ok(Json::null())
        })
    }
}

const WAITS: &str = "{id: a, action: tool.wait}";
const ANSWERS: &str = "{id: a, action: tool.answer}";
const SLEEPS: &str = "{id: a, delay: 1h}";

fn playbook(step: &str) -> Playbook {
    let name = step.rsplit([' ', '}']).nth(1).unwrap_or("p");
    let text = format!("format: 1\nname: p-{name}\nversion: 1\nsteps:\n  - {step}\n");
    Playbook::parse(text.as_bytes()).unwrap()
}

fn builder(data: &Path, open: &Arc<Notify>) -> Builder {
    Engine::builder().data(data).shards(1).integration("tool", Gate(open.clone()))
}

fn acme() -> TenantCode {
    TenantCode::new("acme").unwrap()
}

async fn put(engine: &Engine, step: &str) -> PlaybookId {
    engine.playbooks().put(&acme(), playbook(step)).await.unwrap()
}

fn keyed(pid: PlaybookId, key: &str) -> Submission {
    Submission::new(acme(), pid).idempotency_key(key)
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), what).await.expect("it never came")
}

#[tokio::test]
async fn a_key_that_is_known_needs_no_place_in_a_full_engine() {
    let (directory, open) = (tempfile::tempdir().unwrap(), Arc::new(Notify::new()));
    let engine = builder(directory.path(), &open).executions_in_flight(1).start().await.unwrap();
    let (answers, waits) = (put(&engine, ANSWERS).await, put(&engine, WAITS).await);
    let ended = engine.submit(keyed(answers, "first")).await.unwrap();
    soon(ended.wait()).await.unwrap();
    engine.flush().await.unwrap();
    let running = engine.submit(keyed(waits, "second")).await.unwrap();

    let refused = engine.try_submit(keyed(waits, "third")).await.unwrap_err();
    assert!(matches!(refused.refusal, Refusal::TenantFull));
    assert_eq!(soon(engine.try_submit(keyed(waits, "second"))).await.unwrap().peid(), running.peid());
    assert_eq!(soon(engine.submit(keyed(answers, "first"))).await.unwrap().peid(), ended.peid());

    open.notify_one();
    soon(running.wait()).await.unwrap();
    let _ = engine.shutdown(Duration::from_secs(10)).await;
}

#[tokio::test]
async fn a_parked_execution_is_looked_at_and_cancelled_in_a_full_engine() {
    let (directory, open) = (tempfile::tempdir().unwrap(), Arc::new(Notify::new()));
    let engine = builder(directory.path(), &open).executions_in_flight(1).backlog(0).start().await.unwrap();
    let (sleeps, waits) = (put(&engine, SLEEPS).await, put(&engine, WAITS).await);
    let parked = engine.submit(Submission::new(acme(), sleeps)).await.unwrap();
    // Waits until the other has given up the only permit.
    let running = soon(engine.submit(Submission::new(acme(), waits))).await.unwrap();

    assert_eq!(soon(parked.status()).await.unwrap(), ExecutionStatus::Executing);
    assert_eq!(soon(parked.status()).await.unwrap(), ExecutionStatus::Executing);
    let asked = Asked { uid: "ana".into(), reason: "a test".into() };
    assert_eq!(soon(parked.cancel(asked)).await.unwrap(), CancelVerdict::Cancelled);
    assert_eq!(soon(parked.wait()).await.unwrap().state.execution_status, ExecutionStatus::Cancelled);
    let refused = engine.try_submit(Submission::new(acme(), waits)).await.unwrap_err();
    assert!(matches!(refused.refusal, Refusal::TenantFull));

    open.notify_one();
    soon(running.wait()).await.unwrap();
    let _ = engine.shutdown(Duration::from_secs(10)).await;
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_a_tool_that_blocks_its_thread() {
    let directory = tempfile::tempdir().unwrap();
    let ((blocked, is_blocked), (release, released)) = (sync_channel(1), sync_channel(1));
    let tool = Blocking { blocked, released: Mutex::new(released) };
    let engine =
        Engine::builder().data(directory.path()).shards(1).integration("tool", tool).start().await.unwrap();
    let waits = put(&engine, WAITS).await;
    let handle = engine.submit(Submission::new(acme(), waits)).await.unwrap();
    tokio::task::spawn_blocking(move || is_blocked.recv().unwrap()).await.unwrap();

    let _ = soon(engine.shutdown(Duration::ZERO)).await;
    assert!(soon(handle.wait()).await.is_err());
    release.send(()).unwrap();
}

#[tokio::test]
async fn every_shutdown_is_answered_when_the_engine_is_down() {
    let (directory, open) = (tempfile::tempdir().unwrap(), Arc::new(Notify::new()));
    let engine = builder(directory.path(), &open).start().await.unwrap();
    let waits = put(&engine, WAITS).await;
    let _running = engine.submit(Submission::new(acme(), waits)).await.unwrap();
    let mut first = Box::pin(engine.shutdown(Duration::from_millis(50)));
    assert!(std::future::poll_fn(|cx| Poll::Ready(first.as_mut().poll(cx))).await.is_pending());
    let (first, second) = tokio::join!(first, engine.shutdown(Duration::ZERO));
    // What the store has not taken in time is in the journal.
    assert!(matches!(first, Shutdown::Stored | Shutdown::Journaled), "{first:?}");
    assert_eq!(second, Shutdown::Already);
    let next = builder(directory.path(), &open).start().await.unwrap();
    assert_eq!(next.recovered().resumed, 1);
    let _ = next.shutdown(Duration::ZERO).await;
}

#[tokio::test]
async fn a_shutdown_that_is_given_up_stops_the_engine_as_a_crash_would() {
    let (directory, open) = (tempfile::tempdir().unwrap(), Arc::new(Notify::new()));
    let engine = builder(directory.path(), &open).start().await.unwrap();
    let waits = put(&engine, WAITS).await;
    let running = engine.submit(Submission::new(acme(), waits)).await.unwrap();
    let mut given_up = Box::pin(engine.shutdown(Duration::from_secs(60)));
    assert!(std::future::poll_fn(|cx| Poll::Ready(given_up.as_mut().poll(cx))).await.is_pending());
    drop(given_up);
    assert!(soon(running.wait()).await.is_err());
    assert_eq!(soon(engine.shutdown(Duration::from_secs(60))).await, Shutdown::Already);
}

#[tokio::test]
async fn a_start_that_is_given_up_anywhere_leaves_the_directory_and_what_is_in_it() {
    let (directory, open) = (tempfile::tempdir().unwrap(), Arc::new(Notify::new()));
    let engine = builder(directory.path(), &open).start().await.unwrap();
    let waits = put(&engine, WAITS).await;
    let _running = engine.submit(Submission::new(acme(), waits)).await.unwrap();
    drop(engine);
    drop(_running);
    let mut polls = 1;
    loop {
        let mut starting = Box::pin(builder(directory.path(), &open).start());
        let mut polled = 0;
        let started = std::future::poll_fn(|cx| match starting.as_mut().poll(cx) {
            Poll::Ready(started) => Poll::Ready(Some(started)),
            Poll::Pending => {
                polled += 1;
                if polled == polls { Poll::Ready(None) } else { Poll::Pending }
            }
        });
        match soon(started).await {
            None => polls += 1,
            // The threads of the last engine are still ending.
            Some(Err(StartError::Store(updraft_storage::Error::InUse { .. }))) => {}
            Some(Err(StartError::Journal(updraft_storage::journal::Error::InUse { .. }))) => {}
            Some(Err(error)) => panic!("after {polls} polls: {error}"),
            Some(Ok(engine)) => {
                assert_eq!(engine.recovered().resumed, 1);
                let _ = engine.shutdown(Duration::ZERO).await;
                break;
            }
        }
        tokio::task::yield_now().await;
    }
    assert!(polls > 3, "the start was given up {polls} times only");
}

#[test]
fn a_runtime_without_timers_can_submit_and_wait() {
    let (directory, open) = (tempfile::tempdir().unwrap(), Arc::new(Notify::new()));
    let bare = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let whole = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let engine = whole.block_on(builder(directory.path(), &open).start()).unwrap();
    bare.block_on(async {
        let answers = put(&engine, ANSWERS).await;
        let handle = engine.submit(Submission::new(acme(), answers)).await.unwrap();
        assert_eq!(handle.wait().await.unwrap().state.execution_status, ExecutionStatus::Completed);
    });
    let _ = whole.block_on(engine.shutdown(Duration::from_secs(10)));
}
