//! Models of the fence: what a stale owner of a document can still do to it. Today an owner is an engine that holds
//! the lock of its data directory and has taken an epoch from the store at its start; one that lost the lock may
//! have requests on their way to the store. The comparison is the kernel's; the store beside it is a document behind
//! a lock, as the guarded statements of `storage/src/sqlite/write.rs` and `storage/src/mongo/write/operation.rs` are.
#![cfg(loom)]
#![allow(clippy::unwrap_used)]

use loom::sync::{Arc, Mutex};
use loom::thread;
use updraft_kernel::shared::fence::{Fence, Revision, fence};
use updraft_loom_tests::planted::Bug;
use updraft_loom_tests::{catches, catches_misuse};

/// A store of one document.
struct Store {
    epoch: u64,
    document: Revision,
}

fn store() -> Arc<Mutex<Store>> {
    Arc::new(Mutex::new(Store { epoch: 1, document: at(1, 3) }))
}

fn at(epoch: u64, seq: u64) -> Revision {
    Revision { epoch, seq }
}

/// A guarded write: one statement of the store.
fn write(store: &Mutex<Store>, offered: Revision) -> Fence {
    let mut store = store.lock().unwrap();
    let verdict = fence(store.document, offered);
    if let Fence::Newer = verdict {
        store.document = offered;
    }
    verdict
}

/// A write that reads and writes in two statements.
fn write_in_two_steps(store: &Mutex<Store>, offered: Revision) -> Fence {
    let verdict = fence(store.lock().unwrap().document, offered);
    if let Fence::Newer = verdict {
        store.lock().unwrap().document = offered;
    }
    verdict
}

type Write = fn(&Mutex<Store>, Revision) -> Fence;

/// Claim: after a write of the successor is acknowledged, nothing of the stale owner changes the document.
/// Threads: two requests of the stale owner that are still on their way, in either order; its successor, which takes
/// an epoch, reads the document, and writes twice.
/// Fails if the number decides, whoever gave it (the stale owner's are higher), if what comes last stands, or if the
/// store looks and writes in two steps.
fn the_stale_owner_changes_nothing(write: Write) {
    let store = store();
    let late = [4, 5].map(|seq| {
        let store = Arc::clone(&store);
        thread::spawn(move || write(&store, at(1, seq)))
    });
    let (epoch, read) = {
        let mut store = store.lock().unwrap();
        store.epoch += 1;
        (store.epoch, store.document)
    };
    for seq in [read.seq + 1, read.seq + 2] {
        assert_eq!(write(&store, at(epoch, seq)), Fence::Newer, "the successor is kept out");
        let stands = store.lock().unwrap().document;
        assert_eq!(stands, at(epoch, seq), "a stale owner changed the document");
    }
    for request in late {
        let _ = request.join().unwrap();
    }
    let stands = store.lock().unwrap().document;
    assert_eq!(stands, at(epoch, read.seq + 2), "a stale owner changed the document");
}

/// Claim: of one owner the newest write wins, in whatever order its requests arrive, and one that arrives twice
/// counts once.
/// Threads: three requests of one owner, two of them the same.
/// Fails if what comes last stands, or if the store looks and writes in two steps.
fn the_newest_wins(write: Write) {
    let store = store();
    let requests = [4, 5].map(|seq| {
        let store = Arc::clone(&store);
        thread::spawn(move || write(&store, at(1, seq)))
    });
    let again = write(&store, at(1, 5));
    let [_, first] = requests.map(|request| request.join().unwrap());
    assert_eq!(store.lock().unwrap().document, at(1, 5), "an older write stands");
    let outcomes = [first, again];
    let (won, told) = (outcomes.contains(&Fence::Newer), outcomes.contains(&Fence::Stored));
    assert!(won && told, "a write that arrived twice was taken twice: {outcomes:?}");
}

mod whole {
    use super::*;

    #[test]
    fn a_stale_owner_changes_nothing_after_its_successor() {
        loom::model(|| the_stale_owner_changes_nothing(write));
    }

    #[test]
    fn of_one_owner_the_newest_write_wins() {
        loom::model(|| the_newest_wins(write));
    }
}

#[test]
fn canary_a_fence_without_epochs() {
    let model = || the_stale_owner_changes_nothing(write);
    catches(Bug::FenceIgnoresEpoch, "a stale owner changed the document", model);
}

#[test]
fn canary_a_fence_that_stands_open() {
    // Either may be the first that loom finds: an older one that stands, or one that is taken twice.
    catches(Bug::FenceStandsOpen, "write", || the_newest_wins(write));
}

#[test]
fn canary_a_store_that_looks_and_writes_in_two_steps() {
    let model = || the_stale_owner_changes_nothing(write_in_two_steps);
    catches_misuse("a stale owner changed the document", model);
}
