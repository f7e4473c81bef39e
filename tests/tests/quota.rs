//! What tenants have of an engine: quotas, and pauses of all that is of a tenant or playbook, set at run time and kept through
//! restarts; and alerts that are known again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future;
use serde_json::json;
use updraft::{
    Asked, AuditQuery, Engine, ExecutionId, ExecutionStatus, Handle, Name, PauseScope, Playbook, Quota,
    Refusal, SettingError, Submission, SubmissionRate, TenantCode,
};
use updraft_tests::timeouts::TEST_TIMEOUT;
use updraft_tests::{Harness, asked, completed, named, tenant, until};

fn gate(name: &str) -> Playbook {
    named(name, "steps:\n  - {id: gate, action: tool.gate}\n")
}

async fn submission(engine: &Engine, of: &str, playbook: &Playbook) -> Submission {
    let pid = engine.playbooks().put(&tenant(of), playbook.clone()).await.unwrap();
    Submission::new(tenant(of), pid)
}

fn in_flight(places: u64) -> Quota {
    Quota { in_flight: Some(places), ..Quota::default() }
}

/// The tenants in the order in which they called the tool.
fn order(harness: &Harness) -> Vec<TenantCode> {
    harness.tool.calls().iter().map(|call| call.tenant.clone()).collect()
}

#[tokio::test]
async fn a_quota_holds_at_run_time_and_after_a_restart_and_is_audited() {
    let harness = Harness::default();
    let engine = harness.builder().executions_in_flight(50).start().await.unwrap();
    let acme = tenant("acme");
    let gated = submission(&engine, "acme", &gate("gate")).await;
    let refused = engine.set_quota(&acme, in_flight(51), asked()).await;
    assert!(
        matches!(&refused, Err(SettingError::Invalid(why)) if why.starts_with("in_flight: ")),
        "{refused:?}"
    );
    let nobody = Asked { uid: "".into(), reason: "".into() };
    assert!(matches!(engine.set_quota(&acme, in_flight(2), nobody).await, Err(SettingError::NoReason)));
    assert_eq!(engine.quota(&acme), Quota::default(), "nothing has changed");

    engine.set_quota(&acme, in_flight(2), asked()).await.unwrap();
    let mut handles = Vec::new();
    for _ in 0..6 {
        handles.push(engine.submit(gated.clone()).await.unwrap());
    }
    assert_eq!(handles.iter().filter(|handle| handle.is_queued()).count(), 4);
    let other = engine.submit(submission(&engine, "globex", &gate("gate")).await).await.unwrap();
    assert!(!other.is_queued(), "the engine has places");
    engine.set_quota(&acme, in_flight(4), asked()).await.unwrap();
    until(async || engine.queued() == 2).await;
    harness.tool.begun(5).await;
    let _ = engine.shutdown(Duration::ZERO).await;

    let engine = harness.builder().executions_in_flight(50).start().await.unwrap();
    assert_eq!(engine.quota(&acme), in_flight(4));
    let listed = AuditQuery { tenant: Some(acme.clone()), after: None, limit: 9 };
    let audit = engine.audit(listed).await.unwrap();
    assert_eq!(audit.iter().map(|record| &*record.what).collect::<Vec<_>>(), ["quota.set", "quota.set"]);
    assert_eq!(audit[0].uid.as_deref(), Some("ana"));
    assert_eq!(engine.queued(), 2, "four run");
    engine.clear_quota(&acme, asked()).await.unwrap();
    until(async || engine.queued() == 0).await;
    harness.tool.open(20);
    for handle in handles {
        let handle = engine.handle(&acme, handle.peid()).await.unwrap().unwrap();
        completed(&handle).await;
    }
    let _ = engine.shutdown(TEST_TIMEOUT).await;
}

