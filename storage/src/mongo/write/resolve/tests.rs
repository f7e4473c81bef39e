//! The outcome of an update, for every result of a read.

use updraft_protocol::TaskUpdate;

use super::*;
use crate::mongo::write::tests::samples::{change, execution, revision, task};

fn settled(update: &Update, stored: Option<Option<Revision>>, by_us: bool) -> &'static str {
    match verdict(update, stored, by_us) {
        WriteOutcome::Written => "written",
        WriteOutcome::Stale => "stale",
        WriteOutcome::Poison(_) => "poison",
        WriteOutcome::Retry(_) => "retry",
        WriteOutcome::Unknown(_) => "unknown",
    }
}

#[test]
fn the_stored_revision_decides() {
    let headless = Update::from(change(1, revision(2, 5)));
    let mut headed = execution(1);
    headed.revision = revision(2, 5);
    let of_task = TaskUpdate { head: None, revision: revision(2, 5), ..task(1, 1) };
    let table = [
        (None, false, "poison"),
        (None, true, "poison"),
        (Some(None), false, "poison"),
        (Some(Some((1, 9))), false, "retry"),
        (Some(Some((2, 4))), true, "retry"),
        (Some(Some((2, 5))), false, "stale"),
        (Some(Some((2, 5))), true, "written"),
        (Some(Some((2, 6))), false, "stale"),
        (Some(Some((2, 6))), true, "stale"),
        (Some(Some((3, 1))), false, "stale"),
    ];
    for update in [headless, Update::from(headed), Update::from(of_task)] {
        for (stored, by_us, expected) in table {
            let stored = stored.map(|stored| stored.map(|(epoch, seq)| revision(epoch, seq)));
            assert_eq!(settled(&update, stored, by_us), expected, "{stored:?}, {by_us}");
        }
    }
}

#[test]
fn who_has_no_document_is_told_why() {
    let headless = Update::from(change(1, revision(1, 2)));
    assert_eq!(verdict(&headless, None, false), WriteOutcome::Poison("no such document".into()));
    let headed = Update::from(execution(1));
    let poison = verdict(&headed, None, false);
    assert!(matches!(poison, WriteOutcome::Poison(why) if why.contains("unique index")));
}
