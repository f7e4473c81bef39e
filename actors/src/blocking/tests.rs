//! Tests of tools that block: their calls wait for threads, and hold up nobody else.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tokio::sync::mpsc;
use tokio::time::Instant;
use updraft_protocol::{ExecutionId, Masking, Sending, StepId, TaskId, TenantCode};

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

/// Blocks in `block` until the test lets it go on; waits without blocking in `wait`, panics in `panic`.
struct Blocks {
    begun: mpsc::Sender<&'static str>,
    go_on: Mutex<Receiver<()>>,
}

impl Integration for Blocks {
    fn actions(&self) -> &[&str] {
        &["block", "wait", "panic"]
    }

    fn blocking_threads(&self) -> Option<usize> {
        Some(1)
    }

    fn call(&self, call: Call) -> Answer<'_> {
        Box::pin(async move {
            match call.action.as_str() {
                "block" => {
                    self.begun.try_send("block").unwrap();
                    self.go_on.lock().unwrap().recv().unwrap();
                }
                "wait" => {
                    self.begun.try_send("wait").unwrap();
                    std::future::pending().await
                }
                _ => panic!("on purpose: the tool"),
            }
            Ok(Json::null())
        })
    }
}

/// The tool with one thread, what of its calls has begun, and what lets a blocked one go on.
fn tool() -> (Arc<BlockingTool>, mpsc::Receiver<&'static str>, SyncSender<()>) {
    let ((begun, has_begun), (lets_go_on, go_on)) = (mpsc::channel(16), sync_channel(16));
    let tool = Arc::new(Blocks { begun, go_on: Mutex::new(go_on) });
    (Arc::new(BlockingTool::new(Name::new("edr").unwrap(), tool, 1)), has_begun, lets_go_on)
}

fn call(action: &str, sending: Sending) -> Call {
    Call {
        tenant: TenantCode::new("acme").unwrap(),
        peid: ExecutionId::from_bytes([7; 16]),
        task_id: TaskId::from_bytes([8; 16]),
        step_id: StepId::new("isolate").unwrap(),
        action: Name::new(action).unwrap(),
        attempt: 1,
        arguments: Value::from(serde_json::json!({})),
        secrets: Vec::new(),
        masking: Masking::default(),
        timeout: Duration::from_secs(1),
        sending,
        permit: CallPermit::default(),
        files: updraft_protocol::CallFiles::default(),
    }
}

#[tokio::test]
async fn a_call_that_finds_no_thread_is_not_sent_until_there_is_one() {
    let (tool, mut begun, lets_go_on) = tool();
    let first = tokio::spawn({
        let tool = tool.clone();
        async move { tool.call(call("block", Sending::default())).await }
    });
    assert_eq!(begun.recv().await, Some("block"));
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = sent.clone();
    let sending = Sending::new(move || counted.fetch_add(1, Ordering::SeqCst) == 0);
    let mut second = tool.call(call("block", sending));
    assert!(futures_util::poll!(&mut second).is_pending());
    assert_eq!((sent.load(Ordering::SeqCst), begun.try_recv().is_err()), (0, true));
    lets_go_on.send(()).unwrap();
    lets_go_on.send(()).unwrap();
    assert_eq!((first.await.unwrap(), second.await), (Ok(Json::null()), Ok(Json::null())));
    assert_eq!((sent.load(Ordering::SeqCst), begun.recv().await), (1, Some("block")));
}

#[tokio::test]
async fn a_call_whose_time_is_over_has_its_thread_until_it_returns_and_is_told() {
    let (tool, mut begun, lets_go_on) = tool();
    let mut first = tool.call(call("block", Sending::default()));
    assert!(futures_util::poll!(&mut first).is_pending());
    assert_eq!(begun.recv().await, Some("block"));
    drop(first);
    assert_eq!(tool.threads.held(Instant::now()), None, "it may still return in time");
    let held = tool.threads.held(Instant::now() + HOUR).unwrap();
    assert_eq!((held.held, held.threads, held.longest.step.as_str()), (1, 1, "isolate"));
    assert!(held.running > HOUR / 2);
    let mut second = tool.call(call("block", Sending::default()));
    assert!(futures_util::poll!(&mut second).is_pending());
    lets_go_on.send(()).unwrap();
    lets_go_on.send(()).unwrap();
    assert_eq!(second.await, Ok(Json::null()));
    assert_eq!(tool.threads.held(Instant::now() + HOUR), None);
}

#[tokio::test]
async fn a_call_that_waits_without_blocking_ends_with_its_attempt() {
    let (tool, mut begun, lets_go_on) = tool();
    let mut first = tool.call(call("wait", Sending::default()));
    assert!(futures_util::poll!(&mut first).is_pending());
    assert_eq!(begun.recv().await, Some("wait"));
    drop(first);
    lets_go_on.send(()).unwrap();
    assert_eq!(tool.call(call("block", Sending::default())).await, Ok(Json::null()));
}

#[tokio::test]
async fn a_panic_is_a_failure_of_its_call_and_the_thread_goes_on() {
    let (tool, _begun, lets_go_on) = tool();
    let failure = tool.call(call("panic", Sending::default())).await.unwrap_err();
    assert_eq!((failure.kind, failure.may_have_acted()), (FailureKind::Panic, true));
    lets_go_on.send(()).unwrap();
    assert_eq!(tool.call(call("block", Sending::default())).await, Ok(Json::null()));
    let withdrawn = tool.call(call("block", Sending::new(|| false))).await.unwrap_err();
    assert_eq!(withdrawn.kind, FailureKind::Interrupted);
}

#[tokio::test]
async fn a_call_has_the_place_that_was_obtained_for_it() {
    let (tool, _begun, lets_go_on) = tool();
    let (tenant, action) = (TenantCode::new("acme").unwrap(), Name::new("block").unwrap());
    let arguments = Value::from(serde_json::json!({}));
    let request = PermitRequest { tenant: &tenant, action: &action, arguments: &arguments };
    let permit = tool.permit(&request).unwrap().await.unwrap();
    assert!(futures_util::poll!(tool.permit(&request).unwrap()).is_pending(), "there is one thread");
    lets_go_on.send(()).unwrap();
    let call = Call { permit, ..call("block", Sending::default()) };
    assert_eq!(tool.call(call).await, Ok(Json::null()));
    assert!(tool.permit(&request).unwrap().await.is_ok());
}
