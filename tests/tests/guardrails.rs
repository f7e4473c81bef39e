//! Guardrails: what an operator lets playbooks do holds for every call that is made from then on, over crashes too, and is
//! told and audited.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value as Form, json};
use updraft::integrations::DeclaredMail;
use updraft::{
    ActionSpec, Answer, ApprovalAnswer, AuditQuery, AuditRecord, Call, Effect, EndedBy, Engine,
    ExecutionStatus, FailureKind, Guardrail, GuardrailError, Handle, Inbox, InboxQuery, Integration, Json,
    Name, Playbook, StepId, Submission, TaskStatus, Value,
};
use updraft_tests::{Harness, asked, named, not_started, playbook, soon, started, tenant, until};

/// An EDR whose calls are counted by action and host.
#[derive(Clone, Default)]
struct Edr(Arc<Mutex<Vec<String>>>);

impl Edr {
    fn calls(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Integration for Edr {
    fn actions(&self) -> &[&str] {
        &["isolate", "release", "look", "note"]
    }

    fn spec(&self, action: &str) -> ActionSpec {
        let effect = if action == "look" { Effect::Read } else { Effect::Write };
        let target = (action != "note").then_some("host");
        ActionSpec { effect, target, is_idempotent: true, ..ActionSpec::default() }
    }

    fn call(&self, call: Call) -> Answer<'_> {
        let host = call.arguments.get("host").and_then(Value::as_str).unwrap_or("-").to_owned();
        self.0.lock().unwrap().push(format!("{} {host}", call.action));
        Box::pin(std::future::ready(Ok(Json::null())))
    }
}

struct World {
    harness: Harness,
    edr: Edr,
}

impl World {
    fn new() -> Self {
        Self { harness: Harness::default(), edr: Edr::default() }
    }

