//! The caches of one engine. Owns what they share: the versions by which entries become invalid, and their figures.

use std::sync::{Arc, Mutex, PoisonError};

use updraft_kernel::shared::CacheVersions;

use crate::cache::Cache;
use crate::counts::CacheFigures;
use crate::key::CacheScope;
use crate::kind::CacheKind;

type Figures = Box<dyn Fn() -> CacheFigures + Send + Sync>;

/// The caches of one engine.
#[derive(Default)]
pub struct Caches {
    versions: Arc<CacheVersions>,
    figures: Mutex<Vec<Figures>>,
}

impl Caches {
    /// A cache of a kind, in memory alone. `weigh` says how many bytes a value takes.
    pub fn cache<V, E>(&self, kind: &'static CacheKind, weigh: fn(&V) -> usize) -> Arc<Cache<V, E>>
    where
        V: Clone + Send + Sync + 'static,
        E: Clone + Send + Sync + 'static,
    {
        let cache = Arc::new(Cache::new(kind, self.versions.clone(), weigh));
        let of = cache.clone();
        self.figures.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(move || of.figures()));
        cache
    }

    /// Invalidates all that has one of these scopes, of every kind. What makes it invalid has to be visible before: who asks
    /// afterwards loads it again, and no load that began before is found.
    pub async fn invalidate(&self, scopes: &[CacheScope]) {
        scopes.iter().for_each(|scope| self.versions.raise(scope.number()));
    }

    /// How each of them has served.
    pub fn figures(&self) -> Vec<CacheFigures> {
        let figures = self.figures.lock().unwrap_or_else(PoisonError::into_inner);
        figures.iter().map(|figures| figures()).collect()
    }
}
