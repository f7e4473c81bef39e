//! Measures: histograms of latencies and counts of what became of executions. Owns no load.

use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use metrics::counter;

use crate::error::Error;

/// The longest latency that is told apart, in microseconds: an hour.
const MOST_US: u64 = 3_600_000_000;
/// Digits that a latency is kept with.
const DIGITS: u8 = 3;

/// Latencies in microseconds.
pub struct Latencies(Mutex<Histogram<u64>>);

impl Latencies {
    /// None yet.
    pub fn new() -> Result<Self, Error> {
        let histogram = Histogram::new_with_bounds(1, MOST_US, DIGITS);
        let histogram = histogram.map_err(|error| Error::of("histogram", error))?;
        Ok(Self(Mutex::new(histogram)))
    }

    /// Keeps one.
    pub fn record(&self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(MOST_US);
        self.lock().saturating_record(micros);
    }

    /// The latency in microseconds that this share stays below; none where nothing was recorded.
    pub fn us(&self, share: f64) -> Option<f64> {
        let histogram = self.lock();
        (!histogram.is_empty()).then(|| histogram.value_at_quantile(share) as f64)
    }

    /// The same in milliseconds.
    pub(crate) fn ms(&self, share: f64) -> Option<f64> {
        self.us(share).map(|micros| micros / 1e3)
    }

    pub(crate) fn mean(&self) -> Option<Duration> {
        let histogram = self.lock();
        (!histogram.is_empty()).then(|| Duration::from_secs_f64(histogram.mean() / 1e6))
    }

    /// Median and 99th percentile in microseconds, and forgets them.
    pub(crate) fn take(&self) -> Option<(f64, f64)> {
        let taken = self.us(0.5).zip(self.us(0.99));
        self.lock().reset();
        taken
    }

    fn lock(&self) -> MutexGuard<'_, Histogram<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The measures of one phase. An execution belongs to the phase in which it arrived.
pub struct Meter {
    /// From the arrival to the durable acknowledgement.
    pub submit: Latencies,
    /// From the arrival to the end of the execution.
    pub execution: Latencies,
    /// The same of a tenant that floods the engine: it is not mixed with the others.
    pub(crate) flood: Latencies,
    /// How late arrivals were sent.
    pub(crate) late: Latencies,
    pub(crate) arrivals: AtomicU64,
    /// Open loops: arrivals of the first half, and executions in flight at its end.
    pub(crate) half: OnceLock<(u64, usize)>,
}

impl Meter {
    /// Nothing yet.
    pub fn new() -> Result<Self, Error> {
        let arrivals = AtomicU64::new(0);
        let (submit, execution) = (Latencies::new()?, Latencies::new()?);
        let (flood, late) = (Latencies::new()?, Latencies::new()?);
        Ok(Self { submit, execution, flood, late, arrivals, half: OnceLock::new() })
    }
}

/// What became of executions in the newest moment of the run; counters of the process's recorder have the whole of it.
pub(crate) struct Tally {
    /// Arrivals that have not ended.
    pub(crate) in_flight: AtomicUsize,
    pub(crate) submit: Latencies,
    pub(crate) execution: Latencies,
    /// How long reads took that were asked beside the load.
    pub(crate) read: Latencies,
    first_error: OnceLock<String>,
}

impl Tally {
    pub(crate) fn new() -> Result<Self, Error> {
        let (submit, execution, read) = (Latencies::new()?, Latencies::new()?, Latencies::new()?);
        Ok(Self { in_flight: AtomicUsize::new(0), submit, execution, read, first_error: OnceLock::new() })
    }

    /// Counts a submission that the engine did not accept, or an execution that it lost, and keeps the words of the first.
    pub(crate) fn refuse(&self, error: &dyn std::fmt::Display) {
        counter!("load_refused").increment(1);
        self.first_error.get_or_init(|| error.to_string());
    }

    pub(crate) fn first_error(&self) -> Option<String> {
        self.first_error.get().cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_in_microseconds_and_absent_where_nothing_was_recorded() {
        let latencies = Latencies::new().unwrap();
        assert_eq!((latencies.us(0.5), latencies.take()), (None, None));
        (1..=100).for_each(|millis| latencies.record(Duration::from_millis(millis)));
        let median = latencies.ms(0.5).unwrap();
        assert!((49.9..=50.1).contains(&median), "{median}");
        latencies.record(Duration::from_secs(40_000));
        assert!(latencies.us(1.0).unwrap() >= MOST_US as f64);
        assert!(latencies.take().is_some());
        assert_eq!(latencies.us(1.0), None);
    }
}
