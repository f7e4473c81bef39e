//! What submitting promises: one execution for one key, a typed refusal that hands the submission back, no place
//! ever lost, and the same from every kind of runtime.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, future, stream};
use serde_json::json;
use updraft::limits::{INPUT_BYTES, KEY_BYTES, REVIVALS_AT_ONCE};
use updraft::{
    Detail, Engine, ExecutionId, ExecutionQuery, ExecutionStatus, ExecutionsOf, Handle, Lost, Name, Playbook,
    PlaybookId, Priority, ReadError, Refusal, Submission, SubmitError,
};
use updraft_tests::timeouts::TEST_TIMEOUT;
use updraft_tests::{Harness, asked, named, playbook, soon, tenant, until};

fn gate() -> Playbook {
    playbook(
        "variables: {colour: red}
steps:
  - {id: gate, action: tool.gate, arguments: {colour: '{{ variables.colour }}'}}
",
    )
}

fn echo() -> Playbook {
    named("echo", "steps:\n  - {id: echo, action: tool.echo}\n")
}

fn of(pid: PlaybookId) -> Submission {
    Submission::new(tenant("acme"), pid)
}

fn refusal(submitted: Result<Handle, SubmitError>, submission: &Submission) -> Refusal {
    let error = submitted.expect_err("it is refused");
    assert_eq!(*error.submission, *submission, "it is handed back as it was");
    error.refusal
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_gives_one_execution_however_many_submit_it_at_once() {
    let harness = Harness::default();
    let engine = Arc::new(harness.start().await);
    let pid = harness.put(&engine, &gate()).await;
    let keyed = of(pid).idempotency_key("alert-7");
    let submitters = (0..50).map(|_| {
        let (engine, keyed) = (engine.clone(), keyed.clone());
        tokio::spawn(async move { engine.submit(keyed).await.unwrap().peid() })
    });
    let peids: Vec<ExecutionId> =
        future::join_all(submitters).await.into_iter().map(Result::unwrap).collect();
    let first = peids[0];
    assert!(peids.iter().all(|peid| *peid == first), "{peids:?}");
    harness.tool.open(9);
    let handle = engine.submit(keyed.clone()).await.unwrap();
    soon(handle.wait()).await.unwrap();
    assert_eq!(engine.submit(keyed.clone()).await.unwrap().peid(), first, "after its end");
    engine.flush().await.unwrap();
    until(async || engine.unfinished().is_empty()).await;
    assert_eq!(engine.submit(keyed.clone()).await.unwrap().peid(), first, "when only the store knows it");
    let _ = engine.shutdown(TEST_TIMEOUT).await;

    let engine = harness.start().await;
    let again = engine.submit(keyed.clone()).await.unwrap();
    assert_eq!(again.peid(), first, "after a restart");
    assert_eq!(soon(again.wait()).await.unwrap().state.execution_status, ExecutionStatus::Completed);
    let globex = engine.playbooks().put(&tenant("globex"), gate()).await.unwrap();
    let other = Submission::new(tenant("globex"), globex).idempotency_key("alert-7");
    assert_ne!(engine.submit(other).await.unwrap().peid(), first, "a key is a tenant's own");
    assert_ne!(engine.submit(keyed.idempotency_key("alert-8")).await.unwrap().peid(), first);
    soon(async {
        while harness.tool.times("gate") < 3 {
            harness.tool.begun(3).await
        }
    })
    .await;
    assert_eq!(harness.tool.times("gate"), 3);
}

#[tokio::test]
async fn a_key_whose_execution_is_unfinished_gives_it_again_after_a_restart() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let pid = harness.put(&engine, &gate()).await;
    let keyed = of(pid).idempotency_key("alert-7");
    let first = engine.submit(keyed.clone()).await.unwrap().peid();
    harness.tool.begun(1).await;
    let _ = engine.shutdown(Duration::ZERO).await;
    let engine = harness.start().await;
    let again = engine.submit(keyed).await.unwrap();
    assert_eq!(again.peid(), first);
    harness.tool.open(1);
    soon(again.wait()).await.unwrap();
}

