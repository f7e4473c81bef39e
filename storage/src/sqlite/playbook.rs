//! Playbook versions: stored once, durable when the call returns. No batches here.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};
use updraft_protocol::{Fields, Json, Name, PlaybookDocument, PlaybookId, PlaybookStatus, TenantCode};

use super::write::Fault;
use super::{SqliteStore, fault, query, read, row, write};
use crate::store::{Error, PlaybookStore, PutOutcome};

pub(super) const FIND: &str =
    "SELECT _id, definition FROM playbook_collection WHERE tenant_code = ?1 AND name = ?2 AND version = ?3";

const HAS_ID: &str = "SELECT 1 FROM playbook_collection WHERE _id = ?1";

/// Adds a playbook version, unless its name and version are taken.
pub(super) fn put(connection: &mut Connection, playbook: &PlaybookDocument) -> Result<PutOutcome, Error> {
    let transaction = write::begin(connection).map_err(fault::store_error)?;
    if let Some((pid, definition)) = find(&transaction, playbook)? {
        return Ok(PutOutcome::of_known(pid, &definition, playbook));
    }
    match insert(&transaction, playbook) {
        Ok(true) => {}
        Ok(false) => return Err(Error::Refused(format!("the id {} has another playbook", playbook.pid))),
        Err(Fault::Poison(reason)) => return Err(Error::Refused(reason)),
        Err(Fault::Sqlite(error)) => return Err(fault::store_error(error)),
    }
    transaction.commit().map_err(fault::store_error)?;
    Ok(PutOutcome::Created)
}

/// Inserts it; returns whether its id was free.
fn insert(connection: &Connection, playbook: &PlaybookDocument) -> Result<bool, Fault> {
    if connection.prepare_cached(HAS_ID)?.exists([playbook.pid.as_bytes()])? {
        return Ok(false);
    }
    let columns: Vec<_> = PlaybookDocument::FIELDS.iter().map(|field| field.name).collect();
    let (columns, values) = (columns.join(", "), vec!["?"; columns.len()].join(", "));
    let sql = format!("INSERT INTO playbook_collection ({columns}) VALUES ({values})");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut row = write::Row::new(&mut statement);
    playbook.write_fields(&mut row)?;
    row.execute()?;
    Ok(true)
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
        self.read(move |connection| {
            let values = params![pid.as_bytes(), tenant.as_str()];
            read::one(connection, &query::PLAYBOOK, values, row::playbook)
        })
        .await
    }

    async fn playbook_named(
        &self,
        tenant: &TenantCode,
        name: &Name,
        version: Option<u32>,
    ) -> Result<Option<PlaybookDocument>, Error> {
        let (tenant, name) = (tenant.clone(), name.clone());
        self.read(move |connection| {
            let (tenant, name) = (tenant.as_str(), name.as_str());
            match version {
                Some(version) => {
                    let values = params![tenant, name, version];
                    read::one(connection, &query::PLAYBOOK_NAMED, values, row::playbook)
                }
                None => read::one(connection, &query::PLAYBOOK_NEWEST, params![tenant, name], row::playbook),
            }
        })
        .await
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
            let (name, version) = after.as_ref().map_or(("", 0), |(name, version)| (name.as_str(), *version));
            let (tenant, status, limit) = (tenant.as_str(), status.as_str(), read::rows(limit));
            match category_id {
                Some(category) => {
                    let values = params![tenant, status, name, version, limit, category];
                    read::list(connection, &query::CATALOGUE_CATEGORY, values, row::playbook)
                }
                None => {
                    let values = params![tenant, status, name, version, limit];
                    read::list(connection, &query::CATALOGUE, values, row::playbook)
                }
            }
        })
        .await
    }
}
