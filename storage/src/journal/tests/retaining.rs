//! Segments: deleted once the store has them, never before.

use std::time::Duration;

use super::super::testing::Fault;
use super::super::{CloseOutcome, Durability, Torn};
use super::*;

/// Appends so many frames.
fn filled(disk: &MemoryDisk, frames: u64) -> Rig {
    let (rig, _) = open(disk, small()).unwrap();
    (1..=frames).for_each(|lsn| assert_eq!(rig.put(numbered(lsn)).unwrap(), lsn));
    rig
}

/// The first numbers of the segments.
fn firsts(disk: &MemoryDisk) -> Vec<u64> {
    let first = |path: &std::path::PathBuf| path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    disk.segments().iter().map(first).collect()
}

#[test]
fn a_segment_goes_when_the_store_has_its_last_frame() {
    let disk = MemoryDisk::default();
    let rig = filled(&disk, 12);
    let before = firsts(&disk);
    assert!(before.len() >= 3, "{before:?}");
    // All but its last frame.
    let _ = rig.stored.advance(before[1] - 1);
    rig.put(numbered(13)).unwrap();
    rig.put(numbered(14)).unwrap();
    assert_eq!(firsts(&disk)[0], 1);
    let _ = rig.stored.advance(before[1]);
    rig.put(numbered(15)).unwrap();
    rig.put(numbered(16)).unwrap();
    assert_eq!(firsts(&disk)[0], before[1]);
    assert_eq!(reopen(&disk.after_kill(), small()).1, numbered_groups(before[1]..=16));
}

#[test]
fn the_active_segment_stays_although_the_store_has_it() {
    let disk = MemoryDisk::default();
    let rig = filled(&disk, 3);
    let _ = rig.stored.advance(u64::MAX);
    rig.put(numbered(4)).unwrap();
    rig.put(numbered(5)).unwrap();
    let last = *firsts(&disk).last().unwrap();
    assert_eq!(reopen(&disk.after_power_loss(), small()).1.last(), numbered_groups(5..=5).last());
    assert!(last <= 5);
}

#[test]
fn a_removal_that_fails_is_tried_again_and_removes_nothing_newer_before() {
    let disk = MemoryDisk::default();
    let rig = filled(&disk, 20);
    let segments = firsts(&disk);
    disk.fail(Fault::Remove);
    let _ = rig.stored.advance(*segments.last().unwrap());
    rig.put(numbered(21)).unwrap();
    rig.put(numbered(22)).unwrap();
    rig.put(numbered(23)).unwrap();
    assert!(firsts(&disk)[0] >= *segments.last().unwrap());
    assert_eq!(rig.journal.status().poisoned, None);
}

#[test]
fn what_was_recovered_stays_until_it_was_replayed_and_appends_wait_for_it() {
    let disk = MemoryDisk::default();
    drop(filled(&disk, 8));
    let disk = disk.after_kill();
    let (mut rig, mut recovered) = open(&disk, small()).unwrap();
    // A watermark that is too high, and a message that makes the thread read it.
    let _ = rig.stored.advance(5);
    let _flushed = rig.flush();
    assert!(matches!(rig.queue.blocking_recv(), Some(Message::Barrier(_))));
    assert_eq!(firsts(&disk)[0], 1);
    assert!(matches!(rig.put(numbered(9)), Err(Error::NotReplayed)));
    assert_eq!(recovered.frames(), 8);
    assert!(recovered.by_ref().take(8).all(|group| group.is_ok()));
    assert!(matches!(rig.put(numbered(9)), Err(Error::NotReplayed)), "the last was not asked for yet");
    assert!(recovered.next().is_none());
    assert_eq!(rig.put(numbered(9)).unwrap(), 9);
    let _ = rig.stored.advance(9);
    rig.put(numbered(10)).unwrap();
    rig.put(numbered(11)).unwrap();
    assert_eq!(firsts(&disk)[0], 9);
}

#[test]
fn at_its_most_segments_the_journal_waits_for_the_store() {
    let disk = MemoryDisk::default();
    let config = Config { segments: 3, ..small() };
    let (rig, _) = open(&disk, config).unwrap();
    let mut answers = Vec::new();
    while let Ok(answer) = rig.queue(numbered(answers.len() as u64 + 1)) {
        answers.push(answer);
    }
    while rig.journal.status().segments < 3 {
        std::thread::yield_now();
    }
    assert!(answers.last().unwrap().is_empty(), "nothing of it is stored");
    let _ = rig.stored.advance(u64::MAX);
    for (answer, lsn) in answers.iter().zip(1..) {
        assert_eq!(answer.recv().unwrap().unwrap(), lsn);
        assert!(firsts(&disk).len() <= 3);
    }
}

