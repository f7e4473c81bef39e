//! Cases of large documents: a page ends with the row that makes it large, and the next page begins after it.

use serde_json::json;
use updraft_protocol::limits::{INPUT_BYTES, PAGE_BYTES, PLAYBOOK_BYTES, RESPONSE_BYTES};
use updraft_protocol::{ExecutionStatus, Json, PlaybookDocument, PlaybookStatus, Timestamp};

use super::Ending;
use super::samples::{
    DAY, execution, execution_with, executions, peid, playbook, task, task_id, tasks, tenant,
};
use crate::page::is_full;
use crate::store::{Cursor, Detail, ExecutionQuery, ExecutionsOf, Store, TaskQuery};

/// Documents of a mebibyte: a page and a quarter.
const ROWS: u64 = 20;
const _: () = assert!(INPUT_BYTES == 1 << 20 && RESPONSE_BYTES == 1 << 20 && PLAYBOOK_BYTES == 1 << 20);
/// The number of rows in each page.
const PAGES: [usize; 2] = [PAGE_BYTES >> 20, ROWS as usize - (PAGE_BYTES >> 20)];

fn large() -> Json {
    Json::from(json!("x".repeat((1 << 20) - 2)))
}

pub(super) async fn a_page_of_large_executions_ends_early_and_the_next_goes_on(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let mut batch = Vec::new();
    for number in 1..=ROWS {
        let mut update = execution_with(number, &acme, |head| {
            head.input = large();
            head.createddate = Timestamp(DAY + number / 3);
        })?;
        // One status alone fills a page.
        update.state.execution_status =
            if number > 3 { ExecutionStatus::Completed } else { ExecutionStatus::Executing };
        batch.push(update);
    }
    let _ = store.write(executions(batch)).await?;
    let completed = ExecutionsOf::Status(ExecutionStatus::Completed);
    let all = [ExecutionsOf::Any, ExecutionsOf::User("analyst-1".into())].map(|of| (of, 1));
    for (of, oldest) in all.into_iter().chain([(completed, 4)]) {
        let rows = (ROWS + 1 - oldest) as usize;
        let mut query =
            ExecutionQuery { tenant: acme.clone(), of, after: None, limit: 100, detail: Detail::Summary };
        assert_eq!(store.executions(query.clone()).await?.len(), rows, "summaries are small");
        query.detail = Detail::Whole;
        let (mut pages, mut seen) = (Vec::new(), Vec::new());
        loop {
            let page = store.executions(query.clone()).await?;
            pages.push(page.len());
            seen.extend(page.iter().map(|one| one.peid));
            let Some(last) = page.last().filter(|_| is_full(&page, 100)) else { break };
            query.after = Some(Cursor { createddate: last.head.createddate, peid: last.peid });
        }
        assert_eq!(pages, [PAGES[0], rows - PAGES[0]]);
        assert!(seen.into_iter().eq((oldest..=ROWS).rev().map(peid)), "newest first");
    }
    Ok(())
}

pub(super) async fn a_page_of_large_tasks_ends_early_and_the_next_goes_on(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let mut batch = Vec::new();
    for number in 1..=ROWS as u32 {
        let mut update = task(1, number, &acme)?;
        update.state.response = Some(large());
        batch.push(update);
    }
    let _ = store.write(executions([execution(1, &acme)?])).await?;
    let _ = store.write(tasks(batch)).await?;
    let in_order: Vec<_> = (1..=ROWS as u32).map(|number| task_id(1, number)).collect();
    let mut by_id = in_order.clone();
    by_id.sort_unstable();

    let mut query = TaskQuery::of_alert(acme.clone(), "alert-1");
    let (mut pages, mut seen) = (Vec::new(), Vec::new());
    loop {
        let page = store.tasks_of_alert(query.clone()).await?;
        pages.push(page.len());
        seen.extend(page.iter().map(|one| one.task_request_id));
        let Some(last) = page.last().filter(|_| is_full(&page, query.limit)) else { break };
        query.after = Some(last.task_request_id);
    }
    assert_eq!((&pages[..], &seen), (&PAGES[..], &by_id));
    query = TaskQuery { detail: Detail::Summary, after: None, ..query };
    assert_eq!(store.tasks_of_alert(query).await?.len(), ROWS as usize, "summaries are small");

    let first = store.tasks(&acme, peid(1), 0, 100).await?;
    let rest = store.tasks(&acme, peid(1), PAGES[0] as u32, 100).await?;
    assert_eq!([first.len(), rest.len()], PAGES);
    let resumable = store.resumables(vec![(acme, peid(1))]).await?.pop().flatten().ok_or("an execution")?;
    let resumed: Vec<_> = resumable.tasks.iter().map(|one| one.task_request_id).collect();
    assert_eq!(resumed, in_order, "what is resumed has all of its tasks");
    Ok(())
}

pub(super) async fn a_page_of_large_playbooks_ends_early_and_the_next_goes_on(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    for number in 1..=ROWS {
        let name = if number < 10 { "malware" } else { "phishing" };
        let small = playbook(number, &acme, name, number as u32)?;
        let _ = store.put_playbook(PlaybookDocument { definition: large(), ..small }).await?;
    }
    for category in [None, Some("email")] {
        let (mut pages, mut seen, mut after) = (Vec::new(), Vec::new(), None);
        loop {
            let page = store.playbooks(&acme, PlaybookStatus::Active, category, after, 100).await?;
            pages.push(page.len());
            seen.extend(page.iter().map(|one| u64::from(one.version)));
            let Some(last) = page.last().filter(|_| is_full(&page, 100)) else { break };
            after = Some((last.name.clone(), last.version));
        }
        assert_eq!(pages, PAGES);
        assert!(seen.into_iter().eq(1..=ROWS));
    }
    Ok(())
}
