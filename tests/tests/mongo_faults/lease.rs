//! A start that a server holds up: it keeps the database as long as it lives, and where another has taken the database, it
//! runs nothing.

use std::sync::Arc;

use updraft::StartError;
use updraft_storage::mongo::MongoStore;
use updraft_storage::store::OwnerStore;
use updraft_tests::proxy::{Of, WireFault};
use updraft_tests::{another_owner, soon, until};

use crate::scene::Scene;

/// The store behind the proxy, and the same past it.
async fn stores(scene: &Scene) -> (Arc<MongoStore>, MongoStore) {
    (Arc::new(scene.store().connect().await.unwrap()), scene.past().await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_is_held_up_renews_its_lease_meanwhile() {
    let scene = Scene::new().await;
    let (store, past) = stores(&scene).await;
    scene.proxy.keep_striking(Of::Collection("shard_collection"), WireFault::Hang);
    let starting = scene.harness.builder().store(store).start();
    let renewed = async {
        scene.proxy.struck(1).await;
        until(async || past.owner().await.unwrap().is_some_and(|owner| owner.beat >= 2)).await;
    };
    tokio::select! {
        biased;
        started = soon(starting) => panic!("it was answered: {}", started.is_ok()),
        () = renewed => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_whose_database_another_has_taken_meanwhile_runs_nothing_and_names_it() {
    let scene = Scene::new().await;
    let (store, past) = stores(&scene).await;
    scene.proxy.strike(Of::Collection("shard_collection"), 1, WireFault::Freeze);
    let next = another_owner();
    let follow = async {
        scene.proxy.struck(1).await;
        until(async || {
            let seen = past.owner().await.unwrap();
            past.take(&next, seen.as_ref()).await.unwrap()
        })
        .await;
        scene.proxy.pass();
    };
    let (started, ()) = tokio::join!(soon(scene.harness.builder().store(store).start()), follow);
    let error = started.err().expect("it is not its own any more");
    assert!(matches!(&error, StartError::Owned { who, .. } if *who == next.who), "{error}");
    assert!(error.retryable());
    assert_eq!(past.owner().await.unwrap(), Some(next), "it gives back nothing that is not its own");
}
