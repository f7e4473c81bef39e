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
