//! The journal: groups of appends, from the first to the acknowledgement of the last. All appends that are queued
//! before the first wait share a sync.

use std::sync::mpsc;

use divan::Bencher;
use divan::counter::ItemsCount;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use updraft_kernel::shared::DurableWatermark;
use updraft_protocol::Update;
use updraft_storage::journal::{Config, Durability, FileDisk, Journal};
use updraft_storage::log::{Append, Log, Need};
use updraft_storage::write_behind::{Message, WriteBehind};

use crate::sample::{self, STEPS};

/// A journal with a writer that takes every group at once.
struct Rig {
    journal: Journal,
    runtime: Runtime,
    _folder: TempDir,
}

impl Rig {
    fn new(durability: Durability) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (writer, mut messages) = WriteBehind::queue();
        let stored = DurableWatermark::new(0);
        let config = Config { durability, ..Config::default() };
        let (journal, recovered) = Journal::open(
            folder.path(),
            config,
            std::sync::Arc::new(FileDisk),
            writer.clone(),
            stored.clone(),
        )
        .unwrap();
        runtime.spawn(async move {
            while let Some(message) = messages.recv().await {
                let last = match &message {
                    Message::Groups(groups) => groups.last().map(|group| group.lsn),
                    Message::Barrier(_) => None,
                };
                // The watermark may already be higher.
                let _ = last.map(|last| stored.advance(last + 1));
            }
        });
        runtime.block_on(recovered.replay(writer)).unwrap();
        Self { journal, runtime, _folder: folder }
    }

    /// Appends a group, and waits until the last of it is durable.
    fn append(&self, group: Vec<Vec<Update>>) {
        let (acknowledged, last) = mpsc::sync_channel(group.len());
        for updates in group {
            let acknowledged = acknowledged.clone();
            let done = Box::new(move |outcome| drop(acknowledged.send(outcome)));
            let append = Append::new(updates, Need::Durable, done);
            self.runtime.block_on(self.journal.append_waiting(append)).unwrap();
        }
        drop(acknowledged);
        for outcome in last {
            outcome.unwrap();
        }
    }
}

/// The writes of the steps of executions, one append each.
fn group(size: usize) -> Vec<Vec<Update>> {
    let (plan, head, answer) = (sample::plan(STEPS), sample::head(), sample::answer());
    (0..).flat_map(|number| sample::run(&plan, &head, number, &answer)).take(size).collect()
}

fn append(bencher: Bencher<'_, '_>, durability: Durability, size: usize) {
    let (rig, group) = (Rig::new(durability), group(size));
    bencher
        .counter(ItemsCount::new(size))
        .with_inputs(|| group.clone())
        .bench_local_values(|group| rig.append(group));
}

#[divan::bench(args = [1, 16, 256])]
fn append_fsync(bencher: Bencher<'_, '_>, group: usize) {
    append(bencher, Durability::Fsync, group);
}

#[divan::bench(args = [1, 16, 256])]
fn append_os(bencher: Bencher<'_, '_>, group: usize) {
    append(bencher, Durability::Os, group);
}
