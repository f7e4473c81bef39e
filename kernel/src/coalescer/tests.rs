//! The coalescer step by step: what is overtaken, debounced, in flight, deferred, too large, or more than fits.

mod model;

use std::sync::Arc;

use updraft_protocol::limits::DEBOUNCE_ROUNDS;
use updraft_protocol::{
    DocumentId, ExecutionId, Json, Name, Revision, StepId, TaskHead, TaskId, TaskState, TaskStatus,
    TaskUpdate, TenantCode, Timestamp, Update,
};

use super::*;

const WIDE: Limits = Limits { documents: 1_000, bytes: 1 << 20 };

/// An update of task `task`, which has ended.
fn update(task: u8, seq: u64, response_bytes: Option<usize>) -> Update {
    status(task, seq, response_bytes, TaskStatus::Completed)
}

/// The same of one that goes on.
fn going_on(task: u8, seq: u64) -> Update {
    status(task, seq, None, TaskStatus::Executing)
}

/// The first one brings the head, and every field can tell which update set it.
fn status(task: u8, seq: u64, response_bytes: Option<usize>, status: TaskStatus) -> Update {
    let head = || TaskHead {
        peid: ExecutionId::from_bytes([9; 16]),
        task_seq: u32::from(task),
        step_id: StepId::new("scan").unwrap(),
        scope: updraft_protocol::ScopePath::MAIN,
        tenant_code: TenantCode::new("acme").unwrap(),
        alert_id: None,
        integration: Name::new("http").unwrap(),
        action: Name::new("get").unwrap(),
        taken_from: None,
    };
    Update::from(TaskUpdate {
        task_id: TaskId::from_bytes([task; 16]),
        peid: ExecutionId::from_bytes([9; 16]),
        revision: Revision { epoch: 1, seq },
        head: (seq == 1).then(|| Arc::new(head())),
        state: TaskState {
            response: response_bytes.map(|bytes| Json::from(serde_json::json!("x".repeat(bytes)))),
            started_date: seq.is_multiple_of(3).then_some(Timestamp(seq)),
            runtime: seq.is_multiple_of(2).then_some(seq),
            ..TaskState::change(status, u32::try_from(seq).unwrap(), Timestamp(seq))
        },
        positions: Default::default(),
    })
}

fn tasks(batch: &Batch) -> Vec<u8> {
    let first = |update: &Update| match update.document() {
        DocumentId::Task(id) => id.as_bytes()[0],
        DocumentId::Execution(id) => id.as_bytes()[0],
    };
    batch.updates.iter().map(first).collect()
}

fn merged(base: Option<Update>, newer: Update) -> Update {
    match base {
        Some(mut base) => {
            base.merge(newer);
            base
        }
        None => newer,
    }
}

#[test]
fn a_status_that_was_overtaken_is_never_written() {
    let mut coalescer = Coalescer::new(WIDE);
    coalescer.offer(1, vec![update(1, 1, None)]);
    coalescer.offer(2, vec![update(1, 2, Some(5)), update(1, 3, None)]);
    let batch = coalescer.take(10, 1 << 20).unwrap();
    let expected = [update(1, 2, Some(5)), update(1, 3, None)]
        .into_iter()
        .fold(update(1, 1, None), |a, b| merged(Some(a), b));
    assert_eq!(batch.updates, [expected]);
    assert_eq!(coalescer.stored_below(), 1);
    coalescer.settle(batch.id, vec![Settled::Done]);
    assert_eq!((coalescer.stored_below(), coalescer.is_empty()), (3, true));
}

#[test]
fn what_goes_on_is_left_for_two_whole_rounds_and_what_has_ended_is_not() {
    let mut coalescer = Coalescer::new(WIDE);
    coalescer.offer(1, vec![going_on(1, 1), going_on(2, 1), update(3, 1, None)]);
    assert_eq!(
        (coalescer.debounced(), coalescer.ready(), coalescer.ready_bytes()),
        (2, 1, update(3, 1, None).bytes())
    );
    coalescer.end_round();
    coalescer.offer(2, vec![going_on(4, 1), update(2, 2, Some(5))]);
    let ended = coalescer.take(10, 1 << 20).unwrap();
    assert_eq!(ended.updates, [update(3, 1, None), merged(Some(going_on(2, 1)), update(2, 2, Some(5)))]);
    coalescer.end_round();
    assert!(coalescer.take(10, 1 << 20).is_none(), "1 is in its second whole round, 4 in its first");
    coalescer.end_round();
    assert_eq!(tasks(&coalescer.take(10, 1 << 20).unwrap()), [1]);
    assert_eq!((coalescer.debounced(), coalescer.stored_below()), (1, 1));
    coalescer.end_round();
    assert_eq!(tasks(&coalescer.take(10, 1 << 20).unwrap()), [4]);
}