#[tokio::test]
async fn more_executions_of_one_shard_than_a_start_reads_at_once_all_go_on() {
    const UNFINISHED: usize = 3 * REVIVALS_AT_ONCE + 5;
    let harness = Harness::default();
    let engine = harness.start().await;
    let pid = harness.put(&engine, &gate()).await;
    let mut peids = Vec::new();
    for _ in 0..UNFINISHED {
        peids.push(engine.submit(of(pid)).await.unwrap().peid());
    }
    harness.tool.begun(UNFINISHED).await;
    let _ = engine.shutdown(Duration::ZERO).await;
    let engine = harness.start().await;
    harness.tool.begun(2 * UNFINISHED).await;
    harness.tool.open(UNFINISHED);
    for peid in peids {
        let handle = engine.handle(&tenant("acme"), peid).await.unwrap().expect("it is known");
        soon(handle.wait()).await.unwrap();
    }
    assert_eq!(harness.tool.times("gate"), 2 * UNFINISHED, "each was called again once");
}

#[tokio::test]
async fn what_is_not_valid_is_refused_with_its_place_and_handed_back() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let pid = harness.put(&engine, &gate()).await;
    let deep = (0..200).fold(json!(1), |value, _| json!([value]));
    let name = |name: &str| Submission::new(tenant("acme"), Name::new(name).unwrap());
    for (submission, message) in [
        (of(pid).input(json!("x".repeat(INPUT_BYTES))), "input: "),
        (of(pid).input(deep), "input: "),
        (of(pid).alert_id(""), "alert_id: "),
        (of(pid).uid("x".repeat(KEY_BYTES + 1)), "uid: "),
        (of(pid).idempotency_key(""), "idempotency_key: "),
        (of(pid).variable("color", json!("blue")), "variables.color: the playbook has no such variable"),
        (of(PlaybookId::from_bytes([7; 16])), "no playbook "),
        (name("missing"), "no playbook \"missing\""),
        (Submission::new(tenant("globex"), pid), "no playbook "),
    ] {
        let refused = refusal(engine.submit(submission.clone()).await, &submission);
        assert!(refused.to_string().starts_with(message), "{refused}");
        assert!(!refused.retryable());
    }
    assert!(harness.tool.calls().is_empty() && engine.unfinished().is_empty());
    let largest = of(pid).input(json!("x".repeat(INPUT_BYTES - 2))).variable("colour", json!("blue"));
    let handle = engine.submit(largest).await.unwrap();
    harness.tool.open(1);
    assert_eq!(soon(handle.wait()).await.unwrap().state.output.unwrap().value(), json!({ "colour": "blue" }));
}

#[tokio::test]
async fn a_playbook_is_found_by_name_in_its_newest_version_or_the_one_asked_for() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let version = |version: u32| {
        let text =
            format!("format: 1\nname: v\nversion: {version}\nsteps:\n  - {{id: end, end: {version}}}\n");
        Playbook::parse(text.as_bytes()).unwrap()
    };
    for number in [9, 10, 2] {
        harness.put(&engine, &version(number)).await;
    }
    let name = Name::new("v").unwrap();
    let newest = engine.submit(Submission::new(tenant("acme"), name.clone())).await.unwrap();
    assert_eq!(soon(newest.wait()).await.unwrap().state.output.unwrap().value(), json!(10));
    let choice = updraft::PlaybookChoice::Named(name, Some(2));
    let second = engine.submit(Submission::new(tenant("acme"), choice)).await.unwrap();
    assert_eq!(soon(second.wait()).await.unwrap().head.playbook_version, 2);
}

#[tokio::test]
async fn a_full_engine_and_a_full_tenant_refuse_and_go_on_when_there_is_a_place() {
    let harness = Harness::default();
    let limited = harness.builder().executions_in_flight(3).executions_in_flight_of_tenant(2);
    let engine = limited.submit_timeout(TEST_TIMEOUT).start().await.unwrap();
    let pid = harness.put(&engine, &gate()).await;
    let globex = engine.playbooks().put(&tenant("globex"), gate()).await.unwrap();
    let held = [engine.submit(of(pid)).await.unwrap(), engine.submit(of(pid)).await.unwrap()];
    let submission = of(pid).input(json!({ "alert": 3 })).alert_id("a-3").priority(Priority::High);
    let refused = refusal(engine.try_submit(submission.clone()).await, &submission);
    assert!(matches!(refused, Refusal::TenantFull) && refused.retryable());
    let other = Submission::new(tenant("globex"), globex);
    let third = engine.try_submit(other.clone()).await.unwrap();
    assert!(matches!(refusal(engine.try_submit(other.clone()).await, &other), Refusal::EngineFull));

    let fourth = engine.submit(submission).await.unwrap();
    assert!(fourth.is_queued(), "it waits");
    harness.tool.begun(3).await;
    let _ = third.cancel(asked()).await.unwrap();
    // The place is given back with the end, an instant after the answer.
    let _ = soon(third.wait()).await;
    let globex = engine.try_submit(other).await.expect("the place of globex was free for globex");
    let _ = held[0].cancel(asked()).await.unwrap();
    harness.tool.open(3);
    for handle in [&held[1], &globex, &fourth] {
        assert_eq!(soon(handle.wait()).await.unwrap().state.execution_status, ExecutionStatus::Completed);
    }
    assert_eq!(fourth.inspect().await.unwrap().execution.head.priority, Priority::High);
}