    async fn start(&self) -> Engine {
        started(&self.harness.builder().integration("edr", self.edr.clone())).await
    }
}

fn guardrail(form: Form) -> Guardrail {
    serde_json::from_value(form).unwrap()
}

async fn set(engine: &Engine, form: Form) {
    engine.guardrails().set(guardrail(form), asked()).await.unwrap();
}

fn isolate() -> Playbook {
    playbook("steps:\n  - {id: isolate, action: edr.isolate, arguments: {host: \"{{ input.host }}\"}}\n")
}

async fn submit(engine: &Engine, playbook: &Playbook, host: &str) -> Handle {
    let acme = tenant("acme");
    let pid = engine.playbooks().put(&acme, playbook.clone()).await.unwrap();
    let input = Json::from(json!({"host": host})).tree().unwrap();
    engine.submit(Submission::new(acme, pid).input(input)).await.unwrap()
}

/// Why the only step of an execution failed; `None` if it completed.
async fn failure(engine: &Engine, host: &str) -> Option<String> {
    let handle = submit(engine, &isolate(), host).await;
    let ended = soon(handle.wait()).await.unwrap();
    if ended.state.execution_status == ExecutionStatus::Completed {
        return None;
    }
    let task = soon(handle.inspect()).await.unwrap().tasks.remove(0);
    let failure = task.state.error.unwrap();
    assert_eq!(failure.kind, FailureKind::Denied, "{failure}");
    Some(failure.message)
}

async fn audit(engine: &Engine) -> Vec<AuditRecord> {
    let query = AuditQuery { tenant: None, after: None, limit: 100 };
    engine.guardrails().audit(query).await.unwrap()
}

fn told(records: &[AuditRecord]) -> Vec<String> {
    let told = |record: &AuditRecord| {
        format!(
            "{} {} {} {}",
            record.what,
            record.subject,
            record.outcome,
            record.uid.as_deref().unwrap_or("-")
        )
    };
    records.iter().rev().map(told).collect()
}

#[tokio::test]
async fn a_kill_switch_holds_at_once_over_restarts_and_until_it_is_cleared() {
    let world = World::new();
    let engine = world.start().await;
    assert_eq!(failure(&engine, "ws-1").await, None);
    set(&engine, json!({"name": "stop", "for": ["edr.isolate"], "kill_switch": true})).await;
    let why = failure(&engine, "ws-2").await.unwrap();
    assert_eq!(why, "guardrail \"stop\" (kill_switch): no such call is made");
    drop(engine);
    let engine = world.start().await;
    assert!(failure(&engine, "ws-3").await.is_some());
    engine.guardrails().clear(&Name::new("stop").unwrap(), asked()).await.unwrap();
    assert_eq!(failure(&engine, "ws-4").await, None);
    assert_eq!(world.edr.calls(), ["isolate ws-1", "isolate ws-4"]);
    let records = audit(&engine).await;
    let expected = [
        "guardrail.set stop done ana",
        "guardrail.refused stop refused -",
        "guardrail.refused stop refused -",
        "guardrail.cleared stop done ana",
    ];
    assert_eq!(told(&records), expected);
    assert!(records.iter().all(|record| record.reason.is_some()));
    assert_eq!(records[1].tenant_code, Some(tenant("acme")));
}

#[tokio::test]
async fn protected_targets_are_left_alone_and_others_are_not() {
    let world = World::new();
    let engine = world.start().await;
    let protected = json!({"hosts": ["dc01.corp.example"], "ips": ["10.0.0.0/8"], "users": ["ceo"]});
    set(&engine, json!({"name": "jewels", "effect": "write", "protected": protected})).await;
    for host in ["dc01.corp.example", "DC01.CORP.EXAMPLE.", "dc01", "::ffff:10.2.3.4", "ceo@corp.example"] {
        let why = failure(&engine, host).await.unwrap();
        assert!(why.contains("is protected"), "{why}");
    }
    assert!(failure(&engine, "dc\u{200b}01").await.unwrap().contains("taken for protected"));
    assert_eq!(failure(&engine, "ws-1").await, None);
    let looks = named(
        "looks",
        "steps:\n  - {id: look, action: edr.look, arguments: {host: dc01}}\n  - {id: note, action: edr.note}\n",
    );
    let handle = submit(&engine, &looks, "-").await;
    soon(handle.wait()).await.unwrap();
    let tasks = soon(handle.inspect()).await.unwrap().tasks;
    let statuses: Vec<TaskStatus> = tasks.iter().map(|task| task.state.status).collect();
    assert_eq!(
        statuses,
        [TaskStatus::Completed, TaskStatus::Failed],
        "a look passes, an unknown target does not"
    );
    assert_eq!(world.edr.calls(), ["isolate ws-1", "look dc01"]);
}

#[tokio::test]
async fn a_protected_account_gets_no_mail_whichever_list_it_is_in() {
    let world = World::new();
    let engine = started(&world.harness.builder().integration("mail", DeclaredMail)).await;
    set(&engine, json!({"name": "jewels", "for": ["mail"], "protected": {"users": ["ceo@corp.example"]}}))
        .await;
    for list in ["to", "cc", "bcc"] {
        let tell = r#"to: [a@corp.example], LIST: [b@corp.example, {address: "{{ input.host }}"}], subject: s, text: t"#;
        let tell = if list == "to" { tell.split_once("], ").unwrap().1 } else { tell };
        let text = format!("steps:\n  - {{id: tell, action: mail.send, arguments: {{{tell}}}}}\n");
        let handle = submit(&engine, &named(list, &text.replace("LIST", list)), "CEO@Corp.Example").await;
        soon(handle.wait()).await.unwrap();
        let failure = soon(handle.inspect()).await.unwrap().tasks.remove(0).state.error.unwrap();
        assert!(
            failure.kind == FailureKind::Denied && failure.message.contains("is protected"),
            "{list}: {failure}"
        );
    }
}

#[tokio::test]
async fn guardrails_are_asked_again_for_calls_of_executions_that_run() {
    let world = World::new();
    let engine = world.start().await;
    let steps = "steps:\n  - {id: gate, action: tool.gate}\n  - {id: isolate, action: edr.isolate, arguments: {host: h}}\n";
    let handle = submit(&engine, &playbook(steps), "-").await;
    world.harness.tool.begun(1).await;
    set(&engine, json!({"name": "stop", "tenants": ["acme"], "for": ["edr"], "kill_switch": true})).await;
    world.harness.tool.open(1);
    let ended = soon(handle.wait()).await.unwrap();
    assert_eq!((ended.state.execution_status, world.edr.calls().len()), (ExecutionStatus::Failed, 0));
}

#[tokio::test]
async fn a_guardrail_that_makes_no_sense_changes_nothing() {
    let world = World::new();
    let engine = world.start().await;
    set(&engine, json!({"name": "few", "for": ["edr.isolate"], "kill_switch": true})).await;
    for (form, place) in [
        (json!({"name": "few", "for": ["edr.isolat"], "kill_switch": true}), "for[0]: "),
        (json!({"name": "few", "cap": {"calls": 5}}), "cap.per: "),
        (json!({"name": "few"}), "it says nothing"),
    ] {
        let refused = engine.guardrails().set(guardrail(form), asked()).await.unwrap_err();
        assert!(refused.to_string().contains(place) && !refused.retryable(), "{refused}");
    }
    let nobody = updraft::Asked { uid: " ".into(), reason: "x".into() };
    let cleared = engine.guardrails().clear(&Name::new("few").unwrap(), nobody).await;
    assert!(matches!(cleared, Err(GuardrailError::NotAsker)));
    let none = engine.guardrails().clear(&Name::new("other").unwrap(), asked()).await;
    assert!(matches!(none, Err(GuardrailError::NoGuardrail(_))));
    assert!(failure(&engine, "ws-1").await.is_some());
    assert_eq!(audit(&engine).await.len(), 2);
}

#[tokio::test]
async fn what_was_set_or_cleared_at_run_time_wins_over_what_is_declared() {
    let world = World::new();
    let declared = |form: Form| {
        let builder = world.harness.builder().integration("edr", world.edr.clone());
        builder.guardrails([guardrail(form)])
    };
    let stop = || json!({"name": "stop", "for": ["edr.isolate"], "kill_switch": true});
    let engine = started(&declared(stop())).await;
    assert!(failure(&engine, "ws-1").await.is_some());
    set(&engine, json!({"name": "stop", "for": ["edr.release"], "kill_switch": true})).await;
    assert_eq!(failure(&engine, "ws-2").await, None);
    drop(engine);
    let engine = started(&declared(stop())).await;
    assert_eq!(failure(&engine, "ws-3").await, None, "a start with the same file changes nothing");
    engine.guardrails().clear(&Name::new("stop").unwrap(), asked()).await.unwrap();
    drop(engine);
    let engine = started(&declared(stop())).await;
    assert_eq!(failure(&engine, "ws-4").await, None, "what was cleared stays so");
    let entry = engine.guardrails().list().await.unwrap().remove(0);
    assert!(entry.is_declared && entry.guardrail.is_none(), "{entry:?}");
    assert_eq!(&*entry.set.unwrap().uid, "ana");
    drop(engine);
    let wrong = declared(json!({"name": "stop", "for": ["edr.nothing"], "kill_switch": true}));
    assert!(not_started(&wrong).await.to_string().contains("for[0]"));
}

#[tokio::test]
async fn a_cap_counts_over_crashes_and_says_which_call_was_one_too_many() {
    let world = World::new();
    let cap = json!({"calls": 3, "per": "1h", "over": "refuse"});
    let engine = world.start().await;
    set(&engine, json!({"name": "few", "for": ["edr.isolate"], "cap": cap})).await;
    assert_eq!(failure(&engine, "ws-1").await, None);
    assert_eq!(failure(&engine, "ws-2").await, None);
    // Without an end of its work: as a crash leaves it.
    drop(engine);
    let engine = world.start().await;
    assert_eq!(failure(&engine, "ws-3").await, None);
    let why = failure(&engine, "ws-4").await.unwrap();
    assert_eq!(why, "guardrail \"few\" (cap): no room: 3 of 3 calls within 1h");
    world.harness.clock.advance(Duration::from_secs(3_601));
    assert_eq!(failure(&engine, "ws-5").await, None);
    assert_eq!(world.edr.calls().len(), 4);
    let acme_only = failure(&engine, "ws-6").await;
    assert_eq!(acme_only, None, "the window has moved on");
}

#[tokio::test]
async fn calls_at_once_take_no_more_than_the_cap_and_the_others_wait_and_are_explained() {
    let world = World::new();
    let engine = world.start().await;
    set(&engine, json!({"name": "few", "for": ["edr.isolate"], "cap": {"calls": 2, "per": "1h"}})).await;
    let mut handles = Vec::new();
    for host in 0..6 {
        handles.push(submit(&engine, &isolate(), &format!("ws-{host}")).await);
    }
    let acme = tenant("acme");
    let waiting = async || {
        let mut waiting = Vec::new();
        for handle in &handles {
            let explained = engine.why(&acme, handle.peid()).await.unwrap();
            waiting.extend(explained.into_iter().flat_map(|explained| explained.waits));
        }
        waiting
    };
    until(async || {
        let waits = waiting().await;
        waits.iter().filter(|wait| matches!(wait.ended_by, EndedBy::Guardrail { .. })).count() == 4
    })
    .await;
    let waits = waiting().await;
    let EndedBy::Guardrail { name, why } = &waits[0].ended_by else { panic!("{waits:?}") };
    assert!(&**name == "few" && why.contains("2 of 2 calls within 1h"), "{why}");
    assert_eq!(world.edr.calls().len(), 2);
    engine.guardrails().clear(&Name::new("few").unwrap(), asked()).await.unwrap();
    world.harness.clock.advance(Duration::from_secs(120));
    drop(engine);
    let engine = world.start().await;
    for handle in &handles {
        let handle = engine.handle(&acme, handle.peid()).await.unwrap().unwrap();
        assert_eq!(soon(handle.wait()).await.unwrap().state.execution_status, ExecutionStatus::Completed);
    }
    assert_eq!(world.edr.calls().len(), 6);
}

#[tokio::test]
async fn a_call_without_room_goes_on_by_itself_when_there_is_some() {
    let world = World::new();
    let engine = world.start().await;
    set(&engine, json!({"name": "few", "for": ["edr.isolate"], "cap": {"calls": 1, "per": "1s"}})).await;
    let mut handles = Vec::new();
    for host in 0..3 {
        handles.push(submit(&engine, &isolate(), &format!("ws-{host}")).await);
    }
    for handle in &handles {
        assert_eq!(soon(handle.wait()).await.unwrap().state.execution_status, ExecutionStatus::Completed);
    }
    assert_eq!(world.edr.calls().len(), 3);
}

#[tokio::test]
async fn people_decide_about_a_call_over_a_cap_and_the_audit_says_who() {
    let world = World::new();
    let engine = world.start().await;
    let cap = json!({"calls": 1, "per": "1h", "over": "ask", "ask": {"assignees": ["ana", "bo"]}});
    set(&engine, json!({"name": "few", "for": ["edr.isolate"], "cap": cap})).await;
    assert_eq!(failure(&engine, "ws-1").await, None);
    let acme = tenant("acme");
    for (host, choice, status) in
        [("ws-2", "approve", ExecutionStatus::Completed), ("ws-3", "refuse", ExecutionStatus::Failed)]
    {
        let handle = submit(&engine, &isolate(), host).await;
        let entries = async || {
            engine.flush().await.unwrap();
            let query = InboxQuery { tenant: acme.clone(), of: Inbox::All, after: None, limit: 10 };
            engine.inbox(query).await.unwrap()
        };
        until(async || entries().await.len() == 1).await;
        let entry = entries().await.remove(0);
        assert!(
            entry.question.contains(&format!("May edr.isolate of {host} pass guardrail \"few\"?")),
            "{}",
            entry.question
        );
        let answer = ApprovalAnswer {
            uid: "bo".into(),
            groups: Vec::new(),
            choice: StepId::new(choice).unwrap(),
            comment: Some("it is on fire".into()),
            data: None,
        };
        engine.answer(&acme, handle.peid(), entry.task, answer).await.unwrap();
        assert_eq!(soon(handle.wait()).await.unwrap().state.execution_status, status);
    }
    assert_eq!(world.edr.calls(), ["isolate ws-1", "isolate ws-2"]);
    let expected = [
        "guardrail.set few done ana",
        "guardrail.overridden few passed bo",
        "guardrail.upheld few refused bo",
    ];
    until(async || told(&audit(&engine).await) == expected).await;
    assert_eq!(audit(&engine).await[0].reason.as_deref(), Some("it is on fire"));
}

#[tokio::test]
async fn no_more_targets_are_contained_at_once_than_the_cap_says_and_undos_always_pass() {
    let world = World::new();
    let engine = world.start().await;
    set(&engine, json!({"name": "few", "for": ["edr"], "cap": {"active": 2, "over": "refuse"}})).await;
    let steps = "steps:\n  - id: isolate\n    action: edr.isolate\n    arguments: {host: \"{{ input.host }}\"}\n    \
                 target: \"{{ input.host }}\"\n    expires: 1h\n    undo: {action: edr.release, arguments: {host: \"{{ input.host }}\"}}\n";
    let contain = named("contain", steps);
    let run = async |host: &str| {
        let handle = submit(&engine, &contain, host).await;
        soon(handle.wait()).await.unwrap().state.execution_status
    };
    assert_eq!(run("ws-1").await, ExecutionStatus::Completed);
    assert_eq!(run("ws-2").await, ExecutionStatus::Completed);
    assert_eq!(run("ws-2").await, ExecutionStatus::Completed, "it is contained already");
    assert_eq!(run("ws-3").await, ExecutionStatus::Failed);
    let plain = failure(&engine, "ws-9").await.unwrap();
    assert!(plain.contains("no `expires`"), "{plain}");
    let acme = tenant("acme");
    let contained = async |target: &str| {
        let of = updraft::ContainmentsOf::Target(target.into());
        let query = updraft::ContainmentQuery { tenant: acme.clone(), of, after: None, limit: 10 };
        engine.containments().list(query).await.unwrap().0.into_iter().next()
    };
    until(async || contained("ws-1").await.is_some()).await;
    let id = contained("ws-1").await.unwrap().id;
    let _ = engine.containments().undo(&acme, id, ("ana", "a test")).await.unwrap();
    until(async || contained("ws-1").await.is_some_and(|found| found.status.ended())).await;
    until(async || run("ws-3").await == ExecutionStatus::Completed).await;
    assert!(world.edr.calls().contains(&"release ws-1".to_owned()));
}
