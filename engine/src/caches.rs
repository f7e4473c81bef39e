//! The caches of an engine: Redis under them, what is wrong with it, and how metrics show both. Owns no figure: the caches count.

use std::sync::Arc;

use updraft_actors::EngineContext;
use updraft_cache::Caches;
use updraft_protocol::Timestamp;
use updraft_redis::{Redis, RedisTrouble};
use updraft_storage::store::Bond;
use uuid::Uuid;

use crate::builder::Builder;
use crate::error::StartError;
use crate::health::EngineTrouble;

/// The caches, over Redis where it is configured. What one store's engines keep there no other store's find.
///
/// # Errors
/// Settings of Redis that are not valid.
pub(crate) async fn open(builder: &Builder, bond: Option<&Bond>) -> Result<Arc<Caches>, StartError> {
    let Some(settings) = builder.redis.clone() else { return Ok(Arc::default()) };
    let wrong = |error: updraft_redis::Error| StartError::Configuration(error.to_string());
    let redis = Redis::connect(settings).await.map_err(wrong)?;
    // A store without an id of its own shares nothing.
    let store = bond.map_or_else(Uuid::now_v7, |bond| bond.store);
    Ok(Arc::new(Caches::with_redis(redis, store.as_bytes()).await.map_err(wrong)?))
}

/// What is wrong with Redis, as the last calls tell.
pub(crate) fn trouble(context: &EngineContext) -> Option<EngineTrouble> {
    let RedisTrouble { cause, lasted } = context.caches.redis()?.trouble()?;
    let lasted = u64::try_from(lasted.as_millis()).unwrap_or(u64::MAX);
    let since = Timestamp(context.clock.now().0.saturating_sub(lasted));
    Some(EngineTrouble::RedisDown { cause: cause.to_string(), since })
}

/// Sets the metrics of every cache, and of the connections to Redis.
pub(crate) fn show(caches: &Caches) {
    for of in caches.figures() {
        let loaded = of.loads.saturating_sub(of.failed);
        for (source, answers) in [
            ("kept", of.hits),
            ("shared", of.shared),
            ("stale", of.stale),
            ("joined", of.joined),
            ("loaded", loaded),
            ("failed", of.failed),
        ] {
            metrics::counter!("updraft_cache_answers_total", "kind" => of.kind.clone(), "source" => source)
                .absolute(answers);
        }
        metrics::counter!("updraft_cache_evictions_total", "kind" => of.kind.clone()).absolute(of.evicted);
        metrics::counter!("updraft_cache_rejected_total", "kind" => of.kind.clone()).absolute(of.rejected);
        metrics::counter!("updraft_cache_unkept_total", "kind" => of.kind.clone()).absolute(of.unkept);
        metrics::gauge!("updraft_cache_entries", "kind" => of.kind.clone()).set(of.entries as f64);
        metrics::gauge!("updraft_cache_bytes", "kind" => of.kind).set(of.bytes as f64);
    }
    if let Some(redis) = caches.redis() {
        let of = redis.figures();
        let in_use = of.connections.saturating_sub(of.idle);
        for (state, connections) in [("idle", of.idle), ("in_use", in_use)] {
            metrics::gauge!("updraft_redis_connections", "state" => state).set(f64::from(connections));
        }
        metrics::counter!("updraft_redis_failures_total").absolute(of.failed);
        metrics::counter!("updraft_redis_left_alone_total").absolute(of.left_alone);
    }
}
