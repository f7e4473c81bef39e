//! The level in Redis, shared by the processes of one backend. Owns what stands under which key there, and what of it is believed:
//! a frame that a process of the same store has sealed under this key, of this version, with the stamps that
//! count now. Anything else is a miss.
//!
//! Each scope has a *stamp* in Redis, a value that is never used twice. A load begins with the stamps of its key; they stand in what
//! it keeps, and who reads it takes it only if they are those of now. An invalidation gives its scopes new stamps. A stamp that is
//! gone, because Redis was flushed or had no room, is a new one from then on.

mod frame;
mod lease;
mod seal;
mod tell;

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use updraft_protocol::limits::{CACHE_LEASE_POLL, CACHE_STAMP_LIFE, CACHE_VALUE_BYTES};
use updraft_redis::{Pipeline, Redis, Value, pipe};

use crate::counts::CacheCounts;
use crate::entry::Entry;
use crate::key::{CacheKey, CacheScope};
use crate::kind::CacheKind;
use crate::level::{CacheLevel, LookUp};
use frame::Frame;
pub(crate) use lease::{Lease, Leased};
pub(crate) use seal::Seal;
pub(crate) use tell::{Telling, Told};

/// The stamp of a scope.
pub(crate) type Stamp = [u8; 16];

/// A load that has begun, with the stamps of then; without them, it cannot be kept.
pub struct RedisLoad(Option<Vec<Stamp>>);

impl RedisLoad {
    /// Whether what it gives can be kept: Redis was there when it began.
    pub(crate) fn can_be_kept(&self) -> bool {
        self.0.is_some()
    }
}

/// The entries of one kind in Redis.
pub struct RedisLevel<V> {
    redis: Redis,
    told: Arc<Told>,
    kind: &'static CacheKind,
    counts: Arc<CacheCounts>,
    /// How long a value may be there at most, where that is not for as long as its kind says.
    most: fn(&V) -> Option<Duration>,
    values: PhantomData<fn() -> V>,
}

/// A level that processes share: it knows which of them loads.
#[async_trait]
pub(crate) trait SharedLevel<V>: CacheLevel<V, Load = RedisLoad> {
    /// Begins a load, whatever is kept.
    async fn begin(&self, key: &CacheKey) -> RedisLoad;

    /// Asks to be the one who loads.
    async fn lease(&self, key: &CacheKey) -> Leased;

    /// Waits for a moment, while another one loads.
    async fn pause(&self);

    /// Lets another one load.
    async fn release(&self, key: &CacheKey, lease: Lease);
}

impl<V> RedisLevel<V> {
    pub(crate) fn new(
        redis: Redis,
        told: Arc<Told>,
        kind: &'static CacheKind,
        counts: Arc<CacheCounts>,
    ) -> Self {
        Self { redis, told, kind, counts, most: |_| None, values: PhantomData }
    }

    /// The same, where values say how long they may be there.
    pub(crate) fn for_at_most(self, most: fn(&V) -> Option<Duration>) -> Self {
        Self { most, ..self }
    }

    fn key(&self, key: &CacheKey) -> String {
        format!("{}:{}", self.told.seal().space(), key.as_str())
    }

    /// The keys of the stamps of a key.
    fn stamps(&self, key: &CacheKey) -> Vec<String> {
        let scopes = std::iter::once(&tell::EVERYTHING).chain(key.scopes());
        scopes.map(|scope| stamp_key(self.told.seal().space(), *scope)).collect()
    }

    /// The stamps of now; those that are not there are made.
    async fn stamped(&self, keys: Vec<String>, known: Vec<Option<Stamp>>) -> RedisLoad {
        let missing = keys.iter().zip(&known).filter(|(_, stamp)| stamp.is_none()).map(|(key, _)| key);
        let missing: Vec<&String> = missing.collect();
        let mut made = Vec::new();
        if !missing.is_empty() {
            let mut commands = pipe();
            for key in missing {
                commands.cmd("SET").arg(key).arg(&new_stamp()[..]);
                commands.arg("NX").arg("PX").arg(millis(CACHE_STAMP_LIFE)).ignore();
                // Another one may have been first.
                commands.cmd("GET").arg(key);
            }
            let Ok(told) = self.redis.look_up::<Vec<Value>>(commands).await else { return RedisLoad(None) };
            made = told.iter().map(stamp_of).collect();
        }
        let mut made = made.into_iter();
        let stamps = known.into_iter().map(|stamp| stamp.or_else(|| made.next().flatten()));
        RedisLoad(stamps.collect())
    }
}

