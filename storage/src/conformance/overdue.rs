//! Cases of what an operator looks for: of all tenants, in order, page by page.

use updraft_protocol::{ExecutionStatus, TaskId, TaskStatus, TaskUpdate, Timestamp, Wait, WaitKind};

use super::Ending;
use super::samples::{DAY, execution_with, executions, pid, task, task_id, tasks, tenant};
use crate::store::{Error, OverdueTasks, OverdueTasksCursor, OverdueTasksQuery, Store};

fn waiting(
    number: u32,
    owner: &str,
    (kind, since): (WaitKind, u64),
) -> Result<TaskUpdate, updraft_protocol::ids::Error> {
    let mut update = task(1, number, &tenant(owner)?)?;
    let answered = kind.is_answered();
    update.state.status = if answered { TaskStatus::Waiting } else { TaskStatus::Retrying };
    update.state.attempt = number % 4;
    let wait = Wait::until(kind, Timestamp(DAY + since), Timestamp(2 * DAY));
    update.state.wait = Some(Box::new(wait));
    Ok(update)
}

/// All pages of two rows.
async fn all(store: &dyn Store, of: OverdueTasks) -> Result<Vec<TaskId>, Error> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = store.overdue_tasks(OverdueTasksQuery { of, after, limit: 2 }).await?;
        let Some(last) = page.last() else { return Ok(found) };
        let at = of.place(&last.state).unwrap_or_default();
        after = Some(OverdueTasksCursor { at, task: last.task_request_id });
        found.extend(page.into_iter().map(|task| task.task_request_id));
    }
}

pub(super) async fn waits_of_a_kind_come_from_all_tenants_the_longest_first(store: &dyn Store) -> Ending {
    let (approval, signal, retry) = (WaitKind::Approval, WaitKind::Signal, WaitKind::Retry);
    let mut ended = waiting(7, "acme", (approval, 1))?;
    ended.state.status = TaskStatus::Failed;
    store
        .write(tasks([
            waiting(1, "acme", (approval, 30))?,
            waiting(2, "umbrella", (approval, 10))?,
            waiting(3, "acme", (approval, 50))?,
            waiting(4, "acme", (signal, 5))?,
            waiting(5, "umbrella", (retry, 5))?,
            waiting(6, "acme", (WaitKind::Configuration, 4))?,
            ended,
        ]))
        .await?;
    for (kind, before, numbers) in [
        (approval, 50, &[2, 1][..]),
        (approval, 51, &[2, 1, 3]),
        (approval, 10, &[]),
        (signal, 99, &[4]),
        (retry, 99, &[5]),
        (WaitKind::Configuration, 99, &[6]),
        (WaitKind::Delay, 99, &[]),
    ] {
        let of = OverdueTasks::Waiting { kind, before: Timestamp(DAY + before) };
        let wanted: Vec<TaskId> = numbers.iter().map(|number| task_id(1, *number)).collect();
        assert_eq!(all(store, of).await?, wanted, "{kind:?} before {before}");
    }
    Ok(())
}

pub(super) async fn pages_of_waits_that_began_together_lose_and_repeat_nothing(store: &dyn Store) -> Ending {
    let mut batch = Vec::new();
    for number in 1..=17 {
        batch.push(waiting(number, "acme", (WaitKind::Retry, u64::from(number / 6)))?);
    }
    let _ = store.write(tasks(batch)).await?;
    let mut wanted: Vec<(u64, TaskId)> = (1..=17).map(|n: u32| (u64::from(n / 6), task_id(1, n))).collect();
    wanted.sort_unstable();
    let of = OverdueTasks::Waiting { kind: WaitKind::Retry, before: Timestamp(DAY + 99) };
    assert_eq!(all(store, of).await?, wanted.into_iter().map(|(_, id)| id).collect::<Vec<_>>());
    let mut wanted: Vec<(u32, TaskId)> = (1..=17).map(|n: u32| (n % 4, task_id(1, n))).collect();
    wanted.retain(|(attempt, _)| *attempt >= 2);
    wanted.sort_unstable_by_key(|place| std::cmp::Reverse(*place));
    let found = all(store, OverdueTasks::Retrying { attempts: 2 }).await?;
    assert_eq!(found, wanted.into_iter().map(|(_, id)| id).collect::<Vec<_>>(), "the most attempts first");
    Ok(())
}

pub(super) async fn runtimes_are_those_of_the_newest_that_completed(store: &dyn Store) -> Ending {
    let mut batch = Vec::new();
    for number in 1..=6 {
        let owner = tenant(if number % 2 == 0 { "acme" } else { "umbrella" })?;
        let mut update = execution_with(number, &owner, |head| {
            head.pid = pid(number % 2);
            head.createddate = Timestamp(DAY + number);
        })?;
        let status = if number == 5 { ExecutionStatus::Failed } else { ExecutionStatus::Completed };
        update.state.execution_status = status;
        update.state.playbook_runtime = Some(100 * number);
        batch.push(update);
    }
    let _ = store.write(executions(batch)).await?;
    assert_eq!(store.runtimes(3).await?, [(pid(0), 600), (pid(0), 400), (pid(1), 300)]);
    assert_eq!(store.runtimes(100).await?.len(), 5);
    Ok(())
}
