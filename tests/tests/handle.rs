//! What a handle promises: it waits for the one end, never tells an older status than before, cancels once, and
//! its events lose neither order nor the end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::{Stream, StreamExt, future};
use serde_json::json;
use updraft::invariant::{never_back, one_end};
use updraft::limits::EVENTS_BEHIND;
use updraft::{
    CancelVerdict, ControlError, Event, EventKind, ExecutionStatus, Handle, Playbook, ReadError, Revision,
    Submission, TaskId, TaskStatus,
};
use updraft_tests::{Harness, asked, playbook, soon, tenant};

fn gated() -> Playbook {
    playbook(
        "steps:
  - {id: gate, action: tool.gate}
  - {id: after, action: tool.echo}
",
    )
}

/// A gate, then many branches that each take an attempt or two.
fn busy(branches: usize) -> Playbook {
    let mut body = "steps:
  - {id: gate, action: tool.gate}
  - id: all
    parallel: all
    branches:
"
    .to_owned();
    for branch in 0..branches {
        let failures = branch % 2;
        let flaky =
            format!("arguments: {{failures: {failures}}}, retry: {{attempts: 2, initial: 1ms, max: 1ms}}");
        body += &format!("      b{branch}: [{{id: b{branch}, action: tool.flaky, {flaky}}}]\n");
    }
    playbook(&body)
}

async fn all(events: impl Stream<Item = Result<Event, ReadError>>) -> Vec<Event> {
    soon(events.map(|event| event.unwrap()).collect()).await
}

/// The statuses of an execution and of each of its tasks, in the order in which they were told.
type Told = (Vec<ExecutionStatus>, BTreeMap<TaskId, Vec<(TaskStatus, u32)>>);

fn told(events: &[Event]) -> Told {
    let mut execution = Vec::new();
    let mut tasks: BTreeMap<TaskId, Vec<(TaskStatus, u32)>> = BTreeMap::new();
    for event in events {
        match &event.kind {
            EventKind::Execution { status } => execution.push(*status),
            EventKind::Task { task_id, status, attempt, .. } => {
                tasks.entry(*task_id).or_default().push((*status, *attempt));
            }
            EventKind::Missed(_) => {}
        }
    }
    execution.dedup();
    tasks.values_mut().for_each(Vec::dedup);
    (execution, tasks)
}

#[tokio::test]
async fn who_has_waited_for_the_end_is_told_nothing_older() {
    let harness = Harness::default();
    let engine = harness.start().await;
    for _ in 0..50 {
        let handle = harness.submit(&engine, &gated(), json!({})).await;
        assert_eq!(handle.status().await.unwrap(), ExecutionStatus::Executing);
        harness.tool.open(1);
        let ended = soon(handle.wait()).await.unwrap();
        assert_eq!(ended.state.execution_status, ExecutionStatus::Completed);
        assert_eq!(handle.status().await.unwrap(), ExecutionStatus::Completed);
        let again = engine.handle(&tenant("acme"), handle.peid()).await.unwrap().unwrap();
        assert_eq!(again.status().await.unwrap(), ExecutionStatus::Completed);
        assert_eq!(again.wait().await.unwrap(), ended);
        assert_eq!(
            *engine.execution(&tenant("acme"), handle.peid()).await.unwrap().unwrap().execution,
            ended
        );
    }
    let _ = engine.shutdown(updraft_tests::timeouts::TEST_TIMEOUT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statuses_never_go_back_while_an_execution_runs() {
    let harness = Harness::default();
    let engine = Arc::new(harness.start().await);
    let handle = harness.submit(&engine, &busy(100), json!({})).await;
    let ended = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..3)
        .map(|reader| {
            let (engine, handle, ended) = (engine.clone(), handle.clone(), ended.clone());
            tokio::spawn(async move {
                let mut seen: BTreeMap<String, Vec<Revision>> = BTreeMap::new();
                let mut last = false;
                while !last {
                    // A read that begins after the end must tell of it.
                    last = ended.load(Ordering::SeqCst);
                    let read = match reader {
                        0 => engine.execution(handle.tenant(), handle.peid()).await.unwrap().unwrap(),
                        _ => handle.inspect().await.unwrap(),
                    };
                    assert!(!last || read.execution.state.execution_status.ended());
                    let execution = Revision { epoch: read.execution.epoch, seq: read.execution.seq };
                    seen.entry("execution".into()).or_default().push(execution);
                    for task in read.tasks {
                        let revision = Revision { epoch: task.epoch, seq: task.seq };
                        seen.entry(task.head.step_id.to_string()).or_default().push(revision);
                    }
                }
                seen.values().try_for_each(|seen| never_back(seen)).unwrap();
                seen.len()
            })
        })
        .collect();
    harness.tool.open(1);
    soon(handle.wait()).await.unwrap();
    ended.store(true, Ordering::SeqCst);
    for reader in readers {
        assert_eq!(soon(reader).await.unwrap(), 103, "the execution and each of its tasks was seen");
    }
}

#[tokio::test]
async fn cancel_drops_what_runs_and_a_second_cancel_is_told_of_the_first() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let hang = playbook(
        "steps:
  - id: all
    parallel: all
    branches:
      hang: [{id: hang, action: tool.hang}]
      once: [{id: once, action: tool.hang, at_most_once: true}]
      wait: [{id: wait, delay: 20s}]
",
    );
    let handle = harness.submit(&engine, &hang, json!({})).await;
    harness.tool.begun(2).await;
    assert_eq!(handle.cancel(asked()).await.unwrap(), CancelVerdict::Cancelled);
    harness.tool.dropped(2).await;
    assert_eq!(handle.status().await.unwrap(), ExecutionStatus::Cancelled);
    let already = CancelVerdict::AlreadyEnded(ExecutionStatus::Cancelled);
    assert_eq!(handle.cancel(asked()).await.unwrap(), already);
    let finished = harness.end(&engine, &handle, &hang).await;
    assert_eq!(finished.status_of("hang"), TaskStatus::Cancelled);
    assert_eq!(finished.status_of("once"), TaskStatus::Unknown);
    assert_eq!(finished.status_of("wait"), TaskStatus::Cancelled);
    engine.flush().await.unwrap();
    let again = engine.handle(&tenant("acme"), handle.peid()).await.unwrap().unwrap();
    assert_eq!(again.cancel(asked()).await.unwrap(), already);
}