#[tokio::test]
async fn a_tenant_has_no_more_tasks_at_the_tools_than_its_quota_says_and_other_tenants_go_on() {
    let harness = Harness::default();
    let tasks_at_once = |tasks| Quota { tasks_at_once: Some(tasks), ..Quota::default() };
    let engine = harness.builder().quota_of(tenant("acme"), tasks_at_once(3)).start().await.unwrap();
    let fan_out = "steps:
  - id: each
    for_each: input
    at_once: 8
    do:
      - {id: gate, action: tool.gate}
";
    let wide = named("wide", fan_out);
    let items = json!([1, 2, 3, 4, 5, 6, 7, 8]);
    let of_acme = submission(&engine, "acme", &wide).await.input(items.clone());
    let handle = engine.submit(of_acme).await.unwrap();
    harness.tool.begun(3).await;
    let of_globex = submission(&engine, "globex", &wide).await.input(items);
    let other = engine.submit(of_globex).await.unwrap();
    harness.tool.begun(3 + 8).await;
    let of_acme = || order(&harness).iter().filter(|of| **of == tenant("acme")).count();
    assert_eq!(of_acme(), 3, "the fourth waits, and all of the other tenant run");
    engine.set_quota(&tenant("acme"), tasks_at_once(4), asked()).await.unwrap();
    harness.tool.begun(3 + 8 + 1).await;
    assert_eq!(of_acme(), 4);
    let refused = engine.set_quota(&tenant("acme"), tasks_at_once(0), asked()).await;
    assert!(matches!(&refused, Err(SettingError::Invalid(why)) if why.starts_with("tasks_at_once: 0 ")));
    harness.tool.open(100);
    completed(&handle).await;
    completed(&other).await;
    assert_eq!(order(&harness).len(), 16);
}

#[tokio::test]
async fn a_quota_of_the_builder_bounds_the_backlog_and_the_rate_of_submissions() {
    let harness = Harness::default();
    let submissions = Some(SubmissionRate { per_second: 1, burst: 3 });
    let own = Quota { queued: Some(1), submissions, ..in_flight(1) };
    let engine = harness.builder().quota_of(tenant("acme"), own).start().await.unwrap();
    let gated = submission(&engine, "acme", &gate("gate")).await;
    let first = engine.submit(gated.clone()).await.unwrap();
    let second = engine.submit(gated.clone()).await.unwrap();
    assert!(!first.is_queued() && second.is_queued());
    let full = engine.submit(gated.clone()).await.unwrap_err();
    assert!(matches!(full.refusal, Refusal::BacklogFull { .. }), "{full}");
    let fast = engine.submit(gated.clone()).await.unwrap_err();
    assert!(matches!(fast.refusal, Refusal::TooFast { .. }) && fast.retryable(), "{fast}");
    let other = submission(&engine, "globex", &gate("gate")).await;
    for _ in 0..5 {
        assert!(!engine.submit(other.clone()).await.unwrap().is_queued());
    }
    harness.tool.open(9);
    completed(&first).await;
    completed(&second).await;
    let wrong = harness.builder().quota(in_flight(0)).start().await.err().unwrap().to_string();
    assert!(wrong.starts_with("quota: in_flight: 0 is not within"), "{wrong}");
}

#[tokio::test]
async fn tenants_begin_by_their_weights() {
    let harness = Harness::default();
    let heavy = Quota { weight: Some(3), ..Quota::default() };
    let builder = harness.builder().executions_in_flight(1).quota_of(tenant("heavy"), heavy);
    let engine = builder.start().await.unwrap();
    let held = engine.submit(submission(&engine, "held", &gate("gate")).await).await.unwrap();
    harness.tool.begun(1).await;
    let mut handles = Vec::new();
    for of in ["light", "heavy"] {
        let gated = submission(&engine, of, &gate("gate")).await;
        for _ in 0..6 {
            handles.push(engine.submit(gated.clone()).await.unwrap());
        }
    }
    engine.flush().await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    harness.tool.open(20);
    completed(&held).await;
    for handle in &handles {
        completed(handle).await;
    }
    let first: Vec<TenantCode> = order(&harness)[1..9].to_vec();
    let heavy = first.iter().filter(|of| of.as_str() == "heavy").count();
    assert_eq!(heavy, 6, "three turns for one: {first:?}");
}

