//! An engine that keeps nothing: it runs playbooks, answers queries, and leaves nothing behind. And what tools that
//! answer at once may do to the execution that calls them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::time::Duration;

use updraft::{
    Answer, Call, Detail, Engine, ExecutionQuery, ExecutionStatus, ExecutionsOf, FailureKind, Integration,
    Json, Playbook, Shutdown, Submission,
};
use updraft_tests::{playbook, soon, tenant};

/// A tool that answers at once, or panics with something that panics as it goes.
struct AtOnce;

struct Vengeful;

impl Drop for Vengeful {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "not even its end is quiet");
    }
}

impl Integration for AtOnce {
    fn actions(&self) -> &[&str] {
        &["answer", "burst"]
    }

    fn call(&self, call: Call) -> Answer<'_> {
        if call.action.as_str() == "burst" {
            std::panic::panic_any(Vengeful);
        }
        Box::pin(std::future::ready(Ok(Json::from(serde_json::json!(1)))))
    }
}

async fn engine() -> Engine {
    soon(Engine::builder().in_memory().integration("tool", AtOnce).start()).await.unwrap()
}

fn wide(branches: usize) -> Playbook {
    let mut steps = "steps:\n  - id: all\n    parallel: all\n    branches:\n".to_owned();
    for branch in 0..branches {
        steps += &format!("      b{branch}: [{{id: b{branch}, action: tool.answer}}]\n");
    }
    playbook(&steps)
}

#[tokio::test]
async fn it_runs_and_answers_without_a_directory() {
    let engine = engine().await;
    let pid = engine.playbooks().put(&tenant("acme"), wide(100)).await.unwrap();
    let handle = engine.submit(Submission::new(tenant("acme"), pid)).await.unwrap();
    let ended = soon(handle.wait()).await.unwrap();
    assert_eq!(ended.state.execution_status, ExecutionStatus::Completed);
    soon(engine.flush()).await.unwrap();
    let tasks = engine.reader().tasks(&tenant("acme"), handle.peid(), 0, 1_000).await.unwrap();
    assert_eq!(tasks.len(), 101, "with the step that opens them");
    let asked = |code| ExecutionQuery {
        tenant: tenant(code),
        of: ExecutionsOf::Any,
        after: None,
        limit: 10,
        detail: Detail::Whole,
    };
    assert_eq!(engine.reader().executions(asked("acme")).await.unwrap().0, [ended]);
    assert_eq!(engine.reader().executions(asked("umbrella")).await.unwrap().0, []);
    assert_eq!(soon(engine.shutdown(Duration::from_secs(5))).await, Shutdown::Stored);
}

#[tokio::test]
async fn what_a_tool_throws_fails_its_attempt_and_nothing_else() {
    let engine = engine().await;
    let steps = "steps:\n  - {id: a, action: tool.burst}\n";
    let pid = engine.playbooks().put(&tenant("acme"), playbook(steps)).await.unwrap();
    let handle = engine.submit(Submission::new(tenant("acme"), pid)).await.unwrap();
    let ended = soon(handle.wait()).await.unwrap();
    assert_eq!(ended.state.execution_status, ExecutionStatus::Failed);
    assert_eq!(ended.state.error.unwrap().kind, FailureKind::Panic);
    assert_eq!(soon(engine.shutdown(Duration::from_secs(5))).await, Shutdown::Stored);
}