#[test]
fn what_is_awaited_is_ready_at_once_and_what_came_back_is_not_left_again() {
    let mut coalescer = Coalescer::new(WIDE);
    coalescer.offer(1, vec![going_on(1, 1)]);
    coalescer.end_round();
    coalescer.offer(2, vec![going_on(2, 1)]);
    coalescer.offer(3, vec![going_on(3, 1)]);
    coalescer.end_debounce_until(2);
    let batch = coalescer.take(10, 1 << 20).unwrap();
    assert_eq!((tasks(&batch), coalescer.debounced()), (vec![1, 2], 1), "3 came later");
    coalescer.offer(4, vec![going_on(1, 2)]);
    coalescer.settle(batch.id, vec![Settled::Done, Settled::Retry]);
    assert_eq!((coalescer.debounced(), coalescer.ready()), (1, 2));
    assert_eq!(tasks(&coalescer.take(10, 1 << 20).unwrap()), [2, 1]);
}

#[test]
fn one_that_goes_on_among_many_that_end_is_written_in_its_turn() {
    let mut coalescer = Coalescer::new(WIDE);
    coalescer.offer(1, vec![going_on(0, 1)]);
    for lsn in 1..=5_000 {
        coalescer.offer(2 * lsn, vec![going_on(1, 2 * lsn)]);
        coalescer.offer(2 * lsn + 1, vec![update(1, 2 * lsn + 1, None)]);
        let batch = coalescer.take(10, 1 << 20).unwrap();
        coalescer.settle(batch.id, vec![Settled::Done]);
    }
    assert_eq!((coalescer.debounced(), coalescer.ready(), coalescer.stored_below()), (1, 0, 1));
    for _ in 0..=DEBOUNCE_ROUNDS {
        coalescer.end_round();
    }
    assert_eq!(tasks(&coalescer.take(10, 1 << 20).unwrap()), [0]);
}

#[test]
fn a_slot_that_another_document_took_over_is_not_ready_with_the_one_before() {
    let mut coalescer = Coalescer::new(WIDE);
    coalescer.offer(1, vec![going_on(1, 1)]);
    coalescer.offer(2, vec![update(1, 2, None)]);
    let batch = coalescer.take(10, 1 << 20).unwrap();
    coalescer.settle(batch.id, vec![Settled::Done]);
    for _ in 0..DEBOUNCE_ROUNDS {
        coalescer.end_round();
    }
    coalescer.offer(3, vec![going_on(2, 1)]);
    coalescer.end_round();
    assert_eq!((coalescer.debounced(), coalescer.ready()), (1, 0), "2 is where 1 was");
}

#[test]
fn a_document_in_flight_waits_and_is_ready_when_it_has_landed() {
    let mut coalescer = Coalescer::new(WIDE);
    coalescer.offer(1, vec![update(1, 1, None)]);
    let first = coalescer.take(10, 1 << 20).unwrap();
    coalescer.offer(2, vec![update(1, 2, None), update(2, 1, None)]);
    let second = coalescer.take(10, 1 << 20).unwrap();
    assert_eq!(tasks(&second), [2]);
    assert!(coalescer.take(10, 1 << 20).is_none());
    assert_eq!((coalescer.documents(), coalescer.in_flight()), (2, 2));
    coalescer.settle(first.id, vec![Settled::Done]);
    assert_eq!(coalescer.stored_below(), 2);
    let third = coalescer.take(10, 1 << 20).unwrap();
    assert_eq!(third.updates, [update(1, 2, None)]);
}

#[test]
fn what_must_be_written_again_goes_under_what_came_meanwhile_and_before_what_is_newer() {
    let mut coalescer = Coalescer::new(WIDE);
    coalescer.offer(1, vec![update(1, 1, Some(3))]);
    let first = coalescer.take(10, 1 << 20).unwrap();
    coalescer.offer(2, vec![update(2, 1, None), update(1, 2, None)]);
    coalescer.settle(first.id, vec![Settled::Retry]);
    let again = coalescer.take(10, 1 << 20).unwrap();
    assert_eq!(again.updates, [merged(Some(update(1, 1, Some(3))), update(1, 2, None)), update(2, 1, None)]);
    assert_eq!(coalescer.stored_below(), 1);
}

#[test]
fn an_update_larger_than_a_batch_goes_alone() {
    let mut coalescer = Coalescer::new(WIDE);
    coalescer.offer(1, vec![update(1, 1, None), update(2, 1, Some(10_000)), update(3, 1, None)]);
    let batches: Vec<_> =
        std::iter::from_fn(|| coalescer.take(10, 1_000)).map(|batch| tasks(&batch)).collect();
    assert_eq!(batches, [[1], [2], [3]]);
    assert!(Coalescer::new(WIDE).take(10, 1_000).is_none());
}

