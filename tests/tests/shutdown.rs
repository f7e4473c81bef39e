//! Ends and beginnings: what a shutdown lets end, what resumes at the next start, and what stops a start.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::json;
use updraft::limits::PARK_HORIZON;
use updraft::{
    BatchLimit, ControlError, Detail, Engine, ExecutionQuery, ExecutionStatus, ExecutionsOf, Handle, Lost,
    Playbook, ReadError, Resume, Shutdown, SlowestQuery, StartError, Submission, TaskQuery, TaskStatus,
    Timestamp,
};
use updraft_tests::timeouts::TEST_TIMEOUT;
use updraft_tests::{Harness, Tool, asked, named, playbook, soon, tenant, until};

fn two_steps() -> Playbook {
    playbook(
        "steps:
  - {id: first, action: tool.gate}
  - {id: second, action: tool.echo, at_most_once: true}
",
    )
}

fn long_wait() -> Playbook {
    named(
        "wait",
        "steps:
  - {id: wait, delay: 2h}
  - {id: after, action: tool.echo}
",
    )
}

/// The only execution that the start resumed, which may have ended since.
fn only(engine: &Engine) -> Handle {
    let mut resumed = engine.take_resumed();
    assert_eq!(resumed.len(), 1, "{resumed:?}");
    resumed.remove(0)
}

fn lost<T: std::fmt::Debug>(answer: Result<T, ReadError>) -> bool {
    matches!(answer, Err(ReadError::Lost(Lost::ShutDown)))
}

#[tokio::test]
async fn a_shutdown_lets_what_runs_end_and_the_rest_resumes_at_the_next_start() {
    const STEPS: usize = 500;
    let harness = Harness::default();
    let engine = harness.start().await;
    let mut body = "steps:\n".to_owned();
    for step in 0..STEPS {
        let once = if step % 2 == 0 { "true" } else { "false" };
        body += &format!("  - {{id: s{step}, action: tool.gate, at_most_once: {once}}}\n");
    }
    let playbook = playbook(&body);
    let handle = harness.submit(&engine, &playbook, json!({})).await;
    harness.tool.begun(1).await;
    // One step after the other is let through while the shutdown has its way.
    let opening = async {
        for step in 1..STEPS {
            harness.tool.open(1);
            harness.tool.begun(step + 1).await;
        }
    };
    let left = tokio::select! {
        left = engine.shutdown(TEST_TIMEOUT) => left,
        () = opening => panic!("the shutdown let the execution begin every step"),
    };
    assert_eq!(left, Shutdown::Stored);
    assert!(lost(soon(handle.wait()).await));
    assert_eq!(engine.shutdown(TEST_TIMEOUT).await, Shutdown::Already);
    let before = harness.tool.calls().len();
    assert!(before < STEPS && harness.tool.running() == 0, "{before} steps had begun");

    harness.tool.open(STEPS);
    let engine = harness.start().await;
    assert_eq!((engine.recovered().replayed, engine.recovered().resumed), (0, 1));
    let finished = harness.end(&engine, &only(&engine), &playbook).await;
    assert_eq!(finished.status(), ExecutionStatus::Completed, "what had not begun is not unknown");
    assert_eq!(harness.tool.calls().len(), STEPS, "what had ended is not run again");
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_a_tool_that_hangs_beyond_its_deadline() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let hang = playbook(
        "steps:
  - id: all
    parallel: all
    branches:
      hang: [{id: hang, action: tool.gate}, {id: end, end: null}]
      once: [{id: once, action: tool.gate, at_most_once: true, on_unknown: [{id: end2, end: null}]}]
",
    );
    let handle = harness.submit(&engine, &hang, json!({})).await;
    harness.tool.begun(2).await;
    let _ = soon(engine.shutdown(Duration::from_millis(30))).await;
    harness.tool.dropped(2).await;
    assert!(lost(soon(handle.wait()).await));

    harness.tool.open(1);
    let engine = harness.start().await;
    let finished = harness.end(&engine, &only(&engine), &hang).await;
    assert_eq!(
        (finished.status(), finished.status_of("once")),
        (ExecutionStatus::Completed, TaskStatus::Unknown)
    );
    assert_eq!((harness.tool.times("hang"), harness.tool.times("once")), (2, 1));
}

