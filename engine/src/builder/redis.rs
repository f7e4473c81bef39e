//! The builder's setting of Redis.

use updraft_redis::RedisSettings;

use super::Builder;

impl Builder {
    /// Redis, which caches of this engine share with those of others on the same store; by default there is none. It is never the
    /// truth: without it the engine goes on, and says so in its [health](crate::Engine::health).
    #[must_use]
    pub fn redis(mut self, settings: RedisSettings) -> Self {
        self.redis = Some(settings);
        self
    }
}
