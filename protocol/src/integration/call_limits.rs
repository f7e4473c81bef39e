//! Call limits: how many calls a tool takes at once, and how many in a time. Declares; counts nothing.

use std::num::NonZeroU32;
use std::time::Duration;

use thiserror::Error;

use crate::limits::{CALL_RATES, CALLS_AT_ONCE, RATE_PERIOD};

/// So many calls in a period, spread evenly over it but for a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    calls: NonZeroU32,
    per: Duration,
    burst: NonZeroU32,
}

/// Limits that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LimitError {
    /// A period that is too short or too long.
    #[error("a rate is for a period from 1ms to {} days", RATE_PERIOD.as_secs() / 86_400)]
    Period,
    /// More than one call in a nanosecond.
    #[error("{calls} calls are too many for {} ms", .per.as_millis())]
    TooFast {
        /// The calls.
        calls: u32,
        /// The period.
        per: Duration,
    },
    /// A burst that is larger than the rate.
    #[error("a burst of {burst} is more than the {calls} calls of the rate")]
    Burst {
        /// The burst.
        burst: u32,
        /// The calls of the rate.
        calls: u32,
    },
    /// More rates than are counted.
    #[error("at most {CALL_RATES} rates")]
    TooManyRates,
    /// More calls at once than are counted.
    #[error("at most {CALLS_AT_ONCE} calls at once")]
    TooManyAtOnce,
    /// The same share as all.
    #[error("{of_tenant} calls of a tenant at once are more than the {at_once} of all")]
    ShareOfTenant {
        /// Those of one tenant.
        of_tenant: u32,
        /// Those of all.
        at_once: u32,
    },
}

impl LimitError {
    /// Whether the same limits can be valid another time: never.
    pub fn retryable(&self) -> bool {
        false
    }
}

impl Rate {
    /// `calls` in each period `per`; at most a twentieth of them, and at least one, together.
    ///
    /// # Errors
    /// A period below a millisecond or above the limit, or so short that calls have no time between them.
    pub fn new(calls: NonZeroU32, per: Duration) -> Result<Self, LimitError> {
        if per < Duration::from_millis(1) || per > RATE_PERIOD {
            return Err(LimitError::Period);
        }
        if per.as_nanos() < u128::from(calls.get()) {
            return Err(LimitError::TooFast { calls: calls.get(), per });
        }
        let burst = NonZeroU32::new(calls.get() / 20).unwrap_or(NonZeroU32::MIN);
        Ok(Self { calls, per, burst })
    }

    /// With so many calls together after a pause. A vendor who counts in windows may see that many more in one.
    ///
    /// # Errors
    /// More than the calls of the rate.
    pub fn with_burst(self, burst: NonZeroU32) -> Result<Self, LimitError> {
        if burst > self.calls {
            return Err(LimitError::Burst { burst: burst.get(), calls: self.calls.get() });
        }
        Ok(Self { burst, ..self })
    }

    /// The calls in a period.
    pub fn calls(self) -> NonZeroU32 {
        self.calls
    }

    /// The period.
    pub fn per(self) -> Duration {
        self.per
    }

    /// The calls that may be made together after a pause.
    pub fn burst(self) -> NonZeroU32 {
        self.burst
    }
}

/// The limits of one tool. What a limit holds back waits in line, fairly by tenant, and does not fail for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallLimits {
    at_once: Option<NonZeroU32>,
    at_once_of_tenant: Option<NonZeroU32>,
    rates: Vec<Rate>,
    daily: Option<NonZeroU32>,
    shared: bool,
}

impl CallLimits {
    /// No limits, counted for each tenant.
    pub fn new() -> Self {
        Self::default()
    }

    /// So many calls at once.
    #[must_use]
    pub fn at_once(mut self, calls: NonZeroU32) -> Self {
        self.at_once = Some(calls);
        self
    }

    /// So many calls of one tenant at once, where the limits are [shared](Self::shared).
    #[must_use]
    pub fn at_once_of_tenant(mut self, calls: NonZeroU32) -> Self {
        self.at_once_of_tenant = Some(calls);
        self
    }

    /// So many calls in a time; each rate that is given holds.
    #[must_use]
    pub fn rate(mut self, rate: Rate) -> Self {
        self.rates.push(rate);
        self
    }

    /// So many calls a day, from midnight to midnight UTC. What was used outlives the engine: it is stored, in blocks of a
    /// fiftieth, of which a crash may lose what was not used.
    #[must_use]
    pub fn daily(mut self, calls: NonZeroU32) -> Self {
        self.daily = Some(calls);
        self
    }

