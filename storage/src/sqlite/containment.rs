//! Containments in the embedded store. Decides nothing.

use std::sync::LazyLock;

use async_trait::async_trait;
use rusqlite::{Connection, params};
use updraft_kernel::containment::{DueCursor, HoldCursor};
use updraft_protocol::{
    ContainmentDocument, ContainmentId, FieldWriter, Fields, TaskDocument, TenantCode, Timestamp,
};

use super::write::{self, Fault, Row};
use super::{SqliteStore, fault, query, read, row};
use crate::store::{ContainmentQuery, ContainmentStore, ContainmentsOf, Error};

const HAS: &str = "SELECT 1 FROM containment_collection WHERE _id = ?1";

pub(super) const MARK_REGISTERED: &str = "UPDATE task_execution_collection SET registration_due = NULL
    WHERE _id = ?1 AND epoch = ?2 AND seq = ?3";

fn columns() -> Vec<&'static str> {
    ContainmentDocument::FIELDS.iter().map(|field| field.name).collect()
}

static INSERT: LazyLock<String> = LazyLock::new(|| {
    let columns = columns();
    let values = vec!["?"; columns.len()].join(", ");
    format!("INSERT INTO containment_collection ({}) VALUES ({values})", columns.join(", "))
});

/// Every column, so that what is missing becomes so. The id and the revision that is replaced come last.
pub(super) static UPDATE: LazyLock<String> = LazyLock::new(|| {
    let set: Vec<String> = columns().iter().map(|column| format!("{column} = ?")).collect();
    format!("UPDATE containment_collection SET {} WHERE _id = ? AND revision = ?", set.join(", "))
});

fn put(
    connection: &mut Connection,
    containment: &ContainmentDocument,
    before: Option<u64>,
) -> Result<bool, Error> {
    let changed = change(connection, containment, before).map_err(|fault| match fault {
        Fault::Poison(reason) => Error::Refused(reason),
        Fault::Sqlite(error) => fault::store_error(error),
    })?;
    Ok(changed == 1)
}

fn change(
    connection: &mut Connection,
    containment: &ContainmentDocument,
    before: Option<u64>,
) -> Result<usize, Fault> {
    let transaction = write::begin(connection)?;
    let changed = {
        let is_there = transaction.prepare_cached(HAS)?.exists([containment.id.as_bytes()])?;
        let Some(before) = before else {
            if is_there {
                return Ok(0);
            }
            let mut statement = transaction.prepare_cached(&INSERT)?;
            let mut row = Row::new(&mut statement);
            containment.write_fields(&mut row)?;
            row.execute()?;
            drop(statement);
            transaction.commit()?;
            return Ok(1);
        };
        let mut statement = transaction.prepare_cached(&UPDATE)?;
        let mut row = Row::new(&mut statement);
        containment.write_fields(&mut row)?;
        row.id("_id", containment.id.as_bytes())?;
        row.number("revision", before)?;
        row.execute()?
    };
    transaction.commit()?;
    Ok(changed)
}

fn mark_registered(connection: &mut Connection, tasks: &[TaskDocument]) -> rusqlite::Result<()> {
    let transaction = write::begin(connection)?;
    for task in tasks {
        let mut statement = transaction.prepare_cached(MARK_REGISTERED)?;
        let revision = (task.epoch.cast_signed(), task.seq.cast_signed());
        statement.execute(params![task.task_request_id.as_bytes(), revision.0, revision.1])?;
    }
    transaction.commit()
}

/// A page of the containments that are due by an instant.
pub(super) fn due_containments(
    connection: &Connection,
    by: Timestamp,
    after: Option<DueCursor>,
    limit: usize,
) -> Result<Vec<ContainmentDocument>, Error> {
    let due = after.map_or(-1, |after| read::stored(after.due));
    let id: &[u8] = after.as_ref().map_or(&[], |after| after.id.as_bytes());
    let values = params![read::stored(by), due, id, read::rows(limit)];
    read::list(connection, &query::DUE_CONTAINMENTS, values, row::containment)
}

#[async_trait]
impl ContainmentStore for SqliteStore {
    async fn unregistered_holds(
        &self,
        after: Option<HoldCursor>,
        limit: usize,
    ) -> Result<Vec<TaskDocument>, Error> {
        self.read(move |connection| {
            let due = after.map_or(-1, |after| read::stored(after.due));
            let id: &[u8] = after.as_ref().map_or(&[], |after| after.task.as_bytes());
            let values = params![due, id, read::rows(limit)];
            read::list(connection, &query::UNREGISTERED_HOLDS, values, row::task)
        })
        .await
    }

    async fn mark_registered(&self, tasks: &[TaskDocument]) -> Result<(), Error> {
        let tasks = tasks.to_vec();
        self.change(move |connection| mark_registered(connection, &tasks).map_err(fault::store_error)).await
    }

    async fn put_containment(
        &self,
        containment: ContainmentDocument,
        before: Option<u64>,
    ) -> Result<bool, Error> {
        self.change_durably(move |connection| put(connection, &containment, before)).await
    }

    async fn containment(
        &self,
        tenant: &TenantCode,
        id: ContainmentId,
    ) -> Result<Option<ContainmentDocument>, Error> {
        let tenant = tenant.clone();
        self.read(move |connection| {
            let values = params![id.as_bytes(), tenant.as_str()];
            read::one(connection, &query::CONTAINMENT, values, row::containment)
        })
        .await
    }

    async fn containments(&self, asked: ContainmentQuery) -> Result<Vec<ContainmentDocument>, Error> {
        self.read(move |connection| {
            let (tenant, limit) = (asked.tenant.as_str(), read::rows(asked.limit));
            let id: &[u8] = asked.after.as_ref().map_or(&[], |after| after.id.as_bytes());
            match &asked.of {
                ContainmentsOf::Open => {
                    let until = asked.after.map_or(-1, |after| read::stored(after.until));
                    let values = params![tenant, until, id, limit];
                    read::list(connection, &query::OPEN_CONTAINMENTS, values, row::containment)
                }
                ContainmentsOf::Target(target) => {
                    let values = params![tenant, target, id, limit];
                    read::list(connection, &query::CONTAINMENTS_OF_TARGET, values, row::containment)
                }
            }
        })
        .await
    }

    async fn due_containments(
        &self,
        by: Timestamp,
        after: Option<DueCursor>,
        limit: usize,
    ) -> Result<Vec<ContainmentDocument>, Error> {
        self.read(move |connection| due_containments(connection, by, after, limit)).await
    }
}
