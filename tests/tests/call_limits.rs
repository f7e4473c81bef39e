//! Limits of tools: calls wait for them in fair order, have not been attempted meanwhile, and fail for none.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;
use updraft::integrations::HttpIntegration;
use updraft::{
    Call, CallLimits, CancelVerdict, Clock, Durability, Engine, ExecutionStatus, Handle, Playbook, Priority,
    Rate, SettingKind, SettingStore, SqliteStore, StartError, Submission, ToolCircuit, WaitKind,
};
use updraft_tests::{Harness, ToolServer, asked, completed, named, playbook, soon, started, tenant, until};

fn number(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

fn one_call(action: &str) -> Playbook {
    playbook(&format!("steps:\n  - {{id: call, action: tool.{action}}}\n"))
}

async fn all_completed(handles: &[Handle]) {
    for handle in handles {
        completed(handle).await;
    }
}

/// No midnight comes while a test runs.
fn at_noon() -> Harness {
    const HOUR_MS: u64 = 3_600_000;
    let harness = Harness::default();
    let of_day = harness.clock.now().0 % (24 * HOUR_MS);
    harness.clock.advance(Duration::from_millis((36 * HOUR_MS - of_day) % (24 * HOUR_MS)));
    harness
}

/// Waits until so many calls stand in line at the only gate.
async fn in_line(engine: &Engine, calls: usize) {
    until(async || engine.tool_gates().iter().any(|gate| gate.waiting == calls)).await;
}

/// Whose calls these were, in their order.
fn tenants(calls: &[Call]) -> Vec<String> {
    calls.iter().map(|call| call.tenant.as_str().to_owned()).collect()
}

#[tokio::test]
async fn a_tenant_that_floods_a_tool_waits_behind_itself() {
    let harness = Harness::default();
    let limits = CallLimits::new().at_once(number(2)).shared();
    let engine = harness.builder().call_limits("tool", limits).start().await.unwrap();
    let (flood, quiet) = (tenant("flood"), tenant("quiet"));
    let of_flood = engine.playbooks().put(&flood, one_call("gate")).await.unwrap();
    let of_quiet = engine.playbooks().put(&quiet, one_call("gate")).await.unwrap();
    let mut handles = Vec::new();
    for _ in 0..100 {
        handles.push(engine.submit(Submission::new(flood.clone(), of_flood)).await.unwrap());
    }
    in_line(&engine, 98).await;
    for _ in 0..3 {
        handles.push(engine.submit(Submission::new(quiet.clone(), of_quiet)).await.unwrap());
    }
    in_line(&engine, 101).await;
    harness.tool.open(1_000);
    all_completed(&handles).await;
    let calls = tenants(&harness.tool.calls());
    let last_of_quiet = calls.iter().rposition(|tenant| tenant == "quiet").unwrap();
    // Two had begun before; from then on they take turns.
    assert!(last_of_quiet < 2 + 2 * 3, "{calls:?}");
    assert_eq!((calls.len(), harness.tool.most()), (103, 2));
}

#[tokio::test]
async fn what_is_urgent_goes_before_what_its_tenant_sent_earlier() {
    let harness = Harness::default();
    let limits = CallLimits::new().at_once(number(1));
    let engine = harness.builder().call_limits("tool", limits).start().await.unwrap();
    let pid = harness.put(&engine, &one_call("gate")).await;
    let mut handles = vec![harness.submit(&engine, &one_call("gate"), json!({})).await];
    harness.tool.begun(1).await;
    let order = [Priority::Low, Priority::Normal, Priority::High, Priority::Critical];
    for (waiting, priority) in order.into_iter().enumerate() {
        let submission = Submission::new(tenant("acme"), pid).priority(priority);
        handles.push(engine.submit(submission).await.unwrap());
        in_line(&engine, waiting + 1).await;
    }
    harness.tool.open(10);
    all_completed(&handles).await;
    let called: Vec<_> = harness.tool.calls().iter().map(|call| call.peid).collect();
    let expected: Vec<_> = [0, 4, 3, 2, 1].map(|at: usize| handles[at].peid()).into();
    assert_eq!(called, expected);
}

#[tokio::test]
async fn a_call_in_line_has_not_been_attempted_and_a_restart_makes_it_once() {
    let harness = Harness::default();
    let limits = || CallLimits::new().at_once(number(1));
    let engine = started(&harness.builder().call_limits("tool", limits())).await;
    let steps = "steps:\n  - {id: call, action: tool.gate, at_most_once: true}\n";
    let playbook = playbook(steps);
    let first = harness.submit(&engine, &playbook, json!({})).await;
    harness.tool.begun(1).await;
    let second = harness.submit(&engine, &playbook, json!({})).await;
    in_line(&engine, 1).await;
    let (acme, waiting) = (tenant("acme"), second.peid());
    engine.flush().await.unwrap();
    let stored = engine.execution(&acme, waiting).await.unwrap().unwrap();
    assert!(stored.tasks.iter().all(|task| task.state.attempt == 0), "{:?}", stored.tasks);
    // Without an end of its calls: as a crash leaves it.
    drop((engine, first, second));
    let engine = started(&harness.builder().call_limits("tool", limits())).await;
    harness.tool.open(10);
    let resumed = engine.handle(&acme, waiting).await.unwrap().unwrap();
    all_completed(&[resumed]).await;
    let made = harness.tool.calls().iter().filter(|call| call.peid == waiting).count();
    assert_eq!(made, 1, "it was never sent, and is not of unknown outcome");
}

#[tokio::test]
async fn who_is_cancelled_in_line_makes_no_call_and_holds_up_nobody() {
    let harness = Harness::default();
    let limits = CallLimits::new().at_once(number(1));
    let engine = harness.builder().call_limits("tool", limits).start().await.unwrap();
    let playbook = one_call("gate");
    let first = harness.submit(&engine, &playbook, json!({})).await;
    harness.tool.begun(1).await;
    let second = harness.submit(&engine, &playbook, json!({})).await;
    in_line(&engine, 1).await;
    let third = harness.submit(&engine, &playbook, json!({})).await;
    in_line(&engine, 2).await;
    assert!(matches!(soon(second.cancel(asked())).await.unwrap(), CancelVerdict::Cancelled));
    let ended = soon(second.wait()).await.unwrap();
    assert_eq!(ended.state.execution_status, ExecutionStatus::Cancelled);
    harness.tool.open(10);
    all_completed(&[first, third]).await;
    assert_eq!(harness.tool.calls().len(), 2);
}

#[tokio::test]
async fn a_rate_makes_calls_wait_and_fails_none() {
    let harness = Harness::default();
    let rate = Rate::new(number(100), Duration::from_secs(1)).unwrap();
    let engine =
        harness.builder().call_limits("tool", CallLimits::new().rate(rate).shared()).start().await.unwrap();
    let each = "tasks_at_once: 100\nsteps:\n  - id: all\n    for_each: input\n    at_once: 100\n    do:\n      - {action: tool.echo}\n";
    let began = Instant::now();
    let handle = harness.submit(&engine, &named("many", each), json!(vec![0; 60])).await;
    all_completed(&[handle]).await;
    // Five together, and the other 55 at intervals of 10 ms.
    assert!(began.elapsed() >= Duration::from_millis(540), "{:?}", began.elapsed());
    assert_eq!(harness.tool.calls().len(), 60);
}

#[tokio::test]
async fn a_tool_that_demands_fewer_calls_gets_none_before_the_time() {
    let harness = Harness::default();
    let engine = harness.builder().call_limits("tool", CallLimits::new()).start().await.unwrap();
    let limited = "steps:\n  - {id: call, action: tool.limited, arguments: {failures: 1, seconds: 2}}\n";
    let began = Instant::now();
    let first = harness.submit(&engine, &named("limited", limited), json!({})).await;
    harness.tool.begun(1).await;
    let closed = || engine.tool_gates().iter().any(|gate| matches!(gate.circuit, ToolCircuit::Cooling(_)));
    until(async || closed()).await;
    let second = harness.submit(&engine, &one_call("echo"), json!({})).await;
    all_completed(&[second]).await;
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
    harness.clock.advance(Duration::from_secs(2));
    all_completed(&[first]).await;
}

#[tokio::test]
async fn each_host_of_an_integration_that_takes_urls_is_counted_for_itself() {
    let (harness, one, other) = (Harness::default(), ToolServer::start().await, ToolServer::start().await);
    let (first, second) = (one.address(), other.address());
    let allow = |place: SocketAddr| place.to_string().parse().unwrap();
    let http = HttpIntegration::builder().allow(allow(first)).allow(allow(second)).build().unwrap();
    let limited = harness.builder().integration("http", http);
    let engine = limited.call_limits("http", CallLimits::new().at_once(number(1))).start().await.unwrap();
    let call = |place| {
        format!(
            "  - {{action: http.request, arguments: {{url: 'http://{place}/a'}}, on_failure: continue}}\n"
        )
    };
    let playbook = playbook(&format!("steps:\n{}{}", call(first), call(second)));
    all_completed(&[harness.submit(&engine, &playbook, json!({})).await]).await;
    let mut hosts: Vec<_> = engine.tool_gates().into_iter().map(|gate| gate.host.unwrap()).collect();
    hosts.sort_unstable();
    let mut expected = vec![first.to_string(), second.to_string()];
    expected.sort_unstable();
    assert_eq!(hosts, expected);
}

#[tokio::test]
async fn what_was_used_of_a_day_outlives_a_crash_and_who_waits_for_the_next_day_leaves_memory() {
    let harness = at_noon();
    let limits = || CallLimits::new().daily(number(3)).shared();
    for calls in [2, 1] {
        let engine = started(&harness.builder().call_limits("tool", limits())).await;
        let mut handles = Vec::new();
        for _ in 0..calls {
            handles.push(harness.submit(&engine, &one_call("echo"), json!({})).await);
        }
        all_completed(&handles).await;
        // Without an end: as a crash leaves it.
        drop(engine);
    }
    let engine = started(&harness.builder().call_limits("tool", limits())).await;
    let handle = harness.submit(&engine, &one_call("echo"), json!({})).await;
    let acme = tenant("acme");
    let waits = async || {
        engine.flush().await.unwrap();
        let stored = engine.execution(&acme, handle.peid()).await.unwrap().unwrap();
        let wait = stored.tasks.first().and_then(|task| task.state.wait.clone());
        wait.is_some_and(|wait| wait.kind == WaitKind::Cooldown)
    };
    until(waits).await;
    assert_eq!(harness.tool.calls().len(), 3);
}

#[tokio::test]
async fn an_end_in_order_gives_back_what_is_not_used_of_a_day() {
    let harness = at_noon();
    // Granted four at a time.
    let limits = || CallLimits::new().daily(number(200)).shared();
    for _ in 0..3 {
        let engine = started(&harness.builder().call_limits("tool", limits())).await;
        all_completed(&[harness.submit(&engine, &one_call("echo"), json!({})).await]).await;
        let _ = engine.shutdown(Duration::from_secs(10)).await;
    }
    let store = SqliteStore::open(harness.path(), Durability::Os).unwrap();
    let counted = store.settings(SettingKind::CallCount, None, 10).await.unwrap();
    let counted: serde_json::Value = serde_json::from_str(counted[0].value.as_str()).unwrap();
    assert_eq!(counted["calls"], 3);
}

#[tokio::test]
async fn limits_that_make_no_sense_are_refused_at_the_start() {
    let harness = Harness::default();
    let at_once = CallLimits::new().at_once(number(1)).at_once_of_tenant(number(2));
    for (name, limits, why) in [
        ("tool", at_once, "call_limits: tool: 2 calls of a tenant at once are more than the 1 of all"),
        ("edr", CallLimits::new(), "call_limits: edr: no such integration"),
    ] {
        match harness.builder().call_limits(name, limits).start().await {
            Err(StartError::Configuration(told)) => assert_eq!(told, why),
            other => panic!("{:?}", other.map(|_| ())),
        }
    }
}
