//! Quotas of a day: how many calls a tool takes until midnight, which outlives the process. Calls are granted by the store in
//! blocks, which are counted before their calls are made: what a crash leaves of a block is lost, and nothing is used twice.
//! Decides by the times that it is given; asks and stores nothing.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A day of the calendar of vendors, which is UTC's.
pub const DAY: Duration = Duration::from_secs(24 * 3600);

/// What is stored of a quota: how many calls of a day are granted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantedCalls {
    /// The day, counted from 1970-01-01.
    pub day: u64,
    /// Its calls that were granted, whether they were made or not.
    pub calls: u32,
}

impl GrantedCalls {
    /// The next block of a day's calls, and what is stored of it; a block without calls where all are granted.
    pub fn block(self, day: u64, calls: NonZeroU32) -> (u32, Self) {
        let granted = if self.day == day { self.calls } else { 0 };
        let block = block_of(calls).min(calls.get().saturating_sub(granted));
        (block, Self { day, calls: granted + block })
    }

    /// What is stored once calls of a day are given back that were not made.
    pub fn given_back(self, day: u64, calls: u32) -> Self {
        let calls = if self.day == day { self.calls.saturating_sub(calls) } else { self.calls };
        Self { day: self.day, calls }
    }
}

/// So many calls are granted at once: a fiftieth of the day's, so that a crash loses little, and the store is seldom asked.
fn block_of(calls: NonZeroU32) -> u32 {
    (calls.get() / 50).max(1)
}

/// Whether a call may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum QuotaVerdict {
    /// It may.
    Pass,
    /// All calls of the day are granted: not before midnight.
    Later(Duration),
    /// A block was asked for, and is not granted yet.
    Asking,
}

/// A quota. Times are durations since one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayQuota {
    calls: NonZeroU32,
    /// From 1970-01-01 to that instant.
    since_epoch: Duration,
    /// The day that the rest is about.
    day: u64,
    /// Calls that are granted and not made.
    left: u32,
    /// Whether all calls of the day are granted.
    all_granted: bool,
    /// Whether a block is being asked for.
    is_asking: bool,
}

impl DayQuota {
    /// A quota of which nothing is known: the store says what is left of the day.
    pub fn new(calls: NonZeroU32, since_epoch: Duration) -> Self {
        Self { calls, since_epoch, day: 0, left: 0, all_granted: false, is_asking: false }
    }

    /// The day of an instant.
    pub fn day_at(&self, now: Duration) -> u64 {
        (self.since_epoch + now).as_secs() / DAY.as_secs()
    }

    /// The calls of a day.
    pub fn calls(&self) -> NonZeroU32 {
        self.calls
    }

    /// Whether a call may be made at `now`.
    pub fn verdict(&self, now: Duration) -> QuotaVerdict {
        let day = self.day_at(now);
        if self.day == day && self.left > 0 {
            QuotaVerdict::Pass
        } else if self.day == day && self.all_granted {
            let midnight = DAY * u32::try_from(day + 1).unwrap_or(u32::MAX);
            QuotaVerdict::Later(midnight.saturating_sub(self.since_epoch))
        } else {
            QuotaVerdict::Asking
        }
    }

    /// Counts a call that may be made.
    pub fn take(&mut self) {
        self.left = self.left.saturating_sub(1);
    }

    /// A call that was counted at this instant was not made. One of another day is of no use any more.
    pub fn give_back(&mut self, taken: Duration) {
        if self.day == self.day_at(taken) {
            self.left += 1;
        }
    }

    /// The day for which a further block is to be asked for, before the last one is used up, or because somebody waits; `None`
    /// where none is needed now. From then on it is being asked for.
    pub fn ask(&mut self, now: Duration, somebody_waits: bool) -> Option<u64> {
        let day = self.day_at(now);
        let is_low = if self.day != day || self.left == 0 {
            somebody_waits && !(self.day == day && self.all_granted)
        } else {
            self.left <= block_of(self.calls) / 2 && !self.all_granted
        };
        (is_low && !std::mem::replace(&mut self.is_asking, true)).then_some(day)
    }

    /// A block of this day was granted; without calls where all of the day are granted.
    pub fn granted(&mut self, day: u64, calls: u32) {
        self.is_asking = false;
        if self.day != day {
            (self.day, self.left) = (day, 0);
        }
        self.left += calls;
        self.all_granted = calls == 0;
    }

    /// The store could not be asked: it is asked again.
    pub fn refused(&mut self) {
        self.is_asking = false;
    }

