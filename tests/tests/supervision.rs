//! Panics: of tools, of the actors of executions, of shards. Nothing is lost, nothing acts twice that must not,
//! nobody else notices, and who panics too often is failed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;

use futures_util::future;
use serde_json::json;
use updraft::limits::RESTARTS;
use updraft::{Engine, ExecutionStatus, FailureKind, Handle, Playbook, PlaybookId, Submission, TaskStatus};
use updraft_tests::{Harness, asked, named, playbook, soon, tenant, until};

/// A default step, one that must not act twice, and a last one.
fn triage() -> Playbook {
    playbook(
        "steps:
  - {id: ask, action: tool.pause}
  - {id: act, action: tool.pause, at_most_once: true, on_unknown: last}
  - {id: last, action: tool.pause}
",
    )
}

/// Steps that wait for the gate, one of which must not act twice.
fn waiting() -> Playbook {
    named(
        "waiting",
        "steps:
  - id: all
    parallel: all
    branches:
      gate: [{id: gate, action: tool.gate}]
      once: [{id: once, action: tool.gate, at_most_once: true, on_unknown: [{id: unknown, end: null}]}]
  - {id: last, end: '{{ steps.once.status }}'}
",
    )
}

/// A tenant for each shard, with the thread of that shard.
async fn one_of_each_shard(harness: &Harness, engine: &Engine) -> Vec<(String, ThreadId)> {
    let mut found: Vec<(String, ThreadId)> = Vec::new();
    for code in (0..).map(|number| format!("t{number}")) {
        let probe = named("probe", "steps:\n  - {id: probe, action: tool.echo}\n");
        let pid = engine.playbooks().put(&tenant(&code), probe).await.unwrap();
        let handle = engine.submit(Submission::new(tenant(&code), pid)).await.unwrap();
        soon(handle.wait()).await.unwrap();
        let thread = *harness.tool.threads().last().unwrap();
        if found.iter().all(|(_, other)| *other != thread) {
            found.push((code, thread));
        }
        if found.len() == 2 {
            break;
        }
    }
    found
}

async fn submit(engine: &Engine, code: &str, playbook: &Playbook) -> Handle {
    let pid = engine.playbooks().put(&tenant(code), playbook.clone()).await.unwrap();
    engine.submit(Submission::new(tenant(code), pid)).await.unwrap()
}

#[tokio::test]
async fn a_tool_that_panics_fails_its_attempt_and_is_asked_again() {
    let harness = Harness::default();
    let playbook = playbook(
        "steps:
  - {id: shaky, action: tool.panic, arguments: {times: 2}, retry: {attempts: 3, initial: 1ms, max: 1ms}}
  - {id: once, action: tool.panic, arguments: {times: 9}, at_most_once: true, on_unknown: end}
  - {id: end, end: '{{ steps.once.error.kind }}'}
",
    );
    let finished = harness.run(&playbook, json!({})).await;
    assert_eq!((finished.status(), finished.output()), (ExecutionStatus::Completed, json!("panic")));
    assert_eq!(finished.task("shaky").state.attempt, 3);
    assert_eq!(finished.error_of("shaky").kind, FailureKind::Panic);
    assert!(
        finished.error_of("shaky").message.ends_with("on purpose: the tool"),
        "{}",
        finished.error_of("shaky")
    );
    assert_eq!((finished.status_of("once"), harness.tool.times("once")), (TaskStatus::Unknown, 1));
}

#[tokio::test]
async fn an_execution_whose_actor_panics_goes_on_from_what_is_durable() {
    for step in ["ask", "act", "last"] {
        let harness = Harness::default();
        let engine = harness.start().await;
        let clock = harness.clock.clone();
        harness.tool.before_end(move |call| {
            if call.step_id.as_str() == step && clock.sprung() == 0 {
                clock.trap_here();
            }
        });
        let handle = harness.submit(&engine, &triage(), json!({})).await;
        let finished = harness.end(&engine, &handle, &triage()).await;
        assert_eq!((harness.clock.sprung(), finished.status()), (1, ExecutionStatus::Completed));
        let times = ["ask", "act", "last"].map(|step| harness.tool.times(step));
        let (expected, act) = match step {
            "ask" => ([2, 1, 1], TaskStatus::Completed),
            "act" => ([1, 1, 1], TaskStatus::Unknown),
            _ => ([1, 1, 2], TaskStatus::Completed),
        };
        assert_eq!((times, finished.status_of("act")), (expected, act), "{step}");
    }
}

