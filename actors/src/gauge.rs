//! Gauges of one shard: figures that its statistics and the metrics show. Their label is made once, not at each update.

use std::sync::Arc;

use crate::labelled::Labelled;
use crate::statistics::{ShardFigure, ShardStatistics};

/// A figure of a shard, with its number as the label of the metric.
pub(crate) struct ShardGauge {
    of: Arc<ShardStatistics>,
    figure: ShardFigure,
    metric: Labelled,
}

impl ShardGauge {
    pub(crate) fn new(of: Arc<ShardStatistics>, figure: ShardFigure, shard: usize) -> Self {
        let metric = Labelled::new(figure.metric(), [("shard", shard.to_string().into())]);
        Self { of, figure, metric }
    }

    pub(crate) fn set(&self, value: usize) {
        self.of.set(self.figure, value);
        self.metric.set(value as f64);
    }
}
