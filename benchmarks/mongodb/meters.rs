//! The engine's own metrics, those that this program reads: how many round trips, and how full the buffer was.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics::{Counter, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

/// What is read, all stores and labels together.
#[derive(Clone, Default)]
pub(crate) struct Meters {
    /// Commands of the write path.
    pub(crate) round_trips: Arc<AtomicU64>,
    /// Updates that a newer one overtook before they were written.
    pub(crate) overtaken: Arc<AtomicU64>,
    /// Batches that were sent again.
    pub(crate) retries: Arc<AtomicU64>,
    /// Bytes that wait for the store.
    pub(crate) pending_bytes: Arc<Peak>,
    /// Documents that wait for the store.
    pub(crate) pending_documents: Arc<Peak>,
}

/// The highest value of a gauge since it was last asked.
#[derive(Default)]
pub(crate) struct Peak(AtomicU64);

impl Peak {
    /// The highest value; begins anew.
    pub(crate) fn take(&self) -> u64 {
        self.0.swap(0, Ordering::AcqRel)
    }
}

impl GaugeFn for Peak {
    fn increment(&self, _: f64) {}

    fn decrement(&self, _: f64) {}

    fn set(&self, value: f64) {
        self.0.fetch_max(value as u64, Ordering::AcqRel);
    }
}

impl Meters {
    /// Installs them for the whole process.
    pub(crate) fn install() -> Self {
        let meters = Self::default();
        metrics::set_global_recorder(meters.clone()).expect("the only recorder");
        meters
    }
}

impl Recorder for Meters {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        match key.name() {
            "updraft_store_round_trips_total" => Counter::from_arc(self.round_trips.clone()),
            "updraft_store_coalesced_total" => Counter::from_arc(self.overtaken.clone()),
            "updraft_store_retries_total" => Counter::from_arc(self.retries.clone()),
            _ => Counter::noop(),
        }
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        match key.name() {
            "updraft_store_pending_bytes" => Gauge::from_arc(self.pending_bytes.clone()),
            "updraft_store_pending_documents" => Gauge::from_arc(self.pending_documents.clone()),
            _ => Gauge::noop(),
        }
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}
