//! A disk that fails: the journal is poisoned, and acknowledged appends remain.

use std::io::ErrorKind;
use std::time::Duration;

use super::super::testing::Fault;
use super::*;

fn cause(error: Error) -> String {
    let Error::Poisoned { cause } = error else { panic!("poisoned, not {error}") };
    cause.to_string()
}

#[test]
fn a_write_that_fails_half_way_poisons_and_leaves_what_was_acknowledged() {
    for after in [0, 1, 30, 10_000] {
        let disk = MemoryDisk::default();
        let (rig, _) = open(&disk, Config::default()).unwrap();
        (1..=3).for_each(|lsn| assert_eq!(rig.put(numbered(lsn)).unwrap(), lsn));
        disk.fail(Fault::Write { after, kind: ErrorKind::Other });
        assert!(cause(rig.put(numbered(4)).unwrap_err()).contains("00000000000000000001.journal"));
        assert!(!rig.put(numbered(5)).unwrap_err().retryable());
        assert!(rig.journal.status().poisoned.is_some());
        for disk in [disk.after_kill(), disk.after_power_loss()] {
            let (rig, recovered) = reopen(&disk, Config::default());
            assert_eq!(recovered, numbered_groups(1..=3));
            assert_eq!(rig.put(numbered(4)).unwrap(), 4);
        }
    }
}

#[test]
fn a_failed_sync_is_never_tried_again() {
    let disk = MemoryDisk::default();
    let (rig, _) = open(&disk, Config::default()).unwrap();
    rig.put(numbered(1)).unwrap();
    disk.fail(Fault::Sync);
    let syncs = disk.syncs();
    assert!(cause(rig.put(numbered(2)).unwrap_err()).contains("input/output error"));
    assert!(cause(rig.put(numbered(3)).unwrap_err()).contains("input/output error"));
    let journal = rig.journal.clone();
    drop(rig);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    assert!(cause(runtime.block_on(journal.close(Duration::ZERO)).unwrap_err()).contains("input/output"));
    assert_eq!(disk.syncs(), syncs + 1);
    assert_eq!(reopen(&disk.after_power_loss(), Config::default()).1, numbered_groups(1..=1));
    assert_eq!(reopen(&disk.after_kill(), Config::default()).1, numbered_groups(1..=1));
}

#[tokio::test]
async fn who_waits_for_room_is_told_of_the_poison() {
    let disk = MemoryDisk::default();
    let (rig, _) = open_with(disk.clone(), Path::new(FOLDER), Config::default(), 1).unwrap();
    disk.fail(Fault::Write { after: 5, kind: ErrorKind::PermissionDenied });
    let first = rig.queue(numbered(1)).unwrap();
    assert!(cause(first.recv().unwrap().unwrap_err()).contains("permission denied"));
    let (append, _) = asked(numbered(2));
    let refused = rig.journal.append_waiting(append).await.unwrap_err();
    assert_eq!(refused.append.updates, numbered(2));
    cause(refused.error);
    cause(rig.journal.flush().await.unwrap_err());
}

#[test]
fn a_writer_that_is_gone_poisons() {
    let (mut rig, _) = open(&MemoryDisk::default(), Config::default()).unwrap();
    rig.queue.close();
    assert_eq!(rig.put(numbered(1)).unwrap(), 1, "it is durable all the same");
    assert!(cause(rig.put(numbered(2)).unwrap_err()).contains("the writer behind the journal is gone"));
}
