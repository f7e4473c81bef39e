//! Cases of writing: inserts, guarded updates, stale ones, poison, and batches that are sent again.

use updraft_protocol::limits::BATCH_OPERATIONS_MAX;
use updraft_protocol::{ExecutionStatus, ExecutionUpdate, Json, TaskStatus, TaskUpdate, Timestamp, Update};

use super::Ending;
use super::samples::{
    DAY, STALE, WRITTEN, change, execution, execution_head, executions, full_execution_state,
    full_task_state, peid, revision, stored_execution, stored_task, task, task_id, task_state, tasks, tenant,
};
use crate::store::{Store, WriteOutcome};

pub(super) async fn what_is_inserted_comes_back_whole(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let small = execution(1, &acme)?;
    let full = ExecutionUpdate { state: full_execution_state()?, ..execution(2, &acme)? };
    let small_task = task(1, 1, &acme)?;
    let full_task = TaskUpdate { state: full_task_state(), revision: revision(3, 9), ..task(1, 2, &acme)? };
    let mut batch = executions([small.clone(), full.clone()]);
    batch.extend(tasks([small_task.clone(), full_task.clone()]));
    assert_eq!(store.write(batch).await?, vec![WRITTEN; 4]);
    assert_eq!(store.execution(&acme, peid(1)).await?, stored_execution(&small));
    assert_eq!(store.execution(&acme, peid(2)).await?, stored_execution(&full));
    let read = store.tasks(&acme, peid(1), 0, 10).await?;
    assert_eq!(read.first(), stored_task(&small_task).as_ref());
    assert_eq!(read.get(1), stored_task(&full_task).as_ref());
    Ok(())
}

pub(super) async fn an_update_changes_what_it_names_and_nothing_else(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let mut first = ExecutionUpdate { state: full_execution_state()?, ..execution(1, &acme)? };
    let mut first_task = TaskUpdate { state: full_task_state(), ..task(1, 1, &acme)? };
    store.write(vec![Update::from(first.clone()), Update::from(first_task.clone())]).await?;
    let mut next = change(1, revision(1, 2), ExecutionStatus::Completed);
    next.state.output = Some(Json::null());
    let mut next_task = TaskUpdate { revision: revision(1, 2), head: None, ..first_task.clone() };
    next_task.state = task_state(TaskStatus::Completed);
    next_task.state.runtime = Some(44);
    let batch = vec![Update::from(next.clone()), Update::from(next_task.clone())];
    assert_eq!(store.write(batch).await?, vec![WRITTEN; 2]);
    first.state.merge(next.state);
    first.revision = next.revision;
    assert_eq!(store.execution(&acme, peid(1)).await?, stored_execution(&first));
    first_task.state.merge(next_task.state);
    first_task.revision = next_task.revision;
    assert_eq!(store.tasks(&acme, peid(1), 0, 10).await?.first(), stored_task(&first_task).as_ref());
    Ok(())
}

pub(super) async fn a_head_is_laid_over_a_document_that_exists(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let mut first = ExecutionUpdate { state: full_execution_state()?, ..execution(1, &acme)? };
    let mut first_task = TaskUpdate { state: full_task_state(), ..task(1, 1, &acme)? };
    store.write(vec![Update::from(first.clone()), Update::from(first_task.clone())]).await?;
    let again = ExecutionUpdate { revision: revision(2, 1), ..execution(1, &acme)? };
    let again_task = TaskUpdate { revision: revision(1, 5), ..task(1, 1, &acme)? };
    let batch = vec![Update::from(again.clone()), Update::from(again_task.clone())];
    assert_eq!(store.write(batch).await?, vec![WRITTEN; 2]);
    first.state.merge(again.state);
    first.revision = again.revision;
    assert_eq!(store.execution(&acme, peid(1)).await?, stored_execution(&first));
    first_task.state.merge(again_task.state);
    first_task.revision = again_task.revision;
    assert_eq!(store.tasks(&acme, peid(1), 0, 10).await?, Vec::from_iter(stored_task(&first_task)));
    Ok(())
}

pub(super) async fn a_stale_update_changes_nothing(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let first = ExecutionUpdate { revision: revision(2, 5), ..execution(1, &acme)? };
    let first_task = TaskUpdate { revision: revision(2, 5), ..task(1, 1, &acme)? };
    store.write(vec![Update::from(first.clone()), Update::from(first_task.clone())]).await?;
    for old in [revision(2, 5), revision(2, 4), revision(1, 6), revision(0, 0)] {
        for head in [None, first.head.clone()] {
            let stale = ExecutionUpdate {
                head,
                state: full_execution_state()?,
                peid: peid(1),
                revision: old,
                positions: Default::default(),
            };
            assert_eq!(store.write(executions([stale])).await?, [STALE], "{old:?}");
        }
        for head in [None, first_task.head.clone()] {
            let id = task_id(1, 1);
            let stale = TaskUpdate {
                head,
                state: full_task_state(),
                task_id: id,
                peid: peid(1),
                revision: old,
                positions: Default::default(),
            };
            assert_eq!(store.write(tasks([stale])).await?, [STALE], "{old:?}");
        }
    }
    assert_eq!(store.execution(&acme, peid(1)).await?, stored_execution(&first));
    assert_eq!(store.tasks(&acme, peid(1), 0, 10).await?, Vec::from_iter(stored_task(&first_task)));
    Ok(())
}

