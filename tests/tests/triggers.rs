//! Triggers: what starts playbooks by itself. Put, versioned, paused and removed with an audit; schedules fire once for each
//! instant, through restarts and crashes at each point.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::collections::BTreeSet;
use std::time::Duration;

use updraft::secret::Found;
use updraft::{
    Asked, AuditQuery, Clock, Detail, Durability, Engine, ExecutionDocument, ExecutionQuery, ExecutionsOf,
    Json, Name, Playbook, Secret, SecretProvider, Setting, SettingError, SettingKind, SettingStore,
    SqliteStore, Submission, TenantCode, Timestamp, Trigger, TriggerEntry, TriggerError, TriggerPut,
    WebhookAnswer, WebhookRequest,
};
use updraft_tests::timeouts::TEST_TIMEOUT;
use updraft_tests::{Harness, asked, named, started, tenant, until};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn report() -> Playbook {
    named("report", "steps:\n  - {id: say, action: tool.echo}\n")
}

fn hanging() -> Playbook {
    named("report", "steps:\n  - {id: wait, action: tool.hang}\n")
}

/// A trigger that fires daily, first in more than half an hour: no instant passes while a test runs, but where it sets the clock.
fn daily(harness: &Harness, version: u32, rest: &str) -> Trigger {
    let soon = harness.clock.now().after(Duration::from_secs(45 * 60)).to_string();
    let (hour, minute) = (&soon[11..13], &soon[14..16]);
    let file = format!(
        "{{trigger: morning, version: {version}, playbook: report, on: {{schedule: {{cron: '{minute} {hour} * * *'{rest}}}}}}}"
    );
    Trigger::parse(file.as_bytes()).unwrap()
}

fn morning() -> Name {
    Name::new("morning").unwrap()
}

async fn put(engine: &Engine, trigger: Trigger) -> Result<TriggerPut, TriggerError> {
    engine.triggers().put(&tenant("acme"), trigger, asked()).await
}

async fn entry(engine: &Engine) -> TriggerEntry {
    engine.triggers().get(&tenant("acme"), &morning()).await.unwrap().unwrap()
}

async fn executions(engine: &Engine) -> Vec<ExecutionDocument> {
    engine.flush().await.unwrap();
    let query = ExecutionQuery {
        tenant: tenant("acme"),
        of: ExecutionsOf::Any,
        after: None,
        limit: 1_000,
        detail: Detail::Whole,
    };
    engine.reader().executions(query).await.unwrap().0
}

/// Waits until the trigger has decided everything that is due: it has fired `fired` times.
async fn has_fired(engine: &Engine, fired: u64) {
    until(async || {
        let entry = entry(engine).await;
        assert!(entry.history.fired <= fired, "{entry:?}");
        entry.history.fired == fired && entry.history.pending.is_none()
    })
    .await;
}