#[test]
fn a_batch_of_no_operations_is_none_and_loses_nothing() {
    let mut coalescer = Coalescer::new(WIDE);
    coalescer.offer(1, vec![update(1, 1, None)]);
    assert!(coalescer.take(0, 1_000).is_none());
    assert_eq!(tasks(&coalescer.take(1, 0).unwrap()), [1]);
}

#[test]
fn the_producer_waits_where_a_group_would_pass_either_limit() {
    let two = update(1, 1, None).bytes() + update(2, 1, None).bytes();
    for limits in [Limits { documents: 2, bytes: 1 << 20 }, Limits { documents: 100, bytes: two }] {
        let mut coalescer = Coalescer::new(limits);
        coalescer.offer(1, vec![update(1, 1, None)]);
        assert!(coalescer.has_room_for(&[update(2, 1, None)]));
        assert!(!coalescer.has_room_for(&[update(2, 1, None), update(3, 1, None)]));
        coalescer.offer(2, vec![update(2, 1, None)]);
        assert!(!coalescer.has_room_for(&[update(3, 1, None)]) && coalescer.has_room_for(&[]));
        let batch = coalescer.take(10, 1 << 20).unwrap();
        assert_eq!(tasks(&batch), [1, 2]);
        assert!(!coalescer.has_room_for(&[update(3, 1, None)]), "what is in flight takes room");
        coalescer.settle(batch.id, vec![Settled::Done; 2]);
        assert!(coalescer.has_room_for(&[update(3, 1, None)]));
    }
    let nothing = Coalescer::new(Limits { documents: 0, bytes: 0 });
    assert!(nothing.has_room_for(&[update(1, 1, None)]), "or nothing would ever move");
}

#[test]
fn what_is_held_back_waits_for_its_release_under_what_came_meanwhile_and_blocks_nobody() {
    let mut coalescer = Coalescer::new(WIDE);
    coalescer.offer(1, vec![update(1, 1, Some(3)), update(2, 1, None), update(3, 1, None)]);
    let first = coalescer.take(10, 1 << 20).unwrap();
    coalescer.offer(2, vec![update(1, 2, None)]);
    coalescer.settle(first.id, vec![Settled::Defer, Settled::Defer, Settled::Done]);
    assert_eq!((coalescer.deferred(), coalescer.ready(), coalescer.documents()), (2, 0, 2));
    coalescer.offer(3, vec![update(4, 1, None), update(1, 3, None)]);
    let other = coalescer.take(10, 1 << 20).unwrap();
    assert_eq!((tasks(&other), other.deferred), (vec![4], 0));
    coalescer.settle(other.id, vec![Settled::Done]);
    assert_eq!(coalescer.stored_below(), 1);

    coalescer.retry_deferred(1);
    coalescer.offer(4, vec![update(5, 1, None)]);
    let again = coalescer.take(10, 1 << 20).unwrap();
    assert_eq!((tasks(&again), again.deferred), (vec![1, 5], 1), "the oldest of them first");
    let expected = [update(1, 2, None), update(1, 3, None)]
        .into_iter()
        .fold(update(1, 1, Some(3)), |base, newer| merged(Some(base), newer));
    assert_eq!(again.updates[0], expected);
    coalescer.settle(again.id, vec![Settled::Done; 2]);
    assert_eq!((coalescer.deferred(), coalescer.ready(), coalescer.stored_below()), (1, 0, 1));
    coalescer.retry_deferred(10);
    let last = coalescer.take(10, 1 << 20).unwrap();
    assert_eq!((tasks(&last), last.deferred), (vec![2], 1));
    coalescer.settle(last.id, vec![Settled::Done]);
    assert_eq!((coalescer.is_empty(), coalescer.stored_below(), coalescer.bytes()), (true, 5, 0));
}

#[test]
fn an_outcome_that_is_missing_is_a_retry_and_a_second_settlement_is_nothing() {
    let mut coalescer = Coalescer::new(WIDE);
    coalescer.offer(1, vec![update(1, 1, None), update(2, 1, None)]);
    let batch = coalescer.take(10, 1 << 20).unwrap();
    coalescer.settle(batch.id, vec![Settled::Done]);
    coalescer.settle(batch.id, vec![Settled::Done, Settled::Done]);
    assert_eq!((coalescer.documents(), coalescer.in_flight(), coalescer.stored_below()), (1, 0, 1));
    assert_eq!(tasks(&coalescer.take(10, 1 << 20).unwrap()), [2]);
}

#[test]
fn a_group_without_updates_moves_the_end() {
    let mut coalescer = Coalescer::new(WIDE);
    coalescer.offer(7, Vec::new());
    assert_eq!((coalescer.stored_below(), coalescer.is_empty()), (8, true));
}