pub(super) async fn a_newer_epoch_wins_over_a_higher_number(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let first = ExecutionUpdate { revision: revision(1, 900), ..execution(1, &acme)? };
    store.write(executions([first])).await?;
    let taken_over = change(1, revision(2, 1), ExecutionStatus::Completed);
    assert_eq!(store.write(executions([taken_over])).await?, [WRITTEN]);
    let late = change(1, revision(1, 901), ExecutionStatus::Failed);
    assert_eq!(store.write(executions([late])).await?, [STALE]);
    let read = store.execution(&acme, peid(1)).await?.ok_or("it is there")?;
    assert_eq!(read.state.execution_status, ExecutionStatus::Completed);
    assert_eq!((read.epoch, read.seq), (2, 1));
    Ok(())
}

pub(super) async fn batches_in_any_order_and_twice_end_in_the_newest_state(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let orders = [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1]];
    for (number, order) in (1..).zip(orders) {
        let update = |seq: u64| -> Result<ExecutionUpdate, Box<dyn std::error::Error + Send + Sync>> {
            let status = if seq == 3 { ExecutionStatus::Completed } else { ExecutionStatus::Executing };
            let mut update = ExecutionUpdate { revision: revision(1, seq), ..execution(number, &acme)? };
            update.state.execution_status = status;
            update.state.updated_date = Timestamp(DAY + seq);
            Ok(update)
        };
        let mut newest = 0;
        for seq in order.into_iter().chain(order) {
            let expected = if seq > newest { WRITTEN } else { STALE };
            assert_eq!(store.write(executions([update(seq)?])).await?, [expected], "{order:?}, {seq}");
            newest = newest.max(seq);
        }
        assert_eq!(
            store.execution(&acme, peid(number)).await?,
            stored_execution(&update(3)?),
            "order {order:?}"
        );
    }
    Ok(())
}

pub(super) async fn an_update_of_a_missing_document_is_poison_and_the_others_are_written(
    store: &dyn Store,
) -> Ending {
    let acme = tenant("acme")?;
    let missing = change(2, revision(1, 2), ExecutionStatus::Completed);
    let missing_task = TaskUpdate { head: None, ..task(1, 2, &acme)? };
    let batch = vec![
        Update::from(execution(1, &acme)?),
        Update::from(missing),
        Update::from(task(1, 1, &acme)?),
        Update::from(missing_task),
        Update::from(execution(3, &acme)?),
    ];
    let outcomes = store.write(batch).await?;
    assert_eq!([&outcomes[0], &outcomes[2], &outcomes[4]], [&WRITTEN; 3]);
    assert!(matches!(outcomes[1], WriteOutcome::Poison(_)), "{:?}", outcomes[1]);
    assert!(matches!(outcomes[3], WriteOutcome::Poison(_)), "{:?}", outcomes[3]);
    assert!(store.execution(&acme, peid(1)).await?.is_some());
    assert!(store.execution(&acme, peid(3)).await?.is_some());
    assert_eq!(store.execution(&acme, peid(2)).await?, None);
    assert_eq!(store.tasks(&acme, peid(1), 0, 10).await?.len(), 1);
    Ok(())
}

pub(super) async fn a_number_beyond_the_store_is_poison_and_the_others_are_written(
    store: &dyn Store,
) -> Ending {
    let acme = tenant("acme")?;
    let mut late = execution(2, &acme)?;
    late.state.updated_date = Timestamp(u64::MAX);
    let newest = ExecutionUpdate { revision: revision(u64::MAX, 1), ..execution(3, &acme)? };
    let mut long = task(1, 1, &acme)?;
    long.state.runtime = Some(i64::MAX as u64 + 1);
    let mut batch = executions([execution(1, &acme)?, late, newest, execution(4, &acme)?]);
    batch.extend(tasks([long, task(1, 2, &acme)?]));
    let outcomes = store.write(batch).await?;
    let poison: Vec<_> = outcomes.iter().map(|o| matches!(o, WriteOutcome::Poison(_))).collect();
    assert_eq!(poison, [false, true, true, false, true, false], "{outcomes:?}");
    assert!(store.execution(&acme, peid(4)).await?.is_some());
    assert_eq!(store.execution(&acme, peid(2)).await?, None);
    assert_eq!(store.tasks(&acme, peid(1), 0, 10).await?.len(), 1);
    Ok(())
}

pub(super) async fn a_full_batch_is_answered_in_order(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let head = std::sync::Arc::new(execution_head(&acme)?);
    let update = |number| ExecutionUpdate {
        head: Some(head.clone()),
        ..change(number, revision(1, 1), ExecutionStatus::Executing)
    };
    let all = BATCH_OPERATIONS_MAX as u64;
    let half = executions((0..all).step_by(2).map(update));
    assert_eq!(store.write(half).await?, vec![WRITTEN; BATCH_OPERATIONS_MAX.div_ceil(2)]);
    let outcomes = store.write(executions((0..all).map(update))).await?;
    assert_eq!(outcomes.len(), BATCH_OPERATIONS_MAX);
    for (number, outcome) in outcomes.iter().enumerate() {
        assert_eq!(*outcome, if number % 2 == 0 { STALE } else { WRITTEN }, "update {number}");
    }
    Ok(())
}

pub(super) async fn an_empty_batch_is_written(store: &dyn Store) -> Ending {
    assert_eq!(store.write(Vec::new()).await?, []);
    Ok(())
}
