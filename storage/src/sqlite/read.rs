//! Reads: a query, its values, its rows as documents; limits are capped. Changes nothing.

use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use updraft_protocol::limits::PAGE_ROWS;
use updraft_protocol::{ExecutionDocument, ExecutionId, PlaybookId, TaskDocument, TenantCode, Timestamp};

use super::{fault, query, row};
use crate::page::{self, AllTasks, Room};
use crate::store::{
    Cursor, Detail, Error, ExecutionQuery, ExecutionsOf, InboxQuery, OverdueTasks, OverdueTasksQuery,
    PlaybookRuntime, Resumable, SlowestQuery, TaskQuery,
};

/// After every date and id that the store keeps.
const NEWEST: (i64, &[u8]) = (i64::MAX, &[0xff; 17]);

pub(super) fn execution(
    connection: &Connection,
    tenant: &TenantCode,
    peid: ExecutionId,
) -> Result<Option<ExecutionDocument>, Error> {
    one(connection, &query::EXECUTION, params![peid.as_bytes(), tenant.as_str()], row::execution)
}

pub(super) fn executions(
    connection: &Connection,
    asked: &ExecutionQuery,
) -> Result<Vec<ExecutionDocument>, Error> {
    let (tenant, limit) = (asked.tenant.as_str(), rows(asked.limit));
    let (date, id) = before(asked.after.as_ref());
    let lists = match asked.detail {
        Detail::Whole => &query::WHOLE,
        Detail::Summary => &query::SUMMARY,
    };
    match &asked.of {
        ExecutionsOf::Any => {
            list(connection, &lists.of_any, params![tenant, date, id, limit], row::execution)
        }
        ExecutionsOf::Status(status) => {
            let values = params![tenant, date, id, limit, status.as_str()];
            list(connection, &lists.of_status, values, row::execution)
        }
        ExecutionsOf::User(uid) => {
            list(connection, &lists.of_user, params![tenant, date, id, limit, uid], row::execution)
        }
    }
}