    /// Takes the calls that are granted and not made, to be given back to the store, with their day.
    pub fn leave(&mut self) -> (u64, u32) {
        (self.day, std::mem::take(&mut self.left))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(number: u32) -> NonZeroU32 {
        NonZeroU32::new(number).unwrap()
    }

    /// Noon of day 20,000.
    fn noon() -> Duration {
        DAY * 20_000 + DAY / 2
    }

    /// Asks the store for a block, if one is needed.
    fn serve(quota: &mut DayQuota, stored: &mut GrantedCalls, now: Duration) {
        while let Some(day) = quota.ask(now, true) {
            let (calls, granted) = stored.block(day, quota.calls());
            *stored = granted;
            quota.granted(day, calls);
        }
    }

    #[test]
    fn calls_are_granted_in_blocks_until_the_day_has_none_and_midnight_brings_others() {
        let (mut quota, mut stored) = (DayQuota::new(number(100), noon()), GrantedCalls::default());
        assert_eq!(quota.verdict(Duration::ZERO), QuotaVerdict::Asking);
        let mut made = 0;
        loop {
            serve(&mut quota, &mut stored, Duration::ZERO);
            match quota.verdict(Duration::ZERO) {
                QuotaVerdict::Pass => quota.take(),
                verdict => break assert_eq!(verdict, QuotaVerdict::Later(DAY / 2)),
            }
            made += 1;
        }
        assert_eq!((made, stored), (100, GrantedCalls { day: 20_000, calls: 100 }));
        serve(&mut quota, &mut stored, DAY / 2);
        assert_eq!(
            (quota.verdict(DAY / 2), stored),
            (QuotaVerdict::Pass, GrantedCalls { day: 20_001, calls: 2 })
        );
    }

    #[test]
    fn a_call_that_was_not_made_is_there_again_on_its_day_alone() {
        let (mut quota, mut stored) = (DayQuota::new(number(1), noon()), GrantedCalls::default());
        serve(&mut quota, &mut stored, Duration::ZERO);
        quota.take();
        serve(&mut quota, &mut stored, Duration::ZERO);
        assert_eq!(quota.verdict(Duration::ZERO), QuotaVerdict::Later(DAY / 2));
        quota.give_back(Duration::ZERO);
        assert_eq!(quota.verdict(Duration::ZERO), QuotaVerdict::Pass);
        quota.take();
        serve(&mut quota, &mut stored, DAY / 2);
        quota.give_back(Duration::ZERO);
        quota.take();
        assert_ne!(quota.verdict(DAY / 2), QuotaVerdict::Pass, "it was one of yesterday");
    }

    #[test]
    fn nothing_is_asked_for_that_nobody_waits_for() {
        let (mut quota, mut stored) = (DayQuota::new(number(3), noon()), GrantedCalls::default());
        serve(&mut quota, &mut stored, Duration::ZERO);
        quota.take();
        assert_eq!(quota.ask(Duration::ZERO, false), None, "a crash would lose it");
        assert_eq!(quota.ask(Duration::ZERO, true), Some(20_000));
        assert_eq!(quota.ask(Duration::ZERO, true), None, "it is being asked for");
    }

    #[test]
    fn what_an_end_in_order_leaves_is_given_back_to_its_own_day() {
        let (mut quota, mut stored) = (DayQuota::new(number(100), noon()), GrantedCalls::default());
        serve(&mut quota, &mut stored, Duration::ZERO);
        quota.take();
        let (day, left) = quota.leave();
        let granted = stored.calls;
        assert_eq!(stored.given_back(day, left), GrantedCalls { day: 20_000, calls: 1 });
        assert_eq!(stored.given_back(19_999, 1), GrantedCalls { day: 20_000, calls: granted });
        assert_ne!(quota.verdict(Duration::ZERO), QuotaVerdict::Pass);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        /// Claim: whatever crashes and restarts come, on no day more calls are made than the quota has, and a crash loses
        /// at most two blocks.
        #[test]
        fn no_day_has_more_calls_than_its_quota(
            calls in 1_u32..300, steps in prop::collection::vec((0_u8..20, 0_u64..3_600), 1..400)
        ) {
            let mut stored = GrantedCalls::default();
            let mut quota = DayQuota::new(number(calls), noon());
            let (mut now, mut made) = (Duration::ZERO, std::collections::BTreeMap::<u64, u32>::new());
            let mut crashes = 0;
            for (what, pause) in steps {
                now += Duration::from_secs(pause);
                if what == 0 {
                    crashes += 1;
                    quota = DayQuota::new(number(calls), noon());
                }
                serve(&mut quota, &mut stored, now);
                if quota.verdict(now) == QuotaVerdict::Pass {
                    quota.take();
                    *made.entry(quota.day_at(now)).or_default() += 1;
                } else {
                    let used = made.get(&quota.day_at(now)).copied().unwrap_or_default();
                    prop_assert!(used + crashes * 2 * block_of(number(calls)) >= calls, "calls are lost");
                }
            }
            prop_assert!(made.values().all(|made| *made <= calls));
        }
    }
}
