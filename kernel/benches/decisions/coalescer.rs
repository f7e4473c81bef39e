//! The coalescer: updates offered, taken as batches and settled, counted by update.

use divan::Bencher;
use divan::counter::ItemsCount;
use updraft_kernel::coalescer::{Coalescer, Limits, Settled};
use updraft_protocol::Update;
use updraft_protocol::limits::{BATCH_BYTES, BATCH_OPERATIONS, COALESCER_BYTES, COALESCER_DOCUMENTS};

use crate::sample::{self, STEPS};

/// The number of executions whose updates are offered.
const EXECUTIONS: u64 = 2_000;

fn groups() -> Vec<Vec<Update>> {
    let (plan, head, answer) = (sample::plan(STEPS), sample::head(), sample::answer());
    (0..EXECUTIONS).flat_map(|number| sample::run(&plan, &head, number, &answer)).collect()
}

/// Copies that are not shared: a shared update would be copied before another is merged into it.
fn owned(groups: &[Vec<Update>]) -> Vec<Vec<Update>> {
    let own = |update: &Update| match update {
        Update::Execution(update) => Update::from(update.as_ref().clone()),
        Update::Task(update) => Update::from(update.as_ref().clone()),
    };
    groups.iter().map(|group| group.iter().map(own).collect()).collect()
}

fn coalescer() -> Coalescer {
    Coalescer::new(Limits { documents: COALESCER_DOCUMENTS, bytes: COALESCER_BYTES })
}

fn offered(mut coalescer: Coalescer, groups: Vec<Vec<Update>>) -> Coalescer {
    for (lsn, group) in (1..).zip(groups) {
        coalescer.offer(lsn, group);
    }
    coalescer
}

fn updates(groups: &[Vec<Update>]) -> ItemsCount {
    ItemsCount::new(groups.iter().map(Vec::len).sum::<usize>())
}

#[divan::bench]
fn offer(bencher: Bencher<'_, '_>) {
    let groups = groups();
    bencher
        .counter(updates(&groups))
        .with_inputs(|| (coalescer(), owned(&groups)))
        .bench_values(|(coalescer, groups)| offered(coalescer, groups));
}

#[divan::bench]
fn take_and_settle(bencher: Bencher<'_, '_>) {
    let groups = groups();
    let documents = offered(coalescer(), groups.clone()).documents();
    bencher
        .counter(ItemsCount::new(documents))
        .with_inputs(|| offered(coalescer(), owned(&groups)))
        .bench_values(|mut coalescer| {
            while let Some(batch) = coalescer.take(BATCH_OPERATIONS, BATCH_BYTES) {
                let done = vec![Settled::Done; batch.updates.len()];
                coalescer.settle(batch.id, done);
            }
            coalescer
        });
}
