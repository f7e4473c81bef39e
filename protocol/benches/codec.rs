//! The cost of the codec, in time and in allocations: updates to the bytes of a journal frame and back, and reading
//! playbooks.
//!
//! `cargo bench -p updraft-protocol`

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up has nothing to measure")]

use std::sync::Arc;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use serde_json::json;
use updraft_protocol::{
    ExecutionHead, ExecutionId, ExecutionState, ExecutionStatus, ExecutionUpdate, Json, Name, Playbook,
    PlaybookId, Priority, Revision, StepId, TaskHead, TaskId, TaskState, TaskStatus, TaskUpdate, TenantCode,
    Timestamp, Update, codec,
};

#[global_allocator]
static ALLOCATIONS: divan::AllocProfiler = divan::AllocProfiler::system();

const NOW: Timestamp = Timestamp(1_760_000_000_000);

fn main() {
    divan::main();
}

/// The writes of one step: the end of a task, and the intent of the next.
fn step() -> Vec<Update> {
    let peid = ExecutionId::from_bytes([7; 16]);
    let update = |seq: u32, head: Option<Arc<TaskHead>>, state: TaskState| {
        let revision = Revision { epoch: 1, seq: if head.is_some() { 1 } else { 2 } };
        Update::from(TaskUpdate {
            task_id: TaskId::derive(
                peid,
                &updraft_protocol::ScopePath::MAIN,
                &StepId::new(format!("s{seq}")).unwrap(),
            ),
            peid,
            revision,
            head,
            state,
            positions: Default::default(),
        })
    };
    let head = TaskHead {
        peid,
        task_seq: 2,
        step_id: StepId::new("block_sender").unwrap(),
        scope: updraft_protocol::ScopePath::MAIN,
        tenant_code: TenantCode::new("acme").unwrap(),
        alert_id: Some("alert-1".into()),
        integration: Name::new("mail_gateway").unwrap(),
        action: Name::new("block").unwrap(),
        taken_from: None,
    };
    let begun = TaskState { started_date: Some(NOW), ..TaskState::change(TaskStatus::Executing, 1, NOW) };
    let ended = TaskState {
        status: TaskStatus::Completed,
        response: Some(Json::from(json!({"verdict": "malicious", "engines": 61}))),
        started_date: None,
        runtime: Some(12),
        ..begun.clone()
    };
    vec![update(1, None, ended), update(2, Some(Arc::new(head)), begun)]
}

/// The writes of a submission: the execution, with this much input.
fn execution(input: usize) -> Vec<Update> {
    let head = ExecutionHead {
        tenant_code: TenantCode::new("acme").unwrap(),
        pid: PlaybookId::from_bytes([1; 16]),
        playbook_name: Name::new("phishing_triage").unwrap(),
        playbook_version: 1,
        uid: Some("analyst-1".into()),
        alert_id: Some("alert-1".into()),
        priority: Priority::Normal,
        createddate: NOW,
        input: Json::from(json!({"mail": "x".repeat(input)})),
        variables: Json::from(json!({})),
        idempotency_key: None,
        input_hash: None,
        parent: None,
        rerun_of: None,
        cache: updraft_protocol::CacheMode::Use,
    };
    let state =
        ExecutionState { started_date: Some(NOW), ..ExecutionState::change(ExecutionStatus::Executing, NOW) };
    let (peid, revision) = (ExecutionId::from_bytes([7; 16]), Revision { epoch: 1, seq: 1 });
    vec![Update::from(ExecutionUpdate {
        peid,
        revision,
        head: Some(Arc::new(head)),
        state,
        positions: Default::default(),
    })]
}

fn encoded(updates: &[Update]) -> Vec<u8> {
    let mut bytes = Vec::new();
    codec::encode_into(&updates, &mut bytes).unwrap();
    bytes
}

fn encode(bencher: Bencher<'_, '_>, updates: &[Update]) {
    let mut bytes = Vec::with_capacity(encoded(updates).len());
    let size = BytesCount::new(encoded(updates).len());
    bencher.counter(size).counter(ItemsCount::new(updates.len())).bench_local(|| {
        bytes.clear();
        codec::encode_into(black_box(&updates), &mut bytes)
    });
}

fn decode(bencher: Bencher<'_, '_>, updates: &[Update]) {
    let bytes = encoded(updates);
    bencher
        .counter(BytesCount::new(bytes.len()))
        .counter(ItemsCount::new(updates.len()))
        .bench(|| codec::decode::<Vec<Update>>(black_box(&bytes)));
}

#[divan::bench]
fn encode_step(bencher: Bencher<'_, '_>) {
    encode(bencher, &step());
}

#[divan::bench]
fn decode_step(bencher: Bencher<'_, '_>) {
    decode(bencher, &step());
}

#[divan::bench(args = [100, 10_000])]
fn encode_execution(bencher: Bencher<'_, '_>, input: usize) {
    encode(bencher, &execution(input));
}

#[divan::bench(args = [100, 10_000])]
fn decode_execution(bencher: Bencher<'_, '_>, input: usize) {
    decode(bencher, &execution(input));
}

#[divan::bench]
fn parse_playbook(bencher: Bencher<'_, '_>) {
    let text = include_bytes!("../../examples/phishing-triage/playbook.yaml");
    bencher.counter(BytesCount::new(text.len())).bench(|| Playbook::parse(black_box(text)).unwrap());
}
