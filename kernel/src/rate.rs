//! Rates: at which instants calls may be made of which so many are allowed in a period. Decides by the times that it is
//! given; waits for nothing.
//!
//! The generic cell rate algorithm (ITU-T I.371, annex A), in its form of virtual scheduling: each call moves the
//! theoretical arrival time of the next one by one interval, and a call conforms as long as that is at most the
//! tolerance ahead of now. In any period there are at most `calls + burst` conforming ones, and `calls` in the long run.

use std::time::Duration;

use updraft_protocol::Rate;

/// One rate, and what was used of it. Times are durations since any one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateMeter {
    /// The time between two calls at the rate.
    interval: Duration,
    /// How far ahead of now the theoretical arrival time may be.
    tolerance: Duration,
    /// The theoretical arrival time.
    expected: Duration,
}

impl RateMeter {
    /// A rate of which nothing was used.
    pub fn new(rate: Rate) -> Self {
        // Rounded up: a vendor counts, and never rounds in a caller's favour.
        let nanos = rate.per().as_nanos().div_ceil(u128::from(rate.calls().get()));
        let interval = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let tolerance = interval.saturating_mul(rate.burst().get() - 1);
        Self { interval, tolerance, expected: Duration::ZERO }
    }

    /// The earliest instant at which a call conforms, which may be past.
    pub fn earliest(&self) -> Duration {
        self.expected.saturating_sub(self.tolerance)
    }

    /// Counts a call that is made at `now`, and conforms.
    pub fn take(&mut self, now: Duration) {
        self.expected = self.expected.max(now).saturating_add(self.interval);
    }

    /// Counts a call no longer that was not made.
    pub fn give_back(&mut self) {
        self.expected = self.expected.saturating_sub(self.interval);
    }

    /// Whether it is at `now` as if nothing had been used of it.
    pub fn is_unused(&self, now: Duration) -> bool {
        self.expected <= now
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use governor::clock::FakeRelativeClock;
    use governor::{Quota, RateLimiter};
    use proptest::prelude::*;

    use super::*;

    fn rate(calls: u32, per: Duration, burst: u32) -> Rate {
        let number = |number| NonZeroU32::new(number).unwrap();
        Rate::new(number(calls), per).unwrap().with_burst(number(burst)).unwrap()
    }

    /// Calls as early as they conform, from `from` on until `to`.
    fn calls(meter: &mut RateMeter, from: Duration, to: Duration) -> Vec<Duration> {
        let mut now = from;
        let mut made = Vec::new();
        loop {
            now = now.max(meter.earliest());
            if now >= to {
                return made;
            }
            meter.take(now);
            made.push(now);
        }
    }

    #[test]
    fn calls_are_spread_over_the_period_after_a_burst() {
        let mut meter = RateMeter::new(rate(4, Duration::from_secs(60), 2));
        let made = calls(&mut meter, Duration::ZERO, Duration::from_secs(60));
        assert_eq!(made, [0, 0, 15, 30, 45].map(Duration::from_secs));
    }

    #[test]
    fn what_was_not_made_is_given_back() {
        let mut meter = RateMeter::new(rate(1, Duration::from_secs(10), 1));
        meter.take(Duration::from_secs(5));
        assert_eq!(meter.earliest(), Duration::from_secs(15));
        meter.give_back();
        assert!(meter.is_unused(Duration::from_secs(5)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn no_period_has_more_calls_than_rate_and_burst(
            calls_in in 1_u32..200, burst in 1_u32..20, millis in 1_u64..100_000, from in 0_u64..1_000_000
        ) {
            let per = Duration::from_millis(millis);
            let burst = burst.min(calls_in);
            let mut meter = RateMeter::new(rate(calls_in, per, burst));
            let from = Duration::from_millis(from);
            let made = calls(&mut meter, from, from + per * 3);
            for (at, first) in made.iter().enumerate() {
                let in_period = made[at..].iter().take_while(|made| **made < *first + per).count();
                prop_assert!(in_period <= (calls_in + burst) as usize);
            }
            prop_assert!(made.len() >= 3 * calls_in as usize - 1);
        }

        /// The oracle is the crate `governor`, at times that go on by any steps.
        #[test]
        fn it_conforms_when_governor_does(
            calls_in in 1_u32..50, burst in 1_u32..10, steps in prop::collection::vec(0_u64..400, 1..200)
        ) {
            // A period whose interval is a whole number of nanoseconds: governor rounds down otherwise.
            let (interval, burst) = (Duration::from_millis(20), burst.min(calls_in));
            let mut meter = RateMeter::new(rate(calls_in, interval * calls_in, burst));
            let quota = Quota::with_period(interval).unwrap().allow_burst(NonZeroU32::new(burst).unwrap());
            let clock = FakeRelativeClock::default();
            let governor = RateLimiter::direct_with_clock(quota, clock.clone());
            let mut now = Duration::ZERO;
            for step in steps {
                now += Duration::from_millis(step);
                clock.advance(Duration::from_millis(step));
                let conforms = meter.earliest() <= now;
                if conforms {
                    meter.take(now);
                }
                prop_assert_eq!(conforms, governor.check().is_ok(), "at {:?}", now);
            }
        }
    }
}
