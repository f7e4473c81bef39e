//! Profiles: settings of the engine under a name. Each is what a user of the library could set himself; what
//! survives is none of them.

use std::time::Duration;

use clap::ValueEnum;
use updraft::BatchLimit;
use updraft::limits::{EXECUTIONS_IN_FLIGHT, FLUSH_DELAY, SHARDS_MAX, TASKS_AT_ONCE};

/// Settings under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// Little memory, and few cores: for an engine that is a guest in another program.
    Conservative,
    /// The engine's own defaults.
    Balanced,
    /// All that the machine has: more at once, larger and later batches.
    Aggressive,
}

impl Profile {
    /// Shards on a machine with so many cores.
    pub(crate) fn shards(self, cores: usize) -> usize {
        let shards = match self {
            Self::Conservative => cores / 2,
            Self::Balanced => cores,
            Self::Aggressive => cores * 2,
        };
        shards.clamp(1, SHARDS_MAX)
    }

    pub(crate) fn executions_in_flight(self) -> usize {
        match self {
            Self::Conservative => EXECUTIONS_IN_FLIGHT / 10,
            Self::Balanced => EXECUTIONS_IN_FLIGHT,
            Self::Aggressive => EXECUTIONS_IN_FLIGHT * 5,
        }
    }

    /// Tasks of an execution at once.
    pub(crate) fn tasks_at_once(self) -> usize {
        match self {
            Self::Conservative => 4,
            Self::Balanced => TASKS_AT_ONCE,
            Self::Aggressive => 100,
        }
    }

    pub(crate) fn flush_delay(self) -> Duration {
        match self {
            Self::Conservative => Duration::from_millis(5),
            Self::Balanced => FLUSH_DELAY,
            Self::Aggressive => Duration::from_millis(100),
        }
    }

    /// Batches for the store; `server` is whether the store is one that others load too.
    pub(crate) fn batches(self, server: bool) -> BatchLimit {
        let mut limit = if server { BatchLimit::SERVER } else { BatchLimit::EMBEDDED };
        let (BatchLimit::Fixed { operations, batches }
        | BatchLimit::Adaptive { operations_max: operations, batches_max: batches, .. }) = &mut limit;
        match self {
            Self::Conservative => (*operations, *batches) = (250, 1),
            Self::Balanced => {}
            Self::Aggressive => *batches *= 2,
        }
        limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_profile_asks_for_more_at_once_than_the_one_before() {
        let all = Profile::value_variants();
        for (low, high) in all.iter().zip(&all[1..]) {
            assert!([1, 2, 64, 1_000].map(|cores| low.shards(cores) <= high.shards(cores)) == [true; 4]);
            assert!(low.tasks_at_once() < high.tasks_at_once());
            assert!(low.executions_in_flight() < high.executions_in_flight());
            assert!(low.flush_delay() < high.flush_delay());
        }
    }
}
