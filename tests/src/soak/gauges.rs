//! A recorder that keeps gauges alone: what there is at the moment. Grows with the names of gauges, which are few.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

/// The gauges, by name; those with labels are added up. Clones are the same.
#[derive(Clone, Default)]
pub struct Gauges(Arc<Mutex<BTreeMap<Key, Arc<AtomicU64>>>>);

impl Gauges {
    /// Has every gauge of this process kept here.
    ///
    /// # Panics
    /// There is another recorder.
    pub fn install() -> Self {
        let gauges = Self::default();
        metrics::set_global_recorder(gauges.clone()).unwrap_or_else(|_| panic!("there is another recorder"));
        gauges
    }

    /// Where a gauge stands; zero where nobody has set it.
    pub fn get(&self, name: &str) -> f64 {
        let gauges = self.0.lock().unwrap();
        let of_name = gauges.iter().filter(|(key, _)| key.name() == name);
        of_name.map(|(_, bits)| f64::from_bits(bits.load(Ordering::Relaxed))).sum()
    }
}

impl Recorder for Gauges {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.0.lock().unwrap().entry(key.clone()).or_default().clone())
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}
