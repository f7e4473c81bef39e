//! The machine: whole executions, counted by step.

use std::sync::Arc;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};

use crate::sample::{self, STEPS};

/// From start to end: each step with its arguments rendered and its updates made.
#[divan::bench]
fn steps_of_an_execution(bencher: Bencher<'_, '_>) {
    let (plan, head, answer) = (sample::plan(STEPS), sample::head(), sample::answer());
    bencher
        .counter(ItemsCount::new(STEPS))
        .bench(|| sample::run(black_box(&Arc::clone(&plan)), black_box(&head), 1, black_box(&answer)));
}

/// So many executions, which nothing else is measured of.
pub(crate) fn executions(number: u64) {
    let (plan, head, answer) = (sample::plan(STEPS), sample::head(), sample::answer());
    for number in 0..number {
        black_box(sample::run(&plan, &head, number, &answer));
    }
}