    /// All tenants together, as where they share one account at the vendor; else each has the limits for itself.
    #[must_use]
    pub fn shared(mut self) -> Self {
        self.shared = true;
        self
    }

    /// The same, with no more than so many calls at once.
    #[must_use]
    pub fn at_most_at_once(mut self, calls: NonZeroU32) -> Self {
        self.at_once = Some(self.at_once.map_or(calls, |declared| declared.min(calls)));
        self.at_once_of_tenant = self.at_once_of_tenant.map(|declared| declared.min(calls));
        self
    }

    /// Whether the limits can be meant.
    ///
    /// # Errors
    /// The first that cannot.
    pub fn checked(&self) -> Result<(), LimitError> {
        if self.rates.len() > CALL_RATES {
            return Err(LimitError::TooManyRates);
        }
        let at_once = [self.at_once, self.at_once_of_tenant].into_iter().flatten();
        if at_once.into_iter().any(|calls| calls.get() > CALLS_AT_ONCE) {
            return Err(LimitError::TooManyAtOnce);
        }
        match (self.at_once, self.at_once_of_tenant) {
            (Some(all), Some(own)) if own > all => {
                Err(LimitError::ShareOfTenant { of_tenant: own.get(), at_once: all.get() })
            }
            _ => Ok(()),
        }
    }

    /// How many calls at once; as many as are counted where nothing is said.
    pub fn places(&self) -> usize {
        self.at_once.map_or(CALLS_AT_ONCE, NonZeroU32::get) as usize
    }

    /// How many calls of one tenant at once.
    pub fn places_of_tenant(&self) -> usize {
        self.at_once_of_tenant.map_or(self.places(), |calls| calls.get() as usize)
    }

    /// The rates that hold.
    pub fn rates(&self) -> &[Rate] {
        &self.rates
    }

    /// The calls of a day.
    pub fn calls_of_day(&self) -> Option<NonZeroU32> {
        self.daily
    }

    /// Whether all tenants have them together.
    pub fn is_shared(&self) -> bool {
        self.shared
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(number: u32) -> NonZeroU32 {
        NonZeroU32::new(number).unwrap()
    }

    #[test]
    fn a_rate_has_a_period_that_can_be_kept_and_a_burst_within_it() {
        let rate = |calls, per| Rate::new(number(calls), per);
        assert_eq!(rate(4, Duration::from_secs(60)).unwrap().burst().get(), 1);
        assert_eq!(rate(100, Duration::from_secs(1)).unwrap().burst().get(), 5);
        assert_eq!(rate(1, Duration::ZERO), Err(LimitError::Period));
        assert_eq!(rate(1, RATE_PERIOD + Duration::from_secs(1)), Err(LimitError::Period));
        let per = Duration::from_millis(1);
        assert_eq!(rate(2_000_000, per), Err(LimitError::TooFast { calls: 2_000_000, per }));
        let four = rate(4, Duration::from_secs(60)).unwrap();
        assert_eq!(four.with_burst(number(5)), Err(LimitError::Burst { burst: 5, calls: 4 }));
        assert_eq!(four.with_burst(number(4)).unwrap().burst().get(), 4);
    }

    #[test]
    fn limits_that_cannot_be_meant_are_refused() {
        let limits = CallLimits::new();
        assert_eq!(limits.checked(), Ok(()));
        assert_eq!(limits.places(), CALLS_AT_ONCE as usize);
        let own = limits.clone().at_once(number(2)).at_once_of_tenant(number(3));
        assert_eq!(own.checked(), Err(LimitError::ShareOfTenant { of_tenant: 3, at_once: 2 }));
        let own = own.at_most_at_once(number(1));
        assert_eq!((own.places(), own.places_of_tenant(), own.checked()), (1, 1, Ok(())));
        assert_eq!(limits.clone().at_most_at_once(number(7)).places(), 7);
        let many = limits.clone().at_once(number(CALLS_AT_ONCE + 1));
        assert_eq!(many.checked(), Err(LimitError::TooManyAtOnce));
        let minute = Rate::new(number(1), Duration::from_secs(60)).unwrap();
        let rates = (0..=CALL_RATES).fold(limits, |limits, _| limits.rate(minute));
        assert_eq!(rates.checked(), Err(LimitError::TooManyRates));
    }
}
