//! Cases of reading: tasks, alerts, unfinished executions, idempotency keys, and documents that do not exist.

use updraft_protocol::limits::PAGE_ROWS;
use updraft_protocol::{
    ExecutionDocument, ExecutionHead, ExecutionStatus, ExecutionUpdate, Json, Name, TaskStatus, TaskUpdate,
    Timestamp,
};

use super::Ending;
use super::samples::{
    DAY, change, execution, execution_with, executions, full_execution_state, input_hash, peid, pid,
    revision, task, task_id, tasks, tenant,
};
use crate::store::{Cursor, Detail, ExecutionQuery, ExecutionsOf, Store, TaskQuery};

pub(super) async fn tasks_come_in_order_of_their_number(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let mut batch = Vec::new();
    for number in [5, 300, 1, 2, 70_000, 4, 3] {
        batch.push(task(1, number, &acme)?);
        batch.push(task(2, number, &acme)?);
    }
    store.write(tasks(batch)).await?;
    let all = [1, 2, 3, 4, 5, 300, 70_000];
    let numbers = async |after, limit| {
        let read = store.tasks(&acme, peid(1), after, limit).await?;
        assert!(read.iter().all(|task| task.head.peid == peid(1)));
        Ok::<_, crate::store::Error>(read.iter().map(|task| task.head.task_seq).collect::<Vec<_>>())
    };
    assert_eq!(numbers(0, 100).await?, all);
    assert_eq!(numbers(0, 3).await?, all[..3]);
    assert_eq!(numbers(3, 3).await?, all[3..6]);
    assert_eq!(numbers(300, 3).await?, all[6..]);
    assert_eq!(numbers(70_000, 3).await?, all[7..]);
    assert_eq!(numbers(u32::MAX, 3).await?, all[7..]);
    Ok(())
}

pub(super) async fn tasks_of_an_alert_come_by_status_and_in_all(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let mut batch = Vec::new();
    for (number, status) in (1..).zip(TaskStatus::ALL) {
        for execution in [1, 2] {
            let mut update = task(execution, number, &acme)?;
            update.state.status = *status;
            batch.push(update);
        }
    }
    let mut other = task(3, 1, &acme)?;
    if let Some(head) = other.head.as_mut().and_then(std::sync::Arc::get_mut) {
        head.alert_id = None;
    }
    batch.push(other);
    store.write(tasks(batch)).await?;
    let of = |alert: &str| TaskQuery::of_alert(acme.clone(), alert);
    let all = of("alert-1");
    for status in TaskStatus::ALL {
        let read = store.tasks_of_alert(TaskQuery { status: Some(*status), ..all.clone() }).await?;
        assert_eq!(read.len(), 2, "{status}");
        assert!(read.iter().all(|task| task.state.status == *status));
    }
    let read = store.tasks_of_alert(all.clone()).await?;
    assert_eq!(read.len(), 2 * TaskStatus::ALL.len());
    assert_eq!(store.tasks_of_alert(TaskQuery { limit: 5, ..all.clone() }).await?, read[..5]);
    for status in [None, Some(TaskStatus::Failed)] {
        let whole = store.tasks_of_alert(TaskQuery { status, ..all.clone() }).await?;
        let (mut read, mut after) = (Vec::new(), None);
        loop {
            let page = store.tasks_of_alert(TaskQuery { status, after, limit: 1, ..all.clone() }).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.task_request_id);
            read.extend(page);
            assert!(read.len() <= whole.len(), "pages end");
        }
        assert_eq!(read, whole);
    }
    assert_eq!(store.tasks_of_alert(of("alert-2")).await?, []);
    assert_eq!(store.tasks_of_alert(of("")).await?, []);

    let mut moved = TaskUpdate { revision: revision(1, 2), head: None, ..task(1, 1, &acme)? };
    moved.state.status = TaskStatus::Completed;
    store.write(tasks([moved])).await?;
    let executing = TaskQuery { status: Some(TaskStatus::Executing), ..all };
    let executing = store.tasks_of_alert(executing).await?;
    assert_eq!(executing.iter().map(|task| task.task_request_id).collect::<Vec<_>>(), [task_id(2, 1)]);
    Ok(())
}

pub(super) async fn unfinished_executions_of_all_tenants_come_newest_first(store: &dyn Store) -> Ending {
    let mut batch = Vec::new();
    for (number, status) in (1..).zip(ExecutionStatus::ALL.iter().cycle().take(16)) {
        let owner = tenant(if number % 2 == 0 { "acme" } else { "umbrella" })?;
        let mut update = execution_with(number, &owner, |head| head.createddate = Timestamp(DAY + number))?;
        update.state.execution_status = *status;
        batch.push(update);
    }
    store.write(executions(batch)).await?;
    let numbers = async || {
        let read = store.unfinished(None, 100).await?;
        assert!(read.iter().all(|one| one.state.execution_status.runs()));
        assert!(read.iter().all(|one| one.head.input == Json::null() && one.head.variables == Json::null()));
        Ok::<_, crate::store::Error>(read.iter().map(|one| one.peid).collect::<Vec<_>>())
    };
    assert_eq!(numbers().await?, [16, 10, 9, 3, 2].map(peid));
    store.write(executions([change(9, revision(1, 2), ExecutionStatus::Completed)])).await?;
    assert_eq!(numbers().await?, [16, 10, 3, 2].map(peid));
    Ok(())
}