#[tokio::test]
async fn many_cancels_at_once_have_one_winner() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let handle = harness.submit(&engine, &gated(), json!({})).await;
    harness.tool.begun(1).await;
    let verdicts = future::join_all((0..50).map(|_| handle.cancel(asked()))).await;
    let won = verdicts.iter().filter(|verdict| matches!(verdict, Ok(CancelVerdict::Cancelled))).count();
    assert_eq!(won, 1, "{verdicts:?}");
}

#[tokio::test]
async fn cancel_after_the_end_changes_nothing() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let handle = harness.submit(&engine, &gated(), json!({})).await;
    harness.tool.open(1);
    let ended = soon(handle.wait()).await.unwrap();
    let verdict = handle.cancel(asked()).await.unwrap();
    assert_eq!(verdict, CancelVerdict::AlreadyEnded(ExecutionStatus::Completed));
    engine.flush().await.unwrap();
    assert_eq!(soon(handle.wait()).await.unwrap(), ended);
    assert_eq!(*handle.inspect().await.unwrap().execution, ended);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancel_and_completion_race_to_one_end_and_both_are_told_the_same() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let short = playbook(
        "steps:
  - {id: a, action: tool.pause}
  - {id: b, action: tool.pause}
",
    );
    let pid = harness.put(&engine, &short).await;
    let mut seen = (0, 0);
    for round in 0..300 {
        let handle = engine.submit(Submission::new(tenant("acme"), pid)).await.unwrap();
        let events = all(handle.events());
        let cancel = async {
            for _ in 0..round % 30 {
                tokio::task::yield_now().await;
            }
            handle.cancel(asked()).await.unwrap()
        };
        let (events, verdict, ended) = future::join3(events, cancel, soon(handle.wait())).await;
        let status = ended.unwrap().state.execution_status;
        match verdict {
            CancelVerdict::Cancelled => assert_eq!(status, ExecutionStatus::Cancelled),
            CancelVerdict::AlreadyEnded(before) => assert_eq!(status, before),
        }
        match status {
            ExecutionStatus::Cancelled => seen.0 += 1,
            _ => seen.1 += 1,
        }
        let (statuses, _) = told(&events);
        one_end(&statuses).unwrap();
        assert_eq!(statuses.last(), Some(&status));
        engine.flush().await.unwrap();
        let stored = engine.execution(&tenant("acme"), handle.peid()).await.unwrap().unwrap();
        assert_eq!(stored.execution.state.execution_status, status);
    }
    assert!(seen.0 > 0, "cancel won at times: {seen:?}");
}

