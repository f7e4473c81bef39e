//! Waits around a call: for what a tool asks (`Retry-After`), and for a place before the request is sent. What a tool
//! asks is kept over a shutdown, and what was never sent is never told as perhaps done.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::json;
use updraft::integrations::HttpIntegration;
use updraft::integrations::http::Allow;
use updraft::{
    CancelVerdict, Clock, Engine, ExecutionStatus, FailureKind, Handle, Playbook, Shutdown, TaskDocument,
    TaskState, TaskStatus, Timestamp,
};
use updraft_tests::timeouts::TEST_TIMEOUT;
use updraft_tests::{Harness, TestClock, asked, playbook, soon};

/// A tool that answers 429 to the first requests, and knows when each request came.
struct Busy {
    clock: TestClock,
    /// How often it sends its callers away.
    away: usize,
    asks_for: u64,
    came: Mutex<Vec<(Timestamp, String)>>,
}

impl Busy {
    async fn start(harness: &Harness, away: usize, asks_for: u64) -> (Arc<Self>, SocketAddr) {
        let busy = Arc::new(Self { clock: harness.clock.clone(), away, asks_for, came: Mutex::default() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new().route("/block", post(answer)).with_state(busy.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        (busy, address)
    }
}

async fn answer(State(busy): State<Arc<Busy>>, headers: HeaderMap) -> (StatusCode, HeaderMap, &'static str) {
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    let count = {
        let mut came = busy.came.lock().unwrap();
        came.push((busy.clock.now(), key));
        came.len()
    };
    let mut headers: HeaderMap = [("content-type", "application/json")]
        .into_iter()
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect();
    if count <= busy.away {
        headers.insert("retry-after", busy.asks_for.into());
        return (StatusCode::TOO_MANY_REQUESTS, headers, r#"{"code": 77}"#);
    }
    (StatusCode::OK, headers, r#"{"blocked": true}"#)
}

fn block(address: SocketAddr, retry: &str) -> Playbook {
    playbook(&format!(
        "steps:
  - {{id: block, action: http.request, arguments: {{method: POST, url: 'http://{address}/block'}},
     at_most_once: true, retry: {{{retry}}},
     on_failure: [{{id: why, end: '{{{{ steps.block.error.message }}}}'}}],
     on_unknown: [{{id: never, fail: nobody knows}}]}}
"
    ))
}

async fn engine(harness: &Harness, address: SocketAddr) -> Engine {
    let allow: Allow = address.to_string().parse().unwrap();
    let http = HttpIntegration::builder().allow(allow).build().unwrap();
    harness.builder().integration("http", http).start().await.unwrap()
}

/// Waits until the task at this place is as wanted; gives all tasks then.
async fn becomes(handle: &Handle, at: usize, wanted: impl Fn(&TaskState) -> bool) -> Vec<TaskDocument> {
    soon(async {
        loop {
            let tasks = handle.inspect().await.unwrap().tasks;
            if tasks.get(at).is_some_and(|task| wanted(&task.state)) {
                return tasks;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_tool_that_asks_to_be_left_alone_is_left_alone_for_all_of_it_over_a_shutdown_too() {
    let harness = Harness::default();
    let (busy, address) = Busy::start(&harness, 2, 120).await;
    // `max` bounds the back-off, not what the tool asks for.
    let playbook = block(address, "attempts: 5, initial: 5ms, max: 10ms");
    let first = engine(&harness, address).await;
    let handle = harness.submit(&first, &playbook, json!({})).await;
    becomes(&handle, 0, |state| state.status == TaskStatus::Retrying).await;
    harness.clock.advance(Duration::from_secs(119));
    let _ = first.shutdown(TEST_TIMEOUT).await;
    let second = engine(&harness, address).await;
    let handle = second.unfinished().remove(0);
    assert_eq!(handle.inspect().await.unwrap().tasks[0].state.status, TaskStatus::Retrying);
    harness.clock.advance(Duration::from_secs(1));
    becomes(&handle, 0, |state| state.status == TaskStatus::Retrying && state.attempt == 2).await;
    let _ = second.shutdown(TEST_TIMEOUT).await;
    harness.clock.advance(Duration::from_secs(121));
    let third = engine(&harness, address).await;
    // It may have ended already.
    let handle = third.handle(handle.tenant(), handle.peid()).await.unwrap().unwrap();
    assert_eq!(soon(handle.wait()).await.unwrap().state.execution_status, ExecutionStatus::Completed);
    let came = busy.came.lock().unwrap().clone();
    assert_eq!(came.len(), 3);
    for pair in came.windows(2) {
        assert!(pair[1].0.since(pair[0].0) >= 120_000, "no attempt before: {came:?}");
        assert_eq!(pair[0].1, pair[1].1, "under one key");
    }
    let task = handle.inspect().await.unwrap().tasks.remove(0);
    assert_eq!((task.state.status, task.state.attempt), (TaskStatus::Completed, 3));
}

#[tokio::test]
async fn a_tool_that_asks_for_more_than_the_step_allows_makes_it_fail_at_once() {
    for (version, retry, limit) in
        [(1, "attempts: 9, give_up_after: 30m", "30m"), (2, "attempts: 9, give_up_after: 49m", "49m")]
    {
        let harness = Harness::default();
        let (busy, address) = Busy::start(&harness, 9, 3_000).await;
        let engine = engine(&harness, address).await;
        let asks = || harness.clock.now().after(Duration::from_secs(3_000)).to_string();
        let before = asks();
        let mut playbook = block(address, retry);
        playbook.version = version;
        let handle = harness.submit(&engine, &playbook, json!({})).await;
        let execution = soon(handle.wait()).await.unwrap();
        let output = execution.state.output.unwrap().value();
        let message = output.as_str().unwrap();
        let until = message.split_once("until ").unwrap().1.split_once(',').unwrap().0;
        // Dates of this form sort as texts.
        assert!(*before <= *until && *until <= *asks(), "{message}");
        assert!(message.contains(&format!("longer than `retry.give_up_after` ({limit})")), "{message}");
        // Another step is told the same, and does not ask the tool.
        let next = soon(harness.submit(&engine, &playbook, json!({})).await.wait()).await.unwrap();
        let message = next.state.output.unwrap().value();
        let message = message.as_str().unwrap();
        assert!(message.contains("it has asked to be left alone") && message.contains(limit), "{message}");
        assert_eq!(busy.came.lock().unwrap().len(), 1, "one attempt");
    }
}

#[tokio::test]
async fn the_time_of_an_attempt_does_not_begin_before_it_is_sent() {
    let harness = Harness::default();
    let playbook = playbook(
        "steps:
  - id: all
    parallel: all
    branches:
      queued: [{id: queued, action: tool.queue, timeout: 20ms, at_most_once: true}]
      hangs: [{id: hangs, action: tool.hang, timeout: 20ms, at_most_once: true}]
    on_failure: [{id: end, end: null}]
",
    );
    let engine = harness.start().await;
    let handle = harness.submit(&engine, &playbook, json!({})).await;
    harness.tool.dropped(1).await;
    let tasks = becomes(&handle, 2, |state| state.status.ended()).await;
    assert_eq!(tasks[2].state.status, TaskStatus::Unknown, "it began at once, and its time is over");
    assert_eq!(tasks[1].state.status, TaskStatus::Executing, "it has waited as long, and was not sent");
    harness.tool.open(1);
    let finished = harness.end(&engine, &handle, &playbook).await;
    assert_eq!(finished.status_of("queued"), TaskStatus::Completed);
}

#[tokio::test]
async fn what_was_never_sent_is_failed_and_of_what_was_sent_nobody_knows() {
    let harness = Harness::default();
    let names: Vec<String> = (0..60).map(|branch| format!("b{branch}")).collect();
    let mut body = "tasks_at_once: 100
steps:
  - id: all
    parallel: all
    on_failure: [{id: end, end: null}]
    branches:
"
    .to_owned();
    for (at, name) in names.iter().enumerate() {
        let fails = at >= 40;
        body += &format!(
            "      {name}: [{{id: {name}, action: tool.queue, arguments: {{fails: {fails}}}, at_most_once: true, \
             on_failure: [{{id: f{at}, end: null}}]}}]\n"
        );
    }
    let playbook = playbook(&body);
    harness.tool.open(1_000);
    let finished = harness.run(&playbook, json!({})).await;
    for (at, name) in names.iter().enumerate() {
        let wanted = if at >= 40 { TaskStatus::Failed } else { TaskStatus::Completed };
        assert_eq!(finished.status_of(name), wanted, "{name}");
    }
    let error = finished.error_of("b59");
    assert!(error.kind == FailureKind::Timeout && !error.may_have_acted(), "whatever its kind: {error:?}");
}

#[tokio::test]
async fn an_attempt_that_waits_to_be_sent_is_cancelled_with_its_execution_and_never_sent() {
    let harness = Harness::default();
    let playbook = playbook(
        "tasks_at_once: 2
steps:
  - id: all
    parallel: all
    branches:
      queued: [{id: queued, action: tool.queue, at_most_once: true}]
      hangs: [{id: hangs, action: tool.hang, at_most_once: true}]
      waits: [{id: waits, action: tool.echo, at_most_once: true}]
",
    );
    let engine = harness.start().await;
    let handle = harness.submit(&engine, &playbook, json!({})).await;
    harness.tool.begun(2).await;
    assert_eq!(soon(handle.cancel(asked())).await.unwrap(), CancelVerdict::Cancelled);
    harness.tool.open(1);
    harness.tool.dropped(2).await;
    let finished = harness.end(&engine, &handle, &playbook).await;
    assert_eq!(finished.steps(), ["all", "queued", "hangs"]);
    assert_eq!(
        (finished.status_of("queued"), finished.status_of("hangs")),
        (TaskStatus::Cancelled, TaskStatus::Unknown)
    );
}

#[tokio::test]
async fn an_attempt_that_waits_to_be_sent_at_a_shutdown_is_made_after_the_next_start() {
    let harness = Harness::default();
    let playbook = playbook(
        "steps:
  - {id: queued, action: tool.queue, at_most_once: true, retry: {attempts: 1}}
",
    );
    let first = harness.start().await;
    harness.submit(&first, &playbook, json!({})).await;
    harness.tool.begun(1).await;
    assert_eq!(first.shutdown(TEST_TIMEOUT).await, Shutdown::Stored);
    let second = harness.start().await;
    let handle = second.unfinished().remove(0);
    harness.tool.open(1);
    let finished = harness.end(&second, &handle, &playbook).await;
    assert_eq!(finished.status_of("queued"), TaskStatus::Completed);
    let task = &finished.task("queued").state;
    assert_eq!((task.attempt, harness.tool.calls().len()), (1, 2), "what was not sent did not count");
}