#[tokio::test]
async fn an_execution_whose_actor_panics_too_often_is_failed_and_others_go_on() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let clock = harness.clock.clone();
    let other = submit(&engine, "acme", &waiting()).await;
    harness.tool.begun(2).await;
    harness.tool.before_end(move |call| {
        if call.step_id.as_str() == "last" {
            clock.trap_here();
        }
    });
    let handle = harness.submit(&engine, &triage(), json!({})).await;
    let finished = harness.end(&engine, &handle, &triage()).await;
    assert_eq!(
        (finished.status(), finished.error().kind),
        (ExecutionStatus::Failed, FailureKind::Supervision)
    );
    assert_eq!(harness.tool.times("last"), RESTARTS as usize + 1);
    assert_eq!(finished.status_of("act"), TaskStatus::Completed, "what had ended stays as it was");
    assert!(finished.status_of("last").ended());
    assert_eq!(harness.tool.dropped_of(other.peid()), 0, "its neighbour in the shard was not touched");
    harness.tool.open(2);
    assert_eq!(harness.end(&engine, &other, &waiting()).await.output(), json!("completed"));
}

#[tokio::test]
async fn a_shard_that_panics_is_started_again_with_all_that_it_ran_and_no_other_shard_notices() {
    for by_cancel in [false, true] {
        let harness = Harness::default();
        let engine = harness.start().await;
        let shards = one_of_each_shard(&harness, &engine).await;
        let probes = harness.tool.calls().len();
        let (struck, thread) = &shards[0];
        let mut handles = Vec::new();
        for _ in 0..20 {
            handles.push(submit(&engine, struck, &waiting()).await);
        }
        let untouched = submit(&engine, &shards[1].0, &waiting()).await;
        harness.tool.begun(probes + 42).await;

        harness.clock.trap(*thread, 1);
        if by_cancel {
            let _ = soon(handles[0].cancel(asked())).await.unwrap();
        } else {
            assert_eq!(soon(handles[0].status()).await.unwrap(), ExecutionStatus::Executing);
        }
        assert_eq!(harness.clock.sprung(), 1);
        harness.tool.dropped(40).await;
        harness.tool.open(100);
        for (index, handle) in handles.iter().enumerate() {
            let finished = harness.end(&engine, handle, &waiting()).await;
            if by_cancel && index == 0 {
                assert_eq!(finished.status(), ExecutionStatus::Cancelled);
            } else {
                assert_eq!(
                    (finished.status(), finished.output()),
                    (ExecutionStatus::Completed, json!("unknown"))
                );
            }
        }
        let finished = harness.end(&engine, &untouched, &waiting()).await;
        assert_eq!(finished.output(), json!("completed"));
        assert_eq!(harness.tool.dropped_of(untouched.peid()), 0, "nothing of the other shard was dropped");
    }
}

#[tokio::test]
async fn a_shard_that_panics_again_and_again_still_loses_nothing() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let shards = one_of_each_shard(&harness, &engine).await;
    let handle = submit(&engine, &shards[0].0, &waiting()).await;
    harness.tool.begun(harness.tool.calls().len().max(4)).await;
    for _ in 0..2 * RESTARTS {
        let before = harness.clock.sprung();
        harness.clock.trap(shards[0].1, 1);
        until(async || {
            soon(handle.status()).await.unwrap();
            harness.clock.sprung() > before
        })
        .await;
        assert_eq!(soon(handle.status()).await.unwrap(), ExecutionStatus::Executing);
    }
    harness.tool.open(100);
    let finished = harness.end(&engine, &handle, &waiting()).await;
    assert_eq!(finished.status(), ExecutionStatus::Completed);
    assert_eq!(harness.tool.times("once"), 1);
}

