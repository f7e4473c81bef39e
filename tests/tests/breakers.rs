//! Circuit breakers: a tool that does not work is left alone, by whom it fails, and works again when a probe succeeds.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use updraft::secret::{self, Found};
use updraft::{
    ActionSpec, Answer, AuditQuery, BreakerPolicy, Call, CircuitName, EndedBy, Engine, ExecutionStatus,
    Failure, FailureKind, ForcedCircuit, Integration, Name, SecretProvider, SettingError, StartError,
    TaskStatus, TenantCode, ToolCircuit, WaitKind,
};
use updraft_tests::{Harness, named, playbook, soon, tenant, until};

/// A tool that works or does not.
#[derive(Clone, Default)]
struct Service {
    works: Arc<AtomicBool>,
    calls: Arc<AtomicUsize>,
}

impl Integration for Service {
    fn actions(&self) -> &[&str] {
        &["ask"]
    }

    fn spec(&self, _: &str) -> ActionSpec {
        ActionSpec { takes_secrets: true, ..ActionSpec::default() }
    }

    fn call(&self, _: Call) -> Answer<'_> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let works = self.works.load(Ordering::Relaxed);
        Box::pin(async move {
            if works { Ok(json!({}).into()) } else { Err(Failure::new(FailureKind::Unreachable, "down")) }
        })
    }
}

impl Service {
    fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

async fn engine(harness: &Harness, service: &Service, policy: BreakerPolicy) -> Engine {
    harness.builder().integration("edr", service.clone()).breaker("edr", policy).start().await.unwrap()
}

fn circuit(tenant_code: Option<&str>) -> CircuitName {
    CircuitName { integration: Name::new("edr").unwrap(), tenant: tenant_code.map(tenant), host: None }
}

fn once(when_open: &str) -> updraft::Playbook {
    let step =
        format!("steps:\n  - {{id: ask, action: edr.ask, retry: {{attempts: 1}}, when_open: {when_open}}}\n");
    named(when_open, &step)
}

const POLICY: fn() -> BreakerPolicy = || BreakerPolicy::new().failures(3);

/// Does not answer.
struct Vault;

impl SecretProvider for Vault {
    fn secret<'a>(&'a self, _: &'a TenantCode, _: &'a Name) -> Found<'a> {
        Box::pin(async { Err(secret::Error::Unavailable) })
    }
}

#[tokio::test]
async fn a_vault_that_does_not_answer_opens_the_circuit_of_no_tool() {
    let (harness, service) = (Harness::default(), Service::default());
    let builder = harness.builder().secrets(Vault).integration("edr", service.clone());
    let engine = builder.breaker("edr", POLICY()).start().await.unwrap();
    let step =
        "steps:\n  - {id: ask, action: edr.ask, retry: {attempts: 1}, arguments: {key: {$secret: edr}}}\n";
    for _ in 0..5 {
        let failed = harness.submit(&engine, &playbook(step), json!({})).await;
        let error = soon(failed.wait()).await.unwrap().state.error.unwrap();
        assert_eq!(error.kind, FailureKind::Unreachable, "{}", error.message);
        assert!(error.message.contains("secret"), "{}", error.message);
    }
    let gates = engine.tool_gates();
    assert!(gates.iter().all(|gate| gate.circuit == ToolCircuit::Closed), "{gates:?}");
    assert_eq!(service.calls(), 0);
}

/// Keeps every request back for a bound of its own.
#[derive(Clone, Default)]
struct Full(Arc<AtomicUsize>);

impl Integration for Full {
    fn actions(&self) -> &[&str] {
        &["ask"]
    }

    fn spec(&self, _: &str) -> ActionSpec {
        ActionSpec { says_sending: true, ..ActionSpec::default() }
    }

    fn call(&self, call: Call) -> Answer<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        call.sending.held_back();
        Box::pin(std::future::ready(Err(Failure::new(FailureKind::Unreachable, "no connection is left"))))
    }
}

