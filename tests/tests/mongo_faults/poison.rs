//! Documents that the server will never take: they are put aside with the reason, their execution is failed with
//! it, and nothing else waits for them.

use mongodb::bson::{Document, doc};
use serde_json::json;
use updraft::{ExecutionStatus, FailureKind};
use updraft_tests::{named, soon};

use crate::scene::Scene;

async fn refused_for_ever() {
    let scene = Scene::new().await;
    let engine = scene.start().await;
    let pid = scene.put(&engine).await;
    let bare = scene.bare().await;
    let rule = doc! { "response.all.poison": { "$exists": false } };
    let command = doc! { "collMod": "task_execution_collection", "validator": rule };
    bare.run_command(command).await.unwrap();
    let mut good = scene.submit(&engine, pid, 10).await;
    let gated = named(
        "poison",
        "steps:
  - {id: first, action: tool.echo, arguments: {all: '{{ input }}'}}
  - {id: gate, action: tool.gate}
",
    );
    let poisoned = scene.harness.submit(&engine, &gated, json!({ "poison": true })).await;
    good.extend(scene.submit(&engine, pid, 10).await);

    let ended = soon(poisoned.wait()).await.unwrap();
    assert_eq!(ended.state.execution_status, ExecutionStatus::Failed);
    assert_eq!(ended.state.error.as_ref().unwrap().kind, FailureKind::Store);
    for handle in &good {
        assert_eq!(soon(handle.wait()).await.unwrap().state.execution_status, ExecutionStatus::Completed);
    }
    soon(engine.flush()).await.unwrap();
    let letters = engine.reader().dead_letters(Some(poisoned.tenant()), None, 10).await.unwrap();
    assert!(letters.iter().all(|letter| letter.peid == poisoned.peid()), "{letters:?}");
    assert!(letters.iter().any(|letter| letter.reason.contains("121")), "{letters:?}");
    let stored = engine.execution(poisoned.tenant(), poisoned.peid()).await.unwrap().unwrap();
    assert_eq!(*stored.execution, ended, "its end is stored");
    let completed = doc! { "execution_status": "completed" };
    let executions = bare.collection::<Document>("playbook_execution_collection");
    assert_eq!(executions.count_documents(completed).await.unwrap(), 20, "nothing waits for it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_is_refused_for_ever_is_put_aside_and_blocks_nothing() {
    refused_for_ever().await;
}
