//! Entries: a value, or that there is none, and for how long. Owns the times of an entry's life; keeps nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use updraft_protocol::limits::{CACHE_JITTER_PERCENT, CACHE_REFRESH_PART, CACHE_REFRESH_USES};

use crate::kind::CacheKind;

/// What is kept of a key. Clones are one entry.
#[derive(Debug, Clone)]
pub struct Entry<V> {
    value: Option<V>,
    made: Instant,
    /// How long it is fresh, from then on.
    fresh: Duration,
    /// How long it is kept, from then on.
    kept: Duration,
    /// How often it was read here.
    uses: Arc<AtomicU32>,
}

/// How old an entry is, for what becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    /// It is given as it is.
    Fresh,
    /// It is given, used often, and soon over: it is worth to be loaded again now.
    Ending,
    /// Its life is over; who may have a stale value is given it.
    Stale,
    /// It is not given.
    Over,
}

impl<V> Entry<V> {
    /// An entry that was loaded now; `None` where there is no value, and its kind does not keep that.
    pub fn new(value: Option<V>, kind: &CacheKind) -> Option<Self> {
        let life = if value.is_some() { kind.life } else { kind.negative_life? };
        let stale = if value.is_some() { kind.stale_life } else { Duration::ZERO };
        let fresh = jittered(life);
        Some(Self::of(value, Duration::ZERO, fresh, fresh.saturating_add(stale)))
    }

    /// An entry that has this age already.
    pub(crate) fn of(value: Option<V>, age: Duration, fresh: Duration, kept: Duration) -> Self {
        let now = Instant::now();
        // A machine that has just started knows no instant before.
        let made = now.checked_sub(age).unwrap_or(now);
        Self { value, made, fresh, kept, uses: Arc::default() }
    }

    /// The value; `None` where it is known that there is none.
    pub fn value(&self) -> Option<&V> {
        self.value.as_ref()
    }

    /// How long ago it was loaded.
    pub fn age(&self) -> Duration {
        self.made.elapsed()
    }

    /// What is left until it is not kept any longer.
    pub(crate) fn left(&self) -> Duration {
        self.kept.saturating_sub(self.age())
    }

    /// How long it is fresh and kept from now on; `None` where it is neither.
    pub(crate) fn lives(&self) -> Option<(Duration, Duration)> {
        let age = self.age();
        Some((self.fresh.checked_sub(age)?, self.kept.checked_sub(age)?))
            .filter(|(fresh, _)| !fresh.is_zero())
    }

    /// How old it is for a reader, who counts.
    pub(crate) fn used(&self) -> Age {
        let uses = self.uses.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let age = self.age();
        if age >= self.kept {
            Age::Over
        } else if age >= self.fresh {
            Age::Stale
        } else if uses >= CACHE_REFRESH_USES && age >= self.fresh - self.fresh / CACHE_REFRESH_PART {
            Age::Ending
        } else {
            Age::Fresh
        }
    }

    pub(crate) fn into_value(self) -> Option<V> {
        self.value
    }
}

/// A life that is a little longer or shorter.
fn jittered(life: Duration) -> Duration {
    let percent = rand::random_range(100 - CACHE_JITTER_PERCENT..=100 + CACHE_JITTER_PERCENT);
    life.saturating_mul(percent) / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: CacheKind = CacheKind::new("k", 1)
        .life(Duration::from_secs(100))
        .stale_life(Duration::from_secs(50))
        .negative_life(Duration::from_secs(10));

    #[test]
    fn lives_differ_by_a_tenth_and_not_by_more() {
        let lives: Vec<u128> =
            (0..200).map(|_| jittered(Duration::from_secs(100)).as_secs().into()).collect();
        assert!(lives.iter().all(|life| (90..=110).contains(life)));
        assert!(lives.iter().any(|life| *life < 98) && lives.iter().any(|life| *life > 102));
    }

    #[tokio::test(start_paused = true)]
    async fn an_entry_is_fresh_then_stale_then_over() {
        let entry = Entry::new(Some("v"), &KIND).unwrap();
        assert_eq!(entry.used(), Age::Fresh);
        tokio::time::advance(Duration::from_secs(111)).await;
        assert_eq!(entry.used(), Age::Stale);
        tokio::time::advance(Duration::from_secs(50)).await;
        assert_eq!((entry.used(), entry.left()), (Age::Over, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_used_often_is_worth_a_load_before_it_ends() {
        let entry = Entry::of(Some("v"), Duration::ZERO, Duration::from_secs(100), Duration::from_secs(100));
        tokio::time::advance(Duration::from_secs(91)).await;
        let ages: Vec<Age> = (0..CACHE_REFRESH_USES).map(|_| entry.used()).collect();
        assert_eq!(ages.last(), Some(&Age::Ending));
        assert!(ages.iter().rev().skip(1).all(|age| *age == Age::Fresh));
    }

    #[tokio::test(start_paused = true)]
    async fn that_there_is_none_is_kept_for_its_own_time_or_not_at_all() {
        let entry = Entry::<u8>::new(None, &KIND).unwrap();
        tokio::time::advance(Duration::from_secs(12)).await;
        assert_eq!(entry.used(), Age::Over, "nothing negative is given when it is stale");
        assert!(Entry::<u8>::new(None, &CacheKind::new("k", 1)).is_none());
    }
}
