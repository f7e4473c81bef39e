//! Tests of a cache: how often it loads, who waits for whom, and what invalidation does to a load under way.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use tokio::sync::{Notify, Semaphore};

use super::*;
use crate::caches::Caches;
use crate::key::{CacheOwner, CacheScope};

const KIND: CacheKind = CacheKind::new("k", 1)
    .life(Duration::from_secs(100))
    .negative_life(Duration::from_secs(10))
    .stale_life(Duration::from_secs(50));

type Tested = Cache<String, &'static str>;

fn key(part: &str) -> CacheKey {
    CacheKey::new(&KIND, CacheOwner::Shared, [part], [])
}

fn cache() -> (Caches, Arc<Tested>) {
    let caches = Caches::default();
    let cache = caches.cache(&KIND, String::len);
    (caches, cache)
}

fn text(text: &str) -> Result<Option<String>, &'static str> {
    Ok(Some(text.to_owned()))
}

#[tokio::test]
async fn a_thousand_who_ask_at_once_make_one_load() {
    let (_, cache) = cache();
    let (loads, gate) = (AtomicUsize::new(0), Semaphore::new(0));
    let key = key("a");
    let asking = (0..1_000).map(|_| {
        cache.get_or_load(&key, async || {
            loads.fetch_add(1, Ordering::Relaxed);
            let _pass = gate.acquire().await;
            text("one")
        })
    });
    let (answers, ()) = tokio::join!(join_all(asking), async {
        tokio::task::yield_now().await;
        gate.add_permits(1);
    });
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap().value.as_deref() == Some("one")));
    assert_eq!(loads.load(Ordering::Relaxed), 1);
    let figures = cache.figures();
    assert_eq!((figures.loads, figures.joined + figures.hits, figures.entries), (1, 999, 1));
}

#[tokio::test]
async fn who_asks_after_an_invalidation_waits_for_no_load_that_began_before() {
    let (caches, cache) = cache();
    let (begun, go) = (Notify::new(), Notify::new());
    let key = key("a");
    let old = cache.get_or_load(&key, async || {
        begun.notify_one();
        go.notified().await;
        text("old")
    });
    let new = async {
        begun.notified().await;
        caches.invalidate(&[CacheScope::key(&key)]).await;
        let answer = cache.get_or_load(&key, async || text("new")).await;
        go.notify_one();
        answer.unwrap()
    };
    let (old, new) = tokio::join!(old, new);
    assert_eq!((old.unwrap().value.as_deref(), new.value.as_deref()), (Some("old"), Some("new")));
    let kept = cache.get_or_load(&key, async || text("newest")).await.unwrap();
    assert_ne!(kept.value.as_deref(), Some("old"), "what was loaded before the invalidation is not kept");
}

#[tokio::test]
async fn a_load_whose_caller_goes_is_made_by_one_who_waits() {
    let (_, cache) = cache();
    let key = key("a");
    let begun = Arc::new(Notify::new());
    let leader = tokio::spawn({
        let (cache, key, begun) = (cache.clone(), key.clone(), begun.clone());
        async move {
            cache
                .get_or_load(&key, async || {
                    begun.notify_one();
                    std::future::pending().await
                })
                .await
        }
    });
    begun.notified().await;
    let waiting = [0, 1].map(|_| cache.get_or_load(&key, async || text("second")));
    let (answers, ()) = tokio::join!(join_all(waiting), async {
        tokio::task::yield_now().await;
        leader.abort();
    });
    assert!(answers.into_iter().all(|answer| answer.unwrap().value.as_deref() == Some("second")));
    assert_eq!(cache.figures().loads, 1, "the abandoned one gave nothing");
}

#[tokio::test]
async fn a_failure_is_told_to_all_who_wait_and_not_kept() {
    let (_, cache) = cache();
    let key = key("a");
    let asking = (0..3).map(|_| {
        cache.get_or_load(&key, async || {
            tokio::task::yield_now().await;
            Err("away")
        })
    });
    assert!(join_all(asking).await.into_iter().all(|answer| answer == Err("away")));
    assert_eq!((cache.figures().loads, cache.figures().failed), (1, 1));
    assert_eq!(cache.get_or_load(&key, async || text("one")).await.unwrap().source, CacheSource::Loaded);
}

#[tokio::test(start_paused = true)]
async fn that_there_is_none_is_known_for_its_own_time() {
    let (_, cache) = cache();
    let key = key("a");
    for source in [CacheSource::Loaded, CacheSource::Kept] {
        let answer = cache.get_or_load(&key, async || Ok(None)).await.unwrap();
        assert_eq!((answer.value, answer.source), (None, source));
    }
    tokio::time::advance(Duration::from_secs(12)).await;
    assert_eq!(cache.get_or_load(&key, async || text("one")).await.unwrap().value.as_deref(), Some("one"));
}

#[tokio::test(start_paused = true)]
async fn a_stale_value_is_given_while_it_is_loaded_again() {
    let (_, cache) = cache();
    let key = key("a");
    cache.get_or_refresh(&key, async || text("old")).await.unwrap();
    tokio::time::advance(Duration::from_secs(120)).await;
    let stale = cache.get_or_refresh(&key, async || text("new")).await.unwrap();
    assert_eq!((stale.value.as_deref(), stale.source), (Some("old"), CacheSource::Stale));
    assert!(stale.age >= Duration::from_secs(120));
    while cache.figures().loads < 2 {
        tokio::task::yield_now().await;
    }
    let kept = cache.get_or_refresh(&key, async || text("newest")).await.unwrap();
    assert_eq!((kept.value.as_deref(), kept.source), (Some("new"), CacheSource::Kept));
    tokio::time::advance(Duration::from_secs(120)).await;
    let strict = cache.get_or_load(&key, async || text("loaded")).await.unwrap();
    assert_eq!(strict.value.as_deref(), Some("loaded"), "who does not want it stale waits");
    tokio::time::advance(Duration::from_secs(200)).await;
    let over = cache.get_or_refresh(&key, async || text("over")).await.unwrap();
    assert_eq!(over.source, CacheSource::Loaded, "what is over is given to nobody");
}

#[tokio::test(start_paused = true)]
async fn one_that_is_used_often_is_loaded_again_before_it_expires() {
    let (_, cache) = cache();
    let key = key("a");
    cache.get_or_refresh(&key, async || text("old")).await.unwrap();
    // Whatever its jitter, the last tenth of its life lies between: 81 to 110 s.
    for _ in 0..40 {
        let answer = cache.get_or_refresh(&key, async || text("new")).await.unwrap();
        assert_eq!(answer.source, CacheSource::Kept, "nobody waits");
        tokio::time::advance(Duration::from_secs(2)).await;
        tokio::task::yield_now().await;
        if answer.value.as_deref() == Some("new") {
            return;
        }
        tokio::time::advance(Duration::from_millis(700)).await;
    }
    panic!("it was never loaded again");
}
