//! The journal's behaviour, on a disk in memory that fails on demand, and on the real one.

mod appending;
mod conforming;
mod failing;
mod full;
mod recovering;
mod retaining;

use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Waker};

use crossbeam_channel::Receiver;
use tokio::sync::mpsc;
use updraft_kernel::shared::DurableWatermark;
use updraft_protocol::Update;

use super::testing::{MemoryDisk, update};
use super::{Config, Disk, Journal, Replay};
use crate::handoff::Message;
use crate::log::{Append, Error, Log, Need, Refused};

const FOLDER: &str = "journal";

/// An open journal, and the writer's ends of its channels.
struct Rig {
    journal: Journal,
    queue: mpsc::Receiver<Message>,
    stored: DurableWatermark,
}

/// Small segments: a few frames each.
fn small() -> Config {
    Config { segment_bytes: 250, ..Config::default() }
}

fn open_with(
    disk: impl Disk,
    folder: &Path,
    config: Config,
    queue: usize,
) -> Result<(Rig, Replay), super::Error> {
    let (writer, queue) = mpsc::channel(queue);
    let stored = DurableWatermark::new(0);
    let (journal, recovered) = Journal::open(folder, config, Arc::new(disk), writer, stored.clone())?;
    Ok((Rig { journal, queue, stored }, recovered))
}

fn open(disk: &MemoryDisk, config: Config) -> Result<(Rig, Replay), super::Error> {
    open_with(disk.clone(), Path::new(FOLDER), config, 1_000)
}

/// Opens a journal again, and returns the frames that it holds.
fn reopen(disk: &MemoryDisk, config: Config) -> (Rig, Vec<(u64, Vec<Update>)>) {
    let (rig, recovered) = open(disk, config).unwrap();
    (rig, groups(recovered).unwrap())
}

fn groups(recovered: Replay) -> Result<Vec<(u64, Vec<Update>)>, super::Error> {
    recovered.map(|group| group.map(|group| (group.lsn, group.updates))).collect()
}

/// An append, and the receiver of its outcome.
fn asked(updates: Vec<Update>) -> (Append, Receiver<Result<u64, Error>>) {
    let (answer, answered) = crossbeam_channel::bounded(2);
    let done = Box::new(move |outcome| answer.send(outcome).unwrap_or_default());
    (Append::new(updates, Need::Durable, done), answered)
}

impl Rig {
    /// Queues an append.
    fn queue(&self, updates: Vec<Update>) -> Result<Receiver<Result<u64, Error>>, Box<Refused>> {
        let (append, answered) = asked(updates);
        self.journal.append(append).map(|()| answered)
    }

    /// Appends and waits for the outcome.
    fn put(&self, updates: Vec<Update>) -> Result<u64, Error> {
        self.queue(updates).map_err(|refused| refused.error)?.recv().unwrap()
    }

    /// Queues a flush; it is in the queue when this returns.
    fn flush(&self) -> Receiver<Result<(), Error>> {
        let (answer, answered) = crossbeam_channel::bounded(1);
        let journal = self.journal.clone();
        let mut flush = Box::pin(async move { journal.flush().await });
        // There is room for it: the first poll queues it.
        assert!(flush.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            answer.send(runtime.block_on(flush)).unwrap_or_default();
        });
        answered
    }

    /// The lsns that the writer received, up to and including `last`.
    fn written_to(&mut self, last: u64) -> Vec<u64> {
        let mut lsns = Vec::new();
        while lsns.last() != Some(&last) {
            match self.queue.blocking_recv().unwrap() {
                Message::Groups(groups) => lsns.extend(groups.iter().map(|group| group.lsn)),
                Message::Barrier(barrier) => barrier.answer(Ok(())),
            }
        }
        lsns
    }
}

/// A group of one update, whose content follows from its number.
fn numbered(lsn: u64) -> Vec<Update> {
    vec![update(lsn % 3, lsn)]
}

/// The groups with these numbers.
fn numbered_groups(lsns: impl IntoIterator<Item = u64>) -> Vec<(u64, Vec<Update>)> {
    lsns.into_iter().map(|lsn| (lsn, numbered(lsn))).collect()
}
