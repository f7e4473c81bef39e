//! Updates for the tests: small, numbered, the same at every run, with data that a server could take for orders.

use std::sync::Arc;

use serde_json::json;
use updraft_protocol::{
    ExecutionDocument, ExecutionHead, ExecutionId, ExecutionState, ExecutionStatus, ExecutionUpdate, Json,
    Name, PlaybookId, Revision, StepId, TaskDocument, TaskHead, TaskId, TaskState, TaskStatus, TaskUpdate,
    TenantCode, Timestamp, Update,
};
use uuid::Uuid;

/// The first date of every sample.
const DAY: u64 = 1_760_000_000_000;

pub(crate) fn tenant() -> TenantCode {
    TenantCode::new("acme").unwrap()
}

pub(crate) fn peid(number: u64) -> ExecutionId {
    ExecutionId::new(Uuid::from_u64_pair(DAY << 16 | 0x7000, 0x8000_0000_0000_0000 | number))
}

pub(crate) fn revision(epoch: u64, seq: u64) -> Revision {
    Revision { epoch, seq }
}

/// What a server would evaluate if it took data for orders.
pub(crate) fn hostile() -> Json {
    Json::from(json!({
        "$set": {"execution_status": "failed"},
        "$where": "sleep(1000)",
        "a.b": "$name",
        "list": ["$$ROOT", {"$add": [1, 2]}, {"$literal": 1}],
        "": {"$unset": ""},
    }))
}

pub(crate) fn head(input: Json) -> Arc<ExecutionHead> {
    Arc::new(ExecutionHead {
        tenant_code: tenant(),
        pid: PlaybookId::new(Uuid::from_u128(7)),
        playbook_name: Name::new("phishing").unwrap(),
        playbook_version: 3,
        uid: Some("$analyst".into()),
        alert_id: Some("alert-1".into()),
        priority: 7,
        createddate: Timestamp(DAY),
        input,
        variables: Json::from(json!({"$limit": 1})),
        idempotency_key: None,
        input_hash: None,
    })
}

/// A change of an execution.
pub(crate) fn change(number: u64, revision: Revision) -> ExecutionUpdate {
    let state = ExecutionState {
        execution_status: ExecutionStatus::Executing,
        started_date: None,
        updated_date: Timestamp(DAY + revision.seq),
        finished_date: None,
        playbook_runtime: None,
        output: None,
        error: None,
    };
    ExecutionUpdate { peid: peid(number), revision, head: None, state }
}

/// The first update of an execution.
pub(crate) fn execution(number: u64) -> ExecutionUpdate {
    ExecutionUpdate { head: Some(head(hostile())), ..change(number, revision(1, 1)) }
}

/// The first update of a task.
pub(crate) fn task(number: u64, task_seq: u32) -> TaskUpdate {
    let head = TaskHead {
        peid: peid(number),
        task_seq,
        step_id: StepId::new("lookup").unwrap(),
        scope: updraft_protocol::ScopePath::MAIN,
        tenant_code: tenant(),
        alert_id: Some("alert-1".into()),
        integration: Name::new("virustotal").unwrap(),
        action: Name::new("lookup_hash").unwrap(),
    };
    let state = TaskState {
        status: TaskStatus::Executing,
        attempt: 1,
        response: None,
        error: None,
        started_date: None,
        updated_date: Timestamp(DAY + 1),
        runtime: None,
        wait: None,
        call: None,
    };
    TaskUpdate {
        task_id: TaskId::derive(
            peid(number),
            &updraft_protocol::ScopePath::MAIN,
            &StepId::new(format!("s{task_seq}")).expect("a step"),
        ),
        peid: peid(number),
        revision: revision(1, 1),
        head: Some(Arc::new(head)),
        state,
    }
}

pub(crate) fn executions(updates: impl IntoIterator<Item = ExecutionUpdate>) -> Vec<Update> {
    updates.into_iter().map(Update::from).collect()
}

/// The document that an update with a head makes.
pub(crate) fn stored_execution(update: &ExecutionUpdate) -> Option<ExecutionDocument> {
    Some(ExecutionDocument {
        peid: update.peid,
        head: update.head.clone()?,
        state: update.state.clone(),
        epoch: update.revision.epoch,
        seq: update.revision.seq,
    })
}

/// The document that an update with a head makes.
pub(crate) fn stored_task(update: &TaskUpdate) -> Option<TaskDocument> {
    Some(TaskDocument {
        task_request_id: update.task_id,
        head: update.head.clone()?,
        state: update.state.clone(),
        epoch: update.revision.epoch,
        seq: update.revision.seq,
    })
}
