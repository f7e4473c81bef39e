//! Leases: which process loads what several ask for. Short, so that one that dies holds up nobody for long; given back only by who
//! has it.

use updraft_protocol::limits::CACHE_LEASE;
use updraft_redis::{Redis, Value, pipe};

use crate::key::CacheKey;

/// The right to load. It ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lease([u8; 16]);

/// Who loads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Leased {
    /// The one who asked.
    Here(Lease),
    /// Another process.
    Elsewhere,
    /// It cannot be known.
    Unknown,
}

/// Deletes a key only if it has that value.
const RELEASE: &str =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) else return 0 end";

fn key_of(space: &str, key: &CacheKey) -> String {
    format!("{space}:lease:{}", key.as_str())
}

pub(crate) async fn take((redis, space): (&Redis, &str), key: &CacheKey) -> Leased {
    let lease = Lease(rand::random());
    let mut commands = pipe();
    commands.cmd("SET").arg(key_of(space, key)).arg(&lease.0[..]);
    commands.arg("NX").arg("PX").arg(super::millis(CACHE_LEASE));
    match redis.look_up::<(Value,)>(commands).await {
        Ok((Value::Okay,)) => Leased::Here(lease),
        Ok((Value::Nil,)) => Leased::Elsewhere,
        _ => Leased::Unknown,
    }
}

/// Gives it back; if that is not possible it ends by itself.
pub(crate) async fn release((redis, space): (&Redis, &str), key: &CacheKey, Lease(token): Lease) {
    let mut commands = pipe();
    commands.cmd("EVAL").arg(RELEASE).arg(1).arg(key_of(space, key)).arg(&token[..]).ignore();
    let _ = redis.leave(commands).await;
}
