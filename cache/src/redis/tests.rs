//! Tests of the level in Redis, and of caches over it: the suite, what is believed, faults of the server, several processes. Each
//! has a server of its own; a process is one `Caches` with a connection of its own.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use updraft_redis::RedisSettings;
use updraft_redis::testing::{RedisServer, Sentinel};

use super::*;
use crate::cache::{Cache, CacheSource};
use crate::caches::Caches;
use crate::conformance::{self, KIND, found, keep, key};
use crate::key::CacheOwner;

const SECRET: &[u8] = b"of the store";

fn space() -> String {
    Seal::new("updraft", SECRET).space().to_owned()
}

type Tested = Arc<Cache<String, Infallible>>;

/// A process: its caches, and one of them.
async fn process(address: &str) -> (Caches, Tested) {
    let redis = Redis::connect(RedisSettings::for_test(address)).await.unwrap();
    let caches = Caches::with_redis(redis, SECRET).await.unwrap();
    let cache = caches.shared_cache(&KIND, String::len);
    (caches, cache)
}

async fn level(address: &str) -> RedisLevel<String> {
    let redis = Redis::connect(RedisSettings::for_test(address)).await.unwrap();
    let (told, telling) =
        Told::start(redis.clone(), Seal::new("updraft", SECRET), Arc::default()).await.unwrap();
    // For as long as the process of the test lives.
    std::mem::forget(telling);
    RedisLevel::new(redis, told, &KIND, Arc::default())
}

async fn load(cache: &Tested, key: &CacheKey, value: &str) -> (String, CacheSource) {
    let answer = cache.get_or_load(key, async || Ok(Some(value.to_owned()))).await.unwrap();
    (answer.value.unwrap(), answer.source)
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..2_400 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("never: {what}");
}

fn all_of_the_kind() -> [CacheScope; 1] {
    [CacheScope::kind(&KIND)]
}

#[tokio::test]
async fn it_is_a_level() {
    let server = RedisServer::start();
    conformance::all(async || {
        server.tell(&["FLUSHALL"]);
        Arc::new(level(&server.address()).await)
    })
    .await;
}

/// Both levels of a cache as one.
struct Both {
    caches: Caches,
    memory: crate::MemoryLevel<String>,
    redis: RedisLevel<String>,
}

#[async_trait]
impl CacheLevel<String> for Both {
    type Load = (updraft_kernel::shared::cache_versions::CacheLoad, RedisLoad);

    async fn look_up(&self, key: &CacheKey) -> LookUp<String, Self::Load> {
        let LookUp::Miss(load) = self.memory.look_up(key).await else { return self.again(key).await };
        match self.redis.look_up(key).await {
            LookUp::Hit(entry) => {
                self.memory.keep(key, load, &entry).await;
                LookUp::Hit(entry)
            }
            LookUp::Miss(begun) => LookUp::Miss((load, begun)),
        }
    }

    async fn keep(&self, key: &CacheKey, (load, begun): Self::Load, entry: &Entry<String>) {
        self.memory.keep(key, load, entry).await;
        self.redis.keep(key, begun, entry).await;
    }

    async fn invalidate(&self, scopes: &[CacheScope]) {
        self.caches.invalidate(scopes).await;
    }
}

impl Both {
    async fn again(&self, key: &CacheKey) -> LookUp<String, <Self as CacheLevel<String>>::Load> {
        match self.memory.look_up(key).await {
            LookUp::Hit(entry) => LookUp::Hit(entry),
            LookUp::Miss(load) => LookUp::Miss((load, RedisLoad(None))),
        }
    }
}

#[tokio::test]
async fn both_levels_together_are_one() {
    let server = RedisServer::start();
    conformance::all(async || {
        server.tell(&["FLUSHALL"]);
        let (caches, _) = process(&server.address()).await;
        let (memory, redis) = caches.levels(&KIND, String::len);
        Arc::new(Both { caches, memory, redis })
    })
    .await;
}

#[tokio::test]
async fn what_one_process_has_loaded_another_finds_and_what_one_invalidates_none_finds() {
    let server = RedisServer::start();
    let (one, of_one) = process(&server.address()).await;
    let (_two, of_two) = process(&server.address()).await;
    let key = key("acme", ["a", "b"]);
    assert_eq!(load(&of_one, &key, "old").await, ("old".to_owned(), CacheSource::Loaded));
    assert_eq!(load(&of_two, &key, "?").await, ("old".to_owned(), CacheSource::Shared));
    assert_eq!(load(&of_two, &key, "?").await, ("old".to_owned(), CacheSource::Kept), "it was promoted");
    one.invalidate(&[CacheScope::key(&key)]).await;
    assert_eq!(load(&of_one, &key, "new").await, ("new".to_owned(), CacheSource::Loaded));
    until("the other one forgets", async || load(&of_two, &key, "?").await.0 == "new").await;
}