impl<V: DeserializeOwned> RedisLevel<V> {
    /// The entry in what Redis has under a key, if it is to be believed.
    fn entry(&self, key: &CacheKey, found: &[u8], left: i64, stamps: &[Option<Stamp>]) -> Option<Entry<V>> {
        let frame = match Frame::decode(found, (self.told.seal(), key.as_str()), self.kind.schema) {
            Ok(frame) => frame,
            Err(_) => {
                self.counts.rejected();
                return None;
            }
        };
        let is_current = frame.stamps.len() == stamps.len()
            && frame.stamps.iter().zip(stamps).all(|(then, now)| Some(then) == now.as_ref());
        // What lives for ever was not written by us.
        let left = Duration::from_millis(u64::try_from(left).ok()?);
        let age = frame.kept.checked_sub(left)?;
        if !is_current || age >= frame.fresh {
            return None;
        }
        match frame.value::<Option<V>>() {
            Ok(value) => Some(Entry::of(value, age, frame.fresh, frame.kept)),
            Err(_) => {
                self.counts.rejected();
                None
            }
        }
    }
}

#[async_trait]
impl<V: Clone + Send + Sync + Serialize + DeserializeOwned + 'static> CacheLevel<V> for RedisLevel<V> {
    type Load = RedisLoad;

    async fn look_up(&self, key: &CacheKey) -> LookUp<V, RedisLoad> {
        if self.told.owes() {
            return LookUp::Miss(RedisLoad(None));
        }
        let (at, keys) = (self.key(key), self.stamps(key));
        let mut commands = pipe();
        // In this order: of a value that is replaced between both too little time is left, and none looks younger than it is.
        commands.cmd("PTTL").arg(&at).cmd("MGET").arg(&at).arg(&keys);
        let Ok((left, values)) = self.redis.look_up::<(i64, Vec<Value>)>(commands).await else {
            return LookUp::Miss(RedisLoad(None));
        };
        let stamps: Vec<Option<Stamp>> = values.iter().skip(1).map(stamp_of).collect();
        if stamps.len() != keys.len() {
            return LookUp::Miss(RedisLoad(None));
        }
        if let Some(Value::BulkString(found)) = values.first()
            && let Some(entry) = self.entry(key, found, left, &stamps)
        {
            return LookUp::Hit(entry);
        }
        LookUp::Miss(self.stamped(keys, stamps).await)
    }

    async fn keep(&self, key: &CacheKey, load: RedisLoad, entry: &Entry<V>) {
        let (Some(stamps), Some((fresh, kept))) = (load.0, entry.lives()) else { return };
        let most = entry.value().and_then(self.most).unwrap_or(Duration::MAX);
        let (fresh, kept) = (fresh.min(most), kept.min(most));
        let Ok(frame) = Frame::encode(
            (self.told.seal(), key.as_str()),
            self.kind.schema,
            (fresh, kept),
            &stamps,
            &entry.value(),
        ) else {
            self.counts.unkept();
            return;
        };
        if frame.len() > CACHE_VALUE_BYTES {
            self.counts.unkept();
            return;
        }
        let mut commands = pipe();
        commands.cmd("SET").arg(self.key(key)).arg(frame).arg("PX").arg(millis(kept)).ignore();
        if self.redis.leave(commands).await.is_err() {
            self.counts.unkept();
        }
    }

    async fn invalidate(&self, scopes: &[CacheScope]) {
        self.told.owe(scopes);
        self.told.settled().await;
    }
}

#[async_trait]
impl<V: Clone + Send + Sync + Serialize + DeserializeOwned + 'static> SharedLevel<V> for RedisLevel<V> {
    async fn begin(&self, key: &CacheKey) -> RedisLoad {
        if self.told.owes() {
            return RedisLoad(None);
        }
        let keys = self.stamps(key);
        let mut commands = pipe();
        commands.cmd("MGET").arg(&keys);
        match self.redis.look_up::<(Vec<Value>,)>(commands).await {
            Ok((values,)) if values.len() == keys.len() => {
                self.stamped(keys, values.iter().map(stamp_of).collect()).await
            }
            _ => RedisLoad(None),
        }
    }

    async fn lease(&self, key: &CacheKey) -> Leased {
        lease::take((&self.redis, self.told.seal().space()), key).await
    }

    async fn pause(&self) {
        let _ = self.redis.wait(CACHE_LEASE_POLL, std::future::pending::<()>()).await;
    }

    async fn release(&self, key: &CacheKey, lease: Lease) {
        lease::release((&self.redis, self.told.seal().space()), key, lease).await;
    }
}

/// Where the stamp of a scope stands.
fn stamp_key(space: &str, scope: u64) -> String {
    format!("{space}:stamp:{scope:016x}")
}

/// Gives a scope a new stamp.
fn restamp(commands: &mut Pipeline, space: &str, scope: u64) {
    commands.cmd("SET").arg(stamp_key(space, scope)).arg(&new_stamp()[..]);
    commands.arg("PX").arg(millis(CACHE_STAMP_LIFE)).ignore();
}

fn new_stamp() -> Stamp {
    rand::random()
}

/// A stamp, unless something else stands there: that is none, and no load can be kept with it.
fn stamp_of(value: &Value) -> Option<Stamp> {
    match value {
        Value::BulkString(bytes) => bytes.as_slice().try_into().ok(),
        _ => None,
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests;
