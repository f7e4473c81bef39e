//! Cases of batches: sent again, mixed, large, and several at once. Single updates have their own cases.

use futures_util::future::try_join_all;
use updraft_protocol::limits::BATCH_OPERATIONS_MAX;
use updraft_protocol::{
    ExecutionStatus, ExecutionUpdate, Json, TaskId, TaskStatus, TaskUpdate, TenantCode, Timestamp, Update,
    ids,
};

use super::Ending;
use super::samples::{
    DAY, STALE, WRITTEN, change, execution, peid, revision, stored_execution, stored_task, task, task_id,
    task_state, tenant,
};
use crate::store::{Error, Store, WriteOutcome};

/// A later change of a task.
fn task_change(number: u64, task_seq: u32, seq: u64, status: TaskStatus) -> TaskUpdate {
    TaskUpdate {
        task_id: task_id(number, task_seq),
        peid: peid(number),
        revision: revision(1, seq),
        head: None,
        state: task_state(status),
        positions: Default::default(),
    }
}

/// Inserts and changes of both kinds: changes of documents that [`before`] wrote, and inserts of new ones.
fn mixed(owner: &TenantCode) -> Result<Vec<Update>, ids::Error> {
    let mut batch = Vec::new();
    for number in 0..20 {
        batch.push(Update::from(change(number, revision(1, 2), ExecutionStatus::Completed)));
        batch.push(Update::from(task_change(number, 1, 2, TaskStatus::Completed)));
        batch.push(Update::from(execution(number + 100, owner)?));
        batch.push(Update::from(task(number, 2, owner)?));
    }
    Ok(batch)
}

async fn before(store: &dyn Store, owner: &TenantCode) -> Ending {
    let mut batch = Vec::new();
    for number in 0..20 {
        batch.push(Update::from(execution(number, owner)?));
        batch.push(Update::from(task(number, 1, owner)?));
    }
    assert_eq!(store.write(batch).await?, vec![WRITTEN; 40]);
    Ok(())
}

/// Asserts that everything of [`mixed`] has arrived.
async fn assert_mixed(store: &dyn Store, owner: &TenantCode) -> Ending {
    for number in 0..20 {
        let changed = store.execution(owner, peid(number)).await?.ok_or("it is there")?;
        assert_eq!((changed.state.execution_status, changed.seq), (ExecutionStatus::Completed, 2));
        assert_eq!(changed.head.createddate, Timestamp(DAY), "its head stays");
        let inserted = store.execution(owner, peid(number + 100)).await?;
        assert_eq!(inserted, stored_execution(&execution(number + 100, owner)?));
        let tasks = store.tasks(owner, peid(number), 0, 10).await?;
        assert_eq!(tasks.len(), 2);
        assert_eq!((tasks[0].state.status, tasks[0].seq), (TaskStatus::Completed, 2));
        assert_eq!(Some(&tasks[1]), stored_task(&task(number, 2, owner)?).as_ref());
    }
    Ok(())
}

pub(super) async fn inserts_and_changes_of_both_kinds_stand_in_one_batch(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    before(store, &acme).await?;
    assert_eq!(store.write(mixed(&acme)?).await?, vec![WRITTEN; 80]);
    assert_mixed(store, &acme).await
}

pub(super) async fn a_batch_that_was_written_in_part_is_completed_by_sending_it_again(
    store: &dyn Store,
) -> Ending {
    let acme = tenant("acme")?;
    before(store, &acme).await?;
    let batch = mixed(&acme)?;
    // The writer has no answer for these.
    let part: Vec<_> = batch.iter().step_by(3).cloned().collect();
    assert_eq!(store.write(part.clone()).await?, vec![WRITTEN; part.len()]);
    let outcomes = store.write(batch.clone()).await?;
    assert_eq!(outcomes.len(), batch.len());
    for (number, outcome) in outcomes.iter().enumerate() {
        assert_eq!(*outcome, if number % 3 == 0 { STALE } else { WRITTEN }, "update {number}");
    }
    assert_mixed(store, &acme).await?;
    assert_eq!(store.write(batch).await?, vec![STALE; 80], "and again");
    assert_mixed(store, &acme).await
}

/// One update of a thousand, with its outcome: of ten, two are stale, one has no document, one is beyond the limits of
/// stores, three are inserted and three change an existing document.
fn fated(number: u64, owner: &TenantCode) -> Result<(Update, WriteOutcome), ids::Error> {
    let is_execution = number.is_multiple_of(2);
    let changed = |seq| {
        if is_execution {
            Update::from(change(number, revision(1, seq), ExecutionStatus::Completed))
        } else {
            Update::from(task_change(number, 1, seq, TaskStatus::Completed))
        }
    };
    let whole = |seq: u64| -> Result<Update, ids::Error> {
        Ok(if is_execution {
            Update::from(ExecutionUpdate { revision: revision(1, seq), ..execution(number, owner)? })
        } else {
            Update::from(TaskUpdate { revision: revision(1, seq), ..task(number, 1, owner)? })
        })
    };
    Ok(match number / 2 % 10 {
        0 => (changed(1), STALE),
        1 => (whole(1)?, STALE),
        2 => (changed(2), WriteOutcome::Poison(String::new())),
        3 => (whole(u64::MAX)?, WriteOutcome::Poison(String::new())),
        4..=6 => (whole(1)?, WRITTEN),
        _ => (changed(2), WRITTEN),
    })
}

