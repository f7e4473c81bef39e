//! The embedded store: batches of a thousand documents, new ones and existing ones.

use std::cell::Cell;
use std::sync::Arc;

use divan::Bencher;
use divan::counter::ItemsCount;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use updraft_kernel::coalescer::{Coalescer, Limits};
use updraft_protocol::Update;
use updraft_protocol::limits::{BATCH_BYTES, BATCH_OPERATIONS, COALESCER_BYTES, COALESCER_DOCUMENTS};
use updraft_storage::journal::Durability;
use updraft_storage::sqlite::SqliteStore;
use updraft_storage::store::{ExecutionStore, WriteOutcome};

use crate::sample::{self, STEPS};

/// A store in a folder of its own.
struct Rig {
    store: SqliteStore,
    runtime: Runtime,
    _folder: TempDir,
    /// Executions so far: ids rise.
    executions: Cell<u64>,
}

impl Rig {
    fn new(durability: Durability) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let store = SqliteStore::open(folder.path(), durability).unwrap();
        Self { store, runtime, _folder: folder, executions: Cell::new(0) }
    }

    /// A batch of whole documents that are new to the store: executions and their tasks, ended.
    fn fresh(&self) -> Vec<Update> {
        let (plan, head, answer) = (sample::plan(STEPS), sample::head(), sample::answer());
        let limits = Limits { documents: COALESCER_DOCUMENTS, bytes: COALESCER_BYTES };
        let mut coalescer = Coalescer::new(limits);
        while coalescer.documents() < BATCH_OPERATIONS {
            let number = self.executions.replace(self.executions.get() + 1);
            for (lsn, updates) in (1..).zip(sample::run(&plan, &head, number, &answer)) {
                coalescer.offer(number * 10 + lsn, updates);
            }
        }
        coalescer.take(BATCH_OPERATIONS, BATCH_BYTES).unwrap().updates
    }

    fn write(&self, batch: Vec<Update>) {
        let outcomes = self.runtime.block_on(self.store.write(batch)).unwrap();
        assert!(outcomes.iter().all(|outcome| *outcome == WriteOutcome::Written));
    }
}

/// The same documents, changed once more.
fn newer(batch: &[Update]) -> Vec<Update> {
    let mut batch = batch.to_vec();
    for update in &mut batch {
        match update {
            Update::Execution(update) => {
                let update = Arc::make_mut(update);
                (update.revision.seq, update.head) = (update.revision.seq + 100, None);
            }
            Update::Task(update) => {
                let update = Arc::make_mut(update);
                (update.revision.seq, update.head) = (update.revision.seq + 100, None);
            }
        }
    }
    batch
}

#[divan::bench(args = [Durability::Fsync, Durability::Os], sample_size = 1)]
fn insert_1000(bencher: Bencher<'_, '_>, durability: &Durability) {
    let rig = Rig::new(*durability);
    bencher
        .counter(ItemsCount::new(BATCH_OPERATIONS))
        .with_inputs(|| rig.fresh())
        .bench_local_values(|batch| rig.write(batch));
}

#[divan::bench(args = [Durability::Fsync, Durability::Os], sample_size = 1)]
fn update_1000(bencher: Bencher<'_, '_>, durability: &Durability) {
    let rig = Rig::new(*durability);
    bencher
        .counter(ItemsCount::new(BATCH_OPERATIONS))
        .with_inputs(|| {
            let batch = rig.fresh();
            rig.write(batch.clone());
            newer(&batch)
        })
        .bench_local_values(|batch| rig.write(batch));
}

/// One document in one write, as in systems that await each change of a status.
#[divan::bench(args = [Durability::Fsync, Durability::Os], sample_size = 1)]
fn insert_1(bencher: Bencher<'_, '_>, durability: &Durability) {
    let rig = Rig::new(*durability);
    let waiting = std::cell::RefCell::new(Vec::new());
    bencher
        .with_inputs(|| {
            let mut waiting = waiting.borrow_mut();
            if waiting.is_empty() {
                *waiting = rig.fresh();
            }
            waiting.drain(..1).collect::<Vec<_>>()
        })
        .bench_local_values(|batch| rig.write(batch));
}
