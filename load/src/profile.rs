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

/// What a profile sets.
pub(crate) struct Settings {
    pub(crate) shards: usize,
    pub(crate) executions_in_flight: usize,
    /// Of an execution.
    pub(crate) tasks_at_once: usize,
    pub(crate) flush_delay: Duration,
    pub(crate) batches: BatchLimit,
}

impl Profile {
    /// Its settings on a machine with so many cores; `server` is whether the store is one that others load too.
    pub(crate) fn settings(self, cores: usize, server: bool) -> Settings {
        let mut set = Settings {
            shards: cores,
            executions_in_flight: EXECUTIONS_IN_FLIGHT,
            tasks_at_once: TASKS_AT_ONCE,
            flush_delay: FLUSH_DELAY,
            batches: if server { BatchLimit::SERVER } else { BatchLimit::EMBEDDED },
        };
        let (BatchLimit::Fixed { operations, batches }
        | BatchLimit::Adaptive { operations_max: operations, batches_max: batches, .. }) = &mut set.batches;
        match self {
            Self::Conservative => {
                (*operations, *batches) = (250, 1);
                (set.shards, set.executions_in_flight) = (cores / 2, EXECUTIONS_IN_FLIGHT / 10);
                (set.tasks_at_once, set.flush_delay) = (4, Duration::from_millis(5));
            }
            Self::Balanced => {}
            Self::Aggressive => {
                *batches *= 2;
                (set.shards, set.executions_in_flight) = (cores * 2, EXECUTIONS_IN_FLIGHT * 5);
                (set.tasks_at_once, set.flush_delay) = (100, Duration::from_millis(100));
            }
        }
        set.shards = set.shards.clamp(1, SHARDS_MAX);
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_profile_asks_for_more_at_once_than_the_one_before() {
        let all = Profile::value_variants();
        for (low, high) in all.iter().zip(&all[1..]) {
            for cores in [1, 2, 64, 1_000] {
                let (low, high) = (low.settings(cores, false), high.settings(cores, false));
                assert!(low.shards <= high.shards && low.tasks_at_once < high.tasks_at_once);
                assert!(low.executions_in_flight < high.executions_in_flight);
                assert!(low.flush_delay < high.flush_delay);
            }
        }
    }
}
