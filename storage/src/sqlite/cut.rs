//! Whether a database file was cut short: a page after its end is in the WAL, or lost. Without this check, SQLite would
//! find the missing pages one by one, whenever they are needed. Repairs nothing.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::Path;

use rusqlite::Connection;

use super::{fault, open, wal};
use crate::store::Error;

/// The WAL's header, of which two numbers are repeated in each frame that belongs to it.
const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;

/// Refuses a file that lacks pages, before the WAL is copied into it.
pub(super) fn refuse(path: &Path, connection: &Connection) -> Result<(), Error> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
    let (pages, page_bytes) = number("page_count")
        .and_then(|count| Ok((count, number("page_size")?)))
        .map_err(fault::store_error)?;
    let of_disk = |error: io::Error| open::of_disk(path, &error);
    let bytes = path.metadata().map_err(of_disk)?.len();
    let there = u32::try_from(bytes / u64::from(page_bytes.max(1))).unwrap_or(u32::MAX);
    if there >= pages {
        return Ok(());
    }
    let in_wal = pages_behind(&wal::beside(path), there, page_bytes).map_err(of_disk)?;
    let missing = (there.saturating_add(1)..=pages).find(|page| !in_wal.contains(page));
    missing.map_or(Ok(()), |page| {
        let path = path.display();
        Err(Error::Corrupt(format!("{path}: page {page} of {pages} is missing: the file was cut short")))
    })
}

/// The pages after `last` of which the WAL has any version.
fn pages_behind(wal: &Path, last: u32, page_bytes: u32) -> io::Result<BTreeSet<u32>> {
    let mut pages = BTreeSet::new();
    let mut wal = match File::open(wal) {
        Ok(wal) => BufReader::new(wal),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(pages),
        Err(error) => return Err(error),
    };
    let mut header = [0; HEADER_BYTES];
    if !filled(&mut wal, &mut header)? {
        return Ok(pages);
    }
    let mut frame = [0; FRAME_HEADER_BYTES];
    while filled(&mut wal, &mut frame)? && frame[8..16] == header[16..24] {
        let page = u32::from_be_bytes([frame[0], frame[1], frame[2], frame[3]]);
        if page > last {
            pages.insert(page);
        }
        wal.seek_relative(i64::from(page_bytes))?;
    }
    Ok(pages)
}

/// Whether there were enough bytes to read.
fn filled(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A database of many pages, some of which are only in the WAL.
    fn database(folder: &Path) -> (std::path::PathBuf, Connection) {
        let path = folder.join("db");
        let connection = Connection::open(&path).unwrap();
        let setup = "PRAGMA journal_mode = wal; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (x BLOB);
            INSERT INTO t SELECT randomblob(3000) FROM generate_series(1, 50);";
        let setup = setup.replace(
            "generate_series(1, 50)",
            "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) SELECT i FROM n)",
        );
        connection.execute_batch(&setup).unwrap();
        connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(())).unwrap();
        connection.execute_batch("INSERT INTO t SELECT x FROM t LIMIT 10").unwrap();
        (path, connection)
    }

    #[test]
    fn pages_that_the_wal_has_are_not_missing_and_others_are() {
        let folder = tempfile::tempdir().unwrap();
        let (path, connection) = database(folder.path());
        refuse(&path, &connection).unwrap();
        let whole = fs::read(&path).unwrap();
        for cut in [whole.len() / 2, whole.len() - 1] {
            File::options().write(true).open(&path).unwrap().set_len(cut as u64).unwrap();
            let error = refuse(&path, &connection).unwrap_err();
            assert!(matches!(&error, Error::Corrupt(why) if why.contains("cut short")), "{error}");
        }
        fs::write(&path, &whole).unwrap();
        refuse(&path, &connection).unwrap();
    }
}