#[tokio::test]
async fn a_thousand_who_ask_in_two_processes_make_one_load() {
    let server = RedisServer::start();
    let (_one, of_one) = process(&server.address()).await;
    let (_two, of_two) = process(&server.address()).await;
    let (loads, key) = (AtomicUsize::new(0), key("acme", ["a", "b"]));
    let asking = [&of_one, &of_two].into_iter().flat_map(|cache| {
        (0..500).map(|_| {
            cache.get_or_load(&key, async || {
                loads.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(50)).await;
                Ok(Some("one".to_owned()))
            })
        })
    });
    let answers = join_all(asking).await;
    assert!(answers.into_iter().all(|answer| answer.unwrap().value.as_deref() == Some("one")));
    assert_eq!(loads.load(Ordering::Relaxed), 1);
}

#[test]
fn a_cache_serves_callers_in_no_runtime() {
    let server = RedisServer::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (one, of_one) = runtime.block_on(process(&server.address()));
    let (key, other) = (key("acme", ["a", "b"]), key("acme", ["a", "c"]));
    server.tell(&["SET", &format!("{}:lease:{}", space(), other.as_str()), "of another", "PX", "200"]);
    let source = without_runtime(async {
        load(&of_one, &key, "one").await;
        one.invalidate(&[CacheScope::key(&key)]).await;
        load(&of_one, &other, "other").await.1
    });
    assert_eq!(source, CacheSource::Loaded);
}

