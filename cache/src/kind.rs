//! Kinds: what the entries of one cache have in common. Owns their lives and their bounds.

use std::time::Duration;

use updraft_protocol::limits::{CACHE_BYTES, CACHE_ENTRIES};

/// Which entries stay where there is no room for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Those that were used most: one that is used once does not displace one that is used often.
    MostUsed,
    /// Those that were used last: one that is new always stays.
    LastUsed,
}

/// A kind of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheKind {
    /// Its name, in keys and figures.
    pub name: &'static str,
    /// The version of the form of its values: those of another one are not found.
    pub schema: u32,
    /// How long a value is fresh, give or take a tenth.
    pub life: Duration,
    /// How long it stays known that there is no value; `None` where that is asked again each time.
    pub negative_life: Option<Duration>,
    /// How long after its life a value is still given, by [`Cache::get_or_refresh`](crate::Cache::get_or_refresh), while it
    /// is loaded again.
    pub stale_life: Duration,
    /// Entries in memory.
    pub entries: usize,
    /// What they weigh in memory.
    pub bytes: usize,
    /// Which of them stay.
    pub keep: Keep,
}

impl CacheKind {
    /// A kind with the defaults: five minutes, nothing negative or stale, ten thousand entries of 64 MiB.
    pub const fn new(name: &'static str, schema: u32) -> Self {
        Self {
            name,
            schema,
            life: Duration::from_secs(300),
            negative_life: None,
            stale_life: Duration::ZERO,
            entries: CACHE_ENTRIES,
            bytes: CACHE_BYTES,
            keep: Keep::MostUsed,
        }
    }

    /// The same with another life.
    #[must_use]
    pub const fn life(self, life: Duration) -> Self {
        Self { life, ..self }
    }

    /// The same, with a life of "there is none".
    #[must_use]
    pub const fn negative_life(self, life: Duration) -> Self {
        Self { negative_life: Some(life), ..self }
    }

    /// The same, with a time for which a stale value is given while it is loaded again.
    #[must_use]
    pub const fn stale_life(self, life: Duration) -> Self {
        Self { stale_life: life, ..self }
    }

    /// The same with another bound in memory.
    #[must_use]
    pub const fn bound(self, entries: usize, bytes: usize, keep: Keep) -> Self {
        Self { entries, bytes, keep, ..self }
    }
}
