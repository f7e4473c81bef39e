//! The crash test: a process that runs a thousand executions is killed without warning two hundred times, while it
//! works, recovers, submits and shuts down. In the end every execution that was accepted has ended once, in
//! order, and every tool has acted as often as its step allows.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "these are tests"
)]

use std::time::Duration;

use updraft_tests::crash::{CrashTest, Death, EMBEDDED, Environment, judge, seed};

/// A start takes less.
const OPENING: Duration = Duration::from_millis(12);

async fn world() -> CrashTest {
    CrashTest::new(env!("CARGO_BIN_EXE_crash-child"), Environment::folder(EMBEDDED), OPENING, seed()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_two_hundred_times_loses_nothing_and_acts_as_its_steps_say() {
    let mut world = world().await;
    let stored = world.live(200, 1_000, None).await;
    let unknown = judge(&world, 1_000, &stored);
    assert!(unknown > 0, "runs ended while a step that must not act twice was acting");
    assert!(world.count.opening > 0, "runs ended while they recovered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_while_it_shuts_down_loses_nothing() {
    const RUNS: usize = 20;
    const EXECUTIONS: usize = 200;
    let mut world = world().await;
    for run in 0..RUNS {
        let submit = world.missing((run + 1) * EXECUTIONS / RUNS);
        let acts = usize::try_from(world.random(29)).unwrap() + 1;
        let death = Death::ShutDown(acts, world.random(15_000));
        world.live_and_die(&submit, death).await;
    }
    let stored = world.end(EXECUTIONS).await;
    judge(&world, EXECUTIONS, &stored);
}
