//! The recorder of the engine's metrics for the time of a run: atomics, nothing else. Sums over labels.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

/// What is read of the engine. `docs/metrics.md` says what each counts.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Counted {
    pub(crate) attempts_completed: u64,
    pub(crate) attempts_failed: u64,
    pub(crate) frames: u64,
    pub(crate) journal_bytes: u64,
    pub(crate) fsyncs: u64,
    pub(crate) batches: u64,
    pub(crate) updates: u64,
    pub(crate) coalesced: u64,
    pub(crate) retries: u64,
    pub(crate) rows: u64,
    pub(crate) round_trips: u64,
}

/// What is under way at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Waiting {
    pub(crate) documents: f64,
    pub(crate) attempts: f64,
    pub(crate) commits: f64,
    /// Whether as many batches are on their way to the store as may.
    pub(crate) store_is_full: bool,
}

/// Shards whose gauges are summed; those beyond share a place.
const SHARDS: usize = 256;

/// The metrics. Clones share them.
#[derive(Clone)]
pub(crate) struct Metrics(Arc<Slots>);

struct Slots {
    counters: [Arc<AtomicU64>; 11],
    documents: Arc<AtomicU64>,
    attempts: Arc<AtomicU64>,
    commits: Vec<Arc<AtomicU64>>,
    batches: Arc<AtomicU64>,
    batches_most: Arc<AtomicU64>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Slots {
            counters: std::array::from_fn(|_| Arc::default()),
            documents: Arc::default(),
            attempts: Arc::default(),
            commits: (0..SHARDS).map(|_| Arc::default()).collect(),
            batches: Arc::default(),
            batches_most: Arc::default(),
        }))
    }

    pub(crate) fn counted(&self) -> Counted {
        let of = |index: usize| self.0.counters[index].load(Ordering::Relaxed);
        Counted {
            attempts_completed: of(0),
            attempts_failed: of(1),
            frames: of(2),
            journal_bytes: of(3),
            fsyncs: of(4),
            batches: of(5),
            updates: of(6),
            coalesced: of(7),
            retries: of(8),
            rows: of(9),
            round_trips: of(10),
        }
    }

    pub(crate) fn waiting(&self) -> Waiting {
        let of = |gauge: &Arc<AtomicU64>| f64::from_bits(gauge.load(Ordering::Relaxed));
        Waiting {
            documents: of(&self.0.documents),
            attempts: of(&self.0.attempts),
            commits: self.0.commits.iter().map(of).sum(),
            store_is_full: of(&self.0.batches) > 0.0 && of(&self.0.batches) >= of(&self.0.batches_most),
        }
    }
}

impl Recorder for Metrics {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let index = match key.name() {
            "updraft_attempts_total" => usize::from(key.labels().all(|label| label.value() != "completed")),
            "updraft_journal_frames_total" => 2,
            "updraft_journal_bytes_total" => 3,
            "updraft_journal_fsyncs_total" => 4,
            "updraft_store_batches_total" => 5,
            "updraft_store_updates_total" => 6,
            "updraft_store_coalesced_total" => 7,
            "updraft_store_retries_total" => 8,
            "updraft_store_rows_written_total" => 9,
            "updraft_store_round_trips_total" => 10,
            _ => return Counter::noop(),
        };
        Counter::from_arc(Arc::clone(&self.0.counters[index]))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        let slot = match key.name() {
            "updraft_store_pending_documents" => &self.0.documents,
            "updraft_attempts_running" => &self.0.attempts,
            "updraft_store_batches_in_flight" => &self.0.batches,
            "updraft_store_batches_in_flight_most" => &self.0.batches_most,
            "updraft_shard_commits_waiting" => {
                let shard = key.labels().find_map(|label| label.value().parse::<usize>().ok());
                &self.0.commits[shard.unwrap_or_default() % SHARDS]
            }
            _ => return Gauge::noop(),
        };
        Gauge::from_arc(Arc::clone(slot))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

impl Counted {
    /// What was counted since `earlier`.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            attempts_completed: self.attempts_completed - earlier.attempts_completed,
            attempts_failed: self.attempts_failed - earlier.attempts_failed,
            frames: self.frames - earlier.frames,
            journal_bytes: self.journal_bytes - earlier.journal_bytes,
            fsyncs: self.fsyncs - earlier.fsyncs,
            batches: self.batches - earlier.batches,
            updates: self.updates - earlier.updates,
            coalesced: self.coalesced - earlier.coalesced,
            retries: self.retries - earlier.retries,
            rows: self.rows - earlier.rows,
            round_trips: self.round_trips - earlier.round_trips,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_and_gauges_are_summed_over_their_labels() {
        let metrics = Metrics::new();
        metrics::with_local_recorder(&metrics.clone(), || {
            metrics::counter!("updraft_attempts_total", "outcome" => "completed").increment(3);
            metrics::counter!("updraft_attempts_total", "outcome" => "timeout").increment(2);
            metrics::counter!("updraft_attempts_total", "outcome" => "rejected").increment(1);
            metrics::gauge!("updraft_shard_commits_waiting", "shard" => "0").set(5.0);
            metrics::gauge!("updraft_shard_commits_waiting", "shard" => "1").set(2.0);
            metrics::gauge!("updraft_attempts_running").increment(4.0);
            metrics::gauge!("updraft_attempts_running").decrement(1.0);
        });
        let counted = metrics.counted();
        assert_eq!((counted.attempts_completed, counted.attempts_failed), (3, 3));
        let waiting = metrics.waiting();
        assert_eq!((waiting.documents, waiting.attempts, waiting.commits), (0.0, 3.0, 7.0));
        assert!(!waiting.store_is_full, "of nothing, nothing is full");
        assert_eq!(counted.since(counted), Counted::default());
    }
}