pub(super) async fn a_full_batch_of_every_fate_is_answered_one_by_one(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let all = 0..BATCH_OPERATIONS_MAX as u64;
    let mut there = Vec::new();
    for number in all.clone().filter(|number| matches!(number / 2 % 10, 0 | 1 | 7..=9)) {
        there.push(if number % 2 == 0 {
            Update::from(execution(number, &acme)?)
        } else {
            Update::from(task(number, 1, &acme)?)
        });
    }
    assert_eq!(store.write(there.clone()).await?, vec![WRITTEN; there.len()]);
    let (mut batch, mut expected) = (Vec::new(), Vec::new());
    for number in all.clone() {
        let (update, outcome) = fated(number, &acme)?;
        batch.push(update);
        expected.push(outcome);
    }
    let outcomes = store.write(batch).await?;
    assert_eq!(outcomes.len(), expected.len());
    for (number, (outcome, expected)) in outcomes.iter().zip(&expected).enumerate() {
        let both_poison = matches!((outcome, expected), (WriteOutcome::Poison(_), WriteOutcome::Poison(_)));
        assert!(outcome == expected || both_poison, "update {number}: {outcome:?}, not {expected:?}");
    }
    for (number, outcome) in all.zip(expected) {
        let (there, ended) = if number % 2 == 0 {
            let read = store.execution(&acme, peid(number)).await?;
            (read.is_some(), read.is_some_and(|read| read.state.execution_status.ended()))
        } else {
            let read = store.tasks(&acme, peid(number), 0, 2).await?;
            (read.len() == 1, read.iter().any(|read| read.state.status.ended()))
        };
        assert_eq!(there, !matches!(outcome, WriteOutcome::Poison(_)), "update {number}");
        assert_eq!(ended, number / 2 % 10 > 6, "update {number}");
    }
    Ok(())
}

pub(super) async fn an_execution_and_a_task_may_have_the_same_id(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let twin = TaskUpdate { task_id: TaskId::from_bytes(*peid(1).as_bytes()), ..task(1, 1, &acme)? };
    let batch = vec![Update::from(twin.clone()), Update::from(execution(1, &acme)?)];
    assert_eq!(store.write(batch).await?, vec![WRITTEN; 2]);
    let ended = TaskUpdate { revision: revision(1, 2), head: None, ..twin };
    assert_eq!(store.write(vec![Update::from(ended)]).await?, [WRITTEN]);
    assert_eq!(store.execution(&acme, peid(1)).await?.map(|one| one.seq), Some(1));
    assert_eq!(store.tasks(&acme, peid(1), 0, 10).await?[0].seq, 2);
    Ok(())
}

pub(super) async fn batches_at_once_are_all_written(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let mut batches = Vec::new();
    for part in 0..8 {
        let mut batch = Vec::new();
        for number in 0..50 {
            batch.push(Update::from(execution(part * 50 + number, &acme)?));
            batch.push(Update::from(task(part * 50 + number, 1, &acme)?));
        }
        batches.push(batch);
    }
    let outcomes = try_join_all(batches.into_iter().map(|batch| store.write(batch))).await?;
    assert!(outcomes.iter().all(|outcomes| *outcomes == vec![WRITTEN; 100]), "{outcomes:?}");
    for number in 0..400 {
        assert!(store.execution(&acme, peid(number)).await?.is_some(), "{number}");
        assert_eq!(store.tasks(&acme, peid(number), 0, 2).await?.len(), 1, "{number}");
    }
    Ok(())
}

/// A node that was taken over writes late: its writes race with those of its successor.
pub(super) async fn writers_of_several_epochs_at_once_end_in_the_newest(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let newest = 6;
    let write = async |epoch: u64| -> Result<Vec<WriteOutcome>, Error> {
        let mut batch = Vec::new();
        for number in 0..40 {
            let mut update = execution(number, &acme).map_err(|error| Error::Refused(error.to_string()))?;
            update.revision = revision(epoch, 10 - epoch);
            update.state.output = Some(Json::from(serde_json::json!(epoch)));
            batch.push(Update::from(update));
        }
        loop {
            let outcomes = store.write(batch.clone()).await?;
            // If two meet, one may have to be sent again.
            if !outcomes.iter().any(|outcome| matches!(outcome, WriteOutcome::Retry(_))) {
                return Ok(outcomes);
            }
        }
    };
    let outcomes = try_join_all((1..=newest).map(write)).await?;
    assert!(outcomes.iter().flatten().all(|outcome| matches!(outcome, &WRITTEN | &STALE)), "{outcomes:?}");
    for number in 0..40 {
        let read = store.execution(&acme, peid(number)).await?.ok_or("it is there")?;
        assert_eq!((read.epoch, read.seq), (newest, 10 - newest));
        assert_eq!(read.state.output.map(|output| output.value()), Some(serde_json::json!(newest).into()));
    }
    Ok(())
}