pub(super) fn unfinished(
    connection: &Connection,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Vec<ExecutionDocument>, Error> {
    let (date, id) = before(after.as_ref());
    list(connection, &query::UNFINISHED, params![date, id, rows(limit)], row::execution)
}

pub(super) fn resumable(
    connection: &Connection,
    tenant: &TenantCode,
    peid: ExecutionId,
) -> Result<Option<Resumable>, Error> {
    let Some(document) = execution(connection, tenant, peid)? else { return Ok(None) };
    let mut all = AllTasks::default();
    while let Some(after) = all.after().filter(|_| !document.state.execution_status.ended()) {
        all.add(tasks(connection, tenant, peid, after, PAGE_ROWS)?);
    }
    Ok(Some(Resumable { document, tasks: all.tasks }))
}

pub(super) fn tasks(
    connection: &Connection,
    tenant: &TenantCode,
    peid: ExecutionId,
    after: u32,
    limit: usize,
) -> Result<Vec<TaskDocument>, Error> {
    list(connection, &query::TASKS, params![peid.as_bytes(), after, tenant.as_str(), rows(limit)], row::task)
}

pub(super) fn tasks_of_alert(connection: &Connection, asked: &TaskQuery) -> Result<Vec<TaskDocument>, Error> {
    let (tenant, alert_id, limit) = (asked.tenant.as_str(), &asked.alert_id, rows(asked.limit));
    // Empty bytes are before every key.
    let after: &[u8] = asked.after.as_ref().map_or(&[], |after| after.as_bytes());
    let lists = match asked.detail {
        Detail::Whole => &query::WHOLE_TASKS,
        Detail::Summary => &query::SUMMARY_OF_TASKS,
    };
    match asked.status {
        Some(status) => {
            let values = params![tenant, alert_id, limit, after, status.as_str()];
            list(connection, &lists.of_status, values, row::task)
        }
        None => list(connection, &lists.of_any, params![tenant, alert_id, limit, after], row::task),
    }
}

/// In the order of the index, of which only what the inbox has is in the page.
pub(super) fn inbox(connection: &Connection, asked: &InboxQuery) -> Result<Vec<TaskDocument>, Error> {
    // Empty bytes are before every key.
    let first: (i64, &[u8]) = (i64::MIN, &[]);
    let (until, id) =
        asked.after.as_ref().map_or(first, |after| (stored(after.until), after.task.as_bytes()));
    let (mut tasks, mut room) = (Vec::new(), Room::of(asked.limit.min(PAGE_ROWS)));
    if !room.is_left() {
        return Ok(tasks);
    }
    each(connection, &query::INBOX, params![asked.tenant.as_str(), until, id], |row| {
        let task = row::task(row)?;
        if asked.of.has_task(&task) {
            room.take(&task);
            tasks.push(task);
        }
        Ok(room.is_left())
    })?;
    Ok(tasks)
}

pub(super) fn overdue_tasks(
    connection: &Connection,
    asked: &OverdueTasksQuery,
) -> Result<Vec<TaskDocument>, Error> {
    let after = asked.after.map(|after| (i64::try_from(after.at).unwrap_or(i64::MAX), after.task));
    let limit = rows(asked.limit);
    match asked.of {
        OverdueTasks::Waiting { kind, before } => {
            let (at, id) = after.as_ref().map_or((i64::MIN, &[][..]), |(at, id)| (*at, id.as_bytes()));
            let values = params![kind.as_str(), stored(before), at, id, limit];
            list(connection, &query::WAITING_SINCE, values, row::task)
        }
        OverdueTasks::Retrying { attempts } => {
            let (at, id) = after.as_ref().map_or(NEWEST, |(at, id)| (*at, id.as_bytes()));
            list(connection, &query::RETRYING, params![attempts, at, id, limit], row::task)
        }
    }
}

pub(super) fn runtimes(connection: &Connection, newest: usize) -> Result<Vec<(PlaybookId, u64)>, Error> {
    let newest = i64::try_from(newest).unwrap_or(i64::MAX);
    many(connection, query::RUNTIMES, params![newest], row::playbook_and_runtime)
}

pub(super) fn slowest(connection: &Connection, asked: &SlowestQuery) -> Result<Vec<PlaybookRuntime>, Error> {
    let (status, since, top) = (asked.status.as_str(), stored(asked.since), rows(asked.top));
    match &asked.tenant {
        Some(tenant) => {
            let values = params![status, since, top, tenant.as_str()];
            many(connection, query::SLOWEST_OF_TENANT, values, row::runtime)
        }
        None => many(connection, query::SLOWEST, params![status, since, top], row::runtime),
    }
}

pub(super) fn ping(connection: &Connection) -> Result<(), Error> {
    connection
        .query_row("SELECT 1 FROM meta LIMIT 1", [], |_| Ok(()))
        .optional()
        .map_err(fault::store_error)?;
    Ok(())
}

fn before(cursor: Option<&Cursor>) -> (i64, &[u8]) {
    cursor.map_or(NEWEST, |cursor| (stored(cursor.createddate), cursor.peid.as_bytes()))
}

/// A date beyond the store's range is after all that it has.
pub(super) fn stored(date: Timestamp) -> i64 {
    i64::try_from(date.0).unwrap_or(i64::MAX)
}

pub(super) fn rows(limit: usize) -> i64 {
    i64::try_from(limit.min(PAGE_ROWS)).unwrap_or(0)
}

pub(super) fn one<T>(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    let mut statement = connection.prepare_cached(sql).map_err(fault::store_error)?;
    statement.query_row(values, |row| Ok(read(row))).optional().map_err(fault::store_error)?.transpose()
}

pub(super) fn many<T>(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let mut documents = Vec::new();
    each(connection, sql, values, |row| {
        documents.push(read(row)?);
        Ok(true)
    })?;
    Ok(documents)
}

/// As many of the rows as one page may have.
pub(super) fn list<T: page::Row>(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let (mut documents, mut room) = (Vec::new(), Room::of(PAGE_ROWS));
    each(connection, sql, values, |row| {
        let document = read(row)?;
        room.take(&document);
        documents.push(document);
        Ok(room.is_left())
    })?;
    Ok(documents)
}

/// Passes row after row to `take`, until it wants no more.
fn each(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    mut more: impl FnMut(&Row<'_>) -> Result<bool, Error>,
) -> Result<(), Error> {
    let mut statement = connection.prepare_cached(sql).map_err(fault::store_error)?;
    let mut rows = statement.query(values).map_err(fault::store_error)?;
    while let Some(row) = rows.next().map_err(fault::store_error)? {
        if !more(row)? {
            break;
        }
    }
    Ok(())
}
