//! What an idempotency key promises: it belongs to a tenant and a playbook name, gives the execution that was submitted
//! first under it, and never stands for another input unless the submission says so.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::sync::Arc;
use std::task::Poll;

use futures_util::future;
use serde_json::{Value, json};
use updraft::{
    Engine, ExecutionId, Handle, Name, OnReuse, Playbook, PlaybookId, Refusal, Submission, SubmitError,
};
use updraft_tests::timeouts::TEST_TIMEOUT;
use updraft_tests::{Harness, named, soon, tenant};

/// A playbook that ends with its input.
fn triage() -> Playbook {
    named("triage", "variables: {limit: 80}\nsteps:\n  - {id: say, end: '{{ input }}'}\n")
}

fn of(pid: PlaybookId, input: Value) -> Submission {
    Submission::new(tenant("acme"), pid).input(input).idempotency_key("alert-4711")
}

/// The execution that has the key of a submission, which is refused and handed back.
fn holder(submitted: Result<Handle, SubmitError>, submission: &Submission) -> ExecutionId {
    let error = submitted.expect_err("it is refused");
    assert!(!error.retryable(), "{error}");
    assert_eq!(*error.submission, *submission, "it is handed back as it was");
    match error.refusal {
        Refusal::KeyReused { peid } => peid,
        other => panic!("{other}"),
    }
}

async fn output(handle: &Handle) -> Value {
    soon(handle.wait()).await.unwrap().state.output.clone().unwrap().value().try_into().unwrap()
}

#[tokio::test]
async fn two_playbooks_answer_one_alert_under_one_key() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let contain = named("contain", "steps:\n  - {id: say, end: contained}\n");
    let (triage, contain) = (harness.put(&engine, &triage()).await, harness.put(&engine, &contain).await);
    let alert = json!({ "host": "WS-7" });
    let submissions = [of(triage, alert.clone()), of(contain, alert.clone())];
    let first = [
        engine.submit(submissions[0].clone()).await.unwrap(),
        engine.submit(submissions[1].clone()).await.unwrap(),
    ];
    assert_ne!(first[0].peid(), first[1].peid());
    assert_eq!(output(&first[0]).await, alert);
    assert_eq!(output(&first[1]).await, "contained");
    engine.flush().await.unwrap();
    let _ = engine.shutdown(TEST_TIMEOUT).await;
    let engine = harness.start().await;
    for (submission, first) in submissions.into_iter().zip(first) {
        assert_eq!(engine.submit(submission).await.unwrap().peid(), first.peid(), "of the store too");
    }
}

/// Every verdict about the key of `first`, which ran with `{"n": 1, "m": [2]}`.
async fn assert_verdicts(engine: &Engine, pid: PlaybookId, first: ExecutionId) {
    let same = serde_json::from_str(r#" { "m" : [2], "n" : 1 } "#).unwrap();
    assert_eq!(engine.submit(of(pid, same)).await.unwrap().peid(), first, "the order of keys is nothing");
    let n = json!({ "n": 1, "m": [2] });
    let others = [
        of(pid, json!({ "n": 2, "m": [2] })),
        of(pid, json!({ "n": "1", "m": [2] })),
        of(pid, json!({ "n": 1, "m": [2, null] })),
        of(pid, Value::Null),
        of(pid, n.clone()).variable("limit", json!(81)),
        // As submitted: what the playbook says of its variables is no part of it.
        of(pid, n.clone()).variable("limit", json!(80)),
    ];
    for other in others {
        assert_eq!(holder(engine.submit(other.clone()).await, &other), first);
        assert_eq!(holder(engine.try_submit(other.clone()).await, &other), first);
        let redelivered = engine.submit(other.on_reuse(OnReuse::ReturnFirst)).await.unwrap();
        assert_eq!(redelivered.peid(), first);
        assert_eq!(output(&redelivered).await, n);
    }
}

#[tokio::test]
async fn another_input_is_refused_with_the_first_or_given_it_while_it_lives_and_after_a_restart() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let pid = harness.put(&engine, &triage()).await;
    let first = engine.submit(of(pid, json!({ "n": 1, "m": [2] }))).await.unwrap();
    assert_verdicts(&engine, pid, first.peid()).await;
    soon(first.wait()).await.unwrap();
    engine.flush().await.unwrap();
    assert_verdicts(&engine, pid, first.peid()).await;
    let _ = engine.shutdown(TEST_TIMEOUT).await;
    let engine = harness.start().await;
    assert_verdicts(&engine, pid, first.peid()).await;
    let message = engine.submit(of(pid, json!(7))).await.unwrap_err().to_string();
    assert!(message.contains(&first.peid().to_string()) && message.contains("idempotency key"), "{message}");
    let fresh = of(pid, json!(7)).idempotency_key("alert-4712");
    assert_ne!(engine.submit(fresh).await.unwrap().peid(), first.peid());
}