#[tokio::test]
async fn a_close_with_everything_stored_leaves_nothing_to_replay() {
    let disk = MemoryDisk::default();
    let mut rig = filled(&disk, 10);
    let stored = rig.stored.clone();
    let writer = tokio::spawn(async move {
        while let Some(message) = rig.queue.recv().await {
            match message {
                Message::Groups(groups) => drop(stored.advance(groups.last().unwrap().lsn + 1)),
                Message::Barrier(barrier) => barrier.answer(Ok(())),
            }
        }
    });
    assert_eq!(rig.journal.close(Duration::from_secs(60)).await.unwrap(), CloseOutcome::Empty);
    writer.await.unwrap();
    assert_eq!(firsts(&disk), [11]);
    // However it is opened and closed: only its name records how many frames it has written.
    let mut left = disk.after_power_loss();
    left.limit_space(Some(5));
    assert!(open(&left, small()).is_err_and(|error| error.retryable()));
    for _ in 0..3 {
        left = left.after_power_loss();
        let (rig, recovered) = open(&left, small()).unwrap();
        assert_eq!((recovered.begins(), recovered.ends()), (11, 10));
        left = left.after_kill();
        drop(rig);
    }
    let (rig, recovered) = open(&disk.after_power_loss(), small()).unwrap();
    assert_eq!((recovered.frames(), recovered.torn()), (0, None::<&Torn>));
    assert_eq!(rig.put(numbered(11)).unwrap(), 11);
}

#[tokio::test]
async fn a_close_whose_writer_is_stuck_ends_in_time_and_keeps_everything() {
    let disk = MemoryDisk::default();
    let (rig, _) = open_with(disk.clone(), Path::new(FOLDER), small(), 1).unwrap();
    let answers: Vec<_> = (1..=50).map(|lsn| rig.queue(numbered(lsn)).unwrap()).collect();
    assert_eq!(rig.journal.close(Duration::from_millis(1)).await.unwrap(), CloseOutcome::ToReplay);
    let durable = answers.iter().filter(|answer| answer.recv().unwrap().is_ok()).count() as u64;
    assert_eq!(durable, 50);
    assert_eq!(reopen(&disk.after_power_loss(), small()).1, numbered_groups(1..=50));
}

/// The remaining messages in the queue of a journal that has ended.
async fn rest(mut queue: mpsc::Receiver<Message>) -> Vec<Message> {
    let mut rest = Vec::new();
    while let Some(message) = queue.recv().await {
        rest.push(message);
    }
    rest
}

#[tokio::test]
async fn a_close_that_kept_groups_from_the_writer_does_not_tell_it_that_both_are_closed() {
    let disk = MemoryDisk::default();
    let config = Config { durability: Durability::Os, ..Config::default() };
    let (rig, _) = open_with(disk.clone(), Path::new(FOLDER), config, 1).unwrap();
    // The first fills the queue; the second waits for space in it until the journal is abandoned.
    assert_eq!(rig.put(numbered(1)).unwrap(), 1);
    assert_eq!(rig.put(numbered(2)).unwrap(), 2);
    let Rig { journal, mut queue, .. } = rig;
    let (drained, after) = tokio::sync::oneshot::channel();
    // At the last sync of its end, the writer has taken the first, and there is space again.
    disk.at_sync(move || {
        assert!(matches!(queue.blocking_recv(), Some(Message::Groups(_))));
        drained.send(queue).unwrap_or_default();
    });
    assert_eq!(journal.close(Duration::ZERO).await.unwrap(), CloseOutcome::ToReplay);
    assert_eq!(rest(after.await.unwrap()).await.len(), 0);
    assert_eq!(reopen(&disk.after_power_loss(), small()).1, numbered_groups(1..=2));
}

#[tokio::test]
async fn a_close_before_everything_was_replayed_does_not_tell_the_writer_that_both_are_closed() {
    let disk = MemoryDisk::default();
    drop(filled(&disk, 3));
    let (rig, mut recovered) = open(&disk.after_kill(), small()).unwrap();
    assert_eq!(recovered.next().unwrap().unwrap().lsn, 1);
    assert_eq!(rig.journal.close(Duration::ZERO).await.unwrap(), CloseOutcome::ToReplay);
    assert_eq!(rest(rig.queue).await.len(), 0);
}
