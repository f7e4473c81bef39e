//! Cases of data: whatever JSON and text goes in comes out.

use serde_json::{Value, json};
use updraft_protocol::limits::{INPUT_BYTES, KEY_BYTES, RESPONSE_BYTES};
use updraft_protocol::{ExecutionUpdate, Json, TaskUpdate, Update};

use super::Ending;
use super::samples::{
    WRITTEN, execution, execution_with, executions, peid, playbook, stored_execution, task, tenant,
};
use crate::store::{ExecutionQuery, ExecutionsOf, Store};

/// Data that a driver may take for an operator, a path, a type or a number of its own.
fn hostile() -> Vec<Value> {
    // Deeper than BSON allows, and as deep as serde_json reads.
    let deep = |depth| (0..depth).fold(json!("end"), |inner, _| json!({ "a": [inner] }));
    vec![
        json!({"$set": {"$where": "1"}, "$literal": "$tenant_code", "$$ROOT": "$$NOW"}),
        json!({"a.b.c": 1, ".": 2, "": 3, "_id": {"$oid": "507f1f77bcf86cd799439011"}}),
        json!({"text": "ä 漢字 🦀 \u{0} \u{7f} \u{2028} '\"\\; DROP TABLE meta; --", "ключ": "значение"}),
        json!([u64::MAX, i64::MIN, 1e308, -0.0, 5e-324, 1.0, 1, true, null]),
        json!({"z": 1, "a": {"z": [], "a": {}}}),
        json!("$name"),
        json!(""),
        deep(30),
        deep(60),
    ]
}

pub(super) async fn values_come_back_as_they_were(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    for (number, value) in (1..).zip(hostile()) {
        let mut update = execution_with(number, &acme, |head| {
            head.input = Json::from(value.clone());
            head.variables = Json::from(json!({ "v": value }));
        })?;
        update.state.output = Some(Json::from(value.clone()));
        let mut task = task(number, 1, &acme)?;
        task.state.response = Some(Json::from(value.clone()));
        let mut book = playbook(number, &acme, "hostile", u32::try_from(number)?)?;
        book.definition = Json::from(value.clone());
        let _ = store.put_playbook(book.clone()).await?;
        let batch = vec![Update::Execution(update), Update::Task(task)];
        assert_eq!(store.write(batch).await?, vec![WRITTEN; 2], "{value}");

        let read = store.execution(&acme, peid(number)).await?.ok_or("an execution")?;
        assert_eq!(read.head.input.value(), value);
        assert_eq!(read.head.variables.value(), json!({ "v": value }));
        assert_eq!(read.state.output.map(|output| output.value()), Some(value.clone()));
        let read = store.tasks(&acme, peid(number), 0, 1).await?.pop().ok_or("a task")?;
        assert_eq!(read.state.response.map(|response| response.value()), Some(value.clone()));
        let read = store.playbook(&acme, book.pid).await?.ok_or("a playbook")?;
        assert_eq!(read.definition.value(), value);
    }
    Ok(())
}

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
        store.write(vec![Update::Execution(update), Update::Task(task)]).await?;
    }
    for (number, key) in (1..).zip(keys) {
        assert_eq!(store.execution_by_key(&acme, key).await?, Some(peid(number)), "{key:?}");
        let of = ExecutionsOf::User(key.into());
        let query = ExecutionQuery { tenant: acme.clone(), of, after: None, limit: 10 };
        let read = store.executions(query).await?;
        assert_eq!(read.iter().map(|one| one.peid).collect::<Vec<_>>(), [peid(number)], "{key:?}");
        assert_eq!(read[0].head.alert_id.as_deref(), Some(key));
        let read = store.tasks_of_alert(&acme, key, None, 10).await?;
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
    store.write(vec![Update::Execution(update.clone()), Update::Task(task.clone())]).await?;
    assert_eq!(store.execution(&acme, peid(1)).await?, stored_execution(&update));
    let read = store.tasks(&acme, peid(1), 0, 1).await?.pop().ok_or("a task")?;
    assert_eq!((read.head.task_seq, read.state), (u32::MAX, task.state));
    Ok(())
}