#[tokio::test]
async fn a_tenant_that_has_as_many_triggers_as_it_may_takes_the_room_of_no_other() {
    let harness = Harness::default();
    let engine = harness.start().await;
    harness.put(&engine, &report()).await;
    put(&engine, daily(&harness, 1, "")).await.unwrap();
    let umbrella = tenant("umbrella");
    engine.playbooks().put(&umbrella, report()).await.unwrap();
    let _ = engine.shutdown(TEST_TIMEOUT).await;
    let key = SettingKind::Trigger.key("acme/morning");
    let store = SqliteStore::open(harness.path(), Durability::Os).unwrap();
    let stored = store.setting(&key).await.unwrap().unwrap();
    for number in 1..10_000 {
        let setting = Setting { key: SettingKind::Trigger.key(&format!("acme/t{number}")), ..stored.clone() };
        assert!(store.put_setting(setting, None).await.unwrap());
    }
    drop(store);
    let engine = harness.start().await;
    let other = |name: &str| {
        let file = format!(
            "{{trigger: {name}, version: 1, playbook: report, on: {{schedule: {{cron: '0 7 * * *'}}}}}}"
        );
        Trigger::parse(file.as_bytes()).unwrap()
    };
    let refused = put(&engine, other("another")).await.unwrap_err();
    assert_eq!(refused.to_string(), "acme has 10000 triggers: one of them has to be removed first");
    assert!(!refused.retryable());
    engine.triggers().put(&umbrella, other("another"), asked()).await.unwrap();
    engine.triggers().remove(&tenant("acme"), &morning(), asked()).await.unwrap();
    assert_eq!(put(&engine, other("another")).await.unwrap(), TriggerPut::Created);
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn a_trigger_is_versioned_paused_resumed_and_removed_by_people_who_say_why() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let (acme, triggers) = (tenant("acme"), engine.triggers());
    let refused = put(&engine, daily(&harness, 1, "")).await.unwrap_err().to_string();
    assert_eq!(refused, "playbook: there is no playbook `report`; put it first");
    harness.put(&engine, &report()).await;
    let first = daily(&harness, 1, "");
    assert_eq!(put(&engine, first.clone()).await.unwrap(), TriggerPut::Created);
    assert_eq!(put(&engine, first.clone()).await.unwrap(), TriggerPut::Unchanged);
    let other = daily(&harness, 1, ", overlap: allow");
    let conflict = put(&engine, other).await.unwrap_err();
    assert_eq!(
        conflict.to_string(),
        "morning: version 1 says something else; a version never changes: put it as version 2"
    );
    let second = daily(&harness, 2, ", overlap: allow");
    assert_eq!(put(&engine, second).await.unwrap(), TriggerPut::Replaced(1));
    assert!(matches!(put(&engine, first).await, Err(TriggerError::Older { newest: 2, .. })));
    let wrong = daily(&harness, 3, ", zone: Mars/Base");
    let mistakes = put(&engine, wrong).await.unwrap_err().to_string();
    assert!(mistakes.starts_with("on.schedule.zone: no such time zone"), "{mistakes}");
    let nobody = Asked { uid: "".into(), reason: "".into() };
    let paused = triggers.pause(&acme, &morning(), nobody).await;
    assert!(matches!(paused, Err(TriggerError::Setting(SettingError::NoReason))), "{paused:?}");

    triggers.pause(&acme, &morning(), asked()).await.unwrap();
    assert!(matches!(triggers.pause(&acme, &morning(), asked()).await, Err(TriggerError::AsItWas { .. })));
    let _ = engine.shutdown(TEST_TIMEOUT).await;

    let engine = harness.start().await;
    let triggers = engine.triggers();
    let found = entry(&engine).await;
    assert_eq!((found.paused, found.next, found.definition.version), (Some(asked()), None, 2));
    triggers.resume(&acme, &morning(), asked()).await.unwrap();
    assert!(entry(&engine).await.next.is_some());
    assert_eq!(triggers.list(&tenant("acm"), None, 10).await.unwrap(), [], "of another tenant");
    assert_eq!(triggers.list(&acme, None, 10).await.unwrap().len(), 1);
    assert_eq!(triggers.list(&acme, Some(&morning()), 10).await.unwrap(), []);
    triggers.remove(&acme, &morning(), asked()).await.unwrap();
    assert!(matches!(triggers.remove(&acme, &morning(), asked()).await, Err(TriggerError::Missing(_))));
    let audit = AuditQuery { tenant: Some(acme), after: None, limit: 9 };
    let audit = engine.audit(audit).await.unwrap();
    let told: Vec<&str> = audit.iter().rev().map(|record| &*record.what).collect();
    assert_eq!(told, ["trigger.put", "trigger.put", "trigger.paused", "trigger.resumed", "trigger.cleared"]);
    assert!(audit.iter().all(|record| record.uid.as_deref() == Some("ana")));
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn a_schedule_fires_at_each_instant_with_its_input_and_not_while_it_is_paused() {
    let harness = Harness::default();
    let engine = harness.builder().fire_triggers(true).start().await.unwrap();
    harness.put(&engine, &report()).await;
    let input = updraft::Value::parse(r#"{"day": "{{ event.date }}", "at": "{{ event.at }}"}"#).unwrap();
    let trigger = Trigger { input: Some(input), ..daily(&harness, 1, "") };
    put(&engine, trigger).await.unwrap();
    let due = entry(&engine).await.next.unwrap();
    harness.clock.advance(Duration::from_secs(3600));
    has_fired(&engine, 1).await;
    let ran = executions(&engine).await;
    let [execution] = &ran[..] else { panic!("{ran:?}") };
    let expected = format!(r#"{{"at":"{due}","day":"{}"}}"#, &due.to_string()[..10]);
    assert_eq!(execution.head.input.as_str(), expected);
    assert_eq!(execution.head.uid.as_deref(), Some("trigger/morning"));
    let fired = entry(&engine).await;
    assert_eq!(fired.history.last.map(|last| (last.at, last.peid)), Some((due, execution.peid)));
    assert_eq!(fired.next, Some(due.after(DAY)));

    engine.triggers().pause(&tenant("acme"), &morning(), asked()).await.unwrap();
    harness.clock.advance(3 * DAY);
    engine.triggers().resume(&tenant("acme"), &morning(), asked()).await.unwrap();
    harness.clock.advance(DAY);
    has_fired(&engine, 2).await;
    assert_eq!(entry(&engine).await.history.missed, 0, "those of the pause are none");
    engine.triggers().remove(&tenant("acme"), &morning(), asked()).await.unwrap();
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn the_playbooks_of_triggers_are_loaded_at_the_start() {
    let harness = Harness::default();
    let engine = harness.start().await;
    harness.put(&engine, &report()).await;
    put(&engine, daily(&harness, 1, "")).await.unwrap();
    let _ = engine.shutdown(TEST_TIMEOUT).await;
    let engine = harness.builder().fire_triggers(true).start().await.unwrap();
    let plans = async || {
        let caches = engine.snapshot().await.caches;
        caches.iter().find(|cache| cache.kind == "plan").unwrap().loads
    };
    until(async || plans().await == 1).await;
    assert_eq!(executions(&engine).await.len(), 0);
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn an_engine_that_does_not_fire_triggers_starts_nothing_and_the_next_one_does_what_missed_says() {
    let harness = Harness::default();
    let engine = harness.start().await;
    harness.put(&engine, &report()).await;
    put(&engine, daily(&harness, 1, ", missed: all, overlap: allow")).await.unwrap();
    harness.clock.advance(3 * DAY);
    let _ = engine.shutdown(TEST_TIMEOUT).await;
    let engine = harness.builder().fire_triggers(true).start().await.unwrap();
    has_fired(&engine, 3).await;
    let ran = executions(&engine).await;
    let instants: BTreeSet<&str> = ran.iter().map(|one| one.head.input.as_str()).collect();
    assert_eq!(instants.len(), 3);
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn overlap_skips_replaces_or_waits_for_the_execution_before() {
    for (overlap, after_two, at_end) in [("skip", (1, 1), 1), ("replace", (2, 0), 2), ("queue", (1, 0), 2)] {
        let harness = Harness::default();
        let engine = harness.builder().fire_triggers(true).start().await.unwrap();
        harness.put(&engine, &hanging()).await;
        put(&engine, daily(&harness, 1, &format!(", overlap: {overlap}"))).await.unwrap();
        harness.clock.advance(Duration::from_secs(3600));
        has_fired(&engine, 1).await;
        let first = entry(&engine).await.history.last.unwrap().peid;
        harness.clock.advance(DAY);
        let (fired, overlapped) = after_two;
        until(async || {
            let history = entry(&engine).await.history;
            history.fired == fired && history.overlapped == overlapped && history.pending.is_none()
        })
        .await;
        let _ = engine.cancel(&tenant("acme"), first, asked()).await.unwrap();
        has_fired(&engine, at_end).await;
        let _ = engine.shutdown(Duration::ZERO).await;
    }
}

#[tokio::test]
async fn an_instant_that_when_leaves_out_replaces_nothing() {
    let harness = Harness::default();
    let engine = harness.builder().fire_triggers(true).start().await.unwrap();
    harness.put(&engine, &hanging()).await;
    let soon = harness.clock.now().after(Duration::from_secs(45 * 60)).to_string();
    let when = Some(format!("event.date == '{}'", &soon[..10]));
    put(&engine, Trigger { when, ..daily(&harness, 1, ", overlap: replace") }).await.unwrap();
    harness.clock.advance(Duration::from_secs(3600));
    has_fired(&engine, 1).await;
    harness.clock.advance(DAY);
    until(async || entry(&engine).await.history.filtered == 1).await;
    let ran = executions(&engine).await;
    assert!(ran.len() == 1 && !ran[0].state.execution_status.ended(), "what runs goes on: {ran:?}");
    let _ = engine.shutdown(Duration::ZERO).await;
}

/// Writes what a crash left of the history of the trigger.
async fn leave(harness: &Harness, pending: Timestamp) {
    let store = SqliteStore::open(harness.path(), Durability::Os).unwrap();
    let key = SettingKind::TriggerHistory.key("acme/morning");
    let before = store.setting(&key).await.unwrap().map(|setting| setting.revision);
    let setting = Setting {
        key,
        revision: before.unwrap_or_default() + 1,
        value: Json::from(serde_json::json!({"until": pending, "pending": pending})),
        updated_date: pending,
        uid: None,
        reason: None,
    };
    assert!(store.put_setting(setting, before).await.unwrap());
    store.release().await.unwrap();
}

#[tokio::test]
async fn a_crash_before_or_after_the_submission_starts_one_execution() {
    for submitted in [false, true] {
        let harness = Harness::default();
        let engine = harness.start().await;
        let pid = harness.put(&engine, &report()).await;
        put(&engine, daily(&harness, 1, ", missed: skip")).await.unwrap();
        let due = entry(&engine).await.next.unwrap();
        harness.clock.advance(2 * DAY);
        let mut first = None;
        if submitted {
            let key = format!("trigger/morning/{due}");
            let submission = Submission::new(tenant("acme"), pid).idempotency_key(key);
            first = Some(engine.submit(submission).await.unwrap().peid());
        }
        let _ = engine.shutdown(TEST_TIMEOUT).await;
        leave(&harness, due).await;
        let engine = harness.builder().fire_triggers(true).start().await.unwrap();
        has_fired(&engine, 1).await;
        let last = entry(&engine).await.history.last.unwrap();
        assert_eq!(last.at, due, "however late, it was decided before");
        assert!(first.is_none_or(|first| first == last.peid), "the same execution");
        assert_eq!(executions(&engine).await.len(), 1);
        let _ = engine.shutdown(TEST_TIMEOUT).await;
    }
}

#[tokio::test]
async fn an_engine_that_crashes_again_and_again_fires_each_instant_once() {
    const DAYS: u32 = 25;
    let harness = Harness::default();
    let builder = harness.builder().fire_triggers(true);
    let mut engine = builder.clone().start().await.unwrap();
    harness.put(&engine, &report()).await;
    put(&engine, daily(&harness, 1, ", missed: all, overlap: allow")).await.unwrap();
    let first = entry(&engine).await.next.unwrap();
    for day in 0..DAYS {
        harness.clock.advance(DAY);
        engine.triggers().pause(&tenant("acme"), &Name::new("none").unwrap(), asked()).await.unwrap_err();
        // From before the driver has seen the instant to after it has stored what became of it.
        tokio::time::sleep(Duration::from_micros(u64::from(day) * 400)).await;
        drop(engine);
        engine = started(&builder).await;
    }
    has_fired(&engine, u64::from(DAYS)).await;
    let ran = executions(&engine).await;
    let keys: BTreeSet<String> =
        ran.iter().filter_map(|one| one.head.idempotency_key.as_deref()).map(str::to_owned).collect();
    let expected = (0..DAYS).map(|day| format!("trigger/morning/{}", first.after(day * DAY)));
    assert_eq!(keys, expected.collect());
    assert_eq!(ran.len(), keys.len(), "one execution for each");
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

/// A secret for every name.
struct Vault;

impl SecretProvider for Vault {
    fn secret<'a>(&'a self, _: &'a TenantCode, _: &'a Name) -> Found<'a> {
        Box::pin(async { Ok(Secret::new("a secret that is long enough").unwrap()) })
    }
}

#[tokio::test]
async fn what_a_webhook_receives_is_counted_on_after_an_answer_of_the_store_was_lost() {
    let harness = Harness::default();
    let engine = harness.builder().secrets(Vault).fire_triggers(true).start().await.unwrap();
    harness.put(&engine, &report()).await;
    let hook = "{trigger: morning, version: 1, playbook: report, on: {webhook: {signature: {scheme: github, secret: s}}}}";
    put(&engine, Trigger::parse(hook.as_bytes()).unwrap()).await.unwrap();
    let receive = async |delivery: &str| {
        // Of the body `{}`.
        let signed = "sha256=12c211cbf05765e9e07233dd51a55f5df32603859b63b20e474a8c3f7396c7ce";
        let headers = [("x-hub-signature-256", signed), ("x-github-delivery", delivery)];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let request = WebhookRequest { headers, body: b"{}"[..].into() };
        engine.webhooks().receive("acme", "morning", request).await
    };
    until(async || matches!(receive("1").await, WebhookAnswer::Accepted(_))).await;
    until(async || entry(&engine).await.history.fired >= 1).await;
    // The store has taken a write and its answer got lost: it has another revision than the engine knows.
    let store = rusqlite::Connection::open(harness.path().join("updraft.db")).unwrap();
    store.busy_timeout(TEST_TIMEOUT).unwrap();
    let raise = "UPDATE setting_collection SET revision = revision + 1 WHERE _id LIKE '%acme/morning' AND value LIKE '%fired%'";
    assert_eq!(store.execute(raise, []).unwrap(), 1);
    let before = entry(&engine).await.history.fired;
    assert!(matches!(receive("2").await, WebhookAnswer::Accepted(_)));
    until(async || entry(&engine).await.history.fired > before).await;
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn what_starts_nothing_is_counted_and_told() {
    let harness = Harness::default();
    let engine = harness.builder().fire_triggers(true).start().await.unwrap();
    let needs = "inputs: {type: object, required: [host]}\nsteps:\n  - {id: say, action: tool.echo}\n";
    harness.put(&engine, &named("report", needs)).await;
    put(&engine, daily(&harness, 1, "")).await.unwrap();
    harness.clock.advance(DAY);
    until(async || entry(&engine).await.history.refused == 1).await;
    let trouble = entry(&engine).await.history.trouble.unwrap();
    assert!(trouble.contains("host"), "{trouble}");
    let left_out = Trigger { when: Some("event.kind != 'schedule'".to_owned()), ..daily(&harness, 2, "") };
    put(&engine, left_out).await.unwrap();
    harness.clock.advance(DAY);
    until(async || entry(&engine).await.history.filtered == 1).await;
    assert_eq!(executions(&engine).await.len(), 0);
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}
