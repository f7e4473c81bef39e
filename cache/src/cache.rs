//! The cache of one kind: its levels, and one load for all who ask at once. Owns when something is loaded; what is loaded, and
//! how, is the caller's.

use std::sync::Arc;
use std::time::Duration;

use updraft_kernel::shared::CacheVersions;

use crate::counts::{CacheCounts, CacheFigures};
use crate::entry::{Age, Entry};
use crate::flights::{Entered, Flights, Lead};
use crate::key::CacheKey;
use crate::kind::CacheKind;
use crate::level::{CacheLevel, LookUp};
use crate::memory::MemoryLevel;

/// A cache. `E` is why a load failed, which all who wait for it are told.
pub struct Cache<V, E> {
    kind: &'static CacheKind,
    memory: MemoryLevel<V>,
    flights: Flights<V, E>,
    counts: Arc<CacheCounts>,
}

/// Where an answer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheSource {
    /// It was loaded now.
    Loaded,
    /// Another one loaded it meanwhile.
    Joined,
    /// It was kept.
    Kept,
    /// It was kept, and its life is over: it is loaded again.
    Stale,
}

/// What a cache answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheAnswer<V> {
    /// The value; `None` where there is none.
    pub value: Option<V>,
    /// Where it comes from.
    pub source: CacheSource,
    /// How long ago it was loaded.
    pub age: Duration,
}

impl<V, E> Cache<V, E>
where
    V: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
{
    pub(crate) fn new(
        kind: &'static CacheKind,
        versions: Arc<CacheVersions>,
        weigh: fn(&V) -> usize,
    ) -> Self {
        let counts = Arc::<CacheCounts>::default();
        let memory = MemoryLevel::counted(kind, versions, weigh, &counts);
        Self { kind, memory, flights: Flights::default(), counts }
    }

    /// What is kept of a key, or what `load` gives. Those who ask at once share one load; a failure is told to all of them,
    /// and not kept.
    ///
    /// # Errors
    /// Why the load failed.
    pub async fn get_or_load<L, F>(&self, key: &CacheKey, load: L) -> Result<CacheAnswer<V>, E>
    where
        L: FnOnce() -> F,
        F: Future<Output = Result<Option<V>, E>>,
    {
        match self.memory.kept(key).await {
            Some(entry) if matches!(entry.used(), Age::Fresh | Age::Ending) => Ok(self.hit(entry)),
            _ => self.loaded(key, load).await,
        }
    }

    /// The same. A value whose life is over is given too, as long as its kind says, and is loaded again meanwhile; and so is,
    /// shortly before that, one that is used often.
    ///
    /// # Errors
    /// Why the load failed. A load that nobody waits for is tried again by the next who asks.
    pub async fn get_or_refresh<L, F>(self: &Arc<Self>, key: &CacheKey, load: L) -> Result<CacheAnswer<V>, E>
    where
        L: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<Option<V>, E>> + Send,
    {
        let Some(entry) = self.memory.kept(key).await else { return self.loaded(key, load).await };
        match entry.used() {
            Age::Over => self.loaded(key, load).await,
            Age::Fresh => Ok(self.hit(entry)),
            Age::Ending => {
                self.refresh(key, load);
                Ok(self.hit(entry))
            }
            Age::Stale => {
                self.refresh(key, load);
                self.counts.stale();
                Ok(answer(entry, CacheSource::Stale))
            }
        }
    }

    /// How it has served.
    pub fn figures(&self) -> CacheFigures {
        self.counts.figures(self.kind.name, self.memory.size())
    }

    fn hit(&self, entry: Entry<V>) -> CacheAnswer<V> {
        self.counts.hit();
        answer(entry, CacheSource::Kept)
    }

    /// What a load gives: that of another one which is under way, or one's own.
    async fn loaded<L, F>(&self, key: &CacheKey, load: L) -> Result<CacheAnswer<V>, E>
    where
        L: FnOnce() -> F,
        F: Future<Output = Result<Option<V>, E>>,
    {
        loop {
            match self.enter(key) {
                Entered::Joins(joined) => {
                    let Some(outcome) = joined.outcome().await else { continue };
                    self.counts.joined();
                    let (value, age) = outcome?;
                    return Ok(CacheAnswer { value, source: CacheSource::Joined, age });
                }
                Entered::Leads(lead) => {
                    // Another load may have ended since it was looked up.
                    if let LookUp::Hit(entry) = self.memory.look_up(key).await {
                        let age = entry.age();
                        lead.settle(Ok((entry.value().cloned(), age)));
                        return Ok(self.hit(entry));
                    }
                    return self.lead(key, lead, load()).await;
                }
            }
        }
    }

    async fn lead(
        &self,
        key: &CacheKey,
        lead: Lead<'_, V, E>,
        load: impl Future<Output = Result<Option<V>, E>>,
    ) -> Result<CacheAnswer<V>, E> {
        let loaded = load.await;
        self.counts.loaded(loaded.is_err());
        if let Ok(value) = &loaded
            && let Some(entry) = Entry::new(value.clone(), self.kind)
        {
            self.memory.keep_loaded(key, lead.load(), entry).await;
        }
        lead.settle(loaded.clone().map(|value| (value, Duration::ZERO)));
        Ok(CacheAnswer { value: loaded?, source: CacheSource::Loaded, age: Duration::ZERO })
    }

    /// Loads again, beside the caller; unless another one does already.
    fn refresh<L, F>(self: &Arc<Self>, key: &CacheKey, load: L)
    where
        L: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<Option<V>, E>> + Send,
    {
        let (cache, key) = (self.clone(), key.clone());
        tokio::spawn(async move {
            if let Entered::Leads(lead) = cache.enter(&key) {
                // Why it failed is told to the one who waits for the next load.
                let _ = cache.lead(&key, lead, load()).await;
            }
        });
    }

    fn enter(&self, key: &CacheKey) -> Entered<'_, V, E> {
        self.flights.enter(key, self.memory.begin(key), |load| self.memory.is_current(load))
    }
}

fn answer<V>(entry: Entry<V>, source: CacheSource) -> CacheAnswer<V> {
    let age = entry.age();
    CacheAnswer { value: entry.into_value(), source, age }
}

#[cfg(test)]
mod tests;
