//! Events: each execution that started, each wait, each end is told once and in its order, from a cursor on, whatever crashed
//! meanwhile.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{StreamExt, future};
use serde_json::json;
use updraft::{
    Detail, Engine, EventCursor, EventPosition, ExecutionId, ExecutionStatus, Happened, Lost, ReadError,
    Signal, Submission, TaskStatus, TenantEvent, WaitKind,
};
use updraft_tests::timeouts::TEST_TIMEOUT;
use updraft_tests::{Harness, asked, completed, named, soon, started, tenant, until};

/// Reads on until nothing more is told that the store has.
async fn read_on(engine: &Engine, of: &str, after: &mut EventCursor) -> Vec<TenantEvent> {
    engine.flush().await.unwrap();
    let mut all = Vec::new();
    loop {
        let page = engine.events().page(&tenant(of), *after, Detail::Summary).await.unwrap();
        *after = page.next;
        if page.events.is_empty() {
            return all;
        }
        all.extend(page.events);
    }
}

fn kinds(events: &[TenantEvent]) -> Vec<&'static str> {
    events.iter().map(|event| event.what.kind().as_str()).collect()
}

#[tokio::test]
async fn what_happens_is_told_in_its_order_to_those_who_follow() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let follower = tokio::spawn({
        let followed = engine.events().follow(&tenant("acme"), EventCursor::START, Detail::Whole);
        followed.take(3).map(Result::unwrap).collect::<Vec<_>>()
    });
    let waits = named("waits", "steps:\n  - {id: closed, wait_for: closed}\n");
    let handle = harness.submit(&engine, &waits, json!({})).await;
    until(async || {
        let mut after = EventCursor::START;
        kinds(&read_on(&engine, "acme", &mut after).await) == ["started", "waiting"]
    })
    .await;
    let closed = Signal {
        id: "call-7".into(),
        name: "closed".parse().unwrap(),
        key: None,
        payload: json!({ "by": "ana" }).into(),
    };
    handle.signal(closed, asked()).await.unwrap();
    let told = soon(follower).await.unwrap();
    assert!(told.iter().all(|event| event.peid == handle.peid()));
    let [started, waiting, ended] = &told[..] else { panic!("{told:?}") };
    assert!(
        matches!(&started.what, Happened::Started { playbook, version: 1 } if playbook.as_str() == "waits")
    );
    let Happened::Waiting { step, status, wait, .. } = &waiting.what else { panic!("{waiting:?}") };
    assert_eq!((step.as_str(), wait.kind), ("closed", WaitKind::Signal));
    assert!(matches!(status, TaskStatus::Waiting | TaskStatus::Completed), "as it was when it was read");
    let Happened::Ended { status: ExecutionStatus::Completed, output: Some(output), .. } = &ended.what else {
        panic!("{ended:?}")
    };
    assert_eq!(output.value(), json!({ "by": "ana" }));
    assert!(
        soon(engine.events().page(&tenant("globex"), EventCursor::START, Detail::Whole))
            .await
            .unwrap()
            .events
            .is_empty()
    );
}