#[tokio::test]
async fn calls_that_a_bound_of_the_process_keeps_from_a_tool_are_retried_and_open_no_circuit() {
    let (harness, full) = (Harness::default(), Full::default());
    let builder = harness.builder().integration("edr", full.clone()).breaker("edr", POLICY());
    let engine = builder.start().await.unwrap();
    let step = "steps:\n  - {id: ask, action: edr.ask, retry: {attempts: 8, initial: 1ms, max: 1ms}}\n";
    let failed = harness.submit(&engine, &playbook(step), json!({})).await;
    let error = soon(failed.wait()).await.unwrap().state.error.unwrap();
    assert_eq!((error.kind, full.0.load(Ordering::Relaxed)), (FailureKind::Unreachable, 8), "{error}");
    let gates = engine.tool_gates();
    assert!(gates.iter().all(|gate| gate.circuit == ToolCircuit::Closed), "{gates:?}");
}

#[tokio::test]
async fn after_failures_in_a_row_no_call_is_made_until_a_probe_succeeds() {
    let (harness, service) = (Harness::default(), Service::default());
    let engine = engine(&harness, &service, POLICY().open_for(Duration::from_secs(1))).await;
    for _ in 0..3 {
        let failed = harness.submit(&engine, &once("wait"), json!({})).await;
        assert_eq!(soon(failed.wait()).await.unwrap().state.execution_status, ExecutionStatus::Failed);
    }
    let mut waiting = Vec::new();
    for _ in 0..10 {
        waiting.push(harness.submit(&engine, &once("wait"), json!({})).await);
    }
    until(async || engine.tool_gates().iter().any(|gate| gate.waiting == 10)).await;
    assert!(matches!(engine.tool_gates()[0].circuit, ToolCircuit::Open(_)));
    assert_eq!(service.calls(), 3);
    service.works.store(true, Ordering::Relaxed);
    for handle in waiting {
        assert_eq!(soon(handle.wait()).await.unwrap().state.execution_status, ExecutionStatus::Completed);
    }
    assert_eq!(service.calls(), 13);
}

#[tokio::test]
async fn a_step_that_waits_for_long_leaves_memory_and_says_what_it_waits_for() {
    let (harness, service) = (Harness::default(), Service::default());
    let engine = engine(&harness, &service, POLICY()).await;
    for _ in 0..3 {
        let failed = harness.submit(&engine, &once("wait"), json!({})).await;
        soon(failed.wait()).await.unwrap();
    }
    let handle = harness.submit(&engine, &once("wait"), json!({})).await;
    let acme = tenant("acme");
    let waits = async || {
        engine.flush().await.unwrap();
        let stored = engine.execution(&acme, handle.peid()).await.unwrap().unwrap();
        stored.tasks.iter().any(|task| {
            task.state.status == TaskStatus::Retrying
                && task.state.attempt == 0
                && task.state.wait.as_ref().is_some_and(|wait| wait.kind == WaitKind::Cooldown)
        })
    };
    until(waits).await;
    let why = engine.why(&acme, handle.peid()).await.unwrap().unwrap();
    let told = "the tool is not called for";
    assert!(
        why.waits.iter().any(|wait| matches!(&wait.ended_by, EndedBy::Cooldown { tool, why }
            if &**tool == "edr" && why.starts_with(told) && why.ends_with("too many of its calls have failed"))),
        "{why:?}"
    );
    assert_eq!(service.calls(), 3);
    // The circuit is closed by a person, and the instant comes.
    service.works.store(true, Ordering::Relaxed);
    engine.force_breaker(&circuit(None), ForcedCircuit::Closed, ("u-1", "it works again")).await.unwrap();
    harness.clock.advance(Duration::from_secs(61));
    assert_eq!(soon(handle.wait()).await.unwrap().state.execution_status, ExecutionStatus::Completed);
}

#[tokio::test]
async fn a_step_that_does_not_wait_fails_without_a_call_and_its_failure_is_handled() {
    let (harness, service) = (Harness::default(), Service::default());
    let engine = engine(&harness, &service, POLICY()).await;
    for _ in 0..3 {
        let failed = harness.submit(&engine, &once("fail"), json!({})).await;
        soon(failed.wait()).await.unwrap();
    }
    let step = "steps:\n  - {id: ask, action: edr.ask, when_open: fail, at_most_once: true, on_failure: other}\n  - {id: other, end: completed}\n";
    let handle = harness.submit(&engine, &playbook(step), json!({})).await;
    let ended = soon(handle.wait()).await.unwrap();
    assert_eq!(ended.state.execution_status, ExecutionStatus::Completed);
    engine.flush().await.unwrap();
    let stored = engine.execution(&tenant("acme"), handle.peid()).await.unwrap().unwrap();
    let ask = stored.tasks.iter().find(|task| task.head.step_id.as_str() == "ask").unwrap();
    assert_eq!(ask.state.status, TaskStatus::Failed, "it was never sent, and is not of unknown outcome");
    assert_eq!(ask.state.error.as_ref().unwrap().kind, FailureKind::Unavailable);
    assert_eq!(service.calls(), 3);
}