#[tokio::test]
async fn a_deadline_beyond_all_time_is_a_deadline() {
    let harness = Harness::default();
    let engine = harness.builder().submit_timeout(Duration::MAX).start().await.unwrap();
    let handle = harness.submit(&engine, &two_steps(), json!({})).await;
    harness.tool.open(1);
    soon(handle.wait()).await.unwrap();
    assert_eq!(soon(engine.shutdown(Duration::MAX)).await, Shutdown::Stored);
}

#[tokio::test]
async fn after_a_flush_lists_and_queries_have_all_that_is_durable() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let pid = harness.put(&engine, &two_steps()).await;
    let mut handles = Vec::new();
    for number in 0..5 {
        let submission =
            Submission::new(tenant("acme"), pid).alert_id("a-1").uid(format!("u-{}", number % 2));
        handles.push(engine.submit(submission).await.unwrap());
    }
    harness.tool.open(4);
    let ended = futures_util::future::join_all(handles.iter().map(Handle::wait));
    let still = tokio::time::timeout(Duration::from_millis(50), ended).await;
    assert!(still.is_err(), "one of five waits for the gate");
    until(async || engine.unfinished().len() == 1).await;
    engine.flush().await.unwrap();
    let count = async |of: ExecutionsOf| {
        let query =
            ExecutionQuery { tenant: tenant("acme"), of, after: None, limit: 2, detail: Detail::Whole };
        engine.reader().executions_stream(query).map(Result::unwrap).collect::<Vec<_>>().await.len()
    };
    assert_eq!(count(ExecutionsOf::Any).await, 5);
    assert_eq!(count(ExecutionsOf::Status(ExecutionStatus::Completed)).await, 4);
    assert_eq!(count(ExecutionsOf::Status(ExecutionStatus::Executing)).await, 1);
    assert_eq!(count(ExecutionsOf::User("u-0".into())).await, 3);
    let query = |limit| ExecutionQuery {
        tenant: tenant("acme"),
        of: ExecutionsOf::Any,
        after: None,
        limit,
        detail: Detail::Whole,
    };
    let (page, next) = engine.reader().executions(query(5)).await.unwrap();
    let (rest, end) = engine.reader().executions(ExecutionQuery { after: next, ..query(5) }).await.unwrap();
    assert_eq!((page.len(), rest.len(), end), (5, 0, None));
    let of_alert = async |status| {
        let query = TaskQuery { status, ..TaskQuery::of_alert(tenant("acme"), "a-1") };
        engine.reader().tasks_of_alert(query).await.unwrap().len()
    };
    assert_eq!(of_alert(None).await, 9);
    assert_eq!(of_alert(Some(TaskStatus::Executing)).await, 1);
    let slowest = SlowestQuery {
        tenant: Some(tenant("acme")),
        status: ExecutionStatus::Completed,
        since: Timestamp(0),
        top: 10,
    };
    let slowest = engine.reader().slowest_playbooks(slowest).await.unwrap();
    assert_eq!((slowest.len(), slowest[0].pid, slowest[0].executions), (1, pid, 4));
    let first = engine.reader().tasks(&tenant("acme"), handles[0].peid(), 0, 1).await.unwrap();
    assert_eq!((first.len(), first[0].head.task_seq), (1, 1));
}

#[tokio::test]
async fn what_is_stored_is_read_after_a_shutdown_while_the_next_engine_runs() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let handle = harness.submit(&engine, &two_steps(), json!({})).await;
    harness.tool.open(1);
    let ended = soon(handle.wait()).await.unwrap();
    assert_eq!(engine.shutdown(TEST_TIMEOUT).await, Shutdown::Stored);
    let next = harness.start().await;
    let query = ExecutionQuery {
        tenant: tenant("acme"),
        of: ExecutionsOf::Any,
        after: None,
        limit: 9,
        detail: Detail::Whole,
    };
    assert_eq!(engine.reader().executions(query).await.unwrap().0, [ended]);
    assert!(
        engine.playbooks().put(&tenant("acme"), long_wait()).await.is_err(),
        "it changes nothing any more"
    );
    next.playbooks().put(&tenant("acme"), long_wait()).await.unwrap();
}

