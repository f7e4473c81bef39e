//! The note of a data directory, and that a start which was cut short between two notes is not refused later.

use super::*;
use crate::store_choice::noted;

fn asked(place: &str) -> Asked {
    Asked { place: place.to_owned(), durability: Durability::Fsync, accepted: None }
}

fn address(text: &str) -> String {
    noted(&text.parse().unwrap())
}

const NEW: Extent = Extent { id: Uuid::from_u128(7), begins: 1, ends: 0, there: true };
const PENDING: Extent = Extent { ends: 4, ..NEW };
const EMPTIED: Extent = Extent { begins: 5, ends: 4, ..NEW };

#[test]
fn a_new_pair_is_bound_and_found_again_also_where_the_store_never_came_to_note_it() {
    let data = tempfile::tempdir().unwrap();
    let bond = claim(data.path(), &asked("embedded"), Kept::New, NEW).unwrap().unwrap();
    assert_eq!((bond.taken, bond.closed), (0, false));
    let again = claim(data.path(), &asked("embedded"), Kept::New, NEW).unwrap().unwrap();
    assert_eq!(again, bond, "it keeps the ids that it noted");
    let taken = Bond { taken: 3, closed: true, ..bond };
    let next = claim(data.path(), &asked("embedded"), Kept::Bond(taken), PENDING).unwrap().unwrap();
    assert_eq!(next, Bond { taken: 3, ..bond });
}

#[test]
fn an_epoch_is_noted_for_ever_and_says_that_a_store_which_is_new_is_not_the_one_that_was() {
    let data = tempfile::tempdir().unwrap();
    assert_eq!(epoch_of(data.path()).unwrap(), 0);
    let bond = claim(data.path(), &asked("embedded"), Kept::New, NEW).unwrap().unwrap();
    note_epoch(data.path(), 7).unwrap();
    // It may have had playbooks, although no execution was ever submitted.
    let refused = claim(data.path(), &asked("embedded"), Kept::New, NEW).unwrap_err();
    assert!(
        matches!(refused, StartError::Mismatch { mismatch: Mismatch::StoreMissing { goes_on_from: 1 }, .. }),
        "{refused}"
    );
    let relaxed = Asked { durability: Durability::Os, ..asked("embedded") };
    assert_eq!(claim(data.path(), &relaxed, Kept::Bond(bond), PENDING).unwrap(), Some(bond));
    assert_eq!(epoch_of(data.path()).unwrap(), 7, "kept when something else is noted");
    claim(data.path(), &asked("mongodb://a:1/x"), Kept::New, EMPTIED).unwrap();
    assert_eq!(epoch_of(data.path()).unwrap(), 7, "another store gives no lower one");
}

#[test]
fn a_store_that_is_missing_is_refused_until_its_loss_is_accepted() {
    let data = tempfile::tempdir().unwrap();
    let bond = claim(data.path(), &asked("embedded"), Kept::New, NEW).unwrap().unwrap();
    let refused = claim(data.path(), &asked("embedded"), Kept::New, EMPTIED).unwrap_err();
    assert!(
        matches!(refused, StartError::Mismatch { mismatch: Mismatch::StoreMissing { goes_on_from: 5 }, .. }),
        "{refused}"
    );
    let wrong = Asked { accepted: Some(Loss::OfJournal), ..asked("embedded") };
    claim(data.path(), &wrong, Kept::New, EMPTIED).unwrap_err();
    let accepted = Asked { accepted: Some(Loss::OfStore), ..asked("embedded") };
    let next = claim(data.path(), &accepted, Kept::New, EMPTIED).unwrap().unwrap();
    assert_eq!((next.journal, next.taken), (bond.journal, 4));
    claim(data.path(), &asked("embedded"), Kept::Bond(next), EMPTIED).unwrap();
}

#[test]
fn a_journal_that_power_emptied_goes_on_and_one_that_was_deleted_is_refused_as_often_as_it_is_met() {
    let data = tempfile::tempdir().unwrap();
    let os = || Asked { durability: Durability::Os, ..asked("embedded") };
    let bond = claim(data.path(), &os(), Kept::New, NEW).unwrap().unwrap();
    let taken = Kept::Bond(Bond { taken: 4, ..bond });
    let next = claim(data.path(), &os(), taken, NEW).unwrap().unwrap();
    assert_eq!(next, Bond { generation: 1, ..bond }, "its groups are counted anew");
    // The refused start makes a segment.
    for there in [false, true, true] {
        let refused = claim(data.path(), &os(), taken, Extent { there, ..NEW }).unwrap_err();
        assert!(
            matches!(refused, StartError::Mismatch { mismatch: Mismatch::JournalMissing { taken: 4 }, .. }),
            "{refused}"
        );
    }
    let accepted = Asked { accepted: Some(Loss::OfJournal), ..os() };
    claim(data.path(), &accepted, taken, NEW).unwrap();
    claim(data.path(), &os(), taken, NEW).unwrap();
}

