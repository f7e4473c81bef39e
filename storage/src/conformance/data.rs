//! Cases of data: keys, numbers and failures are read as they were written.

use std::time::Duration;

use serde_json::json;
use updraft_protocol::limits::{FAILURE_MESSAGE_BYTES, INPUT_BYTES, KEY_BYTES, RESPONSE_BYTES};
use updraft_protocol::{
    ExecutionStatus, ExecutionUpdate, Failure, FailureKind, Json, Priority, TaskState, TaskStatus,
    TaskUpdate, Timestamp, Update,
};

use super::Ending;
use super::samples::{
    self, WRITTEN, change, execution, execution_with, executions, holder, peid, revision, stored_execution,
    stored_task, task, tenant,
};
use crate::store::{Detail, ExecutionQuery, ExecutionsOf, Store, TaskQuery};

pub(super) async fn keys_may_hold_any_text(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let keys = ["", "$gt", "a.b", "ä漢🦀", "nul\u{0}l", "nul", "'; --", "{\"$ne\":1}", "NUL", "nul "];
    for (number, key) in (1..).zip(keys) {
        let update = execution_with(number, &acme, |head| {
            head.uid = Some(key.into());
            head.alert_id = Some(key.into());
            head.idempotency_key = Some(key.into());
        })?;
        let mut task = task(number, 1, &acme)?;
        if let Some(head) = task.head.as_mut().and_then(std::sync::Arc::get_mut) {
            head.alert_id = Some(key.into());
        }
        store.write(vec![Update::from(update), Update::from(task)]).await?;
    }
    for (number, key) in (1..).zip(keys) {
        let found = store.execution_by_key(&samples::key(&acme, key)?).await?;
        assert_eq!(found, Some(holder(number)), "{key:?}");
        let of = ExecutionsOf::User(key.into());
        let query =
            ExecutionQuery { tenant: acme.clone(), of, after: None, limit: 10, detail: Detail::Whole };
        let read = store.executions(query).await?;
        assert_eq!(read.iter().map(|one| one.peid).collect::<Vec<_>>(), [peid(number)], "{key:?}");
        assert_eq!(read[0].head.alert_id.as_deref(), Some(key));
        let read = store.tasks_of_alert(TaskQuery::of_alert(acme.clone(), key)).await?;
        assert_eq!(read.iter().map(|one| one.head.peid).collect::<Vec<_>>(), [peid(number)], "{key:?}");
    }
    Ok(())
}

pub(super) async fn nothing_and_null_are_two_things(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let bare = execution_with(1, &acme, |head| {
        head.uid = None;
        head.alert_id = None;
        head.input = Json::null();
        head.variables = Json::null();
    })?;
    let mut null = execution(2, &acme)?;
    null.state.output = Some(Json::null());
    store.write(executions([bare.clone(), null.clone()])).await?;
    assert_eq!(store.execution(&acme, peid(1)).await?, stored_execution(&bare));
    assert_eq!(store.execution(&acme, peid(2)).await?, stored_execution(&null));
    Ok(())
}

pub(super) async fn the_largest_values_fit(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let text = |bytes: usize| Json::from(json!("x".repeat(bytes - 2)));
    let mut update: ExecutionUpdate = execution_with(1, &acme, |head| {
        head.uid = Some("u".repeat(KEY_BYTES).into());
        head.input = text(INPUT_BYTES);
        head.variables = text(INPUT_BYTES);
    })?;
    update.state.output = Some(text(RESPONSE_BYTES));
    update.state.playbook_runtime = Some(i64::MAX as u64);
    let mut task: TaskUpdate = task(1, u32::MAX, &acme)?;
    task.state.response = Some(text(RESPONSE_BYTES));
    task.state.attempt = u32::MAX;
    store.write(vec![Update::from(update.clone()), Update::from(task.clone())]).await?;
    assert_eq!(store.execution(&acme, peid(1)).await?, stored_execution(&update));
    let read = store.tasks(&acme, peid(1), 0, 1).await?.pop().ok_or("a task")?;
    assert_eq!((read.head.task_seq, read.state), (u32::MAX, task.state));
    Ok(())
}