/// Submits for one tenant until it has submitted so many.
async fn submit_many(
    engine: Arc<Engine>,
    code: String,
    pid: PlaybookId,
    storm: Arc<AtomicBool>,
) -> Vec<Handle> {
    let mut handles: Vec<Handle> = Vec::new();
    for number in 0..100 {
        let handle =
            engine.submit(Submission::new(tenant(&code), pid)).await.expect("a storm refuses nobody");
        if number % 7 == 0 && storm.load(Ordering::SeqCst) {
            let _ = soon(handle.status()).await.unwrap();
        }
        handles.push(handle);
    }
    handles
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_panics_while_submitting_loses_nothing_and_acts_nowhere_twice() {
    let harness = Harness::default();
    let engine = Arc::new(harness.start().await);
    let shards = one_of_each_shard(&harness, &engine).await;
    let (storm, calls) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
    let (clock, blowing, counted) = (harness.clock.clone(), storm.clone(), calls.clone());
    harness.tool.before_end(move |_| {
        // Every ninth call takes down whatever asks for the time next: an execution or its shard.
        if counted.fetch_add(1, Ordering::SeqCst) % 9 == 0 && blowing.load(Ordering::SeqCst) {
            clock.trap_here();
        }
        if counted.load(Ordering::SeqCst) > 500 {
            blowing.store(false, Ordering::SeqCst);
        }
    });
    let mut submitters = Vec::new();
    for (code, _) in &shards {
        let pid = engine.playbooks().put(&tenant(code), triage()).await.unwrap();
        submitters.push(tokio::spawn(submit_many(engine.clone(), code.clone(), pid, storm.clone())));
    }
    let submitted = soon(future::join_all(submitters)).await;
    let handles: Vec<Handle> = submitted.into_iter().flat_map(Result::unwrap).collect();
    let peids: HashSet<_> = handles.iter().map(Handle::peid).collect();
    assert_eq!(peids.len(), 200);
    let mut failed = 0;
    for handle in &handles {
        let finished = harness.end(&engine, handle, &triage()).await;
        match finished.status() {
            ExecutionStatus::Completed => {}
            status => {
                assert_eq!(
                    (status, finished.error().kind),
                    (ExecutionStatus::Failed, FailureKind::Supervision)
                );
                failed += 1;
            }
        }
    }
    assert!(harness.clock.sprung() > 10, "it was a storm: {}", harness.clock.sprung());
    assert!(failed < 100, "{failed} panicked too often");
    let left = soon(engine.shutdown(updraft_tests::timeouts::TEST_TIMEOUT)).await;
    assert_eq!(left, updraft::Shutdown::Stored);
}

#[tokio::test]
async fn a_panic_in_the_task_of_a_submitter_takes_no_place_and_no_key_with_it() {
    let harness = Harness::default();
    let engine = Arc::new(harness.builder().executions_in_flight(1).start().await.unwrap());
    let pid = harness.put(&engine, &triage()).await;
    let keyed = Submission::new(tenant("acme"), pid).idempotency_key("k");
    harness.clock.trap_here();
    let (own, submission) = (engine.clone(), keyed.clone());
    let panicked = soon(tokio::spawn(async move { own.submit(submission).await })).await;
    assert!(panicked.is_err_and(|error| error.is_panic()));
    let handle = soon(engine.try_submit(keyed)).await.expect("the place and the key are free");
    soon(handle.wait()).await.unwrap();
}

#[tokio::test]
async fn who_follows_and_who_waits_is_served_through_every_restart() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let shards = one_of_each_shard(&harness, &engine).await;
    let handle = submit(&engine, &shards[0].0, &waiting()).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (told, events) = (seen.clone(), handle.events());
    let follower = tokio::spawn(async move {
        futures_util::StreamExt::for_each(events, |event| {
            told.lock().unwrap().push(event.unwrap());
            future::ready(())
        })
        .await;
    });
    until(async || !seen.lock().unwrap().is_empty()).await;
    harness.clock.trap(shards[0].1, 1);
    let asked = future::join_all((0..20).map(|_| handle.status())).await;
    assert!(asked.iter().all(|status| *status.as_ref().unwrap() == ExecutionStatus::Executing));
    assert_eq!(harness.clock.sprung(), 1);
    harness.tool.open(100);
    soon(handle.wait()).await.unwrap();
    soon(follower).await.unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.iter().filter(|event| event.is_end()).count(), 1);
    assert!(seen.last().unwrap().is_end());
}