#[tokio::test]
async fn events_tell_every_change_in_order_and_the_end_last() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let handle = harness.submit(&engine, &busy(20), json!({})).await;
    let mut events = Box::pin(handle.events());
    let first = soon(events.next()).await.unwrap().unwrap();
    assert!(matches!(first.kind, EventKind::Task { status: TaskStatus::Executing, .. }), "{first:?}");
    harness.tool.open(1);
    let mut events = all(events).await;
    events.insert(0, first);
    assert!(events.last().unwrap().is_end());
    let (statuses, tasks) = told(&events);
    one_end(&statuses).unwrap();
    assert_eq!(statuses, [ExecutionStatus::Executing, ExecutionStatus::Completed]);
    for task in handle.inspect().await.unwrap().tasks {
        let expected = match task.state.attempt {
            1 => vec![(TaskStatus::Executing, 1), (TaskStatus::Completed, 1)],
            _ => vec![
                (TaskStatus::Executing, 1),
                (TaskStatus::Retrying, 1),
                (TaskStatus::Executing, 2),
                (TaskStatus::Completed, 2),
            ],
        };
        assert_eq!(tasks[&task.task_request_id], expected, "{}", task.head.step_id);
    }
    assert_eq!(tasks.len(), 22);
}

#[tokio::test]
async fn a_reader_that_falls_behind_is_told_how_much_it_missed_and_still_the_end() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let handle = harness.submit(&engine, &busy(300), json!({})).await;
    harness.tool.begun(1).await;
    let mut events = Box::pin(handle.events());
    let mut before = Vec::new();
    while before.len() < 2 {
        before.push(soon(events.next()).await.unwrap().unwrap());
    }
    harness.tool.open(1);
    soon(handle.wait()).await.unwrap();
    let rest = all(events).await;
    let EventKind::Missed(missed) = rest[0].kind else { panic!("{:?}", rest[0]) };
    assert!(missed > 0 && rest.len() == EVENTS_BEHIND + 1, "{missed} missed, {} told", rest.len());
    assert!(rest.last().unwrap().is_end());
    one_end(&told(&rest).0).unwrap();
}

#[tokio::test]
async fn events_of_an_ended_execution_are_where_it_stands_and_its_end() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let handle = harness.submit(&engine, &gated(), json!({})).await;
    harness.tool.open(1);
    soon(handle.wait()).await.unwrap();
    let just_ended = all(handle.events()).await;
    engine.flush().await.unwrap();
    let _ = engine.shutdown(updraft_tests::timeouts::TEST_TIMEOUT).await;
    let engine = harness.start().await;
    let stored = engine.handle(&tenant("acme"), handle.peid()).await.unwrap().unwrap();
    for events in [just_ended, all(stored.events()).await] {
        let (statuses, tasks) = told(&events);
        assert_eq!(statuses, [ExecutionStatus::Completed]);
        assert_eq!(tasks.len(), 2);
        assert!(events.last().unwrap().is_end());
    }
}

#[tokio::test]
async fn events_go_on_when_the_actor_behind_them_is_replaced() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let clock = harness.clock.clone();
    harness.tool.before_end(move |call| {
        if call.step_id.as_str() == "gate" && clock.sprung() == 0 {
            clock.trap_here();
        }
    });
    let handle = harness.submit(&engine, &gated(), json!({})).await;
    let mut events = Box::pin(handle.events());
    soon(events.next()).await.unwrap().unwrap();
    harness.tool.open(2);
    let rest = all(events).await;
    assert_eq!(harness.clock.sprung(), 1, "its actor died once");
    let (statuses, tasks) = told(&rest);
    one_end(&statuses).unwrap();
    assert_eq!(statuses.last(), Some(&ExecutionStatus::Completed));
    assert!(tasks.values().all(|told| told.last().unwrap().0 == TaskStatus::Completed), "{tasks:?}");
    assert_eq!(harness.tool.times("gate"), 2, "the attempt of which nothing was durable was made again");
    harness.end(&engine, &handle, &gated()).await;
}

#[tokio::test]
async fn those_who_wait_are_told_when_the_engine_shuts_down() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let handle: Handle = harness.submit(&engine, &gated(), json!({})).await;
    harness.tool.begun(1).await;
    let events = async { soon(handle.events().collect::<Vec<_>>()).await };
    let shutdown = async { engine.shutdown(std::time::Duration::from_millis(50)).await };
    let (waited, events, _) = future::join3(soon(handle.wait()), events, shutdown).await;
    assert!(matches!(waited, Err(ReadError::Lost(updraft::Lost::ShutDown))), "{waited:?}");
    assert!(matches!(events.last(), Some(Err(ReadError::Lost(updraft::Lost::ShutDown)))), "{events:?}");
    assert!(matches!(soon(handle.cancel(asked())).await, Err(ControlError::Read(ReadError::Lost(_)))));
    assert!(matches!(soon(handle.status()).await, Err(ReadError::Lost(_))));
}
