//! The WAL: copied into the database each time it has grown by a certain size. Knows no table.
//!
//! SQLite's own checkpoint never waits for a reader, so that continuous reads let the WAL grow for ever. This one
//! waits, up to the busy timeout, until the reads of an older state have ended.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::store::Error;

/// Pages after which the WAL is copied: each copy costs two syncs, and writes a page once however often it changed in
/// between.
pub(super) const CHECKPOINT_PAGES: i64 = 8 << 10;

const PAGES: &str = "PRAGMA wal_checkpoint(NOOP)";
const CHECKPOINT: &str = "PRAGMA wal_checkpoint(RESTART)";

/// The file of the WAL of a database.
pub(super) fn beside(database: &Path) -> PathBuf {
    let mut wal = database.as_os_str().to_owned();
    wal.push("-wal");
    wal.into()
}

/// Does `work`, which may write, and a checkpoint if it is due. Answered writes stay: a checkpoint that fails or times
/// out is tried again when the WAL has grown by as much once more.
pub(super) fn kept_short<T>(
    connection: &mut Connection,
    work: impl FnOnce(&mut Connection) -> Result<T, Error>,
) -> Result<T, Error> {
    let before = pages(connection);
    let done = work(connection);
    if let (Ok(before), Ok(after)) = (before, pages(connection))
        && after / CHECKPOINT_PAGES > before / CHECKPOINT_PAGES
    {
        match state(connection, CHECKPOINT) {
            Ok((0, _)) => {}
            Ok(_) => tracing::debug!(pages = after, "a long read puts the checkpoint of the store off"),
            Err(error) => tracing::warn!(%error, "the store's checkpoint failed"),
        }
    }
    done
}

/// Writes the content of the WAL at a start into the database. An earlier process whose sync failed may have left bytes
/// in the system's memory that are not on the disk, and a later sync would not write them. They would be read as
/// stored, and lost with a power loss, together with everything written after them.
pub(super) fn settle(connection: &Connection) -> rusqlite::Result<()> {
    if let (1, pages) = state(connection, CHECKPOINT)? {
        tracing::warn!(pages, "another program reads the store: what its WAL holds is not written anew");
    }
    Ok(())
}

/// The length of the WAL.
pub(super) fn pages(connection: &Connection) -> rusqlite::Result<i64> {
    state(connection, PAGES).map(|(_, pages)| pages)
}

/// Whether a reader blocked the checkpoint, and the pages in the WAL.
fn state(connection: &Connection, sql: &str) -> rusqlite::Result<(i64, i64)> {
    connection.prepare_cached(sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
}
