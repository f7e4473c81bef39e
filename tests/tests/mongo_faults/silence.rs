//! One connection that is open and says nothing, while all others answer: nobody waits for it for ever.

use std::sync::Arc;
use std::time::Duration;

use updraft::StartError;
use updraft_storage::store::{Detail, ExecutionQuery, ExecutionsOf, QueryStore};
use updraft_tests::proxy::{Of, WireFault};
use updraft_tests::{soon, tenant};

use crate::scene::Scene;

/// Enough for what is answered, on a machine with much else to do.
const TEST_TIMEOUT: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_and_a_list_end_in_time_where_one_connection_swallows_what_they_ask() {
    let scene = Scene::new().await;
    let reached = async || scene.store().call_timeout(TEST_TIMEOUT).connect().await;
    for command in ["insert", "listCollections"] {
        scene.proxy.strike(Of::Command(command), 1, WireFault::Hang);
        let error = soon(reached()).await.expect_err("it is never answered");
        assert!(error.retryable() && error.to_string().contains("no answer in 3s"), "{command}: {error}");
    }
    let store = Arc::new(soon(reached()).await.unwrap());
    scene.proxy.strike(Of::Collection("shard_collection"), 1, WireFault::Hang);
    let started = soon(scene.harness.builder().store(store.clone()).start()).await;
    let error = started.err().expect("the epoch is never answered");
    assert!(matches!(error, StartError::Store(_)) && error.retryable(), "{error}");
    assert!(error.to_string().contains("no answer in 3s"), "{error}");

    scene.proxy.strike(Of::Reads, 1, WireFault::Hang);
    let query = ExecutionQuery {
        tenant: tenant("acme"),
        of: ExecutionsOf::Any,
        after: None,
        limit: 10,
        detail: Detail::Summary,
    };
    let error = soon(store.executions(query.clone())).await.unwrap_err();
    assert!(error.to_string().contains("no answer in 3s"), "{error}");
    // The connection is gone, and the next one answers.
    assert!(soon(store.executions(query)).await.unwrap().is_empty());
    let engine = soon(scene.harness.builder().store(store).start()).await.unwrap();
    let pid = scene.put(&engine).await;
    let handles = scene.submit(&engine, pid, 5).await;
    scene.judge(&engine, &handles).await;
    assert_eq!(scene.proxy.strikes(), 4);
}
