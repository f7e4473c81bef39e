//! Redis: how it is reached, and what it means when it is not. Owns settings, the pool of connections, the breaker that leaves a
//! server alone, listening, health. Never the truth, and no meaning of keys: whoever uses it can do without.

mod address;
mod breaker;
mod client;
mod connect;
mod error;
mod health;
mod listen;
mod pool;
mod pool_mode;
mod sentinel;
mod settings;
mod stream;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod thread;

pub use address::RedisAddress;
pub use client::Redis;
pub use error::Error;
pub use health::{RedisFigures, RedisHealth, RedisTrouble};
pub use listen::{Heard, Listening};
pub use pool_mode::RedisPoolMode;
pub use redis::{FromRedisValue, Pipeline, Value, cmd, pipe};
pub use settings::RedisSettings;
pub use stream::{DeadMessage, GivenBefore, StreamConsumer, StreamMessage, add_message};
