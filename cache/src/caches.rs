//! The caches of one engine. Owns what they share: the versions by which entries become invalid, Redis, and their figures.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use updraft_kernel::shared::CacheVersions;
use updraft_redis::Redis;

use crate::cache::{Cache, Shared};
use crate::counts::{CacheCounts, CacheFigures};
use crate::key::CacheScope;
use crate::kind::CacheKind;
use crate::redis::{RedisLevel, Seal, Telling, Told};

type Figures = Box<dyn Fn() -> CacheFigures + Send + Sync>;

/// The caches of one engine.
#[derive(Default)]
pub struct Caches {
    versions: Arc<CacheVersions>,
    redis: Option<CachesInRedis>,
    figures: Mutex<Vec<Figures>>,
}

struct CachesInRedis {
    redis: Redis,
    space: String,
    told: Arc<Told>,
    _telling: Telling,
}

impl Caches {
    /// Caches that share what may be shared with other processes that know the same secret, and tell each other what is invalid.
    /// The secret is something of the store that Redis does not know: with it is sealed what is kept there.
    ///
    /// # Errors
    /// The machine has no more threads.
    pub async fn with_redis(redis: Redis, secret: &[u8]) -> Result<Self, updraft_redis::Error> {
        let versions = Arc::<CacheVersions>::default();
        let seal = Seal::new(redis.prefix(), secret);
        let space = seal.space().to_owned();
        let (told, telling) = Told::start(redis.clone(), seal, versions.clone()).await?;
        let redis = CachesInRedis { redis, space, told, _telling: telling };
        Ok(Self { versions, redis: Some(redis), figures: Mutex::default() })
    }

    /// Redis, where there is one.
    pub fn redis(&self) -> Option<&Redis> {
        self.redis.as_ref().map(|shared| &shared.redis)
    }

    /// What everything in Redis begins with that is of the same secret; another one has another.
    pub fn space(&self) -> Option<&str> {
        self.redis.as_ref().map(|shared| &*shared.space)
    }

    /// A cache of a kind, in memory alone. `weigh` says how many bytes a value takes.
    pub fn cache<V, E>(&self, kind: &'static CacheKind, weigh: fn(&V) -> usize) -> Arc<Cache<V, E>>
    where
        V: Clone + Send + Sync + 'static,
        E: Clone + Send + Sync + 'static,
    {
        self.made(kind, weigh, (None, Arc::default()))
    }

    /// The same, in Redis too, where there is one: other processes find there what this one has loaded.
    pub fn shared_cache<V, E>(&self, kind: &'static CacheKind, weigh: fn(&V) -> usize) -> Arc<Cache<V, E>>
    where
        V: Clone + Send + Sync + Serialize + DeserializeOwned + 'static,
        E: Clone + Send + Sync + 'static,
    {
        self.shared_cache_for(kind, weigh, |_| None)
    }

    /// The same; a value stays in Redis no longer than `most` says of it. There is less room than here, and all who know the
    /// store use it.
    pub fn shared_cache_for<V, E>(
        &self,
        kind: &'static CacheKind,
        weigh: fn(&V) -> usize,
        most: fn(&V) -> Option<Duration>,
    ) -> Arc<Cache<V, E>>
    where
        V: Clone + Send + Sync + Serialize + DeserializeOwned + 'static,
        E: Clone + Send + Sync + 'static,
    {
        let counts = Arc::<CacheCounts>::default();
        let shared = self.redis.as_ref().map(|CachesInRedis { redis, told, .. }| {
            let level = RedisLevel::<V>::new(redis.clone(), told.clone(), kind, counts.clone());
            Arc::new(level.for_at_most(most)) as Shared<V>
        });
        self.made(kind, weigh, (shared, counts))
    }

    fn made<V, E>(
        &self,
        kind: &'static CacheKind,
        weigh: fn(&V) -> usize,
        parts: (Option<Shared<V>>, Arc<CacheCounts>),
    ) -> Arc<Cache<V, E>>
    where
        V: Clone + Send + Sync + 'static,
        E: Clone + Send + Sync + 'static,
    {
        let cache = Arc::new(Cache::new(kind, self.versions.clone(), weigh, parts));
        let of = cache.clone();
        let mut figures = self.figures.lock().unwrap_or_else(PoisonError::into_inner);
        figures.push(Box::new(move || of.figures()));
        cache
    }

    /// Invalidates all that has one of these scopes, of every kind. What makes it invalid has to be visible before: who asks
    /// afterwards loads it again, and no load that began before is found. Other processes are told by Redis; while that is
    /// not possible this one reads nothing there.
    pub async fn invalidate(&self, scopes: &[CacheScope]) {
        // In this order: who begins a load at the new version does not read what Redis had before.
        if let Some(shared) = &self.redis {
            shared.told.owe(scopes);
        }
        scopes.iter().for_each(|scope| self.versions.raise(scope.number()));
        if let Some(shared) = &self.redis {
            shared.told.settled().await;
        }
    }

    /// Both levels of a kind, apart.
    #[cfg(test)]
    pub(crate) fn levels<V: Clone + Send + Sync + 'static>(
        &self,
        kind: &'static CacheKind,
        weigh: fn(&V) -> usize,
    ) -> (crate::MemoryLevel<V>, RedisLevel<V>) {
        let CachesInRedis { redis, told, .. } = self.redis.as_ref().expect("there is Redis");
        let memory = crate::MemoryLevel::new(kind, self.versions.clone(), weigh);
        (memory, RedisLevel::new(redis.clone(), told.clone(), kind, Arc::default()))
    }

    /// How each of them has served.
    pub fn figures(&self) -> Vec<CacheFigures> {
        let figures = self.figures.lock().unwrap_or_else(PoisonError::into_inner);
        figures.iter().map(|figures| figures()).collect()
    }
}
