//! Stretches: the dates that a list is asked for at once, newest first. A server may read all that a question
//! matches before it heeds the limit; where that takes it long, a page is read in stretches of time instead, and
//! costs what lies in them. Decides which stretch is next; asks no server and reads no clock.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use updraft_protocol::Timestamp;
use updraft_protocol::limits::{
    LIST_PATIENCE, STRETCH_FACTOR, STRETCH_FIRST, STRETCH_PATIENCE, STRETCHED_LISTS, STRETCHED_PAGES,
};

/// The dates from `from` on and before `before`; without a bound where there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) from: Option<Timestamp>,
    pub(super) before: Option<Timestamp>,
}

/// What the first stretch of a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    /// All that there is.
    Whole,
    /// A short one.
    Short,
    /// A little more than what is not older than this.
    Since(Timestamp),
}

/// The way back through time of one page.
#[derive(Debug)]
pub(super) struct Stretches {
    /// Where the next stretch ends.
    before: Option<Timestamp>,
    /// What stands for the end where there is none.
    now: Timestamp,
    /// Its milliseconds; none for all that is older.
    span: Option<u64>,
    /// Where the last stretch that took too long began: up to there stretches stay short.
    crowded: Option<Timestamp>,
    /// Whether what is asked for now was remembered.
    hinted: bool,
}

impl Stretches {
    /// Begins at `before`, or at the newest.
    pub(super) fn new(before: Option<Timestamp>, now: Timestamp, first: First) -> Self {
        let span = match first {
            First::Whole => None,
            First::Short => Some(shortest()),
            First::Since(date) => Some(now.since(date).saturating_add(shortest())),
        };
        Self { before, now, span, crowded: None, hinted: matches!(first, First::Since(_)) }
    }

    /// What to ask for now.
    pub(super) fn next(&self) -> Stretch {
        let end = self.before.unwrap_or(self.now);
        let from = self.span.map(|span| Timestamp(end.0.saturating_sub(span)));
        Stretch { from: from.filter(|from| from.0 > 0), before: self.before }
    }

    /// How long the server may take over it. What cannot be divided is waited for.
    pub(super) fn patience(&self) -> Option<Duration> {
        match self.span {
            None => Some(LIST_PATIENCE),
            Some(1) => None,
            Some(_) => Some(STRETCH_PATIENCE),
        }
    }

    /// What was asked for has been read. False where nothing is older.
    pub(super) fn read(&mut self) -> bool {
        let Some(from) = self.next().from else { return false };
        self.before = Some(from);
        self.hinted = false;
        if self.crowded.is_none_or(|crowded| from <= crowded) {
            self.crowded = None;
            // A span of more than all time reaches to its beginning.
            self.span = self.span.map(|span| span.saturating_mul(STRETCH_FACTOR));
        }
        true
    }

    /// What was asked for takes too long.
    pub(super) fn late(&mut self) {
        match self.span.filter(|_| !std::mem::take(&mut self.hinted)) {
            Some(span) => {
                self.crowded = self.next().from;
                self.span = Some((span / STRETCH_FACTOR).max(1));
            }
            // Where in all that is crowded nobody knows, nor in what was remembered wrongly: that may be all time.
            None => self.span = Some(shortest()),
        }
    }
}

fn shortest() -> u64 {
    u64::try_from(STRETCH_FIRST.as_millis()).unwrap_or(u64::MAX)
}

/// A list, by a hash of what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ListId(u64);

