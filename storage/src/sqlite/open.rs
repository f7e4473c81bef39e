//! Opening: the lock that keeps a second process out, and connections set up for their work.

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

/// What SQLite's index of the WAL takes at least.
const INDEX_BYTES: u64 = 32 << 10;
/// A program that reads the file beside Updraft may hold it for a moment.
const BUSY_WAIT: Duration = Duration::from_secs(1);
/// Every statement of this store, prepared once for each connection.
const STATEMENTS_CACHED: usize = 32;
/// Pages are cached up to this for the writer: the upper levels of every index, and the pages that are added to.
/// 64 MiB were no faster than 16, on an empty store or among a million executions, and 8 not measurably slower.
const WRITER_CACHE_KIB: i64 = 12 << 10;
/// And for each reader.
const READER_CACHE_KIB: i64 = 8 << 10;
const PAGE_BYTES: i64 = 4 << 10;
/// What a WAL that grew beyond its measure, behind a program that reads for long, is cut back to.
const WAL_BYTES: i64 = 2 * wal::CHECKPOINT_PAGES * PAGE_BYTES;

/// Takes the lock.
pub(super) fn lock(path: &Path) -> Result<Arc<FileLock>, Error> {
    FileLock::take(path).map(Arc::new).map_err(|error| match error {
        TryLockError::WouldBlock => Error::InUse { path: path.display().to_string() },
        TryLockError::Error(error) => of_disk(path, &error),
    })
}

/// Makes the folder, durably, and what is missing above it.
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

/// What the disk says of a path; a full one is named as what it is.
pub(super) fn of_disk(path: &Path, error: &std::io::Error) -> Error {
    let told = format!("{}: {error}", path.display());
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Error::Full(told),
        _ => Error::Unavailable(told),
    }
}

/// Makes the names in a folder durable. Elsewhere than on Unix a folder cannot be opened as a file.
pub(super) fn sync(dir: &Path) -> std::io::Result<()> {
    if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
}

/// Makes the file where there is none: SQLite gives what it keeps beside it the permissions of the file itself. One that is
/// there is left to SQLite: to close it would give back every lock that this process has on it, those of a store that was
/// released and is still read among them.
fn make(path: &Path) -> std::io::Result<()> {
    match private::options().write(true).create_new(true).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

/// The connection that writes; it makes the schema where it is missing.
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

/// A connection that reads what is there, makes no file and takes no lock, for who knows that nobody has the database. Without
/// a WAL it says that the file does not change, as SQLite would make one; with one it keeps the index of it in memory.
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
        // Nor is the WAL copied, or removed, by who closes as the last.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.pragma_update_and_check(None, "locking_mode", "exclusive", |_| Ok(()))?;
        common(connection, READER_CACHE_KIB)
    };
    set(&connection).map_err(fault::store_error)?;
    Ok(connection)
}

/// Elsewhere SQLite makes what it needs beside the database.
#[cfg(not(unix))]
pub(super) fn onlooker(path: &Path) -> Result<Connection, Error> {
    reader(path)
}

/// The address of a database that nobody changes.
#[cfg(unix)]
fn unchanging(path: &Path) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
    let bytes = path.as_os_str().as_encoded_bytes().iter();
    let escaped: String = bytes
        .map(|&byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02x}") })
        .collect();
    format!("file:{escaped}?immutable=1")
}

/// `Fsync`: the WAL is synced at each commit. `Os`: only before it is copied into the database, so that a
/// loss of power takes the latest commits but never breaks the file.
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
    // A plan does not depend on what is asked for: otherwise a statement is planned anew for each value.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    connection.pragma_update(None, "temp_store", "MEMORY")
}
/// An error of opening, as a full disk where there is no room: SQLite tells one that cannot make its index as a disk that
/// fails.
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
