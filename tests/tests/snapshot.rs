//! A snapshot tells how everything in an engine stands and what limits, in the process and beside it, in a bounded size.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::num::NonZeroU32;

use serde_json::json;
use updraft::limits::SNAPSHOT_TENANTS;
use updraft::local::Client;
use updraft::{
    Answer, BreakerPolicy, Call, CallLimits, CircuitWord, Engine, EngineSnapshot, Failure, FailureKind,
    Handle, Integration, IntegrationLoad, Playbook, Quota, Submission,
};
use updraft_tests::{Harness, asked, playbook, soon, tenant, until};

fn gate() -> Playbook {
    playbook("steps:\n  - {id: gate, action: tool.gate}\n")
}

/// Submits the playbook that waits, for this tenant.
async fn submitted(engine: &Engine, code: &str, number: usize) -> Vec<Handle> {
    let pid = engine.playbooks().put(&tenant(code), gate()).await.unwrap();
    let mut handles = Vec::new();
    for _ in 0..number {
        handles.push(engine.submit(Submission::new(tenant(code), pid)).await.unwrap());
    }
    handles
}

fn tool<'a>(snapshot: &'a EngineSnapshot, name: &str) -> &'a IntegrationLoad {
    snapshot.integrations.iter().find(|tool| tool.integration == name).unwrap()
}

#[tokio::test]
async fn executions_calls_shards_store_and_journal_are_told_and_the_same_beside_the_process() {
    let harness = Harness::default();
    let limits = CallLimits::new().at_once(NonZeroU32::MIN).shared();
    let builder = harness.builder().call_limits("tool", limits).executions_in_flight(4).shards(2);
    let engine = builder.start().await.unwrap();
    engine.set_quota(&tenant("acme"), Quota { weight: Some(3), ..Quota::default() }, asked()).await.unwrap();
    let mut handles = submitted(&engine, "acme", 5).await;
    handles.extend(submitted(&engine, "other", 1).await);
    harness.tool.begun(1).await;
    until(async || engine.tool_gates().iter().any(|gate| gate.waiting == 3)).await;

    let seen = engine.snapshot().await;
    let executions = &seen.executions;
    assert_eq!((executions.in_flight, executions.permits, executions.queued), (4, 4, 2));
    assert_eq!(seen.tenants_in_all, seen.tenants.len());
    let acme = seen.tenants.iter().find(|load| load.tenant == tenant("acme")).unwrap();
    assert_eq!((acme.in_flight, acme.queued, acme.weight, acme.has_own_quota), (4, 1, 3, true));
    let calls = tool(&seen, "tool");
    assert_eq!((calls.running, calls.waiting, calls.completed), (1, 3, 0));
    let shared = seen.gates.iter().find(|gate| gate.tenant.is_none()).unwrap();
    assert_eq!((shared.waiting, shared.running, shared.circuit), (3, 1, CircuitWord::Closed));
    let limit = seen.limited_by.clone().unwrap();
    // A machine that has much else to do is told as that.
    let expected = ["limits of tool", "other processes", "machine CPU"];
    assert!(expected.contains(&limit.stage.as_str()), "{limit:?}");
    assert_eq!(seen.shards.iter().map(|shard| shard.executions).sum::<usize>(), 4);
    assert!(seen.shards.iter().any(|shard| shard.last_turn.is_some()) && seen.troubles.is_empty());
    assert!(seen.journal.durable > 0 && seen.store.documents_most > 0 && seen.watched_ms > 0);

    let beside = Client::new(harness.path()).snapshot().await.unwrap();
    assert_eq!((&beside.executions, &beside.tenants), (&seen.executions, &seen.tenants));
    assert_eq!((&beside.integrations, &beside.gates), (&seen.integrations, &seen.gates));

    harness.tool.open(6);
    for handle in &handles {
        soon(handle.wait()).await.unwrap();
    }
    engine.flush().await.unwrap();
    let rest = engine.snapshot().await;
    assert_eq!((rest.executions.in_flight, rest.executions.queued, rest.tenants.len()), (0, 0, 0));
    let calls = tool(&rest, "tool");
    assert_eq!((calls.running, calls.waiting, calls.completed), (0, 0, 6));
    assert!((3..=5).contains(&calls.waited), "those that were queued may find the place free: {calls:?}");
    assert!(rest.store.written > 0 && rest.store.documents == 0 && rest.journal.behind == 0);
}

/// A tool that does not work.
struct Broken;

impl Integration for Broken {
    fn actions(&self) -> &[&str] {
        &["ask"]
    }

    fn call(&self, _: Call) -> Answer<'_> {
        Box::pin(async { Err(Failure::new(FailureKind::Unreachable, "down")) })
    }
}

#[tokio::test]
async fn failures_retries_and_open_circuits_are_told_by_tool() {
    let harness = Harness::default();
    let policy = BreakerPolicy::new().failures(2);
    let engine = harness.builder().integration("edr", Broken).breaker("edr", policy).start().await.unwrap();
    let step = "{id: ask, action: edr.ask, when_open: fail, retry: {attempts: 2, initial: 1ms}}";
    let broken = playbook(&format!("steps:\n  - {step}\n"));
    for _ in 0..2 {
        let handle = harness.submit(&engine, &broken, json!({})).await;
        soon(handle.wait()).await.unwrap();
    }
    let seen = engine.snapshot().await;
    let calls = tool(&seen, "edr");
    assert_eq!((calls.failed.get("unreachable"), calls.retried), (Some(&2), 1));
    assert_eq!(calls.refused.get("unavailable"), Some(&1), "the circuit is open, and the step does not wait");
    assert_eq!((calls.breaker_openings, calls.circuits.get("open")), (1, Some(&1)));
    let gate = &seen.gates[0];
    assert_eq!((gate.circuit, gate.integration.as_str()), (CircuitWord::Open, "edr"));
    assert!(gate.left_ms.is_some_and(|left| left > 0));
}

#[tokio::test]
async fn of_many_tenants_those_with_most_to_do_are_told_and_how_many_there_are() {
    let harness = Harness::default();
    let engine = harness.builder().executions_in_flight(1).start().await.unwrap();
    let mut handles = submitted(&engine, "first", 3).await;
    for number in 0..SNAPSHOT_TENANTS + 5 {
        handles.extend(submitted(&engine, &format!("tenant-{number}"), 1).await);
    }
    let seen = engine.snapshot().await;
    assert_eq!((seen.tenants.len(), seen.tenants_in_all), (SNAPSHOT_TENANTS, SNAPSHOT_TENANTS + 6));
    assert_eq!((seen.tenants[0].tenant.as_str(), seen.tenants[0].queued), ("first", 2));
    let whole = serde_json::to_string(&seen).unwrap();
    assert!(whole.len() < 64 << 10, "{} bytes", whole.len());
    assert_eq!(serde_json::from_str::<EngineSnapshot>(&whole).unwrap(), seen);
}
