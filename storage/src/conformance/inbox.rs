//! Cases of the inbox: whom an approval waits for, in which order, page by page, and until when.

use std::sync::Arc;

use updraft_protocol::{
    Gate, GivenAnswer, StepId, TaskId, TaskStatus, TaskUpdate, TenantCode, Timestamp, Wait, WaitKind,
};

use super::Ending;
use super::samples::{DAY, revision, task, task_id, tasks, tenant};
use crate::store::{Inbox, InboxCursor, InboxQuery, Store};

/// The task `number`, which asks these people and groups until so many milliseconds after the day.
fn asked(
    number: u32,
    owner: &TenantCode,
    until: u64,
    (people, groups): (&[&str], &[&str]),
) -> Result<TaskUpdate, updraft_protocol::ids::Error> {
    let names = |names: &[&str]| names.iter().map(|name| Arc::from(*name)).collect();
    let gate = Gate {
        choices: vec![StepId::new("approve")?, StepId::new("refuse")?],
        assignees: names(people),
        groups: names(groups),
        quorum: 2,
        has_form: false,
        answers: Vec::new(),
    };
    let wait = Wait::until(WaitKind::Approval, Timestamp(DAY), Timestamp(DAY + until));
    let wait = Wait { subject: Some("Isolate \"h1\"?".into()), gate: Some(Box::new(gate)), ..wait };
    let mut update = task(1, number, owner)?;
    update.state.status = TaskStatus::Waiting;
    update.state.wait = Some(Box::new(wait));
    Ok(update)
}

async fn read(
    store: &dyn Store,
    owner: &TenantCode,
    of: &Inbox,
    after: Option<InboxCursor>,
    limit: usize,
) -> Result<Vec<TaskId>, crate::store::Error> {
    let query = InboxQuery { tenant: owner.clone(), of: of.clone(), after, limit };
    Ok(store.inbox(query).await?.into_iter().map(|task| task.task_request_id).collect())
}

fn ids(numbers: &[u32]) -> Vec<TaskId> {
    numbers.iter().map(|number| task_id(1, *number)).collect()
}

pub(super) async fn an_inbox_has_what_a_person_or_group_may_answer_oldest_deadline_first(
    store: &dyn Store,
) -> Ending {
    let (acme, umbrella) = (tenant("acme")?, tenant("umbrella")?);
    let mut answered = asked(5, &acme, 15, (&["ana", "ben"], &[]))?;
    if let Some(gate) = answered.state.wait.as_mut().and_then(|wait| wait.gate.as_mut()) {
        let choice = StepId::new("approve")?;
        gate.answers =
            vec![GivenAnswer { uid: "ana".into(), choice, at: Timestamp(DAY), comment: None, data: None }];
    }
    let mut signal = task(1, 6, &acme)?;
    signal.state.status = TaskStatus::Waiting;
    signal.state.wait = Some(Box::new(Wait::until(WaitKind::Signal, Timestamp(DAY), Timestamp(DAY + 1))));
    store
        .write(tasks([
            asked(1, &acme, 30, (&["ana"], &[]))?,
            asked(2, &acme, 20, (&[], &["leads", "soc"]))?,
            asked(3, &acme, 10, (&[], &[]))?,
            asked(4, &acme, 25, (&["ben"], &["leads"]))?,
            answered,
            signal,
            task(1, 7, &acme)?,
            asked(8, &umbrella, 5, (&["ana"], &["leads"]))?,
        ]))
        .await?;
    let person = |uid: &str, groups: &[&str]| Inbox::Person {
        uid: uid.into(),
        groups: groups.iter().map(|group| Arc::from(*group)).collect(),
    };
    for (of, numbers) in [
        (Inbox::All, &[3, 5, 2, 4, 1][..]),
        (person("ana", &[]), &[3, 1]),
        (person("ana", &["soc"]), &[3, 2, 1]),
        (person("ben", &[]), &[3, 5, 4]),
        (person("lea", &["leads", "others"]), &[3, 2, 4]),
        (person("eve", &[]), &[3]),
        (Inbox::Group("leads".into()), &[2, 4]),
        (Inbox::Group("ana".into()), &[]),
    ] {
        assert_eq!(read(store, &acme, &of, None, 100).await?, ids(numbers), "{of:?}");
    }
    assert_eq!(read(store, &umbrella, &Inbox::All, None, 100).await?, ids(&[8]));
    assert!(read(store, &tenant("nobody")?, &Inbox::All, None, 100).await?.is_empty());
    let whole = InboxQuery { tenant: acme, of: Inbox::All, after: None, limit: 1 };
    let first = store.inbox(whole).await?;
    let gate = first.first().and_then(|task| task.state.wait.clone()).and_then(|wait| wait.gate);
    assert!(gate.is_some_and(|gate| gate.quorum == 2 && gate.assignees.is_empty()), "with its record");
    Ok(())
}

pub(super) async fn pages_of_an_inbox_lose_and_repeat_nothing(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let mut batch = Vec::new();
    for number in 1..=23 {
        // Many have one deadline.
        let people: &[&str] = if number % 3 == 0 { &["ben"] } else { &["ana"] };
        batch.push(asked(number, &acme, u64::from(number / 8), (people, &[]))?);
    }
    store.write(tasks(batch)).await?;
    let ana = Inbox::Person { uid: "ana".into(), groups: Vec::new() };
    for (of, count) in [(Inbox::All, 23), (ana, 16)] {
        let all = read(store, &acme, &of, None, 100).await?;
        assert_eq!(all.len(), count);
        for limit in [1, 2, 5, 23] {
            let (mut paged, mut after) = (Vec::new(), None);
            loop {
                let query = InboxQuery { tenant: acme.clone(), of: of.clone(), after, limit };
                let page = store.inbox(query).await?;
                let Some(last) = page.last() else { break };
                assert!(page.len() <= limit);
                let until = last.state.wait.as_ref().and_then(|wait| wait.until).unwrap_or_default();
                after = Some(InboxCursor { until, task: last.task_request_id });
                paged.extend(page.into_iter().map(|task| task.task_request_id));
                assert!(paged.len() <= count, "pages end");
            }
            assert_eq!(paged, all);
        }
        assert!(read(store, &acme, &of, None, 0).await?.is_empty());
    }
    Ok(())
}

pub(super) async fn what_is_answered_leaves_the_inbox(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    store.write(tasks([asked(1, &acme, 1, (&[], &[]))?, asked(2, &acme, 2, (&[], &[]))?])).await?;
    for (number, status) in [(1, TaskStatus::Completed), (2, TaskStatus::Cancelled)] {
        let mut end = TaskUpdate { revision: revision(1, 2), head: None, ..task(1, number, &acme)? };
        end.state.status = status;
        store.write(tasks([end])).await?;
        let left = read(store, &acme, &Inbox::All, None, 100).await?;
        assert_eq!(left, ids(&[2][..2 - number as usize]), "the wait is still in the document");
    }
    let mut again = asked(3, &acme, 3, (&[], &[]))?;
    store.write(tasks([again.clone()])).await?;
    // Another deadline is another place.
    (again.revision, again.head) = (revision(1, 2), None);
    if let Some(wait) = again.state.wait.as_mut() {
        wait.until = Some(Timestamp(DAY + 9));
    }
    store.write(tasks([again])).await?;
    assert_eq!(read(store, &acme, &Inbox::All, None, 100).await?, ids(&[3]));
    let after = Some(InboxCursor { until: Timestamp(DAY + 9), task: task_id(1, 3) });
    assert!(read(store, &acme, &Inbox::All, after, 100).await?.is_empty());
    Ok(())
}
