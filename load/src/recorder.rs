//! The recorder of the engine's metrics for the time of a run: counters and gauges, summed over their labels. Keeps no
//! histograms.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use metrics_util::registry::{AtomicStorage, Registry};

use crate::error::Error;

/// The counters that are read of the load and of the engine, and the figure of each. `docs/metrics.md` says what the engine's
/// count.
const COUNTERS: [(&str, &str); 17] = [
    ("load_submitted", "submitted"),
    ("load_completed", "completed"),
    ("load_failed", "failed"),
    ("load_refused", "refused"),
    ("load_dropped", "dropped"),
    ("load_steps", "reference.steps"),
    ("load_status_changes", "reference.status_changes"),
    (ATTEMPTS, "attempts.completed"),
    ("updraft_store_round_trips_total", "round_trips"),
    ("updraft_store_batches_total", "store.batches"),
    ("updraft_store_updates_total", "store.updates"),
    ("updraft_store_coalesced_total", "store.coalesced"),
    ("updraft_store_retries_total", "store.retries"),
    ("updraft_store_rows_written_total", "store.rows_written"),
    ("updraft_journal_frames_total", "journal.frames"),
    ("updraft_journal_fsyncs_total", "journal.fsyncs"),
    ("updraft_journal_bytes_total", "journal.bytes"),
];

/// Of attempts, those that completed are counted.
const ATTEMPTS: &str = "updraft_attempts_total";
/// Figures that are several counters together.
const TOGETHER: [(&str, &[&str]); 5] = [
    ("arrivals", &["submitted", "refused", "dropped"]),
    ("ended", &["completed", "failed"]),
    ("errors", &["failed", "refused", "dropped"]),
    ("status_changes", &["store.updates", "store.coalesced", "reference.status_changes"]),
    ("steps", &["attempts.completed", "reference.steps"]),
];

/// What the counters have counted, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Counted([u64; COUNTERS.len()]);

/// The metrics of this process. Clones share them.
#[derive(Clone)]
pub struct Metrics(Arc<Registry<Key, AtomicStorage>>);

impl Metrics {
    fn new() -> Self {
        Self(Arc::new(Registry::atomic()))
    }

    /// Becomes the recorder of this process.
    pub fn install() -> Result<Self, Error> {
        let metrics = Self::new();
        metrics::set_global_recorder(metrics.clone()).map_err(|error| Error::of("the metrics", error))?;
        Ok(metrics)
    }

    /// The sum of all gauges of a name; zero where nobody has set one.
    pub fn gauge(&self, name: &str) -> f64 {
        let mut sum = 0.0;
        self.0.visit_gauges(|key, gauge| {
            if key.name() == name {
                sum += f64::from_bits(gauge.load(Ordering::Relaxed));
            }
        });
        sum
    }

    pub(crate) fn counted(&self) -> Counted {
        let mut counted = Counted::default();
        self.0.visit_counters(|key, count: &Arc<AtomicU64>| {
            let completed =
                || key.labels().any(|label| label.value() == "completed" && label.key() == "outcome");
            let counts = key.name() != ATTEMPTS || completed();
            let place = COUNTERS.iter().position(|(name, _)| *name == key.name());
            if let Some(place) = place.filter(|_| counts) {
                counted.0[place] += count.load(Ordering::Relaxed);
            }
        });
        counted
    }

    /// Documents that wait for the store.
    pub(crate) fn pending_documents(&self) -> f64 {
        self.gauge("updraft_store_pending_documents")
    }
}

impl Recorder for Metrics {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.0.get_or_create_counter(key, |counter| counter.clone().into())
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.0.get_or_create_gauge(key, |gauge| gauge.clone().into())
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

impl Counted {
    /// What was counted of a figure.
    pub(crate) fn get(&self, figure: &str) -> u64 {
        if let Some((_, parts)) = TOGETHER.iter().find(|(known, _)| *known == figure) {
            return parts.iter().map(|part| self.get(part)).sum();
        }
        let place = COUNTERS.iter().position(|(_, known)| *known == figure);
        place.map_or(0, |place| self.0[place])
    }

    /// What was counted since `earlier`.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self(std::array::from_fn(|place| self.0[place] - earlier.0[place]))
    }

    #[cfg(test)]
    pub(crate) fn testing(figure: &str, count: u64) -> Self {
        Self(COUNTERS.map(|(_, known)| if known == figure { count } else { 0 }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_and_gauges_are_summed_over_their_labels() {
        let metrics = Metrics::new();
        metrics::with_local_recorder(&metrics.clone(), || {
            metrics::counter!("updraft_attempts_total", "integration" => "a", "outcome" => "completed")
                .increment(3);
            metrics::counter!("updraft_attempts_total", "integration" => "completed", "outcome" => "timeout")
                .increment(2);
            metrics::gauge!("updraft_shard_commits_waiting", "shard" => "0").set(5.0);
            metrics::gauge!("updraft_shard_commits_waiting", "shard" => "1").set(2.0);
            metrics::gauge!("updraft_attempts_running").increment(4.0);
            metrics::gauge!("updraft_attempts_running").decrement(1.0);
        });
        let counted = metrics.counted();
        assert_eq!((counted.get("steps"), counted.get("store.batches")), (3, 0));
        assert_eq!((metrics.pending_documents(), metrics.gauge("updraft_attempts_running")), (0.0, 3.0));
        assert_eq!(metrics.gauge("updraft_shard_commits_waiting"), 7.0);
        assert_eq!(counted.since(counted), Counted::default());
    }
}