#[tokio::test]
async fn another_tenant_has_a_circuit_of_its_own() {
    let (harness, service) = (Harness::default(), Service::default());
    let engine = engine(&harness, &service, POLICY()).await;
    for _ in 0..3 {
        soon(harness.submit(&engine, &once("fail"), json!({})).await.wait()).await.unwrap();
    }
    let umbrella = tenant("umbrella");
    let pid = engine.playbooks().put(&umbrella, once("fail")).await.unwrap();
    soon(engine.submit(updraft::Submission::new(umbrella, pid)).await.unwrap().wait()).await.unwrap();
    assert_eq!(service.calls(), 4, "its call was made");
}

#[tokio::test]
async fn what_a_person_has_decided_outlives_a_restart_and_is_audited() {
    let (harness, service) = (Harness::default(), Service::default());
    service.works.store(true, Ordering::Relaxed);
    let first = engine(&harness, &service, POLICY()).await;
    let (open, by) = (ForcedCircuit::Open, ("u-1", "the vendor has an outage"));
    let unnamed = first.force_breaker(&circuit(None), open, ("u-1", " ")).await;
    assert!(matches!(unnamed, Err(SettingError::NoReason)), "{unnamed:?}");
    let other = CircuitName { integration: Name::new("siem").unwrap(), ..circuit(None) };
    let unknown = first.force_breaker(&other, open, by).await.unwrap_err();
    assert_eq!(unknown.to_string(), "integration: there is no \"siem\"");
    first.force_breaker(&circuit(Some("acme")), open, by).await.unwrap();
    let _ = first.shutdown(Duration::from_secs(5)).await;
    drop(first);
    let second = engine(&harness, &service, POLICY()).await;
    let ended = soon(harness.submit(&second, &once("fail"), json!({})).await.wait()).await.unwrap();
    let error = ended.state.error.as_ref().unwrap();
    assert!(error.message.contains("an operator has opened its circuit"), "{error}");
    assert_eq!(service.calls(), 0);
    let forced = second.forced_breakers().await.unwrap();
    assert_eq!(
        (forced.len(), &forced[0].circuit, forced[0].uid.as_deref()),
        (1, &circuit(Some("acme")), Some("u-1"))
    );
    second.release_breaker(&circuit(Some("acme")), ("u-2", "it is over")).await.unwrap();
    let gone = second.release_breaker(&circuit(Some("acme")), ("u-2", "it is over")).await;
    assert!(matches!(gone, Err(SettingError::Missing(_))), "{gone:?}");
    let ended = soon(harness.submit(&second, &once("fail"), json!({})).await.wait()).await.unwrap();
    assert_eq!(ended.state.execution_status, ExecutionStatus::Completed);
    let query = AuditQuery { tenant: Some(tenant("acme")), after: None, limit: 10 };
    let told: Vec<_> = second.audit(query).await.unwrap().into_iter().map(|record| record.what).collect();
    assert_eq!(told.last().map(|what| &**what), Some("breaker.set"));
    assert!(told.iter().any(|what| &**what == "breaker.cleared"));
}

#[tokio::test]
async fn a_breaker_that_makes_no_sense_is_refused_at_the_start() {
    let harness = Harness::default();
    for (name, policy, why) in [
        ("tool", BreakerPolicy::new().failures(0), "breaker: tool: failures: at least 1"),
        ("edr", BreakerPolicy::new(), "breaker: edr: no such integration"),
    ] {
        match harness.builder().breaker(name, policy).start().await {
            Err(StartError::Configuration(told)) => assert_eq!(told, why),
            other => panic!("{:?}", other.map(|_| ())),
        }
    }
}
