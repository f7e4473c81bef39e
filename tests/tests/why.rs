//! Why an execution has not ended, as a running engine and the store tell it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use serde_json::json;
use updraft::{Asked, ControlKind, EndedBy, ExecutionStatus, Explanation};
use updraft_tests::timeouts::TEST_TIMEOUT;
use updraft_tests::{Harness, playbook};

#[tokio::test]
async fn each_wait_says_who_or_what_ends_it_until_when_and_a_pause_by_whom() {
    let harness = Harness::default();
    let steps = playbook(
        "steps:\n  - parallel: all\n    branches:\n      a: [{id: ask, approval: Isolate?, assignees: [ana], quorum: 1, timeout: 4h}]\n      \
         b: [{id: told, wait_for: closed, key: \"7\"}]\n      c: [{id: rest, delay: 2h}]\n",
    );
    let engine = harness.start().await;
    let handle = harness.submit(&engine, &steps, json!({})).await;
    let (tenant, peid) = (handle.tenant().clone(), handle.peid());
    let told = engine.why(&tenant, peid).await.unwrap().unwrap();
    assert_eq!((told.status, &told.pause), (ExecutionStatus::Executing, &None));
    let people = EndedBy::People {
        question: "Isolate?".into(),
        assignees: vec!["ana".into()],
        groups: Vec::new(),
        quorum: 1,
        answered: Vec::new(),
    };
    let signal = EndedBy::Signal { name: "closed".into(), key: Some("7".into()) };
    let ended_by: Vec<&EndedBy> = told.waits.iter().map(|wait| &wait.ended_by).collect();
    assert_eq!(ended_by, [&people, &signal, &EndedBy::Instant]);
    let hours = |wait: &updraft::ExplainedWait| wait.until.unwrap().since(wait.since) / 3_600_000;
    assert_eq!(told.waits.iter().map(hours).collect::<Vec<_>>(), [4, 24, 2]);

    let asked = Asked { uid: "ben".into(), reason: "a drill".into() };
    let _ = engine.pause(&tenant, peid, asked.clone()).await.unwrap();
    engine.flush().await.unwrap();
    let stored = engine.reader().execution(&tenant, peid).await.unwrap().unwrap();
    let told = engine.why(&tenant, peid).await.unwrap().unwrap();
    assert_eq!(Explanation::of(&stored, told.waits[0].since), told, "the store says the same");
    assert_eq!((told.status, &told.pause.as_ref().unwrap().asked), (ExecutionStatus::Paused, &asked));
    let _ = engine.cancel(&tenant, peid, asked.clone()).await.unwrap();
    let told = engine.why(&tenant, peid).await.unwrap().unwrap();
    assert_eq!((told.status, told.waits.len()), (ExecutionStatus::Cancelled, 0));
    let history = told.controls.unwrap();
    let controls: Vec<_> = history.newest.iter().map(|record| (record.kind, &record.asked)).collect();
    assert_eq!(controls, [(ControlKind::Pause, &asked), (ControlKind::Cancel, &asked)]);
    assert!(engine.why(&updraft_tests::tenant("another"), peid).await.unwrap().is_none());
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}