pub(super) async fn what_is_to_be_resumed_comes_with_all_of_its_tasks(store: &dyn Store) -> Ending {
    let (acme, umbrella) = (tenant("acme")?, tenant("umbrella")?);
    store.write(executions([execution(1, &acme)?, execution(2, &umbrella)?, execution(3, &acme)?])).await?;
    let many = PAGE_ROWS as u32 + 7;
    for first in (1..=many).step_by(500) {
        let numbers = first..(first + 500).min(many + 1);
        let page: Vec<_> = numbers.map(|number| task(1, number, &acme)).collect::<Result<_, _>>()?;
        store.write(tasks(page)).await?;
    }
    store.write(tasks([task(2, 1, &umbrella)?, task(3, 1, &acme)?])).await?;
    store.write(executions([change(3, revision(1, 2), ExecutionStatus::Completed)])).await?;
    let asked = [(&umbrella, 2), (&acme, 1), (&acme, 2), (&acme, 3), (&acme, 4)];
    let read = store.resumables(asked.map(|(owner, number)| (owner.clone(), peid(number))).into()).await?;
    let tasks: Vec<_> = read.iter().map(|one| one.as_ref().map(|one| one.tasks.len())).collect();
    assert_eq!(tasks, [Some(1), Some(many as usize), None, Some(0), None], "in the order asked for");
    for ((owner, number), one) in asked.into_iter().zip(&read) {
        let document = one.as_ref().map(|one| one.document.clone());
        assert_eq!(document, store.execution(owner, peid(number)).await?);
    }
    let numbers = read.iter().flatten().nth(1).map(|one| one.tasks.iter().map(|task| task.head.task_seq));
    assert!(numbers.is_some_and(|numbers| numbers.eq(1..=many)));
    assert_eq!(store.resumables(Vec::new()).await?, []);
    Ok(())
}

pub(super) async fn a_summary_is_the_document_without_what_may_be_large(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let mut batch = Vec::new();
    for number in 1..=9 {
        let key = format!("key-{number}");
        let update = execution_with(number, &acme, |head| {
            head.idempotency_key = Some(key.into());
            head.input_hash = Some(input_hash(number));
        })?;
        batch.push(match number % 2 {
            0 => update,
            _ => ExecutionUpdate { state: full_execution_state()?, ..update },
        });
    }
    store.write(executions(batch.iter().cloned())).await?;
    for of in [
        ExecutionsOf::Any,
        ExecutionsOf::Status(ExecutionStatus::Failed),
        ExecutionsOf::User("analyst-1".into()),
    ] {
        let list = async |detail, after, limit| {
            let query = ExecutionQuery { tenant: acme.clone(), of: of.clone(), after, limit, detail };
            store.executions(query).await
        };
        let whole = list(Detail::Whole, None, 10).await?;
        assert!(whole.iter().any(|one| one.state.output.is_some() && one.state.error.is_some()));
        assert!(whole.iter().all(|one| one.head.input != Json::null() && one.head.variables != Json::null()));
        let shortened: Vec<_> = whole.into_iter().map(shortened).collect();
        assert_eq!(list(Detail::Summary, None, 10).await?, shortened, "{of:?}");
        let last = &shortened[2];
        let after = Cursor { createddate: last.head.createddate, peid: last.peid };
        assert_eq!(list(Detail::Summary, Some(after), 2).await?, shortened[3..5], "{of:?}");
    }
    Ok(())
}

pub(super) async fn a_summary_of_tasks_is_each_without_its_response(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let mut batch = Vec::new();
    for number in 1..=6 {
        let mut update = task(1, number, &acme)?;
        if number % 2 == 1 {
            update.state.status = TaskStatus::Completed;
            update.state.response = Some(Json::from(serde_json::json!({ "verdict": "x".repeat(2_000) })));
        }
        batch.push(update);
    }
    store.write(tasks(batch)).await?;
    let all = TaskQuery::of_alert(acme.clone(), "alert-1");
    for (status, count) in [(None, 6), (Some(TaskStatus::Completed), 3)] {
        let whole = TaskQuery { status, ..all.clone() };
        let mut read = store.tasks_of_alert(whole.clone()).await?;
        assert_eq!(read.iter().filter(|task| task.state.response.is_some()).count(), 3);
        read.iter_mut().for_each(|task| task.state.response = None);
        let summary = TaskQuery { detail: Detail::Summary, ..whole };
        assert_eq!(store.tasks_of_alert(summary.clone()).await?, read);
        assert_eq!(read.len(), count);
        let after = Some(read[0].task_request_id);
        assert_eq!(store.tasks_of_alert(TaskQuery { after, limit: 2, ..summary }).await?, read[1..3]);
    }
    Ok(())
}

fn shortened(mut document: ExecutionDocument) -> ExecutionDocument {
    let mut head = ExecutionHead::clone(&document.head);
    (head.input, head.variables) = (Json::null(), Json::null());
    document.head = head.into();
    (document.state.output, document.state.signals) = (None, None);
    document
}

pub(super) async fn what_is_missing_is_none(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    assert_eq!(store.execution(&acme, peid(1)).await?, None);
    assert_eq!(store.tasks(&acme, peid(1), 0, 10).await?, []);
    assert_eq!(store.unfinished(None, 10).await?, []);
    assert_eq!(store.playbook(&acme, pid(1)).await?, None);
    assert_eq!(store.playbook_named(&acme, &Name::new("phishing")?, None).await?, None);
    Ok(())
}

pub(super) async fn it_answers(store: &dyn Store) -> Ending {
    store.ping().await?;
    let health = store.health().await;
    assert!(health.troubles.is_empty(), "{:?}", health.troubles);
    Ok(())
}
