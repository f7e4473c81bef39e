//! The port of a level: where entries are kept. Owns the contract, to which every level is held by `conformance`.

use async_trait::async_trait;

use crate::entry::Entry;
use crate::key::{CacheKey, CacheScope};

/// What a level knows of a key.
#[derive(Debug)]
#[must_use]
pub enum LookUp<V, L> {
    /// An entry.
    Hit(Entry<V>),
    /// Nothing. A load has begun: what it gives can be kept.
    Miss(L),
}

/// A level of a cache.
///
/// * An entry is kept only with the load that a look-up has begun, and is found only while nothing of it has been invalidated
///   since: what was read before a change is never found by who has made it.
/// * A level never fails. One that cannot be reached knows nothing, and keeps nothing.
/// * What is found is what was kept under that key, by an entry of the same schema version.
#[async_trait]
pub trait CacheLevel<V>: Send + Sync {
    /// A load that has begun.
    type Load: Send;

    /// Looks an entry up, or begins a load.
    async fn look_up(&self, key: &CacheKey) -> LookUp<V, Self::Load>;

    /// Keeps what was loaded.
    async fn keep(&self, key: &CacheKey, load: Self::Load, entry: &Entry<V>);

    /// Invalidates all that has one of these scopes. When it returns, who asks this level finds none of it.
    async fn invalidate(&self, scopes: &[CacheScope]);
}
