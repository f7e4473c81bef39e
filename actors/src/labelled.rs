//! Metrics whose labels are made once, not at each update. Keeps no value: the recorder is asked each time, so that one that is
//! installed after the engine's start counts all the same.

use metrics::{Key, Label, Level, Metadata, SharedString};

static METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

/// The name and the labels of a metric.
#[derive(Debug)]
pub(crate) struct Labelled(Key);

impl Labelled {
    pub(crate) fn new<const N: usize>(name: &'static str, labels: [(&'static str, SharedString); N]) -> Self {
        let labels: Vec<Label> = labels.into_iter().map(|(key, value)| Label::new(key, value)).collect();
        Self(Key::from_parts(name, labels))
    }

    /// Counts one more.
    pub(crate) fn count(&self) {
        metrics::with_recorder(|recorder| recorder.register_counter(&self.0, &METADATA)).increment(1);
    }

    /// Sets the value of a gauge.
    pub(crate) fn set(&self, value: f64) {
        metrics::with_recorder(|recorder| recorder.register_gauge(&self.0, &METADATA)).set(value);
    }

    /// Changes the value of a gauge by one.
    pub(crate) fn change(&self, is_more: bool) {
        let gauge = metrics::with_recorder(|recorder| recorder.register_gauge(&self.0, &METADATA));
        if is_more { gauge.increment(1.0) } else { gauge.decrement(1.0) }
    }

    /// Adds a value to a histogram.
    pub(crate) fn record(&self, seconds: f64) {
        metrics::with_recorder(|recorder| recorder.register_histogram(&self.0, &METADATA)).record(seconds);
    }
}
