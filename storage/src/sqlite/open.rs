//! Opening: the lock that keeps a second process out, and the set-up of connections.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::{cut, fault, schema, wal};
use crate::journal::Durability;
use crate::lock::FileLock;
use crate::store::Error;
use crate::{private, room};

/// The smallest size of SQLite's index of the WAL.
const INDEX_BYTES: u64 = 32 << 10;
/// A program that reads the file beside Updraft may hold it for a moment.
const BUSY_WAIT: Duration = Duration::from_secs(1);
/// Every statement of this store, prepared once for each connection.
const STATEMENTS_CACHED: usize = 32;
/// The page cache of the writer: enough for the upper levels of every index, and for the pages that grow. 64 MiB were
/// no faster than 16, on an empty store or among a million executions, and 8 not measurably slower.
const WRITER_CACHE_KIB: i64 = 12 << 10;
/// The page cache of each reader.
const READER_CACHE_KIB: i64 = 8 << 10;
const PAGE_BYTES: i64 = 4 << 10;
/// The size to which a WAL is cut after a long read has let it grow beyond.
const WAL_BYTES: i64 = 2 * wal::CHECKPOINT_PAGES * PAGE_BYTES;

/// Takes the lock.
pub(super) fn lock(path: &Path) -> Result<Arc<FileLock>, Error> {
    FileLock::take(path).map(Arc::new).map_err(|error| match error {
        TryLockError::WouldBlock => Error::InUse { path: path.display().to_string() },
        TryLockError::Error(error) => of_disk(path, &error),
    })
}

/// Creates the folder and the missing ones above it, durably.
pub(super) fn folder(dir: &Path) -> Result<(), Error> {
    let missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
    let make = || -> std::io::Result<()> {
        let made: Vec<_> = dir.ancestors().take_while(missing).collect();
        private::make_folder(dir)?;
        for folder in made {
            folder.canonicalize()?.parent().map_or(Ok(()), sync)?;
        }
        Ok(())
    };
    make().map_err(|error| of_disk(dir, &error))?;
    if let Ok(Some(others)) = private::open_to_others(dir) {
        tracing::warn!(
            dir = %dir.display(), others = format_args!("{others:03o}"),
            "others than its owner may open the data directory, which holds alerts and answers of tools"
        );
    }
    Ok(())
}

/// A disk's error for a path; a full disk is named as such.
pub(super) fn of_disk(path: &Path, error: &std::io::Error) -> Error {
    let told = format!("{}: {error}", path.display());
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Error::Full(told),
        _ => Error::Unavailable(told),
    }
}

/// Makes the names in a folder durable. On other systems than Unix a folder cannot be opened as a file.
pub(super) fn sync(dir: &Path) -> std::io::Result<()> {
    if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
}

/// Creates the file if there is none, since SQLite gives the files beside it the same permissions. An existing file is
/// left to SQLite: closing it would release every lock that this process has on it, including those of a released store
/// that is still being read.
fn make(path: &Path) -> std::io::Result<()> {
    match private::options().write(true).create_new(true).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

/// The connection that writes; it creates a missing schema.
pub(super) fn writer(path: &Path, durability: Durability) -> Result<Connection, Error> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    make(path).map_err(|error| of_disk(path, &error))?;
    let mut connection = Connection::open_with_flags(path, flags).map_err(fault::store_error)?;
    schema::check(&connection)?;
    cut::refuse(path, &connection)?;
    let set = |connection: &Connection| {
        common(connection, WRITER_CACHE_KIB)?;
        connection.pragma_update(None, "page_size", PAGE_BYTES)?;
        let mode: String =
            connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        connection.pragma_update_and_check(None, "journal_size_limit", WAL_BYTES, |_| Ok(()))?;
        connection.pragma_update(None, "fullfsync", true)?;
        synchronous(connection, durability)?;
        Ok(mode)
    };
    let mode = set(&connection).map_err(fault::store_error)?;
    if mode != "wal" {
        return Err(Error::Refused(format!("the file system allows only journal_mode {mode}, not wal")));
    }
    if durability == Durability::Fsync {
        wal::settle(&connection).map_err(fault::store_error)?;
    }
    schema::create(&mut connection)?;
    Ok(connection)
}

/// A connection that can only read.
pub(super) fn reader(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(fault::store_error)?;
    let set = |connection: &Connection| {
        common(connection, READER_CACHE_KIB)?;
        connection.pragma_update(None, "query_only", true)
    };
    set(&connection).map_err(fault::store_error)?;
    Ok(connection)
}

/// A connection that only reads, creates no file and takes no lock, for a database that is known not to be in use.
/// Without a WAL it declares the file immutable, since SQLite would create a WAL; with a WAL it keeps its index in
/// memory.
#[cfg(unix)]
pub(super) fn onlooker(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = if wal::beside(path).exists() {
        Connection::open_with_flags_and_vfs(path, flags, c"unix-none")
    } else {
        Connection::open_with_flags(unchanging(path), flags | OpenFlags::SQLITE_OPEN_URI)
    };
    let connection = opened.map_err(fault::store_error)?;
    let set = |connection: &Connection| {
        // The last connection to close must not copy or remove the WAL.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.pragma_update_and_check(None, "locking_mode", "exclusive", |_| Ok(()))?;
        common(connection, READER_CACHE_KIB)
    };
    set(&connection).map_err(fault::store_error)?;
    Ok(connection)
}

/// On other systems SQLite creates the files that it needs beside the database.
#[cfg(not(unix))]
pub(super) fn onlooker(path: &Path) -> Result<Connection, Error> {
    reader(path)
}

/// The address of a database that does not change.
#[cfg(unix)]
fn unchanging(path: &Path) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
    let bytes = path.as_os_str().as_encoded_bytes().iter();
    let escaped: String = bytes
        .map(|&byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02x}") })
        .collect();
    format!("file:{escaped}?immutable=1")
}

/// `Fsync`: the WAL is synced at each commit. `Os`: only before it is copied into the database, so that a power loss
/// undoes the latest commits but never breaks the file.
pub(super) fn synchronous(connection: &Connection, durability: Durability) -> rusqlite::Result<()> {
    let level = match durability {
        Durability::Fsync => "FULL",
        Durability::Os => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", level)
}

/// No `mmap_size`: an I/O error on a mapped page would end the process instead of the call.
fn common(connection: &Connection, cache_kib: i64) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    // A plan must not depend on the values: otherwise a statement is planned again for each value.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    connection.pragma_update(None, "temp_store", "MEMORY")
}
/// An error of opening, as a full disk if there is no space: SQLite reports an index that it cannot create as a failing
/// disk.
pub(super) fn without_room(dir: &Path, error: Error) -> Error {
    match error {
        Error::Unavailable(why)
            if room::free_bytes(dir).is_ok_and(|free| free.is_some_and(|free| free < INDEX_BYTES)) =>
        {
            Error::Full(format!("{}: the disk has no room: {why}", dir.display()))
        }
        error => error,
    }
}
