//! The scene of every golden file: executions that have ended in every way, and executions that stand in the middle.
//! Plays it in an engine, and says what must become of it in another; knows no format.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use updraft::{
    Builder, Clock, Durability, Engine, ExecutionStatus, Handle, Playbook, Priority, Submission, TaskStatus,
    Timestamp,
};
use updraft_tests::timeouts::{soon, until};
use updraft_tests::tool::Tool;
use updraft_tests::{asked, named, tenant};

/// When the scene is played: a golden file is the same whenever it is written, and as old whenever it is read.
const THEN: Timestamp = Timestamp(1_767_225_600_000);

/// A clock that stands.
struct Standing(Timestamp);

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// The playbooks by their names, and how an execution of each ends.
const PLAYBOOKS: [(&str, ExecutionStatus, &str); 6] = [
    (
        "completed",
        ExecutionStatus::Completed,
        "
variables: {limit: 80}
steps:
  - {id: look, action: tool.echo, arguments: {user: '{{ input.user }}', score: 90}}
  - id: check
    if: steps.look.output.score > variables.limit
    then: [{id: say, end: {user: '{{ steps.look.output.user }}', texts: [ä, '😀', 1.5, null]}}]
",
    ),
    (
        "failed",
        ExecutionStatus::Failed,
        "
steps:
  - {id: fail, action: tool.fail, arguments: {kind: status}, retry: {attempts: 1}}
",
    ),
    (
        "cancelled",
        ExecutionStatus::Cancelled,
        "
steps:
  - {id: hang, action: tool.hang}
",
    ),
    (
        "waiting",
        ExecutionStatus::Completed,
        "
steps:
  - {id: look, action: tool.echo, arguments: {a: 1}}
  - {id: pause, delay: 2h}
  - {id: say, end: '{{ steps.look.output.a }}'}
",
    ),
    (
        "calling",
        ExecutionStatus::Completed,
        "
steps:
  - id: both
    parallel: all
    branches:
      look: [{id: look, action: tool.echo, arguments: {a: 1}}]
      call: [{id: call, action: tool.gate}]
  - {id: say, end: done}
",
    ),
    (
        "once",
        ExecutionStatus::Completed,
        "
steps:
  - id: once
    action: tool.hang
    at_most_once: true
    on_unknown: [{id: say, end: '{{ steps.once.status }}'}]
",
    ),
];

/// An engine in `folder`, at the time of the scene or `later`.
pub(crate) fn builder(folder: &Path, tool: &Tool, later: Duration) -> Builder {
    Engine::builder()
        .data(folder)
        .durability(Durability::Os)
        .shards(2)
        .clock(Arc::new(Standing(THEN.after(later))))
        .integration("tool", tool.clone())
}

fn playbook(name: &str) -> Playbook {
    let (_, _, body) = PLAYBOOKS.iter().find(|(known, ..)| *known == name).unwrap();
    named(name, body.trim_start())
}

/// A playbook that is there stays as it is.
async fn submit(engine: &Engine, name: &str) -> Handle {
    let pid = engine.playbooks().put(&tenant("acme"), playbook(name)).await.unwrap();
    let submission = Submission::new(tenant("acme"), pid)
        .input(json!({ "user": "grün", "of": name }))
        .uid("analyst")
        .alert_id("alert-7")
        .priority(Priority::Critical)
        .idempotency_key(name);
    engine.submit(submission).await.unwrap()
}

/// Plays what ends.
pub(crate) async fn first_act(engine: &Engine) -> Vec<Handle> {
    for (name, ..) in PLAYBOOKS {
        engine.playbooks().put(&tenant("acme"), playbook(name)).await.unwrap();
    }
    let (completed, failed) = (submit(engine, "completed").await, submit(engine, "failed").await);
    soon(completed.wait()).await.unwrap();
    soon(failed.wait()).await.unwrap();
    engine.flush().await.unwrap();
    vec![completed, failed]
}

