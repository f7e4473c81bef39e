//! Tests of behaviour that is SQLite's own; the contract is tested by the conformance suite.

mod corruption;
mod faults;
mod inspecting;
mod opening;
mod plans;
mod threads;
mod wal;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rusqlite::Connection;
use serde_json::json;
use updraft_protocol::{
    CacheMode, ExecutionHead, ExecutionState, ExecutionStatus, ExecutionUpdate, Json, Name, PlaybookDocument,
    PlaybookId, PlaybookStatus, Priority, Revision, TaskHead, TaskId, TaskState, TaskStatus, TaskUpdate,
    Timestamp,
};
use uuid::Uuid;

use super::*;
use crate::conformance;

#[tokio::test]
async fn it_keeps_the_contract() {
    for durability in [Durability::Fsync, Durability::Os] {
        let folder = tempfile::tempdir().unwrap();
        let stores = AtomicUsize::new(0);
        conformance::run_all(async || {
            let number = stores.fetch_add(1, Ordering::Relaxed);
            let dir = folder.path().join(number.to_string());
            Arc::new(SqliteStore::open(&dir, durability).unwrap()) as Arc<dyn Store>
        })
        .await
        .unwrap();
        assert_eq!(stores.into_inner(), conformance::CASES.len());
    }
}

fn tenant() -> TenantCode {
    TenantCode::new("acme").unwrap()
}

fn key(text: &str) -> IdempotencyKey {
    let playbook_name = Name::new("phishing").unwrap();
    IdempotencyKey { tenant_code: tenant(), playbook_name, text: text.into() }
}

fn peid(number: u128) -> ExecutionId {
    ExecutionId::new(Uuid::from_u128(number))
}

/// The first update of an execution.
fn insert(number: u128) -> Update {
    let head = ExecutionHead {
        tenant_code: tenant(),
        pid: PlaybookId::new(Uuid::from_u128(1)),
        playbook_name: Name::new("phishing").unwrap(),
        playbook_version: 1,
        uid: None,
        alert_id: None,
        priority: Priority::Normal,
        createddate: Timestamp(1),
        input: Json::null(),
        variables: Json::null(),
        idempotency_key: None,
        input_hash: None,
        parent: None,
        rerun_of: None,
        cache: CacheMode::Use,
    };
    let state = ExecutionState::change(ExecutionStatus::Executing, Timestamp(1));
    Update::from(ExecutionUpdate {
        peid: peid(number),
        revision: Revision { epoch: 1, seq: 1 },
        head: Some(Arc::new(head)),
        state,
        positions: Default::default(),
    })
}

/// The first update of the only task of an execution.
fn insert_task(number: u128) -> Update {
    let head = TaskHead {
        peid: peid(number),
        task_seq: 1,
        step_id: step(),
        scope: updraft_protocol::ScopePath::MAIN,
        tenant_code: tenant(),
        alert_id: None,
        integration: Name::new("virustotal").unwrap(),
        action: Name::new("lookup_hash").unwrap(),
        taken_from: None,
    };
    let state = TaskState::change(TaskStatus::Executing, 1, Timestamp(1));
    Update::from(TaskUpdate {
        task_id: task_id(number),
        peid: peid(number),
        revision: Revision { epoch: 1, seq: 1 },
        head: Some(Arc::new(head)),
        state,
        positions: Default::default(),
    })
}

fn playbook_document(number: u128) -> PlaybookDocument {
    PlaybookDocument {
        pid: PlaybookId::new(Uuid::from_u128(number)),
        tenant_code: tenant(),
        name: Name::new("phishing").unwrap(),
        version: 1,
        status: PlaybookStatus::Active,
        category_id: None,
        definition: Json::from(json!({"steps": []})),
        createddate: Timestamp(1),
        updated_date: Timestamp(1),
    }
}

/// Another program that has opened the file.
fn beside(dir: &Path) -> Connection {
    Connection::open(dir.join(DATABASE)).unwrap()
}

fn step() -> updraft_protocol::StepId {
    updraft_protocol::StepId::new("look_up").unwrap()
}

/// The id of the task of an execution.
fn task_id(number: u128) -> TaskId {
    TaskId::derive(peid(number), &updraft_protocol::ScopePath::MAIN, &step())
}