#[tokio::test]
async fn a_submission_that_finds_no_place_in_time_is_refused() {
    let harness = Harness::default();
    let limited = harness.builder().executions_in_flight(1).submit_timeout(Duration::from_millis(30));
    let engine = limited.backlog(0).start().await.unwrap();
    let pid = harness.put(&engine, &gate()).await;
    let _held = engine.submit(of(pid)).await.unwrap();
    let refused = refusal(soon(engine.submit(of(pid))).await, &of(pid));
    assert!(matches!(refused, Refusal::TenantFull | Refusal::EngineFull), "{refused}");
}

#[tokio::test]
async fn submissions_that_are_given_up_take_no_place_with_them_and_no_key() {
    let harness = Harness::default();
    let engine = harness.builder().executions_in_flight(4).start().await.unwrap();
    let (pid, held) = (harness.put(&engine, &echo()).await, harness.put(&engine, &gate()).await);
    for round in 0..400_u32 {
        let keyed = of(pid).idempotency_key(format!("k{}", round % 7));
        let mut submitting = Box::pin(engine.submit(keyed));
        for _ in 0..round % 5 {
            if futures_util::poll!(&mut submitting).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    until(async || engine.unfinished().is_empty()).await;
    let full: Vec<Handle> =
        stream::iter(0..4).then(async |_| engine.try_submit(of(held)).await.unwrap()).collect().await;
    assert!(matches!(refusal(engine.try_submit(of(held)).await, &of(held)), Refusal::TenantFull));
    harness.tool.open(4);
    for handle in &full {
        soon(handle.wait()).await.unwrap();
    }
    for key in 0..7 {
        let handle = soon(engine.submit(of(pid).idempotency_key(format!("k{key}")))).await.unwrap();
        assert_eq!(soon(handle.wait()).await.unwrap().state.execution_status, ExecutionStatus::Completed);
    }
}

#[tokio::test]
async fn after_a_shutdown_and_while_it_goes_on_submissions_are_refused_and_none_is_left_waiting() {
    let harness = Harness::default();
    let limited = harness.builder().executions_in_flight(2).submit_timeout(TEST_TIMEOUT).backlog(0);
    let engine = Arc::new(limited.start().await.unwrap());
    let pid = harness.put(&engine, &gate()).await;
    let held = [engine.submit(of(pid)).await.unwrap(), engine.submit(of(pid)).await.unwrap()];
    harness.tool.begun(2).await;
    let mut waiting: Vec<_> = (0..20).map(|_| Box::pin(engine.submit(of(pid)))).collect();
    for submitting in &mut waiting {
        while harness.tool.running() < 2 || futures_util::poll!(&mut *submitting).is_ready() {}
    }
    let (_, submitted) =
        soon(future::join(engine.shutdown(Duration::from_millis(50)), future::join_all(waiting))).await;
    for submitted in submitted {
        match submitted {
            Ok(handle) => assert!(matches!(soon(handle.wait()).await, Err(ReadError::Lost(Lost::ShutDown)))),
            Err(error) => assert!(matches!(error.refusal, Refusal::ShuttingDown), "{error}"),
        }
    }
    for handle in held {
        assert!(matches!(soon(handle.wait()).await, Err(ReadError::Lost(Lost::ShutDown))));
    }
    assert!(matches!(refusal(engine.submit(of(pid)).await, &of(pid)), Refusal::ShuttingDown));
    assert!(matches!(refusal(engine.try_submit(of(pid)).await, &of(pid)), Refusal::ShuttingDown));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_submitted_during_a_shutdown_is_refused_or_resumes_at_the_next_start() {
    let harness = Harness::default();
    let engine = Arc::new(harness.start().await);
    let pid = harness.put(&engine, &echo()).await;
    let submitters: Vec<_> = (0..4)
        .map(|_| {
            let engine = engine.clone();
            tokio::spawn(async move {
                let mut accepted = BTreeSet::new();
                loop {
                    match engine.submit(of(pid)).await {
                        Ok(handle) => assert!(accepted.insert(handle.peid())),
                        Err(error) => return (accepted, error.refusal),
                    }
                }
            })
        })
        .collect();
    harness.tool.begun(200).await;
    let _ = soon(engine.shutdown(TEST_TIMEOUT)).await;
    let mut accepted = BTreeSet::new();
    for submitter in submitters {
        let (peids, refusal) = soon(submitter).await.unwrap();
        assert!(matches!(refusal, Refusal::ShuttingDown), "{refusal}");
        accepted.extend(peids);
    }
    drop(engine);
    let engine = harness.start().await;
    for handle in engine.unfinished() {
        soon(handle.wait()).await.unwrap();
    }
    engine.flush().await.unwrap();
    let of = ExecutionsOf::Any;
    let query =
        ExecutionQuery { tenant: tenant("acme"), of, after: None, limit: 1_000, detail: Detail::Whole };
    let stored: BTreeSet<ExecutionId> =
        engine.reader().executions_stream(query).map(|execution| execution.unwrap().peid).collect().await;
    assert_eq!(stored, accepted, "all that was accepted is there, and nothing that was refused");
}

#[tokio::test]
async fn engines_of_one_process_know_nothing_of_each_other() {
    let (one, other) = (Harness::default(), Harness::default());
    let engines = [one.start().await, other.start().await];
    let pid = one.put(&engines[0], &echo()).await;
    let handle = engines[0].submit(of(pid)).await.unwrap();
    soon(handle.wait()).await.unwrap();
    assert!(engines[1].handle(&tenant("acme"), handle.peid()).await.unwrap().is_none());
    assert!(matches!(refusal(engines[1].submit(of(pid)).await, &of(pid)), Refusal::Playbook(_)));
    assert_eq!((one.tool.calls().len(), other.tool.calls().len()), (1, 0));
}

fn is_send_and_sync<T: Send + Sync>(_: &T) {}
fn is_send<T: Send>(what: T) -> T {
    what
}

#[test]
fn an_engine_serves_every_kind_of_runtime_and_several_at_once() {
    let harness = Harness::default();
    let first = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (engine, pid) = first.block_on(async {
        let engine = is_send(harness.builder().start()).await.unwrap();
        let pid = harness.put(&engine, &echo()).await;
        (engine, pid)
    });
    is_send_and_sync(&engine);
    // The runtime that started it is gone: the engine's work runs on threads of its own.
    drop(first);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let engine = &engine;
            scope.spawn(move || {
                let runtime = match thread % 2 {
                    0 => tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
                    _ => tokio::runtime::Builder::new_multi_thread()
                        .worker_threads(2)
                        .enable_all()
                        .build()
                        .unwrap(),
                };
                runtime.block_on(async {
                    let submitting = (0..50).map(|_| is_send(engine.submit(of(pid))));
                    let handles = future::join_all(submitting).await;
                    let waiting =
                        handles.into_iter().map(async |handle| is_send(handle.unwrap().wait()).await);
                    for ended in soon(future::join_all(waiting)).await {
                        assert_eq!(ended.unwrap().state.execution_status, ExecutionStatus::Completed);
                    }
                });
            });
        }
    });
    let last = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let left = last.block_on(is_send(engine.shutdown(TEST_TIMEOUT)));
    assert_eq!(left, updraft::Shutdown::Stored);
    assert_eq!(harness.tool.calls().len(), 200);
}

#[test]
fn a_handle_is_waited_for_from_another_runtime_than_the_one_that_submitted() {
    let harness = Harness::default();
    let build = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let engine: Engine = build().block_on(harness.start());
    let handle = build().block_on(harness.submit(&engine, &gate(), json!({})));
    harness.tool.open(1);
    let ended = build().block_on(soon(handle.wait())).unwrap();
    assert_eq!(ended.state.execution_status, ExecutionStatus::Completed);
}
