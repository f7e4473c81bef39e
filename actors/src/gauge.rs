//! Gauges of one shard: their label is made once, not at each update. Keeps no value.

use metrics::{Key, Label, Level, Metadata};

static METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

/// A gauge with the number of a shard as its label.
pub(crate) struct ShardGauge(Key);

impl ShardGauge {
    pub(crate) fn new(name: &'static str, shard: usize) -> Self {
        Self(Key::from_parts(name, vec![Label::new("shard", shard.to_string())]))
    }

    pub(crate) fn set(&self, value: usize) {
        metrics::with_recorder(|recorder| recorder.register_gauge(&self.0, &METADATA)).set(value as f64);
    }
}
