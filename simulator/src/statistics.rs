//! The statistics of what was explored, for people. Decides nothing.

use std::collections::BTreeMap;

use crate::fault::Moment;

/// Statistics of one or more runs.
#[derive(Debug, Clone, Default)]
pub struct Statistics {
    /// Runs.
    pub seeds: u64,
    /// Events handled.
    pub events: u64,
    /// Counts by name.
    pub counts: BTreeMap<&'static str, u64>,
    moments: BTreeMap<Moment, u64>,
}

impl Statistics {
    /// The statistics of one run.
    pub fn of_one() -> Self {
        Self { seeds: 1, ..Self::default() }
    }

    /// Counts an event of this name.
    pub fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// Counts a moment.
    pub fn moment(&mut self, moment: Moment) {
        *self.moments.entry(moment).or_default() += 1;
    }

    /// The count of a moment.
    pub fn times(&self, moment: Moment) -> u64 {
        self.moments.get(&moment).copied().unwrap_or_default()
    }

    /// Adds the statistics of another run.
    pub fn add(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.events += other.events;
        for (what, count) in &other.counts {
            *self.counts.entry(what).or_default() += count;
        }
    }

    /// The statistics, line by line.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("{:>10} seeds", self.seeds), format!("{:>10} events", self.events)];
        lines.extend(self.counts.iter().map(|(what, count)| format!("{count:>10} {what}")));
        lines
    }
}
