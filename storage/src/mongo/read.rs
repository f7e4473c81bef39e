//! Reads: the documents of a query, and the queries that take more than one find; limits are capped. Changes nothing.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;

use futures_util::future::try_join_all;
use mongodb::Cursor as DriverCursor;
use mongodb::bson::{Bson, RawDocument, RawDocumentBuf};
use updraft_protocol::limits::{MONGO_IDS, PAGE_ROWS};
use updraft_protocol::{
    ContainmentDocument, ExecutionDocument, IdempotencyKey, KeyHolder, PlaybookDocument, PlaybookId,
    TaskDocument,
};

use super::error::store_error;
use super::query::{Find, List};
use super::unknown_documents::if_ours;
use super::{CONTAINMENTS, EXECUTIONS, MongoStore, PLAYBOOKS, TASKS, cursor, document, query};
use crate::page::{self, Room};
use crate::store::{Cursor, Detail, Error, ExecutionQuery, PlaybookRuntime, SlowestQuery};

/// Reads a playbook; `None` if it belongs to another program.
pub(super) fn playbook(document: &RawDocument) -> Result<Option<PlaybookDocument>, Error> {
    if_ours(PLAYBOOKS, document, document::playbook)
}

/// The same for executions.
pub(super) fn execution(detail: Detail) -> impl Fn(&RawDocument) -> Result<Option<ExecutionDocument>, Error> {
    move |found| if_ours(EXECUTIONS, found, |found| document::execution(found, detail))
}

/// The same for tasks.
pub(super) fn task(detail: Detail) -> impl Fn(&RawDocument) -> Result<Option<TaskDocument>, Error> {
    move |found| if_ours(TASKS, found, |found| document::task(found, detail))
}

/// The same for containments.
pub(super) fn containment(document: &RawDocument) -> Result<Option<ContainmentDocument>, Error> {
    if_ours(CONTAINMENTS, document, document::containment)
}

pub(super) async fn execution_by_key(
    store: &MongoStore,
    key: &IdempotencyKey,
) -> Result<Option<KeyHolder>, Error> {
    // Another program's document has no UUID; the revision is not read.
    let ours = |document: &RawDocument| {
        document::uuid_of(document).map(|_| document::key_holder(document)).transpose()
    };
    one(store, query::execution_by_key(key), ours).await
}

pub(super) async fn executions(
    store: &MongoStore,
    asked: &ExecutionQuery,
) -> Result<Vec<ExecutionDocument>, Error> {
    let limit = rows(asked.limit);
    let lists = query::lists(asked);
    let mut found = Vec::new();
    let mut merge = |mut page: Vec<ExecutionDocument>| {
        found.append(&mut page);
        found.sort_unstable_by_key(|execution| Reverse((execution.head.createddate, execution.peid)));
        // If a list ended early because it was full, its rows fill this page.
        found = page::of(std::mem::take(&mut found), limit);
    };
    match asked.detail {
        // One after the other, since each may fill a page.
        Detail::Whole => {
            for list in &lists {
                merge(of_list(store, list, asked, limit).await?);
            }
        }
        Detail::Summary => {
            let pages = lists.iter().map(|list| of_list(store, list, asked, limit));
            try_join_all(pages).await?.into_iter().for_each(merge);
        }
    }
    Ok(found)
}

/// One list's part of a page, at most `limit` rows.
async fn of_list(
    store: &MongoStore,
    list: &List,
    asked: &ExecutionQuery,
    limit: usize,
) -> Result<Vec<ExecutionDocument>, Error> {
    let read = execution(asked.detail);
    let mut page = Vec::new();
    if let Some(cursor) = asked.after.filter(|_| limit > 0) {
        page = many(store, list.at(cursor, limit), &read).await?;
    }
    let before = asked.after.map(|cursor| cursor.createddate);
    let room = Room::of(limit).with(&page);
    if room.is_left() {
        page.append(&mut cursor::documents(store, &list.before(before, room.rows()), room, &read).await?);
    }
    Ok(page)
}

