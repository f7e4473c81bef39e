//! Cases of paging: pages by key lose nothing and repeat nothing, also where many rows have one date.

use updraft_protocol::limits::{BATCH_OPERATIONS, PAGE_ROWS};
use updraft_protocol::{ExecutionDocument, ExecutionId, ExecutionStatus, TenantCode, Timestamp};

use super::Ending;
use super::samples::{DAY, execution, execution_with, executions, peid, tenant};
use crate::store::{Cursor, Detail, Error, ExecutionQuery, ExecutionsOf, Store};

const ROWS: u64 = 23;

/// Rows on two dates, so that most pages end in the middle of one.
async fn fill(store: &dyn Store, owner: &TenantCode, status: impl Fn(u64) -> ExecutionStatus) -> Ending {
    let mut batch = Vec::new();
    for number in 1..=ROWS {
        let date = Timestamp(DAY + number % 2);
        let mut update = execution_with(number, owner, |head| head.createddate = date)?;
        update.state.execution_status = status(number);
        batch.push(update);
    }
    let _ = store.write(executions(batch)).await?;
    Ok(())
}

/// Newest first: by date, then by id, both falling.
fn expected(wanted: impl Fn(u64) -> bool) -> Vec<ExecutionId> {
    let mut keys: Vec<_> = (1..=ROWS).filter(|n| wanted(*n)).map(|n| (DAY + n % 2, peid(n))).collect();
    keys.sort();
    keys.into_iter().rev().map(|(_, peid)| peid).collect()
}

/// Every page until an empty one.
async fn walk(
    page: impl AsyncFn(Option<Cursor>) -> Result<Vec<ExecutionDocument>, Error>,
    limit: usize,
) -> Result<Vec<ExecutionId>, Error> {
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let rows = page(after).await?;
        assert!(rows.len() <= limit);
        let Some(last) = rows.last() else { return Ok(seen) };
        after = Some(Cursor { createddate: last.head.createddate, peid: last.peid });
        seen.extend(rows.iter().map(|row| row.peid));
        assert!(seen.len() <= 2 * ROWS as usize, "pages go round in a circle");
    }
}

pub(super) async fn pages_of_one_millisecond_lose_and_repeat_nothing(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let status = |number: u64| ExecutionStatus::ALL[number as usize % 3];
    fill(store, &acme, status).await?;
    for limit in [1, 2, 5, 100] {
        let page = async |of: ExecutionsOf, after| {
            store
                .executions(ExecutionQuery { tenant: acme.clone(), of, after, limit, detail: Detail::Whole })
                .await
        };
        let any = walk(async |after| page(ExecutionsOf::Any, after).await, limit).await?;
        assert_eq!(any, expected(|_| true), "any, by {limit}");
        let user = ExecutionsOf::User("analyst-1".into());
        let of_user = walk(async |after| page(user.clone(), after).await, limit).await?;
        assert_eq!(of_user, expected(|_| true), "of a user, by {limit}");
        for wanted in ExecutionStatus::ALL {
            let of = ExecutionsOf::Status(*wanted);
            let of_status = walk(async |after| page(of.clone(), after).await, limit).await?;
            assert_eq!(of_status, expected(|number| status(number) == *wanted), "{wanted}, by {limit}");
        }
    }
    Ok(())
}

pub(super) async fn pages_of_unfinished_lose_and_repeat_nothing(store: &dyn Store) -> Ending {
    fill(store, &tenant("acme")?, |_| ExecutionStatus::Executing).await?;
    for limit in [1, 2, 5, 100] {
        let seen = walk(async |after| store.unfinished(after, limit).await, limit).await?;
        assert_eq!(seen, expected(|_| true), "by {limit}");
    }
    Ok(())
}

pub(super) async fn a_cursor_needs_no_row_of_its_own(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    fill(store, &acme, |_| ExecutionStatus::Executing).await?;
    let before = async |createddate: u64, number: u64| {
        let cursor = Cursor { createddate: Timestamp(createddate), peid: peid(number) };
        let query = ExecutionQuery {
            tenant: acme.clone(),
            of: ExecutionsOf::Status(ExecutionStatus::Executing),
            after: Some(cursor),
            limit: 1,
            detail: Detail::Whole,
        };
        let first = store.executions(query).await?.first().map(|row| row.peid);
        assert_eq!(store.unfinished(Some(cursor), 1).await?.first().map(|row| row.peid), first);
        Ok::<_, Error>(first)
    };
    // Odd numbers have the later date.
    assert_eq!(before(DAY + 1, 2).await?, Some(peid(1)));
    assert_eq!(before(DAY + 1, 1).await?, Some(peid(22)));
    assert_eq!(before(DAY, ROWS).await?, Some(peid(22)));
    assert_eq!(before(DAY, 2).await?, None);
    assert_eq!(before(0, 1).await?, None);
    assert_eq!(before(u64::MAX, 1).await?, Some(peid(23)));
    Ok(())
}

pub(super) async fn a_page_is_capped_and_may_be_empty(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let mut all = Vec::new();
    for number in 0..=PAGE_ROWS as u64 {
        all.push(execution(number, &acme)?);
    }
    for batch in all.chunks(BATCH_OPERATIONS) {
        let _ = store.write(executions(batch.iter().cloned())).await?;
    }
    let rows = async |of: ExecutionsOf, limit| {
        let query = ExecutionQuery { tenant: acme.clone(), of, after: None, limit, detail: Detail::Whole };
        Ok::<_, Error>(store.executions(query).await?.len())
    };
    for of in [ExecutionsOf::Any, ExecutionsOf::Status(ExecutionStatus::Executing)] {
        assert_eq!(rows(of.clone(), usize::MAX).await?, PAGE_ROWS);
        assert_eq!(rows(of, 0).await?, 0);
    }
    assert_eq!(store.unfinished(None, usize::MAX).await?.len(), PAGE_ROWS);
    assert_eq!(store.unfinished(None, 0).await?.len(), 0);
    Ok(())
}
