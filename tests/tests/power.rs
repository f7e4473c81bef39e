//! Crash tests on a disk whose power can fail: what was not synced is gone, torn, or there by luck, of the journal, of
//! the embedded store's own files and of their folders. Nothing that was accepted is lost.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "these are tests"
)]

use std::time::Duration;

#[cfg(feature = "mongodb")]
use updraft_storage::mongo::testing::{Server, ServerOptions};
#[cfg(feature = "mongodb")]
use updraft_tests::MongoProxy;
use updraft_tests::PowerLossDisk;
use updraft_tests::crash::{CrashTest, Death, Environment, judge, seed};

/// Starts take less, with the embedded store and with MongoDB.
const OPENING: [Duration; 2] = [Duration::from_millis(14), Duration::from_millis(70)];

/// A disk; none where this process may not mount one.
fn power_loss_disk(seed: u64) -> Option<PowerLossDisk> {
    PowerLossDisk::new(env!("CARGO_BIN_EXE_power-loss-disk"), seed)
        .map_err(|reason| println!("SKIPPED: nothing can be mounted here: {reason}"))
        .ok()
}

async fn world(environment: Environment, opening: Duration, seed: u64) -> CrashTest {
    CrashTest::new(env!("CARGO_BIN_EXE_crash-child"), environment, opening, seed).await
}

#[cfg(feature = "mongodb")]
async fn behind_a_proxy(environment: Environment) -> (Environment, Server) {
    let server = Server::start(ServerOptions { survives: true, ..ServerOptions::default() }).await;
    let proxy = MongoProxy::start(server.port()).await;
    (environment.behind(proxy, "power"), server)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn losses_of_power_lose_nothing_that_was_accepted() {
    let seed = seed();
    let Some(power_loss_disk) = power_loss_disk(seed) else { return };
    let mut world = world(Environment::power_loss_disk(power_loss_disk), OPENING[0], seed).await;
    let stored = world.live(60, 300, None).await;
    judge(&world, 300, &stored);
    assert!(world.count.power > 0);
}

#[cfg(feature = "mongodb")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn losses_of_power_lose_nothing_that_was_accepted_with_mongodb() {
    let seed = seed();
    let Some(power_loss_disk) = power_loss_disk(seed) else { return };
    let (environment, _server) = behind_a_proxy(Environment::power_loss_disk(power_loss_disk)).await;
    let mut world = world(environment, OPENING[1], seed).await;
    let stored = world.live(30, 150, None).await;
    judge(&world, 150, &stored);
    assert!(world.count.power > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disks_that_fail_in_every_way_lose_nothing_that_was_accepted() {
    let seed = seed();
    let Some(power_loss_disk) = power_loss_disk(seed) else { return };
    let mut world = world(Environment::power_loss_disk(power_loss_disk), OPENING[0], seed).await;
    let stored = world.live(60, 300, Some(2)).await;
    judge(&world, 300, &stored);
    assert!(world.count.met > 0 && world.count.refused > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_failed_sync_of_the_store_left_in_memory_is_not_taken_for_stored() {
    for seed in 0..4 {
        let Some(power_loss_disk) = power_loss_disk(seed) else { return };
        let mut world = world(Environment::power_loss_disk(power_loss_disk), OPENING[0], seed).await;
        world.live_and_die(&world.missing(8), Death::ShutDown(20, 0)).await;
        world.live_unstored(&world.missing(40)).await;
        world.live_and_die(&world.missing(80), Death::Acts(20)).await;
        let stored = world.end(80).await;
        judge(&world, 80, &stored);
    }
}

#[cfg(feature = "mongodb")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disks_and_servers_that_fail_in_every_way_lose_nothing_that_was_accepted() {
    let seed = seed();
    let Some(power_loss_disk) = power_loss_disk(seed) else { return };
    let (environment, _server) = behind_a_proxy(Environment::power_loss_disk(power_loss_disk)).await;
    let mut world = world(environment, OPENING[1], seed).await;
    let stored = world.live(40, 200, Some(2)).await;
    judge(&world, 200, &stored);
    assert!(world.count.met > 0);
}

#[cfg(feature = "mongodb")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_fails_in_every_way_loses_nothing_that_was_accepted() {
    let seed = seed();
    let (environment, _server) = behind_a_proxy(Environment::folder("embedded")).await;
    let mut world = world(environment, OPENING[1], seed).await;
    let stored = world.live(40, 200, Some(2)).await;
    judge(&world, 200, &stored);
    assert!(world.count.met > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn losses_of_power_at_durability_os_lose_the_latest_and_no_start() {
    for seed in 0..3 {
        let Some(power_loss_disk) = power_loss_disk(seed) else { return };
        let mut world = world(Environment::power_loss_disk(power_loss_disk), OPENING[0], seed).await;
        let left = world.live_unsynced(12, 120).await;
        assert!(world.count.power == 12 && left > 0, "{left} were left of 120");
    }
}
