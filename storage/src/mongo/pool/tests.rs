//! The statistics of the pool, and its health, against a server that answers on demand.

use std::sync::Arc;
use std::time::Duration;

use mongodb::bson::doc;

use crate::mongo::MongoStore;
use crate::mongo::tests::fake::Fake;
use crate::store::{PoolStatistics, Store, Trouble};

/// A store with so many connections at most, on a server that holds every ping from now on.
async fn held(connections: u32) -> (Arc<MongoStore>, Fake) {
    let fake = Fake::start(doc! {}).await;
    let builder = MongoStore::builder(fake.uri()).connections(connections).read_only(true);
    let store = Arc::new(builder.connect().await.unwrap());
    fake.hold("ping");
    (store, fake)
}

fn ping(store: &Arc<MongoStore>) -> tokio::task::JoinHandle<Result<(), crate::Error>> {
    let store = store.clone();
    tokio::spawn(async move { store.ping().await })
}

/// Waits until the pool is in this state.
async fn until(store: &MongoStore, so: impl Fn(PoolStatistics) -> bool) -> PoolStatistics {
    loop {
        let now = store.pool.statistics();
        if so(now) {
            return now;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn callers_beyond_the_connections_wait_and_are_counted_until_they_have_one() {
    let (store, fake) = held(2).await;
    let pings: Vec<_> = (0..5).map(|_| ping(&store)).collect();
    fake.holding(2).await;
    let now = until(&store, |now| now.waiting == 3).await;
    assert_eq!((now.open, now.in_use, now.idle), (2, 2, 0));
    fake.release();
    for ping in pings {
        ping.await.unwrap().unwrap();
    }
    let after = until(&store, |now| now.in_use == 0).await;
    assert_eq!((after.open, after.idle, after.waiting, after.timeouts_total), (2, 2, 0, 0));
    assert!(after.waited_us_total > 0 && after.opened_total == 2, "{after:?}");
}

#[tokio::test]
async fn who_goes_away_while_he_waits_waits_no_longer() {
    let (store, fake) = held(1).await;
    let first = ping(&store);
    fake.holding(1).await;
    let waiting = ping(&store);
    until(&store, |now| now.waiting == 1).await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    let now = store.pool.statistics();
    assert_eq!((now.waiting, now.timeouts_total, now.in_use), (0, 1, 1));
    fake.release();
    first.await.unwrap().unwrap();
    store.ping().await.unwrap();
    let after = until(&store, |now| now.in_use == 0).await;
    assert_eq!((after.open, after.waiting, after.timeouts_total), (1, 0, 1));
}

#[tokio::test]
async fn who_goes_away_with_a_connection_gives_it_back_or_it_is_closed() {
    let (store, fake) = held(1).await;
    let first = ping(&store);
    fake.holding(1).await;
    first.abort();
    let _ = first.await;
    // It is in the middle of an unread answer: closed, which the driver reports a moment after it is given back.
    let now = until(&store, |now| (now.in_use, now.open) == (0, 0)).await;
    assert_eq!((now.idle, now.waiting), (0, 0));
    fake.release();
    store.ping().await.unwrap();
    assert_eq!(until(&store, |now| now.in_use == 0).await.open, 1);
}

#[tokio::test]
async fn an_exhausted_pool_is_told_as_what_it_is() {
    let (store, fake) = held(1).await;
    let first = ping(&store);
    fake.holding(1).await;
    let waiting = ping(&store);
    until(&store, |now| now.waiting == 1).await;
    let health = store.health().await;
    assert_eq!(health.troubles, [Trouble::PoolExhausted { waiting: 1, most: 1 }]);
    assert_eq!(health.pool.unwrap().in_use, 1);
    fake.release();
    first.await.unwrap().unwrap();
    waiting.await.unwrap().unwrap();
    assert_eq!(store.health().await.troubles, []);
}

#[tokio::test]
async fn health_names_what_the_server_says() {
    let fake = Fake::start(doc! {}).await;
    let builder = MongoStore::builder(fake.uri()).read_only(true).slow_ping(Duration::from_secs(3600));
    let store = builder.connect().await.unwrap();
    assert_eq!(store.health().await.troubles, []);
    fake.hello(doc! {"isWritablePrimary": false, "ismaster": false, "secondary": true});
    let troubles = store.health().await.troubles;
    assert!(matches!(troubles.as_slice(), [Trouble::NotPrimary { .. }]), "{troubles:?}");
    fake.hello(doc! {"readOnly": true});
    let troubles = store.health().await.troubles;
    assert!(matches!(troubles.as_slice(), [Trouble::ReadOnly { .. }]), "{troubles:?}");
    fake.hello(doc! {});
    let refusals = [(13, "authentication"), (10107, "not_primary"), (59, "failing")];
    for (code, kind) in refusals {
        fake.answer("ping", doc! {"ok": 0.0, "code": code, "codeName": "Code", "errmsg": "no"});
        let troubles = serde_json::to_value(store.health().await.troubles).unwrap();
        assert_eq!(troubles[0]["kind"], kind, "{troubles}");
        assert_eq!(troubles.as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_ping_that_takes_long_is_told() {
    let fake = Fake::start(doc! {}).await;
    let builder = MongoStore::builder(fake.uri()).read_only(true).slow_ping(Duration::ZERO);
    let troubles = builder.connect().await.unwrap().health().await.troubles;
    assert!(matches!(troubles.as_slice(), [Trouble::Slow { threshold_ms: 0, .. }]), "{troubles:?}");
}
