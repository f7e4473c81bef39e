//! Settings in the embedded store. Decides nothing.

use async_trait::async_trait;
use rusqlite::{Connection, params};
use updraft_protocol::{Fields, Setting, SettingKind};

use super::write::{self, Fault, Row};
use super::{SqliteStore, fault, query, read, row};
use crate::store::{Error, SettingStore, setting_bounds, setting_fits};

const INSERT: &str = "
INSERT INTO setting_collection (_id, revision, value, updated_date, uid, reason) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (_id) DO NOTHING";

/// The key and the revision that is replaced come last.
const UPDATE: &str = "
UPDATE setting_collection SET _id = ?, revision = ?, value = ?, updated_date = ?, uid = ?, reason = ?
WHERE _id = ? AND revision = ?";

const REMOVE: &str = "DELETE FROM setting_collection WHERE _id = ?1 AND revision = ?2";

fn put(connection: &mut Connection, setting: &Setting, before: Option<u64>) -> Result<usize, Fault> {
    let transaction = write::begin(connection)?;
    let changed = {
        let mut statement = transaction.prepare_cached(before.map_or(INSERT, |_| UPDATE))?;
        let mut row = Row::new(&mut statement);
        setting.write_fields(&mut row)?;
        if let Some(before) = before {
            use updraft_protocol::FieldWriter;
            row.text("_id", &setting.key)?;
            row.number("revision", before)?;
        }
        row.execute()?
    };
    transaction.commit()?;
    Ok(changed)
}

fn remove(connection: &mut Connection, key: &str, before: u64) -> rusqlite::Result<usize> {
    let transaction = write::begin(connection)?;
    let removed = transaction.prepare_cached(REMOVE)?.execute(params![key, before.cast_signed()])?;
    transaction.commit()?;
    Ok(removed)
}

#[async_trait]
impl SettingStore for SqliteStore {
    async fn put_setting(&self, setting: Setting, before: Option<u64>) -> Result<bool, Error> {
        setting_fits(&setting)?;
        self.change_durably(move |connection| {
            let changed = put(connection, &setting, before).map_err(|fault| match fault {
                Fault::Poison(reason) => Error::Refused(reason),
                Fault::Sqlite(error) => fault::store_error(error),
            })?;
            Ok(changed == 1)
        })
        .await
    }

    async fn remove_setting(&self, key: &str, before: u64) -> Result<bool, Error> {
        let key = key.to_owned();
        let removed =
            move |connection: &mut Connection| remove(connection, &key, before).map_err(fault::store_error);
        Ok(self.change_durably(removed).await? == 1)
    }

    async fn setting(&self, key: &str) -> Result<Option<Setting>, Error> {
        let key = key.to_owned();
        self.read(move |connection| read::one(connection, query::SETTING, params![key], row::setting)).await
    }

    async fn settings(
        &self,
        kind: SettingKind,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Setting>, Error> {
        let (after, end) = setting_bounds(kind, after);
        self.read(move |connection| {
            let values = params![after, end, read::rows(limit)];
            read::list(connection, query::SETTINGS, values, row::setting)
        })
        .await
    }
}
