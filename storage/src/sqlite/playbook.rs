//! Playbook versions and the epoch: the writes that are durable when they are answered. No batches here.

use rusqlite::{Connection, OptionalExtension, params};
use updraft_protocol::{Json, PlaybookDocument, PlaybookId, Timestamp};

use super::{fault, row, write};
use crate::store::{Error, PutOutcome};

pub(super) const FIND: &str =
    "SELECT _id, definition FROM playbook_collection WHERE tenant_code = ?1 AND name = ?2 AND version = ?3";

const HAS_ID: &str = "SELECT 1 FROM playbook_collection WHERE _id = ?1";

const INSERT: &str = "
INSERT INTO playbook_collection
    (_id, tenant_code, name, version, status, category_id, definition, createddate, updated_date)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

const NEXT_EPOCH: &str = "
INSERT INTO meta (key, value) VALUES ('epoch', ?1 + 1)
ON CONFLICT (key) DO UPDATE SET value = max(value, ?1) + 1
RETURNING value";

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

/// A new epoch, higher than every one before and than `above`.
pub(super) fn next_epoch(connection: &mut Connection, above: u64) -> Result<u64, Error> {
    // The sum is a whole number that the column keeps.
    let above = i64::try_from(above).ok().filter(|above| *above < i64::MAX);
    let above =
        above.ok_or_else(|| Error::Corrupt("the journal has an epoch that none can follow".into()))?;
    let next = |connection: &mut Connection| -> rusqlite::Result<i64> {
        let transaction = write::begin(connection)?;
        let epoch = transaction.prepare_cached(NEXT_EPOCH)?.query_row([above], |row| row.get(0))?;
        transaction.commit()?;
        Ok(epoch)
    };
    let epoch = next(connection).map_err(fault::store_error)?;
    u64::try_from(epoch).map_err(|_| Error::Corrupt(format!("meta, epoch: {epoch} is negative")))
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
