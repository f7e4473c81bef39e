//! Appends: numbered, durable, answered once, bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use updraft_protocol::limits::{JOURNAL_FRAME_BYTES, JOURNAL_QUEUE, JOURNAL_QUEUE_BYTES};

use super::super::testing::sized_update;
use super::super::{self as journal, Durability, FileDisk};
use super::*;
use crate::log::{CloseOutcome, Revoke};

#[test]
fn an_acknowledged_append_survives_power_loss() {
    let disk = MemoryDisk::default();
    let (mut rig, _) = open(&disk, small()).unwrap();
    for lsn in 1..=10 {
        assert_eq!(rig.put(numbered(lsn)).unwrap(), lsn);
        let (_, recovered) = reopen(&disk.after_power_loss(), small());
        assert_eq!(recovered, numbered_groups(1..=lsn));
    }
    assert_eq!(rig.written_to(10), (1..=10).collect::<Vec<_>>());
    assert_eq!(rig.journal.status().durable_lsn, 10);
}

#[test]
fn without_sync_an_append_survives_a_kill_and_power_loss_leaves_a_beginning() {
    let disk = MemoryDisk::default();
    let config = Config { durability: Durability::Os, ..small() };
    let (rig, _) = open(&disk, config).unwrap();
    let syncs = disk.syncs();
    assert_eq!(rig.put(numbered(1)).unwrap(), 1);
    assert_eq!(disk.syncs(), syncs, "no append waits for the disk");
    (2..=10).for_each(|lsn| assert_eq!(rig.put(numbered(lsn)).unwrap(), lsn));
    assert_eq!(reopen(&disk.after_kill(), config).1, numbered_groups(1..=10));
    let survived = reopen(&disk.after_power_loss(), config).1;
    assert_eq!(survived, numbered_groups(1..=survived.len() as u64));
}

#[test]
fn what_a_killed_process_left_unsynced_is_synced_at_the_next_start() {
    let config = Config { durability: Durability::Os, ..Config::default() };
    let disk = MemoryDisk::default();
    let (rig, _) = open(&disk, config).unwrap();
    (1..=5).for_each(|lsn| assert_eq!(rig.put(numbered(lsn)).unwrap(), lsn));
    let killed = disk.after_kill();
    drop(reopen(&killed, config));
    assert_eq!(reopen(&killed.after_power_loss(), config).1, numbered_groups(1..=5));
}

#[test]
fn appends_that_wait_together_share_a_sync() {
    let disk = MemoryDisk::default();
    let (mut rig, _) = open_with(disk.clone(), Path::new(FOLDER), Config::default(), 1).unwrap();
    // The first fills the writer's queue, the second makes the thread wait for it.
    rig.put(numbered(1)).unwrap();
    rig.put(numbered(2)).unwrap();
    let waiting: Vec<_> = (3..=100).map(|lsn| rig.queue(numbered(lsn)).unwrap()).collect();
    let syncs = disk.syncs();
    assert_eq!(rig.written_to(100), (1..=100).collect::<Vec<_>>());
    for (answered, lsn) in waiting.iter().zip(3..) {
        assert_eq!(answered.recv().unwrap().unwrap(), lsn);
    }
    assert_eq!(disk.syncs(), syncs + 1);
    // A power failure in that sync may leave any sectors of it: none of it was acknowledged then.
    let segment = disk.segments().remove(0);
    let mut bytes = disk.bytes(&segment);
    bytes[1_024..1_536].fill(0);
    let torn = disk.after_kill();
    torn.set_bytes(&segment, bytes);
    let (_, recovered) = reopen(&torn, Config::default());
    assert!(recovered.len() > 2);
    assert_eq!(recovered, numbered_groups(1..=recovered.len() as u64));
}

#[test]
fn a_stalled_writer_makes_append_hand_back_within_the_bound() {
    let (mut rig, _) = open_with(MemoryDisk::default(), Path::new(FOLDER), Config::default(), 1).unwrap();
    let mut taken = 0;
    let refused = loop {
        match rig.queue(numbered(taken + 1)) {
            Ok(_) => taken += 1,
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused.error, Error::Full) && refused.error.retryable());
    assert_eq!(taken as usize, JOURNAL_QUEUE);
    assert_eq!(refused.append.updates, numbered(taken + 1));
    rig.written_to(taken);
    assert_eq!(rig.put(numbered(taken + 1)).unwrap(), taken + 1);
}

#[test]
fn an_append_given_up_while_the_writer_stalls_is_never_written() {
    let disk = MemoryDisk::default();
    let (mut rig, _) = open_with(disk.clone(), Path::new(FOLDER), Config::default(), 1).unwrap();
    // The first fills the writer's queue, the second makes the thread wait for it.
    let ahead = [1, 2].map(|lsn| {
        let (append, answered) = asked(numbered(lsn));
        let (append, claim) = append.revocable();
        rig.journal.append(append).unwrap();
        assert_eq!(answered.recv().unwrap().unwrap(), lsn);
        claim
    });
    let mut waiting = Vec::new();
    for number in 0..9 {
        let (append, answered) = asked(numbered(3 + number / 3));
        let (append, claim) = append.revocable();
        rig.journal.append(append).unwrap();
        waiting.push((claim, answered));
    }
    // Two of three are given up.
    let given_up = |at: usize| !at.is_multiple_of(3);
    for (_, (claim, _)) in waiting.iter().enumerate().filter(|(at, _)| given_up(*at)) {
        assert_eq!((claim.revoke(), claim.revoke()), (Revoke::InTime, Revoke::InTime));
    }
    assert_eq!(rig.written_to(5), [1, 2, 3, 4, 5]);
    for (at, (claim, answered)) in waiting.iter().enumerate() {
        let told = answered.recv().unwrap();
        if given_up(at) {
            assert!(matches!(told, Err(Error::Closed)), "{told:?}");
        } else {
            assert_eq!(told.unwrap(), 3 + at as u64 / 3);
            assert_eq!(claim.revoke(), Revoke::TooLate);
        }
    }
    assert!(ahead.iter().all(|claim| claim.revoke() == Revoke::TooLate));
    assert_eq!(
        rig.journal.status().room_bytes,
        JOURNAL_QUEUE_BYTES,
        "the writer has taken what was not given up"
    );
    assert_eq!(reopen(&disk.after_power_loss(), Config::default()).1, numbered_groups(1..=5));
}

