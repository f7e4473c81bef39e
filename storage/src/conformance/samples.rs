//! Documents and updates for the cases: small, numbered, the same at every run. Checks nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use updraft_protocol::{
    Asked, CacheMode, ControlHistory, ControlKind, ControlRecord, ExecutionDocument, ExecutionEnding,
    ExecutionHead, ExecutionId, ExecutionState, ExecutionStatus, Failure, FailureKind, GivenSignal,
    IdempotencyKey, InputHash, Json, KeyHolder, Name, Pause, PauseCause, PlaybookDocument, PlaybookId,
    PlaybookStatus, Priority, ReceivedSignals, RerunOf, Revision, ScopePath, Signal, StepId, TaskDocument,
    TaskHead, TaskId, TaskState, TaskStatus, TenantCode, Timestamp, Update, Value, ids,
};
use updraft_protocol::{ExecutionUpdate, TaskUpdate};
use uuid::Uuid;

use crate::store::WriteOutcome;

/// The first date of every sample.
pub(crate) const DAY: u64 = 1_760_000_000_000;

pub(super) const WRITTEN: WriteOutcome = WriteOutcome::Written;
pub(super) const STALE: WriteOutcome = WriteOutcome::Stale;

/// A UUIDv7 of the day, distinct for each kind and number.
const fn uuid(kind: u64, number: u64) -> Uuid {
    Uuid::from_u64_pair(DAY << 16 | 0x7000, 0x8000_0000_0000_0000 | kind << 48 | number)
}

pub(crate) const fn peid(number: u64) -> ExecutionId {
    ExecutionId::new(uuid(1, number))
}

pub(super) const fn pid(number: u64) -> PlaybookId {
    PlaybookId::new(uuid(2, number))
}

pub(super) fn task_id(execution: u64, task_seq: u32) -> TaskId {
    let scope = ScopePath::default();
    let step: Result<StepId, _> = format!("s{task_seq}").parse();
    step.map_or(TaskId::from_bytes([0; 16]), |step| TaskId::derive(peid(execution), &scope, &step))
}

pub(crate) fn tenant(code: &str) -> Result<TenantCode, ids::Error> {
    TenantCode::new(code)
}

/// An idempotency key of the playbook that the samples run.
pub(super) fn key(tenant: &TenantCode, text: &str) -> Result<IdempotencyKey, ids::Error> {
    key_of(tenant, "phishing", text)
}

pub(super) fn key_of(tenant: &TenantCode, playbook: &str, text: &str) -> Result<IdempotencyKey, ids::Error> {
    Ok(IdempotencyKey { tenant_code: tenant.clone(), playbook_name: Name::new(playbook)?, text: text.into() })
}

/// The hash of the input `number`.
pub(super) fn input_hash(number: u64) -> InputHash {
    InputHash::of(&Value::Number(number.into()), &BTreeMap::new())
}

/// The execution `number` as the holder of its key, without a hash.
pub(super) const fn holder(number: u64) -> KeyHolder {
    KeyHolder { peid: peid(number), input_hash: None }
}

pub(crate) const fn revision(epoch: u64, seq: u64) -> Revision {
    Revision { epoch, seq }
}

pub(crate) fn execution_head(tenant: &TenantCode) -> Result<ExecutionHead, ids::Error> {
    Ok(ExecutionHead {
        tenant_code: tenant.clone(),
        pid: pid(1),
        playbook_name: Name::new("phishing")?,
        playbook_version: 3,
        uid: Some("analyst-1".into()),
        alert_id: Some("alert-1".into()),
        priority: Priority::High,
        createddate: Timestamp(DAY),
        input: Json::from(json!({"hash": "44d88612", "hosts": ["a", "b"]})),
        variables: Json::from(json!({"threshold": 0.5})),
        idempotency_key: None,
        input_hash: None,
        parent: None,
        rerun_of: Some(Arc::new(RerunOf {
            peid: ExecutionId::from_bytes([8; 16]),
            from: Some(StepId::new("look_up")?),
            asked: Asked { uid: "ana".into(), reason: "the tool is back".into() },
        })),
        cache: CacheMode::Skip,
    })
}

pub(super) fn execution_state(status: ExecutionStatus) -> ExecutionState {
    ExecutionState::change(status, Timestamp(DAY + 1))
}

/// A state with every field.
pub(super) fn full_execution_state() -> Result<ExecutionState, ids::Error> {
    Ok(ExecutionState {
        execution_status: ExecutionStatus::Failed,
        started_date: Some(Timestamp(DAY + 1)),
        updated_date: Timestamp(DAY + 2),
        finished_date: Some(Timestamp(DAY + 3)),
        playbook_runtime: Some(2),
        output: Some(Json::from(json!({"verdict": "malicious"}))),
        error: Some(
            Failure::new(FailureKind::Status, "503")
                .with_retry_after(std::time::Duration::from_secs(9))
                .into(),
        ),
        signals: Some(Arc::new(ReceivedSignals {
            kept: vec![Signal {
                id: "call-8".into(),
                name: Name::new("closed")?,
                key: Some("ticket-7".into()),
                payload: Json::from(json!({"by": "ana", "at": 1.10})),
            }],
            taken: vec!["call-7".into()],
        })),
        ending: Some(Box::new(ExecutionEnding {
            status: ExecutionStatus::Failed,
            error: Some(Failure::new(FailureKind::Status, "503")),
            stopped: false,
            since: Timestamp(DAY + 2),
        })),
        pause: Some(Arc::new(Pause {
            since: Timestamp(DAY + 2),
            cause: PauseCause::Asked(Asked { uid: "ana".into(), reason: "the firewall is replaced".into() }),
        })),
        controls: Some(Arc::new(ControlHistory::default().with(ControlRecord {
            kind: ControlKind::ExtendWait,
            at: Timestamp(DAY + 2),
            asked: Asked { uid: "ana".into(), reason: "she is back tomorrow".into() },
            task: Some(TaskId::from_bytes([7; 16])),
            until: Some(Timestamp(DAY + 3)),
            execution: Some(ExecutionId::from_bytes([8; 16])),
            signal: Some(GivenSignal { id: "call-7".into(), name: Name::new("closed")? }),
        }))),
        queue_position: Some(Timestamp(DAY + 60_000)),
        reprioritised: Some(Priority::High),
    })
}

