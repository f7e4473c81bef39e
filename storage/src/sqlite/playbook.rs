//! Playbook versions: put once, durable when answered. No batches here.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};
use updraft_protocol::{Json, Name, PlaybookDocument, PlaybookId, PlaybookStatus, TenantCode, Timestamp};

use super::{SqliteStore, fault, read, row, write};
use crate::store::{Error, PlaybookStore, PutOutcome};

pub(super) const FIND: &str =
    "SELECT _id, definition FROM playbook_collection WHERE tenant_code = ?1 AND name = ?2 AND version = ?3";

const HAS_ID: &str = "SELECT 1 FROM playbook_collection WHERE _id = ?1";

const INSERT: &str = "
INSERT INTO playbook_collection
    (_id, tenant_code, name, version, status, category_id, definition, createddate, updated_date)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

/// Adds a playbook version, unless its name and version are taken.
pub(super) fn put(connection: &mut Connection, playbook: &PlaybookDocument) -> Result<PutOutcome, Error> {
    let transaction = write::begin(connection).map_err(fault::store_error)?;
    if let Some((pid, definition)) = find(&transaction, playbook)? {
        return Ok(PutOutcome::of_known(pid, &definition, playbook));
    }
    let (created, updated) = (storable(playbook.createddate)?, storable(playbook.updated_date)?);
    let insert = || -> rusqlite::Result<bool> {
        if transaction.prepare_cached(HAS_ID)?.exists([playbook.pid.as_bytes()])? {
            return Ok(false);
        }
        transaction.prepare_cached(INSERT)?.execute(params![
            playbook.pid.as_bytes(),
            playbook.tenant_code.as_str(),
            playbook.name.as_str(),
            playbook.version,
            playbook.status.as_str(),
            playbook.category_id,
            playbook.definition.as_str(),
            created,
            updated,
        ])?;
        Ok(true)
    };
    if !insert().map_err(fault::store_error)? {
        return Err(Error::Refused(format!("the id {} has another playbook", playbook.pid)));
    }
    transaction.commit().map_err(fault::store_error)?;
    Ok(PutOutcome::Created)
}

fn storable(date: Timestamp) -> Result<i64, Error> {
    i64::try_from(date.0).map_err(|_| Error::Refused("a date is larger than the store can keep".into()))
}

fn find(connection: &Connection, playbook: &PlaybookDocument) -> Result<Option<(PlaybookId, Json)>, Error> {
    let mut statement = connection.prepare_cached(FIND).map_err(fault::store_error)?;
    let key = params![playbook.tenant_code.as_str(), playbook.name.as_str(), playbook.version];
    statement
        .query_row(key, |row| Ok(row::definition(row)))
        .optional()
        .map_err(fault::store_error)?
        .transpose()
}

#[async_trait]
impl PlaybookStore for SqliteStore {
    async fn put_playbook(&self, playbook: PlaybookDocument) -> Result<PutOutcome, Error> {
        self.change_durably(move |connection| put(connection, &playbook)).await
    }

    async fn playbook(
        &self,
        tenant: &TenantCode,
        pid: PlaybookId,
    ) -> Result<Option<PlaybookDocument>, Error> {
        let tenant = tenant.clone();
        self.read(move |connection| read::playbook(connection, &tenant, pid)).await
    }

    async fn playbook_named(
        &self,
        tenant: &TenantCode,
        name: &Name,
        version: Option<u32>,
    ) -> Result<Option<PlaybookDocument>, Error> {
        let (tenant, name) = (tenant.clone(), name.clone());
        self.read(move |connection| read::playbook_named(connection, &tenant, &name, version)).await
    }

    async fn playbooks(
        &self,
        tenant: &TenantCode,
        status: PlaybookStatus,
        category_id: Option<&str>,
        after: Option<(Name, u32)>,
        limit: usize,
    ) -> Result<Vec<PlaybookDocument>, Error> {
        let (tenant, category_id) = (tenant.clone(), category_id.map(str::to_owned));
        self.read(move |connection| {
            read::playbooks(connection, &tenant, status, category_id.as_deref(), after, limit)
        })
        .await
    }
}
