//! The cache of one kind: its levels, and one load for all who ask at once. Owns when something is loaded; what is loaded, and
//! how, is the caller's.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;
use updraft_kernel::shared::CacheVersions;
use updraft_protocol::limits::CACHE_LEASE_WAIT;

use crate::counts::{CacheCounts, CacheFigures};
use crate::entry::{Age, Entry};
use crate::flights::{Entered, Flights, Lead};
use crate::key::CacheKey;
use crate::kind::CacheKind;
use crate::level::{CacheLevel, LookUp};
use crate::memory::MemoryLevel;
use crate::redis::{Lease, Leased, RedisLoad, SharedLevel};

/// The level that this process shares with others.
pub(crate) type Shared<V> = Arc<dyn SharedLevel<V, Load = RedisLoad>>;

/// A cache. `E` is why a load failed, which all who wait for it are told.
pub struct Cache<V, E> {
    kind: &'static CacheKind,
    memory: MemoryLevel<V>,
    shared: Option<Shared<V>>,
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
    /// It was kept here.
    Kept,
    /// It was kept in Redis.
    Shared,
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

/// What Redis says to one who would load.
enum Asked<V> {
    /// It has it.
    Found(Entry<V>),
    /// It does not: who asked loads, if it could be known with the right to do so.
    Nothing(RedisLoad, Option<Lease>),
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
        (shared, counts): (Option<Shared<V>>, Arc<CacheCounts>),
    ) -> Self {
        let memory = MemoryLevel::counted(kind, versions, weigh, &counts);
        Self { kind, memory, shared, flights: Flights::default(), counts }
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
                self.refresh(key, load, entry.age());
                Ok(self.hit(entry))
            }
            Age::Stale => {
                self.refresh(key, load, entry.age());
                self.counts.stale();
                Ok(answer(entry, CacheSource::Stale))
            }
        }
    }

    /// Loads again what is kept, which those who ask meanwhile with [`get_or_load`](Self::get_or_load) are given still; `known` is
    /// its age. Those who want it anew at once share one load. What another process has loaded since may be given too, if it is
    /// less than half as old.
    ///
    /// # Errors
    /// Why the load failed. What is kept stays.
    pub async fn renew<L, F>(&self, key: &CacheKey, known: Duration, load: L) -> Result<CacheAnswer<V>, E>
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
                Entered::Leads(lead) => return self.lead(key, lead, load, Some(known)).await,
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
                        lead.settle(Ok((entry.value().cloned(), entry.age())));
                        return Ok(self.hit(entry));
                    }
                    return self.lead(key, lead, load, None).await;
                }
            }
        }
    }

    /// Asks the shared level, and loads where it has nothing; or nothing that is younger than what is known.
    async fn lead<L, F>(
        &self,
        key: &CacheKey,
        lead: Lead<'_, V, E>,
        load: L,
        known: Option<Duration>,
    ) -> Result<CacheAnswer<V>, E>
    where
        L: FnOnce() -> F,
        F: Future<Output = Result<Option<V>, E>>,
    {
        let asked = match &self.shared {
            Some(shared) => Some((shared, self.ask(shared, key, known).await)),
            None => None,
        };
        let ticket = match asked {
            Some((_, Asked::Found(entry))) => {
                self.memory.keep_loaded(key, lead.load(), entry.clone()).await;
                lead.settle(Ok((entry.value().cloned(), entry.age())));
                self.counts.shared();
                return Ok(answer(entry, CacheSource::Shared));
            }
            Some((shared, Asked::Nothing(begun, lease))) => Some((shared, begun, lease)),
            None => None,
        };
        let loaded = load().await;
        self.counts.loaded(loaded.is_err());
        let entry = loaded.as_ref().ok().and_then(|value| Entry::new(value.clone(), self.kind));
        if let Some(entry) = &entry {
            self.memory.keep_loaded(key, lead.load(), entry.clone()).await;
        }
        lead.settle(loaded.clone().map(|value| (value, Duration::ZERO)));
        if let Some((shared, begun, lease)) = ticket {
            if let Some(entry) = &entry {
                shared.keep(key, begun, entry).await;
            }
            if let Some(lease) = lease {
                shared.release(key, lease).await;
            }
        }
        Ok(CacheAnswer { value: loaded?, source: CacheSource::Loaded, age: Duration::ZERO })
    }

    /// What the shared level has. While another process loads it is waited for, though not for long.
    async fn ask(&self, shared: &Shared<V>, key: &CacheKey, known: Option<Duration>) -> Asked<V> {
        let began = Instant::now();
        let mut begun = match shared.look_up(key).await {
            LookUp::Hit(entry) if known.is_none_or(|known| entry.age() < known / 2) => {
                return Asked::Found(entry);
            }
            LookUp::Hit(_) => shared.begin(key).await,
            LookUp::Miss(begun) => begun,
        };
        while begun.can_be_kept() && began.elapsed() < CACHE_LEASE_WAIT {
            match shared.lease(key).await {
                Leased::Here(lease) => return Asked::Nothing(begun, Some(lease)),
                Leased::Unknown => break,
                Leased::Elsewhere if known.is_some() => break,
                Leased::Elsewhere => shared.pause().await,
            }
            begun = match shared.look_up(key).await {
                LookUp::Hit(entry) => return Asked::Found(entry),
                LookUp::Miss(begun) => begun,
            };
        }
        Asked::Nothing(begun, None)
    }

    /// Loads again what has this age, beside the caller; unless another one does already.
    fn refresh<L, F>(self: &Arc<Self>, key: &CacheKey, load: L, known: Duration)
    where
        L: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<Option<V>, E>> + Send,
    {
        // Where nothing can run beside the caller, the one who asks when it is over loads.
        let Ok(runtime) = Handle::try_current() else { return };
        let (cache, key) = (self.clone(), key.clone());
        runtime.spawn(async move {
            if let Entered::Leads(lead) = cache.enter(&key) {
                // Why it failed is told to the one who waits for the next load.
                let _ = cache.lead(&key, lead, load, Some(known)).await;
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