/// Plays what is under way when the process dies, and an end that only the journal has by then.
pub(crate) async fn second_act(engine: &Engine, tool: &Tool) -> Vec<Handle> {
    let begun = tool.calls().len();
    let cancelled = submit(engine, "cancelled").await;
    tool.begun(begun + 1).await;
    let _ = cancelled.cancel(asked()).await.unwrap();
    soon(cancelled.wait()).await.unwrap();
    let mut handles = vec![cancelled];
    for name in ["waiting", "calling", "once"] {
        handles.push(submit(engine, name).await);
    }
    tool.begun(begun + 5).await;
    for (handle, tasks, ended) in [(&handles[1], 2, 1), (&handles[2], 3, 1), (&handles[3], 1, 0)] {
        until(async || {
            let told = handle.inspect().await.unwrap();
            let over = told.tasks.iter().filter(|task| task.state.status.ended()).count();
            (told.tasks.len(), over) == (tasks, ended)
        })
        .await;
    }
    engine.flush().await.unwrap();
    handles
}

/// The documents of executions, as they are shown.
pub(crate) async fn documents(engine: &Engine, handles: &[Handle]) -> Value {
    let mut documents = Vec::new();
    for handle in handles {
        let told = engine.execution(handle.tenant(), handle.peid()).await.unwrap().unwrap();
        documents.push(json!({ "execution": *told.execution, "tasks": told.tasks }));
    }
    documents.into()
}

/// What an engine of today finds in a golden file, without going on with it.
pub(crate) async fn assert_holds(engine: &Engine, expected: &Value) {
    for document in expected.as_array().unwrap() {
        let peid = document["execution"]["peid"].as_str().unwrap().parse().unwrap();
        let told = engine.execution(&tenant("acme"), peid).await.unwrap().unwrap();
        let found = json!({ "execution": *told.execution, "tasks": told.tasks });
        assert_eq!(&found, document, "{peid}");
        assert!(engine.execution(&tenant("other"), peid).await.unwrap().is_none());
    }
    for (name, ..) in PLAYBOOKS {
        let stored = engine.playbooks().named(&tenant("acme"), &name.parse().unwrap(), None).await.unwrap();
        let read = Playbook::parse(stored.unwrap().definition.as_str().as_bytes()).unwrap();
        assert_eq!(read, playbook(name), "{name}");
    }
}

/// Goes on with what a golden file left in the middle, to the end of everything.
pub(crate) async fn assert_goes_on(engine: &Engine, tool: &Tool, expected: &Value) {
    let resumed = engine.take_resumed();
    assert_eq!(resumed.len(), 3, "waiting, calling, once");
    tool.open(1);
    for handle in &resumed {
        soon(handle.wait()).await.unwrap();
    }
    engine.flush().await.unwrap();
    for document in expected.as_array().unwrap() {
        let peid = document["execution"]["peid"].as_str().unwrap().parse().unwrap();
        let told = engine.execution(&tenant("acme"), peid).await.unwrap().unwrap();
        let (name, status, _) =
            PLAYBOOKS.into_iter().find(|(name, ..)| document["execution"]["playbook_name"] == *name).unwrap();
        assert_eq!(told.execution.state.execution_status, status, "{name}");
        let before = document["tasks"].as_array().unwrap().iter();
        for task in before
            .filter(|task| ["completed", "failed", "cancelled"].iter().any(|ended| task["status"] == *ended))
        {
            let mut now = told.tasks.iter().map(|task| serde_json::to_value(task).unwrap());
            assert!(now.any(|now| now == *task), "{name}: what had ended stays: {task}");
        }
        let output = told.execution.state.output.as_ref().map(|json| json.value());
        match name {
            "waiting" => assert_eq!(output, Some(json!(1).into()), "what the first run's step gave"),
            "once" => {
                assert_eq!(output, Some(json!("unknown").into()));
                assert_eq!(told.tasks[0].state.status, TaskStatus::Unknown);
            }
            _ => {}
        }
    }
    let calls: Vec<_> =
        tool.calls().into_iter().map(|call| (call.step_id.to_string(), call.task_id)).collect();
    let tasks =
        expected.as_array().unwrap().iter().flat_map(|document| document["tasks"].as_array().unwrap());
    let call = tasks.into_iter().find(|task| task["step_id"] == "call").unwrap();
    let key = call["task_request_id"].as_str().unwrap().parse().unwrap();
    assert_eq!(
        calls,
        [("call".to_owned(), key)],
        "what was under way is called again under its key, no other"
    );
}
