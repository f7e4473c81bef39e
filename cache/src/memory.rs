//! The level in memory: moka, with a bound on entries and bytes at once. Owns what is evicted; what is invalid is decided by
//! the versions of the kernel (`CacheVersions`).

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use moka::Expiry;
use moka::future::Cache;
use moka::policy::EvictionPolicy;
use updraft_kernel::shared::CacheVersions;
use updraft_kernel::shared::cache_versions::{CacheLoad, Versioned};

use crate::counts::CacheCounts;
use crate::entry::{Age, Entry};
use crate::key::{CacheKey, CacheScope};
use crate::kind::{CacheKind, Keep};
use crate::level::{CacheLevel, LookUp};

/// An entry with what moka has to know of it.
struct Kept<V> {
    entry: Versioned<Entry<V>>,
    weight: u32,
    life: Duration,
}

/// The entries of one kind in this process.
pub struct MemoryLevel<V> {
    entries: Cache<CacheKey, Arc<Kept<V>>>,
    versions: Arc<CacheVersions>,
    kind: &'static CacheKind,
    weigh: fn(&V) -> usize,
}

/// moka removes what is over: who reads decides by itself what is.
struct UntilOver;

impl<V> Expiry<CacheKey, Arc<Kept<V>>> for UntilOver {
    fn expire_after_create(&self, _: &CacheKey, kept: &Arc<Kept<V>>, _: Instant) -> Option<Duration> {
        Some(kept.life)
    }

    fn expire_after_update(
        &self,
        _: &CacheKey,
        kept: &Arc<Kept<V>>,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(kept.life)
    }
}

impl<V: Clone + Send + Sync + 'static> MemoryLevel<V> {
    /// An empty level, for a kind. `weigh` says how many bytes a value takes.
    pub fn new(kind: &'static CacheKind, versions: Arc<CacheVersions>, weigh: fn(&V) -> usize) -> Self {
        Self::counted(kind, versions, weigh, &Arc::default())
    }

    pub(crate) fn counted(
        kind: &'static CacheKind,
        versions: Arc<CacheVersions>,
        weigh: fn(&V) -> usize,
        counts: &Arc<CacheCounts>,
    ) -> Self {
        let counts = counts.clone();
        let entries = Cache::builder()
            .max_capacity(kind.bytes as u64)
            .weigher(|_, kept: &Arc<Kept<V>>| kept.weight)
            .eviction_policy(match kind.keep {
                Keep::MostUsed => EvictionPolicy::tiny_lfu(),
                Keep::LastUsed => EvictionPolicy::lru(),
            })
            .expire_after(UntilOver)
            .eviction_listener(move |_, _, cause| {
                if cause == moka::notification::RemovalCause::Size {
                    counts.evicted();
                }
            });
        Self { entries: entries.build(), versions, kind, weigh }
    }

    /// An entry that is kept, however old.
    pub(crate) async fn kept(&self, key: &CacheKey) -> Option<Entry<V>> {
        self.entries.get(key).await?.entry.get(&self.versions).cloned()
    }

    /// Begins a load.
    pub(crate) fn begin(&self, key: &CacheKey) -> CacheLoad {
        self.versions.begin(key.scopes())
    }

    /// Whether what a load gives can still be found.
    pub(crate) fn is_current(&self, load: &CacheLoad) -> bool {
        self.versions.is_current(load)
    }

    pub(crate) async fn keep_loaded(&self, key: &CacheKey, load: CacheLoad, entry: Entry<V>) {
        let weight =
            weight(entry.value().map_or(0, self.weigh).saturating_add(key.as_str().len()), self.kind);
        let kept = Kept { life: entry.left(), weight, entry: load.loaded(entry) };
        self.entries.insert(key.clone(), Arc::new(kept)).await;
        // Evicts now: by itself moka does so some entries later, and values can be large.
        self.entries.run_pending_tasks().await;
    }

    /// How many entries there are, and what they weigh.
    pub(crate) fn size(&self) -> (u64, u64) {
        (self.entries.entry_count(), self.entries.weighted_size())
    }
}

/// What an entry takes of the bytes of its kind. A small one counts as one of the entries, which bounds their number; one
/// over the bound counts as all of it, so that it is kept alone.
fn weight(bytes: usize, kind: &CacheKind) -> u32 {
    let most = u32::try_from(kind.bytes).unwrap_or(u32::MAX);
    let least = u32::try_from(kind.bytes / kind.entries.max(1)).unwrap_or(u32::MAX).clamp(1, most.max(1));
    u32::try_from(bytes).unwrap_or(u32::MAX).clamp(least, most.max(1))
}

#[async_trait]
impl<V: Clone + Send + Sync + 'static> CacheLevel<V> for MemoryLevel<V> {
    type Load = CacheLoad;

    async fn look_up(&self, key: &CacheKey) -> LookUp<V, CacheLoad> {
        let load = self.begin(key);
        match self.kept(key).await {
            Some(entry) if matches!(entry.used(), Age::Fresh | Age::Ending) => LookUp::Hit(entry),
            _ => LookUp::Miss(load),
        }
    }

    async fn keep(&self, key: &CacheKey, load: CacheLoad, entry: &Entry<V>) {
        self.keep_loaded(key, load, entry.clone()).await;
    }

    async fn invalidate(&self, scopes: &[CacheScope]) {
        scopes.iter().for_each(|scope| self.versions.raise(scope.number()));
    }
}

#[cfg(test)]
mod tests;
