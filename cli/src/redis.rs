//! The Redis that the command line or the environment names. Owns the text as it was given, perhaps with a password: nothing
//! that shows options shows it.

use std::fmt;

use clap::Args;
use updraft::{Builder, RedisSettings};

use crate::exit;

/// Which Redis.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct RedisOption {
    /// A Redis that caches share with those of other engines on the same store: `redis://host:6379`, with TLS `rediss://`, by
    /// sentinels `redis+sentinel://host:26379/master`. Others of this machine can see what stands on the command line: an address
    /// with a password belongs into the environment variable.
    #[arg(long, env = "UPDRAFT_REDIS_URL", hide_env_values = true, value_name = "URL")]
    redis: Option<RedisText>,
}

/// An address as it was given, perhaps with a password: checked by us, since whoever parses options repeats what he refuses.
#[derive(Clone)]
struct RedisText(String);

impl From<String> for RedisText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for RedisText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisText")
    }
}

impl RedisOption {
    /// Whether there is one.
    pub(crate) fn is_named(&self) -> bool {
        self.redis.as_ref().is_some_and(|RedisText(text)| !text.is_empty())
    }

    /// The configuration with this Redis, its address checked. A variable that is empty names none.
    pub(crate) fn lay(&self, builder: Builder) -> Result<Builder, exit::Error> {
        match &self.redis {
            Some(RedisText(text)) if !text.is_empty() => {
                let settings =
                    RedisSettings::new(text).map_err(|error| exit::Error::refused("--redis", error))?;
                Ok(builder.redis(settings))
            }
            _ => Ok(builder),
        }
    }
}

#[cfg(test)]
mod tests {
    use updraft::Engine;

    use super::*;

    fn laid(text: &str) -> Result<(), String> {
        let option = RedisOption { redis: Some(RedisText(text.to_owned())) };
        assert!(!format!("{option:?}").contains("s3cret"));
        option.lay(Engine::builder()).map(drop).map_err(|error| error.to_string())
    }

    #[test]
    fn an_address_is_checked_and_its_login_is_repeated_nowhere() {
        assert_eq!(laid("redis://bob:s3cret@localhost"), Ok(()));
        assert_eq!(laid(""), Ok(()), "a variable that is empty names none");
        let refused = laid("redis://bob:s3cret@localhost,other").unwrap_err();
        assert!(
            refused.contains("Redis Cluster is not supported") && !refused.contains("s3cret"),
            "{refused}"
        );
    }
}
