//! The table: the values of all rounds by figure, and their medians as text.

use std::collections::BTreeMap;
use std::fmt::Write;

use updraft_load::median;

use Goal::{AtLeast, AtMost, Shown};

/// What is to be reached.
#[derive(Debug, Clone, Copy)]
enum Goal {
    AtLeast(f64),
    AtMost(f64),
    /// Shown, without a goal.
    Shown,
}

/// Every figure, in the order of the table: its key, what it is, its unit, and what is to be reached.
const ROWS: &[(&str, &str, &str, Goal)] = &[
    ("durable", "5-step executions, embedded store, fsync", "executions/s", AtLeast(20_000.0)),
    ("memory", "the same, store in memory, no journal", "steps/s", AtLeast(500_000.0)),
    ("peer", "durable steps/s against the peer", "times", AtLeast(12.0)),
    ("peer.steps", "the peer", "steps/s", Shown),
    ("cpu", "CPU per durable step, everything counted", "µs", AtMost(18.0)),
    ("cpu.engine", "CPU per durable step, without the store's threads", "µs", AtMost(8.0)),
    ("alone.p50", "one execution alone, durable, submit to end: p50", "ms", AtMost(1.0)),
    ("alone.p99", "the same: p99", "ms", AtMost(3.0)),
    ("ack.p50", "submit to durable acknowledgement at a fifth of full load: p50", "µs", AtMost(200.0)),
    ("ack.p99", "the same: p99", "µs", AtMost(2_000.0)),
    ("makespan.1000", "1,000 executions × 5 × 20 ms, durable", "times the ideal", AtMost(1.2)),
    ("makespan.10000", "10,000 executions × 5 × 200 ms, durable", "times the ideal", AtMost(1.2)),
    ("flight", "memory of the process, 100,000 in flight", "MB", AtMost(400.0)),
    ("flight.each", "more than before, of one of them", "bytes", Shown),
    ("people", "memory of 100,000 that wait for people, beyond the empty engine", "MB", AtMost(50.0)),
    ("fanout", "1,000 tasks of 20 ms in one execution, limit 1,000", "ms", AtMost(60.0)),
    ("restart", "100,000 unfinished after SIGKILL, all running again", "s", AtMost(2.0)),
    ("resume", "an execution with 100,000 ended items, running again after a start", "s", AtMost(3.0)),
    ("resume.first", "its loop, a call for each item", "s", Shown),
    ("resume.memory", "memory that the start took", "MB", Shown),
    ("stored", "throughput with a full store, of that of the empty store", "", AtLeast(0.9)),
    ("shards", "two shards against one, in memory", "times", AtLeast(1.7)),
    ("shards.cores", "cores busy with one shard, of two", "", Shown),
    ("reference", "status changes per second against --reference", "times", AtLeast(20.0)),
    ("start", "start of an engine on an empty data directory", "ms", AtMost(50.0)),
    ("reads", "a list of 100 of a full store, through the engine: mean", "ms", AtMost(50.0)),
    ("reads.without", "the same, without indexes", "ms", Shown),
    ("reads.ratio", "the same, without indexes against with them", "times", AtLeast(5.0)),
    ("executions.p95", "a whole execution at a fifth of full load: p95", "ms", AtMost(200.0)),
];

#[derive(Default)]
pub(crate) struct Table {
    values: BTreeMap<String, Vec<f64>>,
}

impl Table {
    pub(crate) fn add(&mut self, name: String, value: f64) {
        self.values.entry(name).or_default().push(value);
    }

    /// A row for each figure that was measured: the median, what is to be reached, the lowest and the highest.
    pub(crate) fn text(&self) -> String {
        let mut text = String::from(
            "| figure | median | to reach | | lowest to highest |\n| --- | --- | --- | --- | --- |\n",
        );
        for (key, what, unit, goal) in ROWS {
            let Some(values) = self.values.get(*key) else { continue };
            let middle = median(values).unwrap_or(f64::NAN);
            let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
            let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let (goal, verdict) = match *goal {
                AtLeast(least) => (format!("≥ {least}"), if middle >= least { "reached" } else { "MISSED" }),
                AtMost(most) => (format!("≤ {most}"), if middle <= most { "reached" } else { "MISSED" }),
                Shown => (String::new(), ""),
            };
            let (middle, lowest, highest) = (shown(middle), shown(lowest), shown(highest));
            let _ =
                writeln!(text, "| {what} | {middle} {unit} | {goal} | {verdict} | {lowest} to {highest} |");
        }
        text
    }
}

fn shown(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}
