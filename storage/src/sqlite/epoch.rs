//! The epoch of the embedded store: a number in `meta` that only rises. Judges nothing.

use async_trait::async_trait;
use rusqlite::Connection;

use super::{SqliteStore, fault, write};
use crate::store::{EpochStore, Error};

const NEXT_EPOCH: &str = "
INSERT INTO meta (key, value) VALUES ('epoch', ?1 + 1)
ON CONFLICT (key) DO UPDATE SET value = max(value, ?1) + 1
RETURNING value";

/// A new epoch, higher than every one before and than `above`.
fn next_epoch(connection: &mut Connection, above: u64) -> Result<u64, Error> {
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

#[async_trait]
impl EpochStore for SqliteStore {
    async fn next_epoch(&self, above: u64) -> Result<u64, Error> {
        self.change_durably(move |connection| next_epoch(connection, above)).await
    }
}
