//! The dashboard: lists for a console are read once for all who look, are at most some seconds old, and are a tenant's own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::time::Duration;

use futures_util::future;
use serde_json::json;
use updraft::{
    Detail, Engine, ExecutionQuery, ExecutionStatus, ExecutionsOf, Inbox, InboxQuery, SlowestQuery, Timestamp,
};
use updraft_tests::{Harness, named, soon, tenant, until};

fn all(of: &str) -> ExecutionQuery {
    let (tenant, of) = (tenant(of), ExecutionsOf::Any);
    ExecutionQuery { tenant, of, after: None, limit: 10, detail: Detail::Summary }
}

fn loads(engine: &Engine, kind: &str) -> impl Future<Output = u64> {
    let snapshot = engine.snapshot();
    async move { snapshot.await.caches.iter().find(|cache| cache.kind == kind).unwrap().loads }
}

async fn ended(harness: &Harness, engine: &Engine) {
    let handle = harness.submit(engine, &named("p", "steps:\n  - {end: 1}\n"), json!({})).await;
    soon(handle.wait()).await.unwrap();
    engine.flush().await.unwrap();
}

#[tokio::test]
async fn a_list_is_read_once_for_all_who_look_and_again_when_it_is_old() {
    let harness = Harness::default();
    let engine = harness.start().await;
    ended(&harness, &engine).await;
    let dashboard = engine.dashboard();
    let looks = future::join_all((0..100).map(|_| dashboard.executions(all("acme")))).await;
    assert!(looks.into_iter().all(|seen| seen.unwrap().list.0.len() == 1));
    assert_eq!(loads(&engine, "first_executions").await, 1);
    ended(&harness, &engine).await;
    // It goes by the time of the machine, as every cache.
    until(async || dashboard.executions(all("acme")).await.unwrap().list.0.len() == 2).await;
    let other = dashboard.executions(all("globex")).await.unwrap();
    assert!(other.list.0.is_empty() && other.age == Duration::ZERO, "another tenant's is its own");
    let later = ExecutionQuery { limit: 1, ..all("acme") };
    let first = dashboard.executions(later.clone()).await.unwrap();
    let before = loads(&engine, "first_executions").await;
    let next = dashboard.executions(ExecutionQuery { after: first.list.1, ..later }).await.unwrap();
    assert_eq!((next.list.0.len(), next.age), (1, Duration::ZERO));
    assert_eq!(loads(&engine, "first_executions").await, before, "a later page is read from the store");
}

#[tokio::test]
async fn inboxes_and_slow_playbooks_are_kept_too() {
    let harness = Harness::default();
    let engine = harness.start().await;
    ended(&harness, &engine).await;
    let waits = named("asks", "steps:\n  - {id: ask, approval: 'isolate?', timeout: 1h}\n");
    harness.submit(&engine, &waits, json!({})).await;
    let dashboard = engine.dashboard();
    let inbox = || InboxQuery { tenant: tenant("acme"), of: Inbox::All, after: None, limit: 10 };
    until(async || dashboard.inbox(inbox()).await.unwrap().list.len() == 1).await;
    let slowest = |since| SlowestQuery {
        tenant: Some(tenant("acme")),
        status: ExecutionStatus::Completed,
        since: Timestamp(since),
        top: 10,
    };
    let mut ages = Vec::new();
    for millisecond in 0..50 {
        let seen = dashboard.slowest_playbooks(slowest(60_000 + millisecond)).await.unwrap();
        assert_eq!(seen.list.iter().map(|row| row.executions).sum::<u64>(), 1);
        ages.push(seen.age);
    }
    assert!(ages.iter().any(|age| *age > Duration::ZERO), "a span until now is one list for a minute");
}