#[tokio::test]
async fn what_was_submitted_before_a_playbook_was_updated_is_given_after_it() {
    let harness = Harness::default();
    let engine = harness.start().await;
    harness.put(&engine, &triage()).await;
    let name = Name::new("triage").unwrap();
    let submission = || {
        let newest = Submission::new(tenant("acme"), name.clone());
        newest.input(json!({ "n": 1 })).variable("limit", json!(90)).idempotency_key("alert-4711")
    };
    let first = engine.submit(submission()).await.unwrap();
    soon(first.wait()).await.unwrap();
    let second = Playbook::parse(b"format: 1\nname: triage\nversion: 2\nsteps:\n  - {id: say, end: newer}\n");
    let pid = harness.put(&engine, &second.unwrap()).await;
    // The newer version has no such variable: nobody is asked to say it anew.
    assert_eq!(engine.submit(submission()).await.unwrap().peid(), first.peid());
    let other = of(pid, json!({ "n": 2 }));
    assert_eq!(holder(engine.submit(other.clone()).await, &other), first.peid());
    let unknown = engine.submit(submission().idempotency_key("alert-4712")).await.unwrap_err();
    assert!(matches!(unknown.refusal, Refusal::Invalid { .. }), "{unknown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_inputs_submitted_at_once_under_one_key_one_is_accepted_and_the_other_told_of_it() {
    let harness = Harness::default();
    let engine = Arc::new(harness.start().await);
    let pid = harness.put(&engine, &triage()).await;
    for round in 0..20 {
        let submission = move |number: usize| {
            of(pid, json!({ "n": number % 2 })).idempotency_key(format!("alert-{round}"))
        };
        let submitters = (0..10).map(|number| {
            let engine = engine.clone();
            tokio::spawn(async move { (number, engine.submit(submission(number)).await) })
        });
        let answers: Vec<_> = future::join_all(submitters).await.into_iter().map(Result::unwrap).collect();
        let accepted = answers.iter().find_map(|(number, answer)| Some((number % 2, answer.as_ref().ok()?)));
        let (input, first) =
            accepted.map(|(input, handle)| (input, handle.clone())).expect("one is accepted");
        assert_eq!(output(&first).await, json!({ "n": input }));
        for (number, answer) in answers {
            if number % 2 == input {
                assert_eq!(answer.unwrap().peid(), first.peid());
            } else {
                assert_eq!(holder(answer, &submission(number)), first.peid());
            }
        }
    }
}

#[tokio::test]
async fn another_input_takes_the_place_of_a_first_that_is_given_up() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let pid = harness.put(&engine, &triage()).await;
    let mut given_up = 0;
    for round in 0..50 {
        let submission = |n: u32| of(pid, json!({ "n": n })).idempotency_key(format!("alert-{round}"));
        let mut first = Box::pin(engine.submit(submission(1)));
        if futures_util::poll!(&mut first).is_ready() {
            continue;
        }
        let mut second = Box::pin(engine.submit(submission(2)));
        // It waits for what becomes of the first, unless the journal has that already.
        let at_once = futures_util::poll!(&mut second);
        drop(first);
        let answer = match at_once {
            Poll::Ready(answer) => answer,
            Poll::Pending => soon(second).await,
        };
        match answer {
            Ok(handle) => {
                assert_eq!(output(&handle).await, json!({ "n": 2 }));
                given_up += 1;
            }
            // The journal had it before it was dropped.
            refused => {
                let peid = holder(refused, &submission(2));
                let first = engine.handle(&tenant("acme"), peid).await.unwrap().unwrap();
                assert_eq!(output(&first).await, json!({ "n": 1 }));
            }
        }
    }
    assert!(given_up > 0, "none was given up in time");
}

#[tokio::test]
async fn a_key_with_another_input_is_told_in_a_full_engine_too() {
    let harness = Harness::default();
    let engine = harness.builder().executions_in_flight(1).start().await.unwrap();
    let gate = named("gate", "steps:\n  - {id: gate, action: tool.gate}\n");
    let gate = harness.put(&engine, &gate).await;
    let running = engine.submit(of(gate, json!(1))).await.unwrap();
    let other = of(gate, json!(2));
    assert_eq!(holder(engine.try_submit(other.clone()).await, &other), running.peid());
    let redelivered = engine.try_submit(other.on_reuse(OnReuse::ReturnFirst)).await.unwrap();
    assert_eq!(redelivered.peid(), running.peid());
    harness.tool.open(1);
    soon(running.wait()).await.unwrap();
}