impl ListId {
    pub(super) fn of(asked: impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        asked.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// What is remembered of a server that was late: the next pages begin short, then it is tried again; and how far back
/// the newest page of a list reached, which is where its next one begins. Hints: what is wrong about them costs a
/// page a question more. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Lateness(Arc<Remembered>);

struct Remembered {
    /// How many pages are yet to begin short.
    pages: AtomicU32,
    /// Dates, one more than they are; lists whose ids meet share one.
    reached: [AtomicU64; STRETCHED_LISTS],
}

impl Default for Remembered {
    fn default() -> Self {
        Self { pages: AtomicU32::new(0), reached: std::array::from_fn(|_| AtomicU64::new(0)) }
    }
}

impl Lateness {
    /// The server was late with a list, or with a stretch of one.
    pub(super) fn met(&self) {
        self.0.pages.store(STRETCHED_PAGES, Ordering::Relaxed);
    }

    /// What the next page is to begin with; `newest` is its list where it is the newest page.
    pub(super) fn first(&self, newest: Option<ListId>) -> First {
        let less = |left: u32| left.checked_sub(1);
        if self.0.pages.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_err() {
            return First::Whole;
        }
        let reached = newest.and_then(|list| self.place(list)?.load(Ordering::Relaxed).checked_sub(1));
        reached.map_or(First::Short, |date| First::Since(Timestamp(date)))
    }

    /// The newest page of a list reached back to this date.
    pub(super) fn reached(&self, list: ListId, date: Timestamp) {
        if let Some(place) = self.place(list) {
            place.store(date.0.saturating_add(1), Ordering::Relaxed);
        }
    }

    fn place(&self, list: ListId) -> Option<&AtomicU64> {
        self.0.reached.get((list.0 % STRETCHED_LISTS as u64) as usize)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a page of `dates`, newest first, from a server that is late with more than `most` of them, and says
    /// how often it was asked.
    fn page(dates: &[u64], now: u64, limit: usize, most: usize, first: First) -> (Vec<u64>, usize) {
        let mut stretches = Stretches::new(None, Timestamp(now), first);
        let (mut found, mut asked) = (Vec::new(), 0);
        while found.len() < limit {
            let stretch = stretches.next();
            let within = |date: &&u64| {
                stretch.from.is_none_or(|from| **date >= from.0)
                    && stretch.before.is_none_or(|before| **date < before.0)
            };
            let mut there: Vec<_> = dates.iter().filter(within).copied().collect();
            asked += 1;
            if there.len() > most && stretches.patience().is_some() {
                stretches.late();
                continue;
            }
            there.sort_unstable_by(|a, b| b.cmp(a));
            there.truncate(limit - found.len());
            found.append(&mut there);
            if !stretches.read() {
                break;
            }
        }
        (found, asked)
    }

    #[test]
    fn a_server_that_is_in_time_is_asked_once() {
        let dates: Vec<_> = (1..=1_000).collect();
        assert_eq!(page(&dates, 1_000, 10, 1_000, First::Whole), ((991..=1_000).rev().collect(), 1));
    }

    #[test]
    fn one_that_is_late_is_asked_for_little_wherever_the_newest_are() {
        let burst: Vec<_> = (1_000_000..1_100_000).collect();
        for now in [1_100_000, 2_000_000, 1_760_000_000_000] {
            let (found, asked) = page(&burst, now, 100, 500, First::Short);
            assert_eq!(found, (1_099_900..1_100_000).rev().collect::<Vec<_>>());
            assert!(asked < 90, "{asked} questions at {now}");
        }
    }

    #[test]
    fn a_page_that_begins_where_the_last_one_reached_takes_one_question() {
        let burst: Vec<_> = (1_000_000..1_100_000).collect();
        for now in [1_100_000, 2_000_000, 1_760_000_000_000] {
            let (found, asked) = page(&burst, now, 100, 500, First::Since(Timestamp(1_099_900)));
            assert_eq!((found.len(), found[0], asked), (100, 1_099_999, 1), "at {now}");
        }
    }

    #[test]
    fn it_is_remembered_of_each_list_how_far_its_newest_page_reached() {
        let lateness = Lateness::default();
        let [one, other] = ["one", "other"].map(ListId::of);
        lateness.met();
        assert_eq!(lateness.first(Some(one)), First::Short);
        lateness.reached(one, Timestamp(7));
        assert_eq!(lateness.first(Some(one)), First::Since(Timestamp(7)));
        assert_eq!((lateness.first(Some(other)), lateness.first(None)), (First::Short, First::Short));
    }

    #[test]
    fn a_server_that_was_late_is_tried_again() {
        let lateness = Lateness::default();
        assert_eq!(lateness.first(None), First::Whole);
        lateness.met();
        let short = (0..=STRETCHED_PAGES).filter(|_| lateness.first(None) == First::Short).count();
        assert_eq!(short, STRETCHED_PAGES as usize);
        assert_eq!(lateness.first(None), First::Whole);
    }

    proptest! {
        #[test]
        fn a_page_is_the_newest_whatever_is_late(
            mut dates in prop::collection::vec(prop_oneof![0_u64..300, 0_u64..1 << 42], 0..200),
            now in prop_oneof![0_u64..400, 0_u64..1 << 42],
            limit in 1_usize..50,
            most in 0_usize..100,
            first in prop_oneof![
                Just(First::Whole),
                Just(First::Short),
                (0_u64..400).prop_map(|date| First::Since(Timestamp(date))),
                (0_u64..1 << 42).prop_map(|date| First::Since(Timestamp(date))),
            ],
        ) {
            let (found, asked) = page(&dates, now, limit, most, first);
            dates.sort_unstable_by(|a, b| b.cmp(a));
            dates.truncate(limit);
            prop_assert_eq!(found, dates);
            // Each date may cost the way down to it, at most eight stretches of each of fourteen lengths and one that
            // is late, and the way up again.
            prop_assert!(asked <= 140 * (limit + 2), "{} questions", asked);
        }
    }
}
