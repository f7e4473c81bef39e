//! The truth table of pairs, and that no crash of a well-behaved pair is refused.

use proptest::prelude::*;

use super::Mismatch::{JournalMissing, JournalOlder, OtherJournal, OtherStore, StoreMissing, StoreOlder};
use super::PairVerdict::{Bind, Pair, Rebind, Refuse};
use super::*;

/// The journal 7 of store 1, with groups of these numbers.
fn journal(begins: u64, ends: u64) -> JournalSide {
    JournalSide { ids: Some((7, 1)), begins, ends, moved: false, synced: true, there: true, ran: ends > 0 }
}

/// A journal that has noted nothing.
fn unknown(begins: u64, ends: u64) -> JournalSide {
    JournalSide { ids: None, ..journal(begins, ends) }
}

/// The store 1 of journal 7.
fn store(taken: u64) -> StoreSide {
    StoreSide { id: 1, journal: 7, taken, closed: false }
}

fn closed(store: StoreSide) -> Option<StoreSide> {
    Some(StoreSide { closed: true, ..store })
}

/// The name of a case, its pair, and the verdict.
type Row = (&'static str, JournalSide, Option<StoreSide>, PairVerdict);

fn hold(table: impl IntoIterator<Item = Row>) {
    for (what, journal, store, verdict) in table {
        assert_eq!(judge(journal, store, None), verdict, "{what}");
    }
}

fn moved(journal: JournalSide) -> JournalSide {
    JournalSide { moved: true, ..journal }
}

fn ran(journal: JournalSide) -> JournalSide {
    JournalSide { ran: true, ..journal }
}

fn of_other_store(journal: JournalSide) -> JournalSide {
    JournalSide { ids: Some((7, 2)), ..journal }
}

fn of_other_journal(store: StoreSide) -> StoreSide {
    StoreSide { journal: 8, ..store }
}

#[test]
fn what_belongs_together_goes_on_and_what_is_new_is_bound() {
    hold([
        ("both new", unknown(1, 0), None, Bind),
        ("segments and a store that know nothing of each other", unknown(1, 5), None, Bind),
        ("a first start that was cut short before the store knew", journal(1, 0), None, Bind),
        ("a pair, nothing run yet", journal(1, 0), Some(store(0)), Pair),
        ("a pair, the store behind", journal(3, 9), Some(store(2)), Pair),
        ("a pair, the store in the middle", journal(3, 9), Some(store(5)), Pair),
        ("a pair, the store has everything", journal(3, 9), Some(store(9)), Pair),
        ("a pair, closed and emptied", journal(10, 9), closed(store(9)), Pair),
        ("a pair, closed and not emptied", journal(3, 9), closed(store(9)), Pair),
    ]);
}

#[test]
fn a_store_that_is_missing_or_older_is_named() {
    hold([
        ("the database deleted", journal(3, 9), None, Refuse(StoreMissing { goes_on_from: 3 })),
        (
            "the database deleted, all groups there",
            journal(1, 9),
            None,
            Refuse(StoreMissing { goes_on_from: 1 }),
        ),
        (
            "the database deleted, the journal empty",
            journal(10, 9),
            None,
            Refuse(StoreMissing { goes_on_from: 10 }),
        ),
        (
            "the database deleted, which had playbooks only",
            ran(journal(1, 0)),
            None,
            Refuse(StoreMissing { goes_on_from: 1 }),
        ),
        ("a database restored", journal(8, 9), Some(store(4)), Refuse(StoreOlder { taken: 4, begins: 8 })),
        (
            "a database restored, closed then",
            journal(10, 9),
            closed(store(4)),
            Refuse(StoreOlder { taken: 4, begins: 10 }),
        ),
    ]);
}

#[test]
fn a_journal_that_is_missing_older_or_cut_is_named() {
    hold([
        ("the journal deleted", unknown(1, 0), Some(store(4)), Refuse(JournalMissing { taken: 4 })),
        (
            "the journal deleted, its note kept",
            journal(1, 0),
            Some(store(4)),
            Refuse(JournalMissing { taken: 4 }),
        ),
        (
            "the journal deleted before a group was taken",
            unknown(1, 0),
            Some(store(0)),
            Refuse(JournalMissing { taken: 0 }),
        ),
        ("the journal deleted after both were closed", unknown(1, 0), closed(store(4)), Rebind),
        ("the same, its note kept", journal(1, 0), closed(store(4)), Rebind),
        (
            "a journal restored, or cut",
            journal(2, 3),
            Some(store(4)),
            Refuse(JournalOlder { ends: 3, taken: 4 }),
        ),
        (
            "a journal cut after both were closed",
            journal(2, 3),
            closed(store(4)),
            Refuse(JournalOlder { ends: 3, taken: 4 }),
        ),
    ]);
}

#[test]
fn what_belongs_to_another_is_named_unless_all_were_closed_in_order() {
    hold([
        ("another store, new, at another place", moved(journal(3, 9)), None, Refuse(OtherStore)),
        ("the same, the journal empty", moved(journal(10, 9)), None, Rebind),
        ("the same, nothing ever run", moved(ran(journal(1, 0))), None, Rebind),
        (
            "another store with a journal of its own",
            of_other_store(journal(3, 9)),
            Some(store(4)),
            Refuse(OtherStore),
        ),
        (
            "the same, the journal empty",
            of_other_store(journal(10, 9)),
            Some(of_other_journal(store(4))),
            Refuse(OtherJournal { taken: 4, pending: false }),
        ),
        ("the same, all closed", of_other_store(journal(10, 9)), closed(of_other_journal(store(4))), Rebind),
        (
            "a store that went to another journal",
            journal(10, 9),
            Some(of_other_journal(store(4))),
            Refuse(OtherJournal { taken: 4, pending: false }),
        ),
        (
            "the same, groups here",
            journal(3, 9),
            closed(of_other_journal(store(4))),
            Refuse(OtherJournal { taken: 4, pending: true }),
        ),
        ("the same, all closed", journal(10, 9), closed(of_other_journal(store(4))), Rebind),
        (
            "segments of nobody knows whom",
            unknown(3, 9),
            closed(store(4)),
            Refuse(OtherJournal { taken: 4, pending: true }),
        ),
    ]);
}

#[test]
fn a_loss_is_accepted_where_it_is_the_one_that_was_met_and_no_other() {
    let older = Mismatch::StoreOlder { taken: 4, begins: 8 };
    assert_eq!(judge(journal(8, 9), Some(store(4)), Some(Loss::OfStore)), PairVerdict::GoOn(older));
    assert_eq!(judge(journal(8, 9), Some(store(4)), Some(Loss::OfJournal)), PairVerdict::Refuse(older));
    let cut = Mismatch::JournalOlder { ends: 3, taken: 4 };
    assert_eq!(judge(journal(2, 3), Some(store(4)), Some(Loss::OfJournal)), PairVerdict::GoOn(cut));
    assert_eq!(judge(journal(2, 3), Some(store(4)), Some(Loss::OfStore)), PairVerdict::Refuse(cut));
    for loss in [Loss::OfStore, Loss::OfJournal] {
        let foreign = JournalSide { ids: Some((7, 2)), ..journal(3, 9) };
        assert_eq!(judge(foreign, Some(store(4)), Some(loss)), PairVerdict::Refuse(Mismatch::OtherStore));
        assert_eq!(judge(journal(3, 9), Some(store(4)), Some(loss)), PairVerdict::Pair, "nothing is lost");
    }
}

#[test]
fn what_power_took_of_what_was_not_synced_goes_on_and_what_a_person_took_does_not() {
    let unsynced = |journal| JournalSide { synced: false, ..journal };
    assert!(matches!(judge(unsynced(journal(8, 9)), Some(store(4)), None), PairVerdict::GoOn(_)));
    assert!(matches!(judge(unsynced(journal(2, 3)), Some(store(4)), None), PairVerdict::GoOn(_)));
    assert!(matches!(judge(unsynced(journal(1, 0)), Some(store(4)), None), PairVerdict::GoOn(_)));
    let deleted = JournalSide { there: false, ..unsynced(journal(1, 0)) };
    assert!(matches!(judge(deleted, Some(store(4)), None), PairVerdict::Refuse(_)));
    assert!(matches!(judge(unsynced(journal(3, 9)), None, None), PairVerdict::Refuse(_)));
    assert!(matches!(judge(unsynced(unknown(1, 0)), Some(store(4)), None), PairVerdict::Refuse(_)));
}

/// What happens to a pair without faults.
#[derive(Debug, Clone, Copy)]
enum Step {
    Append,
    Take,
    Note,
    Drop,
    Close,
    Empty,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    use Step::{Append, Close, Drop, Empty, Note, Take};
    let step = prop_oneof![Just(Append), Just(Take), Just(Note), Just(Drop), Just(Close), Just(Empty)];
    prop::collection::vec(step, 0..60)
}

proptest! {
    #[test]
    fn a_pair_that_nobody_touches_is_one_after_a_crash_at_any_step(steps in steps()) {
        let (mut own, mut theirs, mut has) = (journal(1, 0), store(0), 0);
        for step in steps {
            match step {
                Step::Append => (own.ends, theirs.closed) = (own.ends + 1, false),
                Step::Take => has = own.ends.min(has + 1),
                Step::Note => theirs.taken = has,
                // A segment is dropped once the store has noted its last group.
                Step::Drop => own.begins = own.begins.max((theirs.taken + 1).min(own.ends)),
                Step::Close if has == own.ends => (theirs.taken, theirs.closed) = (has, true),
                Step::Empty if theirs.closed => own.begins = own.ends + 1,
                Step::Close | Step::Empty => {}
            }
            prop_assert_eq!(judge(own, Some(theirs), None), PairVerdict::Pair);
        }
    }
}
