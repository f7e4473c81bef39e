//! Belonging: a journal holds updates for one store, and must never be replayed into another. A file beside the
//! journal says which; it names no credentials.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use updraft_storage::StoreAddress;

use crate::builder::Choice;
use crate::error::StartError;

/// The file in the data directory.
const FILE: &str = "store";

/// Refuses a journal that still has updates for another store; then notes the store that it belongs to.
///
/// # Errors
/// [`StartError::OtherStore`], or what the disk says.
pub(crate) fn claim(data: &Path, asked: String, pending: bool) -> Result<(), StartError> {
    let failed = |source| StartError::Directory { path: data.join(FILE).display().to_string(), source };
    let noted = match noted(data).map_err(failed)? {
        Some(noted) if noted == asked => return Ok(()),
        // An earlier version noted neither of them.
        None if [EMBEDDED, GIVEN].contains(&asked.as_str()) => return note(data, &asked).map_err(failed),
        noted => noted.unwrap_or_else(|| EMBEDDED.to_owned()),
    };
    if pending {
        let noted = if noted == GIVEN { "given to the builder".to_owned() } else { noted };
        return Err(StartError::OtherStore { data: data.display().to_string(), noted, asked });
    }
    note(data, &asked).map_err(failed)
}

/// How a store is noted; none of what leaves no journal.
pub(crate) fn place(choice: &Choice) -> Option<String> {
    match choice {
        Choice::At(StoreAddress::Embedded) => Some(EMBEDDED.to_owned()),
        Choice::At(StoreAddress::MongoDb(address)) => Some(address.place().to_owned()),
        Choice::Given(_) => Some(GIVEN.to_owned()),
        Choice::Memory => None,
    }
}

const EMBEDDED: &str = "embedded";
/// A store that the embedder opened: which one, he alone knows, and that it is no other.
const GIVEN: &str = "given";

/// The store that the journal belongs to, where it is noted.
fn noted(data: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(data.join(FILE)) {
        Ok(text) => Ok(Some(text.trim_end().to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Notes it so that it survives what the journal survives.
fn note(data: &Path, place: &str) -> io::Result<()> {
    let new = data.join(format!("{FILE}.new"));
    let mut file = File::create(&new)?;
    writeln!(file, "{place}")?;
    file.sync_all()?;
    fs::rename(&new, data.join(FILE))?;
    #[cfg(unix)]
    File::open(data)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> String {
        place(&Choice::At(text.parse().unwrap())).unwrap()
    }

    #[test]
    fn a_journal_with_updates_goes_to_no_other_store() {
        let data = tempfile::tempdir().unwrap();
        let (embedded, mongo) = (|| address("embedded"), || address("mongodb://a:1/x"));
        claim(data.path(), embedded(), true).unwrap();
        let refused = claim(data.path(), mongo(), true).unwrap_err();
        assert!(matches!(refused, StartError::OtherStore { .. }), "{refused}");
        claim(data.path(), mongo(), false).unwrap();
        claim(data.path(), mongo(), true).unwrap();
        let refused = claim(data.path(), embedded(), true).unwrap_err().to_string();
        assert!(refused.contains("mongodb://a:1/x") && refused.contains("embedded"), "{refused}");
        claim(data.path(), embedded(), false).unwrap();
        claim(data.path(), embedded(), true).unwrap();
    }

    #[test]
    fn a_journal_with_updates_for_a_store_that_was_given_goes_to_none_at_an_address_and_back() {
        let data = tempfile::tempdir().unwrap();
        let (given, mongo) = (|| GIVEN.to_owned(), || address("mongodb://a:1/x"));
        claim(data.path(), mongo(), false).unwrap();
        let refused = claim(data.path(), given(), true).unwrap_err().to_string();
        assert!(refused.contains("mongodb://a:1/x") && refused.contains("`given`"), "{refused}");
        claim(data.path(), given(), false).unwrap();
        claim(data.path(), given(), true).unwrap();
        for other in [mongo(), address("embedded")] {
            let refused = claim(data.path(), other, true).unwrap_err().to_string();
            assert!(refused.contains("given to the builder"), "{refused}");
        }
    }

    #[test]
    fn who_says_that_it_is_the_same_store_is_believed() {
        let data = tempfile::tempdir().unwrap();
        claim(data.path(), address("mongodb://a:1/x"), false).unwrap();
        let refused = claim(data.path(), address("mongodb://b:1/x"), true).unwrap_err();
        let StartError::OtherStore { asked, .. } = refused else { panic!("{refused}") };
        fs::write(data.path().join(FILE), asked).unwrap();
        claim(data.path(), address("mongodb://b:1/x"), true).unwrap();
    }

    #[test]
    fn the_same_database_is_the_same_store_whoever_logs_in_with_whatever_options() {
        let data = tempfile::tempdir().unwrap();
        claim(data.path(), address("mongodb://bob:s3cr@a:1,b:2?w=1"), false).unwrap();
        claim(data.path(), address("mongodb://a:1,b:2/updraft"), true).unwrap();
        assert!(claim(data.path(), address("mongodb://a:1,b:2/other"), true).is_err());
        assert!(claim(data.path(), address("mongodb+srv://a/updraft"), true).is_err());
        let noted = fs::read_to_string(data.path().join(FILE)).unwrap();
        assert_eq!(noted, "mongodb://a:1,b:2/updraft\n");
    }
}