pub(super) async fn numbers_at_their_bounds_come_back(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let last = i64::MAX as u64;
    let mut most = execution_with(1, &acme, |head| {
        head.priority = Priority::Critical;
        head.playbook_version = u32::MAX;
        head.createddate = Timestamp(last);
    })?;
    most.revision = revision(last, last);
    most.state.updated_date = Timestamp(last);
    most.state.started_date = Some(Timestamp(last));
    most.state.playbook_runtime = Some(last);
    let mut least = execution_with(2, &acme, |head| {
        (head.priority, head.playbook_version, head.createddate) = (Priority::Low, 0, Timestamp(0));
    })?;
    least.revision = revision(0, 0);
    least.state.updated_date = Timestamp(0);
    least.state.finished_date = Some(Timestamp(0));
    least.state.playbook_runtime = Some(0);
    // Beyond 32 bits, and not at a bound.
    let mut between = execution_with(3, &acme, |head| head.createddate = Timestamp(1 << 40))?;
    between.revision = revision(1 << 33, (1 << 31) + 7);
    let mut deep = task(1, 2_147_483_649, &acme)?;
    deep.state.attempt = u32::MAX;
    deep.state.runtime = Some(last);
    let mut batch = executions([most.clone(), least.clone(), between.clone()]);
    batch.push(Update::from(deep.clone()));
    assert_eq!(store.write(batch).await?, vec![WRITTEN; 4]);
    for update in [&most, &least, &between] {
        assert_eq!(store.execution(&acme, update.peid).await?, stored_execution(update));
    }
    assert_eq!(store.tasks(&acme, peid(1), 2_147_483_648, 9).await?, Vec::from_iter(stored_task(&deep)));
    assert_eq!(store.tasks(&acme, peid(1), 2_147_483_649, 9).await?, []);
    let newer = change(3, revision(1 << 33, (1 << 31) + 8), ExecutionStatus::Completed);
    assert_eq!(store.write(executions([newer])).await?, [WRITTEN]);
    Ok(())
}

pub(super) async fn every_status_comes_back(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    for (number, status) in (1..).zip(ExecutionStatus::ALL) {
        let mut first = execution(number, &acme)?;
        first.state.execution_status = *status;
        let changed = change(number + 50, revision(1, 2), *status);
        assert_eq!(store.write(executions([execution(number + 50, &acme)?])).await?, [WRITTEN]);
        assert_eq!(store.write(executions([first, changed])).await?, vec![WRITTEN; 2]);
        for number in [number, number + 50] {
            let read = store.execution(&acme, peid(number)).await?.ok_or("it is there")?;
            assert_eq!(read.state.execution_status, *status);
        }
    }
    for (number, status) in (1..).zip(TaskStatus::ALL) {
        let mut first = task(1, number, &acme)?;
        first.state.status = *status;
        assert_eq!(store.write(vec![Update::from(first)]).await?, [WRITTEN]);
        let read = store.tasks(&acme, peid(1), number - 1, 1).await?;
        assert_eq!(read.first().map(|task| task.state.status), Some(*status));
    }
    Ok(())
}

pub(super) async fn every_field_of_a_failure_comes_back(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let kinds: Vec<FailureKind> = serde_json::from_value(json!([
        "unreachable",
        "timeout",
        "interrupted",
        "rate_limited",
        "status",
        "too_large",
        "invalid_response",
        "invalid_arguments",
        "forbidden",
        "panic",
        "template",
        "condition",
        "branch",
        "end_step",
        "unknown_outcome",
        "supervision",
        "playbook",
        "store"
    ]))?;
    let messages = ["", "$set", "nul \u{0}, ä 漢字 🦀, \"quoted\", a.b", &"m".repeat(FAILURE_MESSAGE_BYTES)];
    for (number, kind) in (1..).zip(kinds) {
        let message = messages[number as usize % messages.len()];
        let failure = Failure::new(kind, message).with_retryable(number % 2 == 0);
        let failure = match number % 3 {
            0 => failure,
            1 => failure
                .with_retry_after(Duration::ZERO)
                .with_may_have_acted(number % 2 == 0)
                .with_answer(json!({ "status": 409, "headers": { "$a.b": "" }, "body": [null, 1.5] }).into()),
            _ => failure.with_retry_after(Duration::from_millis(i64::MAX as u64)),
        };
        let mut update = execution(number, &acme)?;
        update.state.error = Some(failure.clone().into());
        let mut of_task = task(number, 1, &acme)?;
        of_task.state.error = Some(failure.clone().into());
        let batch = vec![Update::from(update), Update::from(of_task.clone())];
        assert_eq!(store.write(batch).await?, vec![WRITTEN; 2]);
        let read = store.execution(&acme, peid(number)).await?.ok_or("it is there")?;
        assert_eq!(read.state.error.as_deref(), Some(&failure));
        // A newer failure replaces an older one, with every field.
        let other = Failure::new(FailureKind::Status, "503");
        let state = TaskState { error: Some(other.clone().into()), ..of_task.state.clone() };
        let next = TaskUpdate { revision: revision(1, 2), head: None, state, ..of_task };
        assert_eq!(store.write(vec![Update::from(next)]).await?, [WRITTEN]);
        let read = store.tasks(&acme, peid(number), 0, 1).await?.pop().ok_or("it is there")?;
        assert_eq!(read.state.error.as_deref(), Some(&other));
    }
    Ok(())
}
