//! Caches: what was loaded once is not loaded again until it expires or is invalidated. Owns keys, the levels on which values
//! are kept, one load for all who ask at once, and invalidation. Never the truth: whatever a cache forgets is loaded again.
//!
//! ```
//! # use std::convert::Infallible;
//! use updraft_cache::{CacheKey, CacheKind, CacheOwner, CacheScope, Caches};
//!
//! const SCHEMAS: CacheKind = CacheKind::new("schema", 1);
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let caches = Caches::default();
//! let schemas = caches.cache::<String, Infallible>(&SCHEMAS, String::len);
//! let key = CacheKey::new(&SCHEMAS, CacheOwner::Shared, ["alert"], []);
//! let loaded = schemas.get_or_load(&key, async || Ok(Some("{}".to_owned()))).await?;
//! let again = schemas.get_or_load(&key, async || unreachable!("it is kept")).await?;
//! assert_eq!(loaded.value, again.value);
//! caches.invalidate(&[CacheScope::key(&key)]);
//! # Ok::<(), Infallible>(())
//! # }).unwrap();
//! ```

#[cfg(test)]
mod conformance;

mod cache;
mod caches;
mod counts;
mod entry;
mod flights;
mod key;
mod kind;
mod level;
mod memory;
mod redis;

pub use cache::{Cache, CacheAnswer, CacheSource};
pub use caches::Caches;
pub use counts::CacheFigures;
pub use entry::Entry;
pub use key::{CacheKey, CacheOwner, CacheScope};
pub use kind::{CacheKind, Keep};
pub use level::{CacheLevel, LookUp};
pub use memory::MemoryLevel;
pub use redis::{RedisLevel, RedisLoad};