#[tokio::test]
async fn a_reader_over_crashes_misses_nothing_and_gets_nothing_twice() {
    const ROUNDS: u64 = 6;
    let harness = Harness::default();
    let builder = harness.builder();
    let mut engine = started(&builder).await;
    let body = "steps:\n  - {id: one, action: tool.pause}\n  - {id: go, wait_for: go}\n  - {id: two, action: tool.echo}\n";
    let pid = harness.put(&engine, &named("echo", body)).await;
    let (mut after, mut told, mut peids) = (EventCursor::START, Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let submitted = (0..40).map(|number| {
            let key = format!("{round}-{number}");
            engine.submit(Submission::new(tenant("acme"), pid).idempotency_key(key))
        });
        let handles: Vec<_> = future::join_all(submitted).await.into_iter().map(Result::unwrap).collect();
        peids.extend(handles.iter().map(updraft::Handle::peid));
        for handle in &handles {
            let go = Signal {
                id: handle.peid().to_string().into(),
                name: "go".parse().unwrap(),
                key: None,
                payload: json!(null).into(),
            };
            handle.signal(go, asked()).await.unwrap();
        }
        // What can be told so far; nothing is waited for.
        loop {
            let page = engine.events().page(&tenant("acme"), after, Detail::Summary).await.unwrap();
            after = page.next;
            if page.events.is_empty() {
                break;
            }
            told.extend(page.events);
        }
        tokio::time::sleep(Duration::from_millis(round * 9)).await;
        drop(engine);
        engine = started(&builder).await;
    }
    for peid in &peids {
        completed(&engine.handle(&tenant("acme"), *peid).await.unwrap().unwrap()).await;
    }
    told.extend(read_on(&engine, "acme", &mut after).await);
    let mut of: BTreeMap<ExecutionId, Vec<&'static str>> = BTreeMap::new();
    for event in &told {
        of.entry(event.peid).or_default().push(event.what.kind().as_str());
    }
    assert_eq!(of.len(), peids.len());
    for (peid, kinds) in &of {
        // A signal that came before its wait leaves none.
        assert!(
            kinds == &["started", "ended"] || kinds == &["started", "waiting", "ended"],
            "{peid}: {kinds:?}"
        );
    }
    assert_eq!(soon(engine.shutdown(TEST_TIMEOUT)).await, updraft::Shutdown::Stored);
    let ended = soon(engine.events().follow(&tenant("acme"), after, Detail::Summary).next()).await.unwrap();
    assert!(matches!(ended, Err(ReadError::Lost(Lost::ShutDown))), "{ended:?}");
    let engine = started(&builder).await;
    assert!(read_on(&engine, "acme", &mut after).await.is_empty(), "all was told");
    let mut again = EventCursor::START;
    assert_eq!(read_on(&engine, "acme", &mut again).await.len(), told.len(), "and is there to be told again");
}

#[tokio::test]
async fn those_who_want_what_happens_from_now_on_get_that() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let echo = named("echo", "steps:\n  - {id: one, action: tool.echo}\n");
    completed(&harness.submit(&engine, &echo, json!({})).await).await;
    engine.flush().await.unwrap();
    let mut after = engine.events().newest();
    let next = harness.submit(&engine, &echo, json!({})).await;
    completed(&next).await;
    let told = read_on(&engine, "acme", &mut after).await;
    assert_eq!(kinds(&told), ["started", "ended"]);
    assert!(told.iter().all(|event| event.peid == next.peid()));
    let waited =
        engine.events().wait(&tenant("acme"), after, Detail::Summary, Duration::from_millis(1)).await;
    assert!(waited.unwrap().events.is_empty());
}

#[tokio::test]
async fn a_journal_that_was_lost_leaves_readers_where_they_are_and_a_cursor_of_another_store_is_refused() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let echo = named("echo", "steps:\n  - {id: one, action: tool.echo}\n");
    for _ in 0..20 {
        completed(&harness.submit(&engine, &echo, json!({})).await).await;
    }
    let mut after = EventCursor::START;
    assert_eq!(read_on(&engine, "acme", &mut after).await.len(), 40);
    assert_eq!(soon(engine.shutdown(TEST_TIMEOUT)).await, updraft::Shutdown::Stored);
    std::fs::remove_dir_all(harness.path().join("journal")).unwrap();
    std::fs::remove_file(harness.path().join("store")).unwrap();
    // Its numbers begin again, and its events are after all others.
    let engine = harness.start().await;
    assert!(read_on(&engine, "acme", &mut after).await.is_empty());
    let next = harness.submit(&engine, &echo, json!({})).await;
    completed(&next).await;
    let told = read_on(&engine, "acme", &mut after).await;
    assert_eq!(kinds(&told), ["started", "ended"]);
    // One of a later time, as after an older backup was restored, and one of another store.
    let newest = engine.events().newest();
    assert_eq!(engine.events().page(&tenant("acme"), newest, Detail::Summary).await.unwrap().events, []);
    let later = EventCursor::at(EventPosition(newest.position.0 + 400));
    for beyond in [later, EventCursor::at(EventPosition::before(EventPosition::GENERATIONS, 0))] {
        let refused = engine.events().page(&tenant("acme"), beyond, Detail::Summary).await.unwrap_err();
        assert!(
            matches!(&refused, ReadError::Cursor { cursor } if *cursor == beyond) && !refused.retryable()
        );
    }
}
