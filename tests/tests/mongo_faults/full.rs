//! The server's disk is full: nothing that the engine has is lost, and everything arrives when there is room.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use tokio::time::timeout;
use updraft::{BatchLimit, Handle};
use updraft_storage::mongo::testing::ServerOptions;
use updraft_tests::{Mount, soon};

use crate::scene::Scene;

/// A server that takes longer for a few documents has no room.
const ANSWER: Duration = Duration::from_secs(3);

/// What no server's compression makes small.
fn noise(seed: u64) -> String {
    let mut random = StdRng::seed_from_u64(seed);
    (0..40_000).map(|_| char::from(random.random_range(b'!'..=b'~'))).collect()
}

async fn fills_up() {
    let mount = match Mount::new(32) {
        Ok(mount) => mount,
        Err(reason) => return println!("SKIPPED: no small file system can be mounted here: {reason}"),
    };
    let options = ServerOptions { storage: Some(mount.path().join("data")), ..ServerOptions::default() };
    let mut scene = Scene::on(options).await;
    // One write after another, none by the driver itself: the surrogate forgets what it has acknowledged where its
    // disk fills up under several.
    let store = scene.store().retry_writes(false).connect().await.unwrap();
    let pace = BatchLimit::Fixed { operations: 1, batches: 1 };
    let engine = scene.harness.builder().store(Arc::new(store)).batch_limit(pace).start().await.unwrap();
    let pid = scene.put(&engine).await;
    let mut handles: Vec<Handle> = Vec::new();
    while matches!(timeout(ANSWER, engine.flush()).await, Ok(Ok(()))) {
        for _ in 0..5 {
            let submission = scene.submission(pid).input(json!({ "noise": noise(handles.len() as u64) }));
            handles.push(scene.accepted(&engine, submission).await);
        }
        assert!(handles.len() < 2_000, "its disk is small");
    }
    let without = scene.submit(&engine, pid, 50).await;
    for handle in &without {
        soon(handle.wait()).await.unwrap();
    }
    handles.extend(without);

    mount.resize(512);
    scene.server.restart().await;
    scene.judge(&engine, &handles).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_of_the_server_loses_nothing() {
    fills_up().await;
}