#[tokio::test]
async fn a_data_directory_has_one_engine_at_a_time() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let refused = harness.builder().start().await.err().unwrap();
    assert!(matches!(&refused, StartError::Store(_)), "{refused}");
    assert!(refused.to_string().contains("in use") && !refused.retryable(), "{refused}");
    let _ = engine.shutdown(TEST_TIMEOUT).await;
    let _ = harness.start().await;
}

#[tokio::test]
async fn an_engine_that_is_dropped_stops_as_in_a_crash_and_the_next_goes_on() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let handle = harness.submit(&engine, &two_steps(), json!({})).await;
    let peid = handle.peid();
    harness.tool.begun(1).await;
    drop(engine);
    assert!(lost(soon(handle.wait()).await), "who waits is told");
    harness.tool.dropped(1).await;
    drop(handle);
    harness.tool.open(1);
    let mut next = None;
    until(async || {
        next = harness.builder().start().await.ok();
        next.is_some()
    })
    .await;
    let engine = next.unwrap();
    let resumed = only(&engine);
    assert_eq!(resumed.peid(), peid);
    assert_eq!(harness.end(&engine, &resumed, &two_steps()).await.status(), ExecutionStatus::Completed);
}

#[tokio::test]
async fn a_configuration_that_makes_no_sense_is_refused_before_anything_is_opened() {
    let harness = Harness::default();
    let path = harness.path().join("never");
    let at = || Engine::builder().data(&path);
    for (builder, names) in [
        (Engine::builder(), "data"),
        (at().shards(0), "shards"),
        (at().shards(100_000), "shards"),
        (at().tasks_at_once(0), "tasks_at_once"),
        (at().tasks_at_once(1_001), "tasks_at_once"),
        (at().executions_in_flight(0), "executions_in_flight"),
        (at().executions_in_flight(usize::MAX), "executions_in_flight"),
        (at().executions_in_flight_of_tenant(0), "executions_in_flight_of_tenant"),
        (at().executions_in_flight(5).executions_in_flight_of_tenant(6), "executions_in_flight_of_tenant"),
        (at().flush_delay(Duration::from_secs(6)), "flush_delay"),
        (at().batch_limit(BatchLimit::Fixed { operations: 0, batches: 1 }), "batch limit"),
        (at().batch_limit(BatchLimit::Fixed { operations: 1_000, batches: 65 }), "batch limit"),
        (at().integration("no name", Tool::default()), "integration"),
        (at().integration("", Tool::default()), "integration"),
    ] {
        let error = builder.start().await.err().unwrap();
        assert!(
            matches!(&error, StartError::Configuration(message) if message.starts_with(names)),
            "{error}"
        );
        assert!(!error.retryable());
    }
    assert!(!path.exists());
    let file = harness.path().join("file");
    std::fs::write(&file, "x").unwrap();
    assert!(Engine::builder().data(file.join("below")).start().await.is_err());
}

#[tokio::test]
async fn an_unfinished_execution_without_its_integration_waits_and_goes_on_with_it() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let handle = harness.submit(&engine, &two_steps(), json!({})).await;
    harness.tool.begun(1).await;
    let _ = engine.shutdown(Duration::ZERO).await;
    drop((engine, handle));

    let without = || Engine::builder().data(harness.path());
    let engine = without().start().await.unwrap();
    assert_eq!(engine.recovered().resumed, 1, "it waits");
    let _ = engine.shutdown(Duration::ZERO).await;
    drop(engine);

    let reader = without().resume(Resume::Nothing).start().await.unwrap();
    let query = ExecutionQuery {
        tenant: tenant("acme"),
        of: ExecutionsOf::Any,
        after: None,
        limit: 9,
        detail: Detail::Whole,
    };
    let peid = reader.reader().executions(query).await.unwrap().0[0].peid;
    let handle = reader.handle(&tenant("acme"), peid).await.unwrap().unwrap();
    assert_eq!(handle.status().await.unwrap(), ExecutionStatus::Executing);
    assert!(matches!(soon(handle.wait()).await, Err(ReadError::Lost(Lost::NotHere))));
    assert!(matches!(
        soon(handle.cancel(asked())).await,
        Err(ControlError::Read(ReadError::Lost(Lost::NotHere)))
    ));
    let events: Vec<_> = soon(handle.events().collect()).await;
    assert!(matches!(events.as_slice(), [Err(ReadError::Lost(Lost::NotHere))]), "{events:?}");
    assert!(reader.unfinished().is_empty());
    let _ = reader.shutdown(TEST_TIMEOUT).await;

    harness.tool.open(1);
    let engine = harness.start().await;
    assert_eq!(harness.end(&engine, &only(&engine), &two_steps()).await.status(), ExecutionStatus::Completed);
}