/// The index gives the dates in order, but not the ids of one millisecond: those are sorted here, and a millisecond at
/// the end of a page is read by itself.
pub(super) async fn unfinished(
    store: &MongoStore,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Vec<ExecutionDocument>, Error> {
    let limit = rows(limit);
    let mut page = Vec::new();
    if let Some(cursor) = after.filter(|_| limit > 0) {
        let find = query::unfinished_at(cursor.createddate, Some(cursor.peid), limit);
        page = many(store, find, execution(Detail::Summary)).await?;
    }
    let mut before = after.map(|cursor| cursor.createddate);
    // Each turn continues before an earlier date. A second one is needed only if executions ended in the meantime.
    while !page::is_full(&page, limit) {
        // One more row shows whether the page ends within a millisecond.
        let room = Room::of(limit + 1).with(&page);
        let find = query::unfinished_before(before, room.rows());
        let mut older = cursor::documents(store, &find, room, execution(Detail::Summary)).await?;
        let cut = older.last().filter(|_| !room.with(&older).is_left());
        let cut = cut.map(|execution| execution.head.createddate);
        older.retain(|execution| cut.is_none_or(|cut| execution.head.createddate > cut));
        older.sort_unstable_by_key(|execution| Reverse((execution.head.createddate, execution.peid)));
        page.append(&mut older);
        let Some(date) = cut else { break };
        if !page::is_full(&page, limit) {
            let find = query::unfinished_at(date, None, limit - page.len());
            page.extend(many(store, find, execution(Detail::Summary)).await?);
        }
        before = Some(date);
    }
    Ok(page)
}

pub(super) async fn slowest(store: &MongoStore, asked: &SlowestQuery) -> Result<Vec<PlaybookRuntime>, Error> {
    let limit = rows(asked.top);
    if limit == 0 {
        return Ok(Vec::new());
    }
    let Some(tenant) = &asked.tenant else { return runtimes(store, asked, None, limit).await };
    let mut ids = cursor::open(store, &query::playbook_ids(tenant), None).await.map_err(store_error)?;
    let mut slowest = Vec::new();
    loop {
        let pids = some_ids(store, &mut ids).await?;
        let last = pids.len() < MONGO_IDS;
        if !pids.is_empty() {
            slowest.append(&mut runtimes(store, asked, Some(pids), limit).await?);
            slowest.sort_by(|a, b| b.average_ms.total_cmp(&a.average_ms).then(a.pid.cmp(&b.pid)));
            slowest.truncate(limit);
        }
        if last {
            return Ok(slowest);
        }
    }
}

/// The runtimes of the newest executions that completed; what is no such execution is passed over.
pub(super) async fn newest_runtimes(
    store: &MongoStore,
    newest: usize,
) -> Result<Vec<(PlaybookId, u64)>, Error> {
    let find = query::runtimes(newest);
    let mut found = cursor::open(store, &find, find.limit).await.map_err(store_error)?;
    let mut runtimes = Vec::new();
    while runtimes.len() < newest && found.advance().await.map_err(store_error)? {
        runtimes.extend(document::pid_and_runtime(found.current()));
    }
    Ok(runtimes)
}

/// As many ids as one query may have.
async fn some_ids(store: &MongoStore, ids: &mut DriverCursor<RawDocumentBuf>) -> Result<Vec<Bson>, Error> {
    let (mut pids, mut passed) = (Vec::new(), 0);
    while pids.len() < MONGO_IDS && ids.advance().await.map_err(store_error)? {
        match document::uuid_of(ids.current()) {
            Some(pid) => pids.push(Bson::from(document::id(pid))),
            None => passed += 1,
        }
    }
    store.unknown_documents.passed(PLAYBOOKS, passed);
    Ok(pids)
}

async fn runtimes(
    store: &MongoStore,
    asked: &SlowestQuery,
    pids: Option<Vec<Bson>>,
    limit: usize,
) -> Result<Vec<PlaybookRuntime>, Error> {
    // A group has the playbook's id as its own.
    let read = |group: &RawDocument| {
        document::uuid_of(group).is_some().then(|| document::runtime(group)).transpose()
    };
    let open = |most: Option<usize>| {
        let pipeline = query::slowest(asked, pids.clone(), most.unwrap_or(limit));
        async move {
            let executions = store.collection(EXECUTIONS);
            executions.aggregate(pipeline).with_type::<RawDocumentBuf>().await
        }
    };
    cursor::ours(store, EXECUTIONS, Some(limit), Room::of(limit), read, open).await
}

pub(super) fn rows(limit: usize) -> usize {
    limit.min(PAGE_ROWS)
}

pub(super) async fn one<T: page::Row>(
    store: &MongoStore,
    find: Find,
    read: impl Fn(&RawDocument) -> Result<Option<T>, Error>,
) -> Result<Option<T>, Error> {
    Ok(many(store, find, read).await?.pop())
}

/// The rows of successive finds, at most `limit`.
pub(super) async fn page<T: page::Row>(
    store: &MongoStore,
    finds: Vec<Find>,
    limit: usize,
    read: impl Fn(&RawDocument) -> Result<Option<T>, Error>,
) -> Result<Vec<T>, Error> {
    // To the server, a limit of 0 means none.
    if limit == 0 {
        return Ok(Vec::new());
    }
    let parts = try_join_all(finds.into_iter().map(|find| many(store, find, &read))).await?;
    Ok(page::of(parts.into_iter().flatten(), limit))
}

async fn many<T: page::Row>(
    store: &MongoStore,
    find: Find,
    read: impl Fn(&RawDocument) -> Result<Option<T>, Error>,
) -> Result<Vec<T>, Error> {
    let room = Room::of(find.limit.unwrap_or(usize::MAX));
    cursor::documents(store, &find, room, read).await
}