/// The first update of an execution that is running.
pub(crate) fn execution(number: u64, tenant: &TenantCode) -> Result<ExecutionUpdate, ids::Error> {
    Ok(ExecutionUpdate {
        peid: peid(number),
        revision: revision(1, 1),
        head: Some(Arc::new(execution_head(tenant)?)),
        state: execution_state(ExecutionStatus::Executing),
        positions: Default::default(),
    })
}

/// The same with another head.
pub(crate) fn execution_with(
    number: u64,
    tenant: &TenantCode,
    change: impl FnOnce(&mut ExecutionHead),
) -> Result<ExecutionUpdate, ids::Error> {
    let mut head = execution_head(tenant)?;
    change(&mut head);
    Ok(ExecutionUpdate { head: Some(Arc::new(head)), ..execution(number, tenant)? })
}

/// A later update of an execution.
pub(crate) fn change(number: u64, revision: Revision, status: ExecutionStatus) -> ExecutionUpdate {
    ExecutionUpdate {
        peid: peid(number),
        revision,
        head: None,
        state: execution_state(status),
        positions: Default::default(),
    }
}

pub(super) fn task_head(execution: u64, task_seq: u32, tenant: &TenantCode) -> Result<TaskHead, ids::Error> {
    Ok(TaskHead {
        peid: peid(execution),
        task_seq,
        step_id: StepId::new("look_up")?,
        scope: "look_up:first/each:2".parse()?,
        tenant_code: tenant.clone(),
        alert_id: Some("alert-1".into()),
        integration: Name::new("virustotal")?,
        action: Name::new("lookup_hash")?,
        taken_from: task_seq.is_multiple_of(2).then(|| TaskId::from_bytes([9; 16])),
    })
}

pub(super) fn task_state(status: TaskStatus) -> TaskState {
    TaskState::change(status, 1, Timestamp(DAY + 1))
}

/// A state with every field.
pub(super) fn full_task_state() -> TaskState {
    TaskState {
        response: Some(Json::from(json!(["partial", 1]))),
        error: Some(Failure::new(FailureKind::RateLimited, "slow down").with_retryable(false).into()),
        started_date: Some(Timestamp(DAY + 4)),
        runtime: Some(1),
        ..TaskState::change(TaskStatus::Retrying, 4, Timestamp(DAY + 5))
    }
}

/// The first update of a task.
pub(crate) fn task(execution: u64, task_seq: u32, tenant: &TenantCode) -> Result<TaskUpdate, ids::Error> {
    Ok(TaskUpdate {
        task_id: task_id(execution, task_seq),
        peid: peid(execution),
        revision: revision(1, 1),
        head: Some(Arc::new(task_head(execution, task_seq, tenant)?)),
        state: task_state(TaskStatus::Executing),
        positions: Default::default(),
    })
}

pub(super) fn playbook(
    number: u64,
    tenant: &TenantCode,
    name: &str,
    version: u32,
) -> Result<PlaybookDocument, ids::Error> {
    Ok(PlaybookDocument {
        pid: pid(number),
        tenant_code: tenant.clone(),
        name: Name::new(name)?,
        version,
        status: PlaybookStatus::Active,
        category_id: Some("email".into()),
        definition: Json::from(json!({"name": name, "version": version, "steps": []})),
        createddate: Timestamp(DAY),
        updated_date: Timestamp(DAY),
    })
}

/// The stored document after only a first update.
pub(crate) fn stored_execution(update: &ExecutionUpdate) -> Option<ExecutionDocument> {
    Some(ExecutionDocument {
        peid: update.peid,
        head: update.head.clone()?,
        state: update.state.clone(),
        epoch: update.revision.epoch,
        seq: update.revision.seq,
    })
}

/// The stored document after only a first update.
pub(crate) fn stored_task(update: &TaskUpdate) -> Option<TaskDocument> {
    Some(TaskDocument {
        task_request_id: update.task_id,
        head: update.head.clone()?,
        state: update.state.clone(),
        epoch: update.revision.epoch,
        seq: update.revision.seq,
    })
}

pub(crate) fn executions(updates: impl IntoIterator<Item = ExecutionUpdate>) -> Vec<Update> {
    updates.into_iter().map(Update::from).collect()
}

pub(super) fn tasks(updates: impl IntoIterator<Item = TaskUpdate>) -> Vec<Update> {
    updates.into_iter().map(Update::from).collect()
}