#[tokio::test]
async fn a_long_wait_leaves_memory_gives_its_place_and_comes_back_when_it_is_due() {
    let harness = Harness::default();
    let engine =
        harness.builder().executions_in_flight(1).submit_timeout(TEST_TIMEOUT).start().await.unwrap();
    let waits = [
        harness.submit(&engine, &long_wait(), json!({})).await,
        harness.submit(&engine, &long_wait(), json!({})).await,
        harness.submit(&engine, &long_wait(), json!({})).await,
    ];
    // There is one place, and three wait.
    until(async || engine.unfinished().len() == 3).await;
    assert_eq!(waits[0].status().await.unwrap(), ExecutionStatus::Executing, "one that is asked for answers");
    assert!(matches!(waits[1].cancel(asked()).await.unwrap(), updraft::CancelVerdict::Cancelled));
    harness.clock.advance(Duration::from_secs(7_199));
    assert_eq!(waits[2].status().await.unwrap(), ExecutionStatus::Executing, "it is not yet due");
    assert_eq!(harness.tool.calls().len(), 0);
    harness.clock.advance(Duration::from_secs(2));
    for handle in [&waits[0], &waits[2]] {
        let finished = harness.end(&engine, handle, &long_wait()).await;
        assert_eq!(finished.status(), ExecutionStatus::Completed);
        assert!(finished.task("wait").state.runtime.unwrap() >= 7_200_000);
    }
}

#[tokio::test]
async fn a_long_wait_goes_on_through_a_shutdown_and_is_over_at_a_start_after_its_time() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let handle = harness.submit(&engine, &long_wait(), json!({})).await;
    assert_eq!(
        soon(engine.shutdown(TEST_TIMEOUT)).await,
        Shutdown::Stored,
        "nothing runs: nothing is waited for"
    );
    assert!(lost(soon(handle.wait()).await));
    harness.clock.advance(Duration::from_secs(3_600));
    let engine = harness.start().await;
    assert_eq!(only(&engine).status().await.unwrap(), ExecutionStatus::Executing, "half of it is over");
    let _ = engine.shutdown(TEST_TIMEOUT).await;
    harness.clock.advance(Duration::from_secs(3_600));
    let engine = harness.start().await;
    assert_eq!(harness.end(&engine, &only(&engine), &long_wait()).await.status(), ExecutionStatus::Completed);
}

#[tokio::test]
async fn an_execution_whose_time_was_over_before_the_start_calls_no_tool() {
    let harness = Harness::default();
    let timed = playbook(
        "timeout: 1h
steps:
  - {id: first, action: tool.gate}
  - {id: second, end: null}
",
    );
    let engine = harness.start().await;
    let handle = harness.submit(&engine, &timed, json!({})).await;
    harness.tool.begun(1).await;
    let _ = engine.shutdown(Duration::ZERO).await;
    drop(handle);
    harness.clock.advance(Duration::from_secs(3_601));
    let engine = harness.start().await;
    let unfinished = engine.unfinished();
    for handle in &unfinished {
        soon(handle.wait()).await.unwrap();
    }
    engine.flush().await.unwrap();
    let query = ExecutionQuery {
        tenant: tenant("acme"),
        of: ExecutionsOf::Any,
        after: None,
        limit: 9,
        detail: Detail::Whole,
    };
    let stored = engine.reader().executions(query).await.unwrap().0;
    assert_eq!(stored[0].state.execution_status, ExecutionStatus::TimedOut);
    assert_eq!(harness.tool.times("first"), 1, "its tool is not called again for nothing");
}

#[tokio::test]
async fn a_wait_below_the_horizon_stays_and_is_not_late() {
    assert!(PARK_HORIZON > Duration::from_secs(1));
    let harness = Harness::default();
    let short = playbook("steps:\n  - {id: wait, delay: 50ms}\n");
    assert_eq!(harness.run(&short, json!({})).await.status(), ExecutionStatus::Completed);
}