#[test]
fn large_appends_are_bounded_by_their_bytes() {
    let (rig, _) = open_with(MemoryDisk::default(), Path::new(FOLDER), Config::default(), 1).unwrap();
    let bytes = JOURNAL_QUEUE_BYTES / 8;
    let taken = (0..).take_while(|&seq| rig.queue(vec![sized_update(1, seq, bytes)]).is_ok()).count();
    assert_eq!(taken, 7, "each is a little more than an eighth");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_room_is_let_in_when_the_writer_goes_on() {
    let (mut rig, _) = open_with(MemoryDisk::default(), Path::new(FOLDER), Config::default(), 1).unwrap();
    let mut taken = 0;
    while rig.queue(numbered(taken + 1)).is_ok() {
        taken += 1;
    }
    let (append, answered) = asked(numbered(taken + 1));
    let journal = rig.journal.clone();
    let waiting = tokio::spawn(async move { journal.append_waiting(append).await.is_ok() });
    let last = taken + 1;
    let lsns = tokio::task::spawn_blocking(move || rig.written_to(last)).await.unwrap();
    assert_eq!(lsns.len() as u64, last);
    assert!(waiting.await.unwrap());
    assert_eq!(answered.recv().unwrap().unwrap(), last);
}

#[test]
fn a_barrier_reaches_the_writer_behind_every_earlier_append() {
    let (mut rig, _) = open(&MemoryDisk::default(), Config::default()).unwrap();
    (1..=5).for_each(|lsn| drop(rig.queue(numbered(lsn)).unwrap()));
    let answered = rig.flush();
    drop(rig.queue(numbered(6)).unwrap());
    let mut before = Vec::new();
    let barrier = loop {
        match rig.queue.blocking_recv().unwrap() {
            Message::Groups(groups) => before.extend(groups.iter().map(|group| group.lsn)),
            Message::Barrier(barrier) => break barrier,
        }
    };
    assert_eq!(before, [1, 2, 3, 4, 5]);
    assert!(answered.is_empty());
    barrier.answer(Ok(()));
    assert!(answered.recv().unwrap().is_ok());
}

#[test]
fn a_callback_that_panics_ends_nothing() {
    let (rig, _) = open(&MemoryDisk::default(), Config::default()).unwrap();
    let done = Box::new(|_| panic!("the caller's own"));
    rig.journal.append(Append::new(numbered(1), Need::Durable, done)).unwrap();
    assert_eq!(rig.put(numbered(2)).unwrap(), 2);
}

#[tokio::test]
async fn every_callback_is_called_once_whenever_the_journal_is_closed() {
    for before_close in [0, 1, 50] {
        let (rig, _) = open(&MemoryDisk::default(), Config::default()).unwrap();
        let called = Arc::new(AtomicUsize::new(0));
        let other = rig.journal.clone();
        let count = |journal: &Journal| {
            let called = Arc::clone(&called);
            let done = Box::new(move |_| {
                called.fetch_add(1, Ordering::SeqCst);
            });
            journal.append(Append::new(numbered(1), Need::Durable, done))
        };
        (0..before_close).for_each(|_| count(&rig.journal).unwrap());
        let left = rig.journal.close(Duration::ZERO).await.unwrap();
        assert_eq!(left == CloseOutcome::Empty, before_close == 0);
        assert_eq!(called.load(Ordering::SeqCst), before_close);
        assert!(matches!(count(&other).unwrap_err().error, Error::Closed));
        assert!(matches!(other.flush().await, Err(Error::Closed)));
        assert_eq!(other.close(Duration::ZERO).await.unwrap(), left);
    }
}

#[test]
fn updates_too_large_for_a_frame_are_refused_before_they_are_queued() {
    let too_many = (JOURNAL_FRAME_BYTES >> 20) + 1;
    let large = (0..too_many as u64).map(|document| sized_update(document, 1, 1 << 20)).collect();
    let (rig, _) = open(&MemoryDisk::default(), Config::default()).unwrap();
    let append = Append::new(large, Need::Durable, Box::new(|_| panic!("never called")));
    let refused = rig.journal.append(append).unwrap_err();
    assert!(matches!(refused.error, Error::Encode(_)));
    assert_eq!(refused.append.updates.len(), too_many);
}

#[tokio::test]
async fn on_a_real_disk_it_comes_back_and_one_process_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/journal");
    let (rig, _) = open_with(FileDisk, &path, small(), 1_000).unwrap();
    (1..=20).for_each(|lsn| assert_eq!(rig.put(numbered(lsn)).unwrap(), lsn));
    let refused = open_with(FileDisk, &path, small(), 1).err();
    assert!(matches!(refused, Some(journal::Error::InUse { .. })));
    assert_eq!(rig.journal.close(Duration::ZERO).await.unwrap(), CloseOutcome::ToReplay);

    let (rig, recovered) = open_with(FileDisk, &path, small(), 1_000).unwrap();
    assert_eq!(recovered.frames(), 20);
    assert_eq!(groups(recovered).unwrap(), numbered_groups(1..=20));
    assert_eq!(rig.put(numbered(21)).unwrap(), 21);
}
