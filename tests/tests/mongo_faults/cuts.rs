//! Connections that end in the middle of what they carry, replies that nobody hears, servers that take their time.

use std::time::Duration;

use mongodb::bson::doc;
use updraft_tests::proxy::{Of, WireFault};
use updraft_tests::soon;

use crate::scene::Scene;

/// Requests and replies that are cut in every part.
fn cuts() -> Vec<WireFault> {
    let places = [0, 7, 16, 60, 500, usize::MAX];
    places.into_iter().flat_map(|bytes| [WireFault::CutRequest(bytes), WireFault::CutReply(bytes)]).collect()
}

async fn cut_in_mid_batch() {
    let scene = Scene::new().await;
    let engine = scene.start().await;
    let pid = scene.put(&engine).await;
    let (mut handles, mut strikes) = (Vec::new(), 0);
    for (round, fault) in cuts().into_iter().enumerate() {
        // The driver itself tries some commands a second time: now and then that meets the fault too.
        let times = 1 + round % 3;
        scene.proxy.strike(Of::Writes, times, fault);
        strikes += times;
        handles.extend(scene.submit(&engine, pid, 8).await);
        scene.proxy.struck(strikes).await;
        // Where the store takes something, the pauses are short again.
        soon(engine.flush()).await.unwrap();
    }
    scene.judge(&engine, &handles).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_cut_in_mid_batch_lose_and_repeat_nothing() {
    cut_in_mid_batch().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_connections_cut_again_and_again_lose_nothing() {
    let scene = Scene::new().await;
    let engine = scene.start().await;
    let pid = scene.put(&engine).await;
    let mut handles = Vec::new();
    for _ in 0..30 {
        handles.extend(scene.submit(&engine, pid, 5).await);
        scene.proxy.cut();
    }
    scene.judge(&engine, &handles).await;
}

async fn done_but_not_heard() {
    let scene = Scene::new().await;
    let engine = scene.start().await;
    let pid = scene.put(&engine).await;
    scene.proxy.keep_striking(Of::Writes, WireFault::CutReply(0));
    let handles = scene.submit(&engine, pid, 30).await;
    // The server did it, and was told the same again; nobody here knows.
    scene.proxy.struck(4).await;
    scene.stored(doc! {}, 1).await;
    assert!(futures_util::poll!(std::pin::pin!(engine.flush())).is_pending());
    scene.proxy.pass();
    scene.judge(&engine, &handles).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_whose_reply_is_lost_is_sent_again_and_changes_nothing() {
    done_but_not_heard().await;
}

async fn slow() {
    let scene = Scene::new().await;
    let engine = scene.start().await;
    let pid = scene.put(&engine).await;
    scene.proxy.keep_striking(Of::Writes, WireFault::Delay(Duration::from_millis(100)));
    let mut handles = scene.submit(&engine, pid, 200).await;
    // Whoever reads is not held up by what is slow to be written.
    for handle in &handles {
        soon(handle.wait()).await.unwrap();
    }
    handles.extend(scene.submit(&engine, pid, 50).await);
    soon(engine.flush()).await.unwrap();
    scene.judge(&engine, &handles).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_server_gets_everything() {
    slow().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_hangs_is_sent_again_when_its_connection_has_gone() {
    let scene = Scene::new().await;
    let engine = scene.start().await;
    let pid = scene.put(&engine).await;
    scene.proxy.strike(Of::Writes, 1, WireFault::Hang);
    let handles = scene.submit(&engine, pid, 20).await;
    scene.proxy.struck(1).await;
    for handle in &handles {
        soon(handle.wait()).await.unwrap();
    }
    scene.proxy.cut();
    scene.judge(&engine, &handles).await;
}
