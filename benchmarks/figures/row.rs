//! Rows: every figure by its key, with its unit and what is to be reached.

/// What is to be reached.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
    /// Shown, without a goal.
    Shown,
}

/// One figure of the table.
pub(crate) struct Row {
    pub(crate) key: &'static str,
    pub(crate) what: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) goal: Goal,
}

const fn row(key: &'static str, what: &'static str, unit: &'static str, goal: Goal) -> Row {
    Row { key, what, unit, goal }
}

use Goal::{AtLeast, AtMost, Shown};

/// Every figure, in the order of the table.
pub(crate) const ROWS: &[Row] = &[
    row("durable", "5-step executions, embedded store, fsync", "executions/s", AtLeast(20_000.0)),
    row("memory", "the same, store in memory, no journal", "steps/s", AtLeast(500_000.0)),
    row("memory.cpu", "CPU per step, store in memory, everything counted", "µs", Shown),
    row("memory.load", "of that, load generator and its tools", "µs", Shown),
    row("memory.cores", "cores busy meanwhile, of two", "", Shown),
    row("peer", "durable steps/s against the peer", "times", AtLeast(12.0)),
    row("peer.steps", "the peer", "steps/s", Shown),
    row("cpu", "CPU per durable step, everything counted", "µs", AtMost(18.0)),
    row("cpu.engine", "CPU per durable step, without the store's threads", "µs", AtMost(8.0)),
    row("cpu.load", "of that, load generator and its tools", "µs", Shown),
    row("switches", "context switches per durable step", "", Shown),
    row("alone.p50", "one execution alone, durable, submit to end: p50", "ms", AtMost(1.0)),
    row("alone.p99", "the same: p99", "ms", AtMost(3.0)),
    row("ack.p50", "submit to durable acknowledgement at a fifth of full load: p50", "µs", AtMost(200.0)),
    row("ack.p99", "the same: p99", "µs", AtMost(2_000.0)),
    row("sync.p50", "a sync of this disk alone: p50", "µs", Shown),
    row("sync.p99", "the same: p99", "µs", Shown),
    row("makespan.1000", "1,000 executions × 5 × 20 ms, durable", "times the ideal", AtMost(1.2)),
    row("makespan.10000", "10,000 executions × 5 × 200 ms, durable", "times the ideal", AtMost(1.2)),
    row("flight", "memory of the process, 100,000 in flight", "MB", AtMost(400.0)),
    row("flight.each", "more than before, of one of them", "bytes", Shown),
    row("fanout", "1,000 tasks of 20 ms in one execution, limit 1,000", "ms", AtMost(60.0)),
    row("restart", "100,000 unfinished after SIGKILL, all running again", "s", AtMost(2.0)),
    row("stored", "throughput with 1,000,000 stored, of that of the empty store", "", AtLeast(0.9)),
    row("shards", "two shards against one, in memory", "times", AtLeast(1.7)),
    row("shards.cores", "cores busy with one shard, of two", "", Shown),
    row("reference", "status changes per second against --reference", "times", AtLeast(20.0)),
    row("start", "start of an engine on an empty data directory", "ms", AtMost(50.0)),
];

impl Row {
    pub(crate) fn goal(&self) -> String {
        match self.goal {
            AtLeast(value) => format!("≥ {value}"),
            AtMost(value) => format!("≤ {value}"),
            Shown => String::new(),
        }
    }

    pub(crate) fn verdict(&self, value: f64) -> &'static str {
        match self.goal {
            AtLeast(goal) if value >= goal => "reached",
            AtMost(goal) if value <= goal => "reached",
            AtLeast(_) | AtMost(_) => "MISSED",
            Shown => "",
        }
    }
}
