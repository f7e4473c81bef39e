//! Flights: the loads that are under way, so that those who ask for one key at once share one. Owns who loads and who waits; loads
//! nothing. Who asks after an invalidation never waits for a load that began before it, and a load that is abandoned is
//! handed to one of those who wait for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use updraft_kernel::shared::cache_versions::CacheLoad;

use crate::key::CacheKey;

/// What a load gave: the value and its age, or why there is none.
pub(crate) type Outcome<V, E> = Result<(Option<V>, Duration), E>;

/// The loads under way, by key. There are no more than there are callers.
pub(crate) struct Flights<V, E>(Mutex<HashMap<CacheKey, Arc<Flight<V, E>>>>);

struct Flight<V, E> {
    load: CacheLoad,
    outcome: watch::Receiver<Option<Outcome<V, E>>>,
}

/// Whether one who asks loads.
#[must_use]
pub(crate) enum Entered<'a, V, E> {
    /// It does.
    Leads(Lead<'a, V, E>),
    /// It waits for another one.
    Joins(Joined<V, E>),
}

/// Who loads. Dropped without an outcome, another one of those who wait loads.
pub(crate) struct Lead<'a, V, E> {
    flights: &'a Flights<V, E>,
    key: CacheKey,
    flight: Arc<Flight<V, E>>,
    told: watch::Sender<Option<Outcome<V, E>>>,
}

/// Who waits.
pub(crate) struct Joined<V, E>(watch::Receiver<Option<Outcome<V, E>>>);

impl<V, E> Default for Flights<V, E> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<V, E> Flights<V, E> {
    /// Enters with a load that has begun. Another one is joined where it is current still.
    pub(crate) fn enter(
        &self,
        key: &CacheKey,
        load: CacheLoad,
        is_current: impl Fn(&CacheLoad) -> bool,
    ) -> Entered<'_, V, E> {
        let mut open = self.open();
        if let Some(flight) = open.get(key).filter(|flight| is_current(&flight.load)) {
            return Entered::Joins(Joined(flight.outcome.clone()));
        }
        let (told, outcome) = watch::channel(None);
        let flight = Arc::new(Flight { load, outcome });
        open.insert(key.clone(), flight.clone());
        Entered::Leads(Lead { flights: self, key: key.clone(), flight, told })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<CacheKey, Arc<Flight<V, E>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V, E> Lead<'_, V, E> {
    /// The load that this one makes.
    pub(crate) fn load(&self) -> CacheLoad {
        self.flight.load.clone()
    }

    /// Tells those who wait. Who asks from here on asks anew.
    pub(crate) fn settle(self, outcome: Outcome<V, E>) {
        self.leave();
        // Where nobody waits, nobody is told.
        self.told.send_replace(Some(outcome));
    }

    /// Nobody joins any more.
    fn leave(&self) {
        let mut open = self.flights.open();
        if open.get(&self.key).is_some_and(|flight| Arc::ptr_eq(flight, &self.flight)) {
            open.remove(&self.key);
        }
    }
}

impl<V, E> Drop for Lead<'_, V, E> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<V: Clone, E: Clone> Joined<V, E> {
    /// What the load gave; `None` where it was abandoned.
    pub(crate) async fn outcome(mut self) -> Option<Outcome<V, E>> {
        let told = self.0.wait_for(Option::is_some).await.ok()?;
        told.clone()
    }
}
