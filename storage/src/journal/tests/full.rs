//! A full disk: revocable appends are refused, others wait, and no refused append reappears.

use std::io::ErrorKind;
use std::time::Duration;

use super::super::testing::{Fault, sized_update};
use super::*;
use crate::log::{CloseOutcome, NoSpace, Revocable};

/// Checks for space without a pause.
fn eager(config: Config) -> Config {
    Config { full_check: Duration::from_millis(1), ..config }
}

impl Rig {
    /// Appends revocably, and waits for the outcome.
    fn submit(&self, updates: Vec<Update>) -> Result<u64, Error> {
        let (append, answered) = asked(updates);
        let (append, _claim): (_, Revocable) = append.revocable();
        self.journal.append(append).map_err(|refused| refused.error)?;
        answered.recv().unwrap()
    }

    fn no_space(&self) -> Option<NoSpace> {
        self.journal.status().no_space
    }

    /// Submits until it is accepted.
    fn submit_until_accepted(&self, updates: &[Update]) -> u64 {
        loop {
            match self.submit(updates.to_vec()) {
                Ok(lsn) => return lsn,
                Err(Error::NoSpace { .. }) => std::thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
        }
    }
}

#[test]
fn what_is_submitted_to_a_full_disk_is_refused_never_comes_back_and_is_accepted_when_there_is_room() {
    for space in 0..120 {
        let disk = MemoryDisk::default();
        let (rig, _) = open(&disk, eager(small())).unwrap();
        disk.limit_space(Some(space * 10));
        let mut acknowledged = 0;
        let error = loop {
            match rig.submit(numbered(acknowledged + 1)) {
                Ok(lsn) => acknowledged = lsn,
                Err(error) => break error,
            }
        };
        assert!(
            matches!(&error, Error::NoSpace { cause } if &**cause == "no space left on device"),
            "{error}"
        );
        assert!(error.retryable() && rig.journal.status().poisoned.is_none());
        for disk in [disk.after_kill(), disk.after_power_loss()] {
            assert_eq!(reopen(&disk, small()).1, numbered_groups(1..=acknowledged));
        }
        disk.limit_space(None);
        assert_eq!(rig.submit_until_accepted(&numbered(acknowledged + 1)), acknowledged + 1);
        assert_eq!(rig.no_space(), None);
        assert_eq!(reopen(&disk.after_power_loss(), small()).1, numbered_groups(1..=acknowledged + 1));
    }
}

#[test]
fn a_segment_for_which_there_was_no_room_not_even_to_remove_it_is_begun_again() {
    for room in [0, 10] {
        let disk = MemoryDisk::default();
        let (rig, _) = open(&disk, eager(small())).unwrap();
        let mut last = 0;
        while disk.segments().len() < 2 {
            last = rig.put(numbered(last + 1)).unwrap();
        }
        // The active segment has reserved space for the next frames; there is none for the next segment's header.
        let mut waits = Vec::new();
        disk.limit_space(Some(room));
        disk.fail(Fault::Remove);
        while rig.no_space().is_none() {
            if waits.len() < 20 {
                waits.push(rig.queue(numbered(last + 1 + waits.len() as u64)).unwrap());
            }
            std::thread::yield_now();
        }
        disk.limit_space(None);
        for (waits, lsn) in waits.iter().zip(last + 1..) {
            assert_eq!(waits.recv().unwrap().unwrap(), lsn);
        }
        let end = last + waits.len() as u64;
        assert_eq!(reopen(&disk.after_power_loss(), small()).1, numbered_groups(1..=end));
    }
}

#[test]
fn what_runs_waits_for_room_in_its_order_and_submissions_behind_it_are_refused_meanwhile() {
    for config in [Config::default(), small()] {
        let disk = MemoryDisk::default();
        let (rig, _) = open(&disk, eager(config)).unwrap();
        disk.limit_space(Some(0));
        let first = rig.queue(numbered(1)).unwrap();
        while rig.no_space().is_none() {
            std::thread::yield_now();
        }
        let second = rig.queue(numbered(2)).unwrap();
        assert!(matches!(rig.submit(numbered(3)), Err(Error::NoSpace { .. })));
        assert!(first.try_recv().is_err() && second.try_recv().is_err(), "both wait");
        assert_eq!(reopen(&disk.after_kill(), config).1, []);
        disk.limit_space(None);
        assert_eq!((first.recv().unwrap().unwrap(), second.recv().unwrap().unwrap()), (1, 2));
        assert_eq!(rig.submit_until_accepted(&numbered(3)), 3);
        assert_eq!(reopen(&disk.after_power_loss(), config).1, numbered_groups(1..=3));
    }
}

#[test]
fn frames_that_fit_what_is_reserved_never_fail() {
    let disk = MemoryDisk::default();
    let (rig, _) = open(&disk, eager(Config::default())).unwrap();
    assert_eq!(rig.submit(numbered(1)).unwrap(), 1, "it reserves for the next");
    disk.limit_space(Some(0));
    (2..=200).for_each(|lsn| assert_eq!(rig.submit(numbered(lsn)).unwrap(), lsn));
    let large = vec![sized_update(1, 201, 1 << 20)];
    assert!(matches!(rig.submit(large), Err(Error::NoSpace { .. })));
    assert_eq!(rig.put(numbered(201)).unwrap(), 201, "what it reserved was not given away with it");
    // Meanwhile the thread checks for space and finds none: the reservation stays.
    (202..=500).for_each(|lsn| assert_eq!(rig.put(numbered(lsn)).unwrap(), lsn));
    assert!(rig.no_space().is_some());
    assert_eq!(reopen(&disk.after_power_loss(), Config::default()).1, numbered_groups(1..=500));
}

#[test]
fn a_large_submission_is_refused_until_there_is_room_for_it_and_small_updates_go_on() {
    let disk = MemoryDisk::default();
    let (rig, _) = open(&disk, eager(Config::default())).unwrap();
    disk.limit_space(Some(600 << 10));
    let large = vec![sized_update(1, 1, 1 << 20)];
    assert!(matches!(rig.submit(large.clone()), Err(Error::NoSpace { .. })));
    (1..=50).for_each(|lsn| assert_eq!(rig.put(numbered(lsn)).unwrap(), lsn));
    assert!(rig.no_space().is_some(), "there is no room for what was refused");
    disk.limit_space(Some(4 << 20));
    assert_eq!(rig.submit_until_accepted(&large), 51);
}

#[test]
fn a_segment_of_which_the_store_has_everything_makes_room() {
    let disk = MemoryDisk::default();
    let (rig, _) = open(&disk, eager(Config::default())).unwrap();
    (1..=100).for_each(|lsn| assert_eq!(rig.put(vec![sized_update(lsn, lsn, 10_000)]).unwrap(), lsn));
    disk.limit_space(Some(100));
    let large = vec![sized_update(1, 101, 1 << 20)];
    assert!(matches!(rig.submit(large), Err(Error::NoSpace { .. })));
    let _ = rig.stored.advance(101);
    let again = vec![sized_update(1, 101, 600 << 10)];
    assert_eq!(rig.submit_until_freed(&disk, &again), 101);
    assert_eq!(disk.segments().len(), 1, "the full one has gone");
}

impl Rig {
    /// Submits until the first segment was deleted; then adds the space that it would not have otherwise.
    fn submit_until_freed(&self, disk: &MemoryDisk, updates: &[Update]) -> u64 {
        while disk.segments().iter().any(|path| path.ends_with("00000000000000000001.journal")) {
            std::thread::yield_now();
        }
        disk.limit_space(Some(2 << 20));
        self.submit_until_accepted(updates)
    }
}

#[test]
fn a_half_written_group_that_cannot_be_cut_off_poisons() {
    let disk = MemoryDisk::default();
    let (rig, _) = open(&disk, eager(Config::default())).unwrap();
    rig.put(numbered(1)).unwrap();
    disk.limit_space(Some(1_000));
    disk.fail(Fault::Cut);
    let large = vec![sized_update(1, 2, 1 << 20)];
    assert!(matches!(rig.submit(large), Err(Error::Poisoned { .. })));
    assert!(rig.journal.status().poisoned.is_some());
}

#[test]
fn a_quota_is_a_full_disk() {
    let disk = MemoryDisk::default();
    let (rig, _) = open(&disk, eager(Config::default())).unwrap();
    disk.fail(Fault::Write { after: 5, kind: ErrorKind::QuotaExceeded });
    let refused = rig.submit(numbered(1)).unwrap_err();
    assert!(refused.to_string().ends_with("disk quota exceeded"), "{refused}");
    assert_eq!(rig.submit_until_accepted(&numbered(1)), 1);
}

#[tokio::test]
async fn a_journal_on_a_full_disk_closes_in_its_time_and_keeps_what_it_has() {
    let disk = MemoryDisk::default();
    let (rig, _) = open(&disk, eager(Config::default())).unwrap();
    rig.put(numbered(1)).unwrap();
    disk.limit_space(Some(0));
    let waiting = rig.queue(vec![sized_update(1, 2, 1 << 20)]).unwrap();
    assert_eq!(rig.journal.close(Duration::from_millis(50)).await.unwrap(), CloseOutcome::ToReplay);
    assert!(matches!(waiting.recv().unwrap(), Err(Error::Closed)));
    assert_eq!(reopen(&disk.after_kill(), Config::default()).1, numbered_groups(1..=1));
}

#[test]
fn a_journal_that_cannot_begin_says_why() {
    let disk = MemoryDisk::default();
    disk.limit_space(Some(10));
    let error = open(&disk, Config::default()).err().unwrap();
    assert_eq!(error.to_string(), "the disk has no room for the log: no space left on device");
    assert!(error.retryable());
    disk.limit_space(None);
    assert_eq!(reopen(&disk, Config::default()).1, []);
}
