//! The inspection of a database that is not in use: it finds what a start would, and leaves every file as it is.

use std::collections::BTreeMap;
use std::fs;

use super::*;
use crate::store::{Bond, BondStore};

/// Every file of a folder, with its bytes.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let file = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.unwrap();
        (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
    };
    fs::read_dir(dir).unwrap().map(file).collect()
}

/// Inspects, and asserts that nothing has changed.
fn inspected(dir: &Path) -> Result<Kept, Error> {
    let before = files(dir);
    let kept = SqliteStore::inspect(dir);
    let after = files(dir);
    assert!(before == after, "{:?} and then {:?}", before.keys(), after.keys());
    kept
}

fn bond(taken: u64) -> Bond {
    Bond { store: Uuid::from_u128(1), journal: Uuid::from_u128(2), taken, closed: false, generation: 0 }
}

#[tokio::test]
async fn it_finds_what_the_database_and_its_wal_have_and_changes_nothing() {
    let place = tempfile::tempdir().unwrap();
    // Names that have a meaning in an address.
    for name in ["data", "100%25?mode=rw#a b", "ü"] {
        let (dir, killed) = (place.path().join(name), place.path().join(format!("{name} killed")));
        let store = SqliteStore::open(&dir, Durability::Os).unwrap();
        store.bind(bond(4), None).await.unwrap();
        drop(store);
        assert!(!files(&dir).contains_key("updraft.db-wal"));
        assert_eq!(inspected(&dir).unwrap(), Kept::Bond(bond(4)), "{name}");

        let store = SqliteStore::open(&dir, Durability::Os).unwrap();
        store.note(bond(4).journal, 9, false).await.unwrap();
        fs::create_dir(&killed).unwrap();
        for (name, bytes) in files(&dir) {
            fs::write(killed.join(name), bytes).unwrap();
        }
        drop(store);
        assert_eq!(inspected(&killed).unwrap(), Kept::Bond(bond(9)), "the WAL has it");
        // A copy of the database without all of its files.
        fs::remove_file(killed.join("updraft.db-shm")).unwrap();
        assert_eq!(inspected(&killed).unwrap(), Kept::Bond(bond(9)));
        fs::write(killed.join("updraft.db-wal"), "").unwrap();
        assert_eq!(inspected(&killed).unwrap(), Kept::Bond(bond(4)), "nor is an empty WAL removed");
    }
}

#[test]
fn a_database_that_a_first_start_left_without_its_schema_is_new() {
    let folder = tempfile::tempdir().unwrap();
    beside(folder.path()).pragma_update(None, "journal_mode", "wal").unwrap();
    assert_ne!(files(folder.path())[DATABASE].len(), 0);
    assert_eq!(inspected(folder.path()).unwrap(), Kept::New);
    drop(SqliteStore::open(folder.path(), Durability::Fsync).unwrap());
    beside(folder.path()).execute_batch("PRAGMA user_version = 0").unwrap();
    assert!(matches!(inspected(folder.path()), Err(Error::Refused(_))), "it is another program's");
}