#[test]
fn the_journal_of_another_directory_is_known_by_its_segments() {
    let data = tempfile::tempdir().unwrap();
    let bond = claim(data.path(), &asked("embedded"), Kept::New, NEW).unwrap().unwrap();
    let taken = Bond { taken: 4, ..bond };
    let mismatch = |kept, journal| match claim(data.path(), &asked("embedded"), kept, journal) {
        Err(StartError::Mismatch { mismatch, .. }) => mismatch,
        other => panic!("{other:?}"),
    };
    let foreign = |extent| Extent { id: Uuid::from_u128(8), ..extent };
    assert_eq!(mismatch(Kept::Bond(taken), foreign(PENDING)), Mismatch::OtherStore);
    let other = mismatch(Kept::Bond(taken), foreign(EMPTIED));
    assert!(matches!(other, Mismatch::OtherJournal { taken: 4, pending: false, .. }), "{other}");
    assert_eq!(mismatch(Kept::New, foreign(PENDING)), Mismatch::StoreMissing { goes_on_from: 1 });
    let closed = Kept::Bond(Bond { closed: true, ..taken });
    let next = claim(data.path(), &asked("embedded"), closed, foreign(EMPTIED)).unwrap().unwrap();
    assert_eq!((next.store, next.journal), (bond.store, Uuid::from_u128(8)), "all was closed in order");
    assert_eq!(next.generation, bond.generation + 1, "another journal counts from the beginning");
}

#[test]
fn a_pair_whose_note_is_gone_is_known_by_the_segments_and_the_store() {
    let data = tempfile::tempdir().unwrap();
    let bond = claim(data.path(), &asked("embedded"), Kept::New, NEW).unwrap().unwrap();
    fs::remove_file(data.path().join(FILE)).unwrap();
    let next = claim(data.path(), &asked("embedded"), Kept::Bond(bond), PENDING).unwrap().unwrap();
    assert_eq!(next, bond);
}

#[test]
fn a_journal_with_updates_goes_to_no_other_store_and_an_empty_one_does() {
    let data = tempfile::tempdir().unwrap();
    let (embedded, mongo) = (|| asked(&address("embedded")), || asked("mongodb://a:1/x"));
    claim(data.path(), &embedded(), Kept::New, NEW).unwrap();
    let refused = claim(data.path(), &mongo(), Kept::New, PENDING).unwrap_err();
    assert!(matches!(&refused, StartError::OtherStore { noted, .. } if noted == "embedded"), "{refused}");
    let bond = claim(data.path(), &mongo(), Kept::New, EMPTIED).unwrap().unwrap();
    claim(data.path(), &mongo(), Kept::Bond(bond), PENDING).unwrap();
    let refused = claim(data.path(), &embedded(), Kept::New, PENDING).unwrap_err().to_string();
    assert!(refused.contains("mongodb://a:1/x") && refused.contains("embedded"), "{refused}");
}

#[test]
fn a_database_that_has_moved_is_known_by_its_id() {
    let data = tempfile::tempdir().unwrap();
    let bond = claim(data.path(), &asked("mongodb://a:1/x"), Kept::New, NEW).unwrap().unwrap();
    claim(data.path(), &asked("mongodb://b:1/x"), Kept::Bond(bond), PENDING).unwrap();
    let noted = fs::read_to_string(data.path().join(FILE)).unwrap();
    assert!(noted.starts_with("mongodb://b:1/x\n"), "{noted}");
}

#[test]
fn a_store_that_keeps_nothing_of_itself_is_known_by_its_place() {
    let data = tempfile::tempdir().unwrap();
    claim(data.path(), &asked(GIVEN), Kept::Nothing, NEW).unwrap();
    claim(data.path(), &asked(GIVEN), Kept::Nothing, PENDING).unwrap();
    let refused = claim(data.path(), &asked("embedded"), Kept::Nothing, PENDING).unwrap_err().to_string();
    assert!(refused.contains("given to the builder"), "{refused}");
    claim(data.path(), &asked("embedded"), Kept::Nothing, EMPTIED).unwrap();
    claim(data.path(), &asked("embedded"), Kept::Nothing, PENDING).unwrap();
}

#[cfg(feature = "mongodb")]
#[test]
fn the_note_names_no_credentials() {
    let data = tempfile::tempdir().unwrap();
    claim(data.path(), &asked(&address("mongodb://bob:s3cr@a:1,b:2?w=1")), Kept::New, NEW).unwrap();
    let noted = fs::read_to_string(data.path().join(FILE)).unwrap();
    assert!(noted.starts_with("mongodb://a:1,b:2/updraft\n") && !noted.contains("s3cr"), "{noted}");
    assert_eq!(private::open_to_others(&data.path().join(FILE)).unwrap(), None);
}
