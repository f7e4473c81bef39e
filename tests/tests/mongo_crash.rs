//! The crash test with a MongoDB server as the store, which outlives the process that is killed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "these are tests"
)]

use std::time::Duration;

use updraft_storage::mongo::testing::database;
use updraft_tests::crash::{CrashTest, Environment, judge, seed};

/// A start takes less: it looks at the server and its indexes first.
const OPENING: Duration = Duration::from_millis(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_a_hundred_times_loses_nothing_on_mongodb() {
    let database = database().await;
    let environment = Environment::folder(database.uri());
    let mut world = CrashTest::new(env!("CARGO_BIN_EXE_crash-child"), environment, OPENING, seed()).await;
    let stored = world.live(100, 500, None).await;
    judge(&world, 500, &stored);
    assert!(world.count.opening > 0, "runs ended while they recovered");
}
