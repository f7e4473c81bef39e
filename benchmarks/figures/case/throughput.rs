//! Throughput: durable, in memory, on one shard and on two, and on a store that is full already.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use updraft::{
    Durability, ExecutionHead, ExecutionId, ExecutionState, ExecutionStatus, ExecutionUpdate, Json, Name,
    PlaybookId, Revision, SqliteStore, StepId, Store, TaskHead, TaskId, TaskState, TaskStatus, TaskUpdate,
    TenantCode, Timestamp, Update,
};
use uuid::Uuid;

use super::tell;
use crate::bench::{Bench, STEPS};
use crate::load::{self, Rate, SUBMITTERS};
use crate::table::quantile;
use crate::tool::Tool;

/// Executions that a store is filled with.
const STORED: u64 = 1_000_000;
/// Pairs of runs of which the median counts.
const PAIRS: usize = 3;

/// One closed loop in a directory, on an engine of its own.
async fn rate_in(directory: &Path, executions: usize) -> Rate {
    let bench = Arc::new(Bench::durable(directory, Tool::Nothing).await);
    load::closed(&bench, executions / 10, SUBMITTERS).await;
    let rate = load::closed(&bench, executions, SUBMITTERS).await;
    let _ = bench.engine.shutdown(Duration::from_secs(30)).await;
    rate
}

pub(super) async fn durable(executions: usize) {
    let directory = tempfile::tempdir().expect("a directory");
    let rate = rate_in(directory.path(), executions).await;
    tell("durable", rate.executions_per_s);
    tell("cpu", rate.cpu.all);
    tell("cpu.engine", rate.cpu.all - rate.cpu.store);
    tell("cpu.load", rate.cpu.load);
    tell("switches", rate.switches_per_step);
}

/// The same for who compares it.
pub(super) async fn steps_per_s(executions: usize) -> f64 {
    let directory = tempfile::tempdir().expect("a directory");
    rate_in(directory.path(), executions).await.executions_per_s * STEPS as f64
}

async fn rate_in_memory(shards: Option<usize>, executions: usize) -> Rate {
    let bench = Arc::new(Bench::in_memory(shards, Tool::Nothing).await);
    load::closed(&bench, executions / 10, SUBMITTERS).await;
    let rate = load::closed(&bench, executions, SUBMITTERS).await;
    let _ = bench.engine.shutdown(Duration::from_secs(30)).await;
    rate
}

pub(super) async fn memory(executions: usize) {
    let rate = rate_in_memory(None, executions).await;
    tell("memory", rate.executions_per_s * STEPS as f64);
    tell("memory.cpu", rate.cpu.all);
    tell("memory.load", rate.cpu.load);
    tell("memory.cores", rate.cores());
}

pub(super) async fn shards(executions: usize) {
    let (mut ratios, mut cores) = (Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        let one = rate_in_memory(Some(1), executions).await;
        let two = rate_in_memory(Some(2), executions).await;
        ratios.push(two.executions_per_s / one.executions_per_s);
        cores.push(one.cores());
    }
    tell("shards", quantile(&ratios, 0.5));
    tell("shards.cores", quantile(&cores, 0.5));
}

pub(super) async fn stored(executions: usize) {
    let full = tempfile::tempdir().expect("a directory");
    fill(full.path()).await;
    let mut ratios = Vec::new();
    for _ in 0..PAIRS {
        let empty = tempfile::tempdir().expect("a directory");
        let on_empty = rate_in(empty.path(), executions).await.executions_per_s;
        let on_full = rate_in(full.path(), executions).await.executions_per_s;
        ratios.push(on_full / on_empty);
    }
    tell("stored", quantile(&ratios, 0.5));
}

/// Writes executions that have ended, with their tasks, as the engine would have.
async fn fill(directory: &Path) {
    let store = SqliteStore::open(directory, Durability::Os).expect("a store");
    let tenants: Vec<TenantCode> =
        (0..16).map(|number| TenantCode::new(format!("tenant-{number}")).expect("a tenant")).collect();
    const BATCH: u64 = 200;
    for first in (0..STORED).step_by(BATCH as usize) {
        let mut batch = Vec::new();
        for number in first..(first + BATCH).min(STORED) {
            ended(number, &tenants[number as usize % tenants.len()], &mut batch);
        }
        let _ = store.write(batch).await.expect("written");
    }
}

fn ended(number: u64, tenant: &TenantCode, batch: &mut Vec<Update>) {
    // A second each a while ago, in the order of time as ids of executions are.
    let at = Timestamp(1_700_000_000_000 + number * 10);
    let peid = ExecutionId::new(Uuid::from_u64_pair(at.0 << 16 | 0x7000, number | 1 << 63));
    let (name, pid) = (Name::new("chain").expect("a name"), PlaybookId::new(Uuid::from_u128(7)));
    let revision = Revision { epoch: 1, seq: 2 };
    let head = ExecutionHead {
        tenant_code: tenant.clone(),
        pid,
        playbook_name: name.clone(),
        playbook_version: 1,
        uid: None,
        alert_id: None,
        priority: 0,
        createddate: at,
        input: Json::null(),
        variables: Json::null(),
        idempotency_key: None,
        input_hash: None,
    };
    let state = ExecutionState {
        execution_status: ExecutionStatus::Completed,
        started_date: Some(at),
        updated_date: at,
        finished_date: Some(at),
        playbook_runtime: Some(number % 1_000),
        output: Some(Json::null()),
        error: None,
    };
    batch.push(Update::from(ExecutionUpdate { peid, revision, head: Some(Arc::new(head)), state }));
    for task_seq in 1..=STEPS as u32 {
        let head = TaskHead {
            peid,
            task_seq,
            step_id: StepId::new(format!("s{}", task_seq - 1)).expect("a step"),
            scope: updraft::ScopePath::MAIN,
            tenant_code: tenant.clone(),
            alert_id: None,
            integration: name.clone(),
            action: name.clone(),
        };
        let state = TaskState {
            status: TaskStatus::Completed,
            attempt: 1,
            response: Some(Json::null()),
            error: None,
            started_date: Some(at),
            updated_date: at,
            runtime: Some(1),
            wait: None,
            call: None,
        };
        let task_id = TaskId::derive(peid, &head.scope, &head.step_id);
        batch.push(Update::from(TaskUpdate { task_id, peid, revision, head: Some(Arc::new(head)), state }));
    }
}