/// Runs a future on this thread, without a runtime.
fn without_runtime<T>(work: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut work = std::pin::pin!(work);
    loop {
        match work.as_mut().poll(&mut std::task::Context::from_waker(&waker)) {
            std::task::Poll::Ready(done) => return done,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}

#[tokio::test]
async fn who_holds_the_lease_and_dies_holds_up_nobody_for_long() {
    let server = RedisServer::start();
    let (_one, of_one) = process(&server.address()).await;
    let key = key("acme", ["a", "b"]);
    server.tell(&["SET", &format!("{}:lease:{}", space(), key.as_str()), "of one that died"]);
    assert_eq!(load(&of_one, &key, "one").await, ("one".to_owned(), CacheSource::Loaded));
    let lease = server.tell(&["GET", &format!("{}:lease:{}", space(), key.as_str())]);
    assert!(lease.contains("of one that died"), "a lease is given back only by who has it");
}

#[tokio::test]
async fn garbage_under_our_keys_is_a_miss_and_counted() {
    let server = RedisServer::start();
    let (_one, of_one) = process(&server.address()).await;
    let (_two, of_two) = process(&server.address()).await;
    let key = key("acme", ["a", "b"]);
    let at = format!("{}:{}", space(), key.as_str());
    server.tell(&["SET", &at, "garbage"]);
    assert_eq!(load(&of_one, &key, "one").await.1, CacheSource::Loaded);
    assert_eq!(of_one.figures().rejected, 1);
    server.tell(&["DEL", &at]);
    server.tell(&["LPUSH", &at, "a list"]);
    assert_eq!(load(&of_two, &key, "two").await.1, CacheSource::Loaded);
    let stamp = stamp_key(&space(), CacheScope::kind(&KIND).number());
    server.tell(&["SET", &stamp, "no stamp"]);
    let other = self::key("acme", ["a", "c"]);
    assert_eq!(load(&of_one, &other, "one").await.1, CacheSource::Loaded);
    assert_eq!(load(&of_two, &other, "two").await.1, CacheSource::Loaded, "nothing is kept with it");
}

#[tokio::test]
async fn what_another_store_has_kept_is_not_found() {
    let server = RedisServer::start();
    let (_one, of_one) = process(&server.address()).await;
    let redis = Redis::connect(RedisSettings::for_test(&server.address())).await.unwrap();
    let other = Caches::with_redis(redis, b"of another store").await.unwrap();
    let of_other: Tested = other.shared_cache(&KIND, String::len);
    let key = key("acme", ["a", "b"]);
    load(&of_one, &key, "one").await;
    assert_eq!(load(&of_other, &key, "other").await, ("other".to_owned(), CacheSource::Loaded));
}

#[tokio::test]
async fn a_value_of_another_schema_or_without_an_end_is_a_miss() {
    let server = RedisServer::start();
    let level = level(&server.address()).await;
    let key = key("acme", ["a", "b"]);
    keep(&level, &key, "one").await;
    let at = format!("{}:{}", space(), key.as_str());
    assert!(found(&level, &key).await.is_some());
    server.tell(&["PERSIST", &at]);
    assert_eq!(found(&level, &key).await, None);
    const NEWER: CacheKind = CacheKind::new("suite", 2);
    let tenant = updraft_protocol::TenantCode::new("acme").unwrap();
    let newer = CacheKey::new(&NEWER, CacheOwner::Tenant(&tenant), ["a", "b"], []);
    assert_ne!(newer, key, "another version has other keys");
}

#[tokio::test]
async fn a_value_is_in_redis_no_longer_than_it_says() {
    let server = RedisServer::start();
    let (one, _) = process(&server.address()).await;
    let seconds = |value: &String| value.parse().ok().map(Duration::from_secs);
    let cache: Tested = one.shared_cache_for(&KIND, String::len, seconds);
    let left = async |part: &str, value: &str| -> u64 {
        let key = key("acme", ["a", part]);
        load(&cache, &key, value).await;
        let told = server.tell(&["PTTL", &format!("{}:{}", space(), key.as_str())]);
        told.trim().trim_start_matches(':').parse().unwrap_or_else(|_| panic!("{told}"))
    };
    assert!((1..=7_000).contains(&left("short", "7").await));
    assert!(left("long", "as its kind says").await > 7_000);
}

#[tokio::test]
async fn a_flushed_server_is_a_miss_and_no_load_that_began_before_is_found() {
    let server = RedisServer::start();
    let level = level(&server.address()).await;
    let key = key("acme", ["a", "b"]);
    let LookUp::Miss(load) = level.look_up(&key).await else { panic!("nothing is kept") };
    server.tell(&["FLUSHALL"]);
    level.keep(&key, load, &Entry::new(Some("old".to_owned()), &KIND).unwrap()).await;
    assert_eq!(found(&level, &key).await, None);
    keep(&level, &key, "new").await;
    assert_eq!(found(&level, &key).await, Some(Some("new".to_owned())));
}

#[tokio::test]
async fn without_a_server_everything_is_loaded_and_what_was_invalidated_meanwhile_is_not_found_later() {
    let mut server = RedisServer::start();
    let (one, of_one) = process(&server.address()).await;
    let (_two, of_two) = process(&server.address()).await;
    let key = key("acme", ["a", "b"]);
    load(&of_one, &key, "old").await;
    server.stop();
    // The others have the old value still; Redis has it too, and cannot be told.
    one.invalidate(&[CacheScope::key(&key)]).await;
    assert_eq!(load(&of_one, &key, "new").await, ("new".to_owned(), CacheSource::Loaded));
    server.go_on();
    until("the others are told", async || load(&of_two, &key, "newer").await.0 != "old").await;
    server.kill();
    one.invalidate(&all_of_the_kind()).await;
    assert_eq!(load(&of_one, &key, "alone").await, ("alone".to_owned(), CacheSource::Loaded));
    // Longer than the listener waits until it tries again.
    tokio::time::sleep(Duration::from_millis(500)).await;
    load(&of_one, &key, "alone").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(
        load(&of_one, &key, "?").await,
        ("alone".to_owned(), CacheSource::Kept),
        "memory serves still"
    );
    server.restart();
    until("it is shared again", async || {
        one.invalidate(&all_of_the_kind()).await;
        let (value, _) = load(&of_one, &key, "shared").await;
        let two = load(&of_two, &key, "of two").await;
        value == "shared" && two == ("shared".to_owned(), CacheSource::Shared)
    })
    .await;
}

#[tokio::test]
async fn a_server_without_room_is_done_without() {
    let server = RedisServer::start();
    let (one, of_one) = process(&server.address()).await;
    server.tell(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    server.tell(&["CONFIG", "SET", "maxmemory", "1"]);
    let key = key("acme", ["a", "b"]);
    assert_eq!(load(&of_one, &key, "one").await.1, CacheSource::Loaded);
    assert_eq!(load(&of_one, &key, "?").await, ("one".to_owned(), CacheSource::Kept));
    one.invalidate(&[CacheScope::key(&key)]).await;
    assert_eq!(load(&of_one, &key, "two").await, ("two".to_owned(), CacheSource::Loaded));
    server.tell(&["CONFIG", "SET", "maxmemory", "0"]);
    let (_two, of_two) = process(&server.address()).await;
    until("it is shared again", async || {
        one.invalidate(&all_of_the_kind()).await;
        load(&of_one, &key, "three").await;
        load(&of_two, &key, "?").await == ("three".to_owned(), CacheSource::Shared)
    })
    .await;
}

#[tokio::test]
async fn who_has_lost_its_listener_believes_nothing_that_was_kept_before() {
    let server = RedisServer::start();
    let (_one, of_one) = process(&server.address()).await;
    let key = key("acme", ["a", "b"]);
    load(&of_one, &key, "old").await;
    // As a failover does to a process: the server may be one that has not got the last stamps.
    server.tell(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    until("what was in memory is forgotten, and what is in redis has another stamp", async || {
        load(&of_one, &key, "new").await.0 == "new"
    })
    .await;
}

#[tokio::test]
async fn a_cache_is_shared_over_a_failover() {
    let mut all = tokio::task::spawn_blocking(Sentinel::start).await.unwrap();
    let (one, of_one) = process(&all.address()).await;
    let (_two, of_two) = process(&all.address()).await;
    let key = key("acme", ["a", "b"]);
    load(&of_one, &key, "old").await;
    all.master.kill();
    one.invalidate(&[CacheScope::key(&key)]).await;
    assert_eq!(load(&of_one, &key, "new").await.0, "new", "without a master");
    let all = tokio::task::spawn_blocking(move || {
        all.wait_for_failover();
        all
    });
    let _all = all.await.unwrap();
    until("it is shared again", async || {
        one.invalidate(&all_of_the_kind()).await;
        load(&of_one, &key, "newer").await.0 == "newer"
            && load(&of_two, &key, "newest").await == ("newer".to_owned(), CacheSource::Shared)
    })
    .await;
}
