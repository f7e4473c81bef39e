//! The outcome of an update, for every result of a read.

use updraft_protocol::TaskUpdate;

use super::*;
use crate::mongo::write::tests::samples::{change, execution, revision, task};

fn settled(update: &Update, stored: Option<Option<Revision>>, doubt: Doubt) -> &'static str {
    match verdict(update, stored, doubt) {
        WriteOutcome::Written => "written",
        WriteOutcome::Stale => "stale",
        WriteOutcome::Poison(_) => "poison",
        WriteOutcome::Retry(_) => "retry",
        WriteOutcome::Unknown(_) => "unknown",
    }
}

#[test]
fn the_stored_revision_decides() {
    use Doubt::{NotByUs, PerhapsByUs};
    let headless = Update::from(change(1, revision(2, 5)));
    let mut headed = execution(1);
    headed.revision = revision(2, 5);
    let of_task = TaskUpdate { head: None, revision: revision(2, 5), ..task(1, 1) };
    let table = [
        (None, NotByUs, "poison"),
        (None, PerhapsByUs, "poison"),
        (Some(None), NotByUs, "poison"),
        (Some(Some((1, 9))), NotByUs, "retry"),
        (Some(Some((2, 4))), PerhapsByUs, "retry"),
        (Some(Some((2, 5))), NotByUs, "stale"),
        (Some(Some((2, 5))), PerhapsByUs, "written"),
        (Some(Some((2, 6))), NotByUs, "stale"),
        (Some(Some((2, 6))), PerhapsByUs, "stale"),
        (Some(Some((3, 1))), NotByUs, "stale"),
    ];
    for update in [headless, Update::from(headed), Update::from(of_task)] {
        for (stored, doubt, expected) in table {
            let stored = stored.map(|stored| stored.map(|(epoch, seq)| revision(epoch, seq)));
            assert_eq!(settled(&update, stored, doubt), expected, "{stored:?}, {doubt:?}");
        }
    }
}

#[test]
fn who_has_no_document_is_told_why() {
    let headless = Update::from(change(1, revision(1, 2)));
    assert_eq!(verdict(&headless, None, Doubt::NotByUs), WriteOutcome::Poison("no such document".into()));
    let headed = Update::from(execution(1));
    let poison = verdict(&headed, None, Doubt::NotByUs);
    assert!(matches!(poison, WriteOutcome::Poison(why) if why.contains("unique index")));
}
