//! Tenants are walls: what one has, another neither reads, nor lists, nor runs, nor cancels, nor collides with.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::collections::BTreeSet;

use futures_util::StreamExt;
use serde_json::json;
use updraft::{
    Detail, ExecutionQuery, ExecutionStatus, ExecutionsOf, Name, Playbook, PlaybookStatus, PutError, Refusal,
    SlowestQuery, Submission, TaskQuery, Timestamp,
};
use updraft_tests::{Harness, playbook, soon, tenant};

fn gate(word: &str) -> Playbook {
    playbook(&format!("steps:\n  - {{id: gate, action: tool.gate, arguments: {{word: {word}}}}}\n"))
}

#[tokio::test]
async fn what_one_tenant_runs_another_neither_reads_nor_cancels_live_or_ended() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let (acme, globex) = (tenant("acme"), tenant("globex"));
    let pid = engine.playbooks().put(&acme, gate("acme")).await.unwrap();
    let submission = Submission::new(acme.clone(), pid).alert_id("alert").uid("analyst");
    let handle = engine.submit(submission).await.unwrap();
    let peid = handle.peid();
    for ended in [false, true] {
        if ended {
            harness.tool.open(1);
            soon(handle.wait()).await.unwrap();
        }
        engine.flush().await.unwrap();
        assert!(engine.handle(&globex, peid).await.unwrap().is_none());
        assert!(engine.execution(&globex, peid).await.unwrap().is_none());
        assert!(engine.reader().tasks(&globex, peid, 0, 100).await.unwrap().is_empty());
        assert!(
            engine
                .reader()
                .tasks_of_alert(TaskQuery::of_alert(globex.clone(), "alert"))
                .await
                .unwrap()
                .is_empty()
        );
        for of in [
            ExecutionsOf::Any,
            ExecutionsOf::User("analyst".into()),
            ExecutionsOf::Status(ExecutionStatus::Executing),
            ExecutionsOf::Status(ExecutionStatus::Completed),
        ] {
            let query =
                ExecutionQuery { tenant: globex.clone(), of, after: None, limit: 100, detail: Detail::Whole };
            assert_eq!(engine.reader().executions_stream(query).count().await, 0);
        }
        let status = if ended { ExecutionStatus::Completed } else { ExecutionStatus::Executing };
        let slowest = SlowestQuery { tenant: Some(globex.clone()), status, since: Timestamp(0), top: 10 };
        assert!(engine.reader().slowest_playbooks(slowest).await.unwrap().is_empty());

        assert_eq!(handle.status().await.unwrap(), status, "its owner sees it");
        assert_eq!(engine.execution(&acme, peid).await.unwrap().unwrap().tasks.len(), 1);
        assert_eq!(
            engine.reader().tasks_of_alert(TaskQuery::of_alert(acme.clone(), "alert")).await.unwrap().len(),
            1
        );
    }
    assert!(harness.tool.calls().iter().all(|call| call.tenant == acme));
}

#[tokio::test]
async fn a_playbook_is_its_tenants_own_and_names_and_keys_do_not_collide() {
    let harness = Harness::default();
    let engine = harness.start().await;
    let tenants = ["acme", "globex", "Acme", "acme.", "a-c_m.e"].map(tenant);
    let (mut pids, mut peids) = (BTreeSet::new(), BTreeSet::new());
    for owner in &tenants {
        let pid = engine.playbooks().put(owner, gate(owner.as_str())).await.unwrap();
        assert_eq!(engine.playbooks().put(owner, gate(owner.as_str())).await.unwrap(), pid);
        assert!(pids.insert(pid), "the same name is another playbook of another tenant");
        let conflict = engine.playbooks().put(owner, gate("other")).await;
        assert!(matches!(conflict, Err(PutError::Conflict { pid: stored, .. }) if stored == pid));
        for other in tenants.iter().filter(|other| *other != owner) {
            assert!(engine.playbooks().get(other, pid).await.unwrap().is_none());
            let refused = engine.submit(Submission::new(other.clone(), pid)).await.unwrap_err().refusal;
            assert!(matches!(refused, Refusal::Playbook(_)), "{refused}");
        }
    }
    let name = Name::new("test").unwrap();
    harness.tool.open(tenants.len());
    for owner in &tenants {
        let submission = Submission::new(owner.clone(), name.clone()).idempotency_key("one").alert_id("one");
        let handle = engine.submit(submission.clone()).await.unwrap();
        assert!(peids.insert(handle.peid()), "the same key is another execution of another tenant");
        let ended = soon(handle.wait()).await.unwrap();
        assert_eq!(ended.state.output.unwrap().value(), json!({ "word": owner.as_str() }));
        assert_eq!(engine.submit(submission).await.unwrap().peid(), handle.peid());
    }
    engine.flush().await.unwrap();
    for owner in &tenants {
        let listed = engine.playbooks().list(owner, PlaybookStatus::Active, None, None, 10).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert!(pids.contains(&listed[0].pid) && listed[0].tenant_code == *owner);
        assert_eq!(
            engine.reader().tasks_of_alert(TaskQuery::of_alert(owner.clone(), "one")).await.unwrap().len(),
            1
        );
    }
}

#[tokio::test]
async fn a_tenant_that_takes_all_its_places_leaves_the_others_theirs() {
    let harness = Harness::default();
    let limited = harness.builder().shards(1).executions_in_flight(20).executions_in_flight_of_tenant(15);
    let engine = limited.start().await.unwrap();
    let (acme, globex) = (tenant("acme"), tenant("globex"));
    let greedy = engine.playbooks().put(&acme, gate("acme")).await.unwrap();
    for _ in 0..15 {
        engine.try_submit(Submission::new(acme.clone(), greedy)).await.unwrap();
    }
    let refused = engine.try_submit(Submission::new(acme, greedy)).await.unwrap_err().refusal;
    assert!(matches!(refused, Refusal::TenantFull));
    let body = "steps:\n  - {id: echo, action: tool.echo}\n";
    let pid = engine.playbooks().put(&globex, playbook(body)).await.unwrap();
    for _ in 0..20 {
        let handle = engine.try_submit(Submission::new(globex.clone(), pid)).await.unwrap();
        assert_eq!(soon(handle.wait()).await.unwrap().state.execution_status, ExecutionStatus::Completed);
    }
}