#[tokio::test]
async fn all_of_a_playbook_and_all_of_a_tenant_are_paused_until_they_are_resumed() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let (one, two) = (
        named("one", "steps:\n  - {id: gate, action: tool.gate}\n  - {id: last, action: tool.echo}\n"),
        gate("two"),
    );
    let (ones, twos) = (submission(&engine, "acme", &one).await, submission(&engine, "acme", &two).await);
    let running = engine.submit(ones.clone()).await.unwrap();
    harness.tool.begun(1).await;
    let scope = PauseScope { tenant: tenant("acme"), playbook: Some(Name::new("one").unwrap()) };
    assert_eq!(engine.pause_all(scope.clone(), asked()).await.unwrap(), 1);
    assert_eq!(running.status().await.unwrap(), ExecutionStatus::Paused);
    let queued = engine.submit(ones.clone()).await.unwrap();
    assert!(queued.is_queued(), "there are places");
    let refused = engine.try_submit(ones.clone()).await.unwrap_err();
    assert!(matches!(refused.refusal, Refusal::Paused));
    harness.tool.open(9);
    let other = engine.submit(twos.clone()).await.unwrap();
    // Another playbook goes on.
    completed(&other).await;
    let whole = PauseScope { tenant: tenant("acme"), playbook: None };
    assert_eq!(engine.pause_all(whole.clone(), asked()).await.unwrap(), 0);
    let third = engine.submit(twos).await.unwrap();
    let globex = engine.submit(submission(&engine, "globex", &two).await).await.unwrap();
    assert!(third.is_queued());
    completed(&globex).await;
    let _ = engine.shutdown(TEST_TIMEOUT).await;

    let engine = harness.start().await;
    assert_eq!(engine.paused_scopes().len(), 2);
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!((engine.queued(), harness.tool.times("last")), (2, 0));
    assert_eq!(engine.resume_all(whole, asked()).await.unwrap(), 1);
    let third = engine.handle(&tenant("acme"), third.peid()).await.unwrap().unwrap();
    completed(&third).await;
    assert_eq!(engine.queued(), 1, "the playbook is paused still");
    assert_eq!(engine.resume_all(scope, asked()).await.unwrap(), 0);
    for peid in [running.peid(), queued.peid()] {
        let handle = engine.handle(&tenant("acme"), peid).await.unwrap().unwrap();
        completed(&handle).await;
    }
    assert!(engine.paused_scopes().is_empty());
}

#[tokio::test]
async fn whatever_begins_while_its_tenant_is_paused_and_resumed_goes_on_in_the_end() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let two_steps = "steps:\n  - {id: a, action: tool.echo}\n  - {id: b, action: tool.echo}\n";
    let submitted = submission(&engine, "acme", &named("one", two_steps)).await;
    let scope = || PauseScope { tenant: tenant("acme"), playbook: None };
    let mut handles = Vec::new();
    for _ in 0..10 {
        let submitting = async {
            let mut submitted_now = Vec::new();
            for _ in 0..10 {
                submitted_now.push(engine.submit(submitted.clone()).await.unwrap());
            }
            submitted_now
        };
        // Who asked first has had their way when the other one begins.
        let pausing = engine.pause_all(scope(), asked());
        let resuming = engine.resume_all(scope(), asked());
        let (submitted_now, paused, resumed) = tokio::join!(submitting, pausing, resuming);
        handles.extend(submitted_now);
        assert!(paused.is_ok() && resumed.is_ok(), "{paused:?} {resumed:?}");
        assert!(engine.paused_scopes().is_empty());
    }
    for handle in &handles {
        completed(handle).await;
    }
}

#[tokio::test]
async fn an_alert_that_comes_again_within_the_window_is_given_its_execution() {
    let harness = Harness::default();
    let engine = Arc::new(harness.start().await);
    let gated = submission(&engine, "acme", &gate("gate")).await.alert_id("a-7");
    let hour = Duration::from_secs(3_600);
    let again = gated.clone().deduplicate(hour);
    let at_once = (0..40).map(|_| {
        let (engine, again) = (engine.clone(), again.clone());
        tokio::spawn(async move { engine.submit(again).await.unwrap() })
    });
    let handles: Vec<Handle> = future::join_all(at_once).await.into_iter().map(Result::unwrap).collect();
    let peids: BTreeSet<ExecutionId> = handles.iter().map(Handle::peid).collect();
    assert_eq!((peids.len(), handles.iter().filter(|handle| handle.deduplicated()).count()), (1, 39));
    harness.tool.open(9);
    completed(&handles[0]).await;
    let other = engine.submit(again.clone().alert_id("a-8")).await.unwrap();
    assert!(!other.deduplicated());
    let elsewhere = submission(&engine, "acme", &gate("other")).await.alert_id("a-7").deduplicate(hour);
    assert!(!engine.submit(elsewhere).await.unwrap().deduplicated(), "another playbook");
    let _ = engine.shutdown(TEST_TIMEOUT).await;

    let engine = harness.start().await;
    let known = engine.submit(again.clone()).await.unwrap();
    assert!(known.deduplicated() && peids.contains(&known.peid()));
    completed(&known).await;
    harness.clock.advance(hour + Duration::from_secs(1));
    let new = engine.submit(again.clone()).await.unwrap();
    assert!(!new.deduplicated() && !peids.contains(&new.peid()));
    assert!(!engine.submit(gated).await.unwrap().deduplicated(), "it was not asked for");
}
