//! Profiles: settings of the engine under a name. Each is what a user of the library could set himself; what
//! survives is none of them.

use std::time::Duration;

use updraft::limits::{
    BATCH_LATENCY, BATCH_OPERATIONS, BATCH_OPERATIONS_MAX, BATCH_OPERATIONS_MIN, BATCHES_IN_FLIGHT,
    EXECUTIONS_IN_FLIGHT, FLUSH_DELAY, SERVER_BATCHES, SHARDS_MAX, TASKS_AT_ONCE,
};
use updraft::{BatchLimit, Builder};

/// ProfileSettings under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Little memory, and few cores: for an engine that is a guest in another program.
    Conservative,
    /// The engine's own defaults.
    Balanced,
    /// All that the machine has: more at once, larger and later batches.
    Aggressive,
}

/// What a profile sets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ProfileSettings {
    pub(crate) shards: usize,
    pub(crate) tasks_at_once: usize,
    pub(crate) executions_in_flight: usize,
    /// Operations of a batch at most, and batches on their way at once.
    pub(crate) operations: usize,
    pub(crate) batches: usize,
    pub(crate) flush_delay: Duration,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Conservative, Self::Balanced, Self::Aggressive];

    /// As the command line writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Conservative => "conservative",
            Self::Balanced => "balanced",
            Self::Aggressive => "aggressive",
        }
    }

    /// What it sets on a machine with so many cores; `server` is whether the store is one that others load too.
    pub(crate) fn settings(self, cores: usize, server: bool) -> ProfileSettings {
        let balanced = ProfileSettings {
            shards: cores.clamp(1, SHARDS_MAX),
            tasks_at_once: TASKS_AT_ONCE,
            executions_in_flight: EXECUTIONS_IN_FLIGHT,
            operations: if server { BATCH_OPERATIONS } else { BATCH_OPERATIONS_MAX },
            batches: if server { SERVER_BATCHES } else { BATCHES_IN_FLIGHT },
            flush_delay: FLUSH_DELAY,
        };
        match self {
            Self::Balanced => balanced,
            Self::Conservative => ProfileSettings {
                shards: (cores / 2).clamp(1, SHARDS_MAX),
                tasks_at_once: 4,
                executions_in_flight: 10_000,
                operations: 250,
                batches: 1,
                flush_delay: Duration::from_millis(5),
            },
            Self::Aggressive => ProfileSettings {
                shards: (cores * 2).clamp(1, SHARDS_MAX),
                tasks_at_once: 100,
                executions_in_flight: 5 * EXECUTIONS_IN_FLIGHT,
                batches: balanced.batches * 2,
                flush_delay: Duration::from_millis(100),
                ..balanced
            },
        }
    }
}

impl ProfileSettings {
    /// The configuration of an engine with these settings; `width` is how many tasks its executions have at once.
    pub(crate) fn apply(&self, builder: Builder, width: usize, server: bool) -> Builder {
        let pace = if server {
            BatchLimit::Adaptive {
                operations_min: BATCH_OPERATIONS_MIN.min(self.operations),
                operations_max: self.operations,
                batches_max: self.batches,
                latency: BATCH_LATENCY,
            }
        } else {
            BatchLimit::Fixed { operations: self.operations, batches: self.batches }
        };
        builder
            .shards(self.shards)
            .tasks_at_once(self.tasks_at_once.max(width))
            .executions_in_flight(self.executions_in_flight)
            .batch_limit(pace)
            .flush_delay(self.flush_delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_profile_asks_for_more_at_once_than_the_one_before() {
        for (cores, server) in [(1, false), (2, true), (64, false), (1_000, true)] {
            let of = |profile: Profile| profile.settings(cores, server);
            let [low, middle, high] = [Profile::Conservative, Profile::Balanced, Profile::Aggressive].map(of);
            for pair in [[low, middle], [middle, high]] {
                assert!(pair[0].shards <= pair[1].shards && pair[0].batches <= pair[1].batches);
                assert!(pair[0].tasks_at_once < pair[1].tasks_at_once);
                assert!(pair[0].executions_in_flight < pair[1].executions_in_flight);
                assert!(pair[0].flush_delay < pair[1].flush_delay);
            }
        }
    }

    #[test]
    fn the_balanced_one_is_what_the_engine_does_unless_it_is_told() {
        let settings = Profile::Balanced.settings(2, false);
        assert_eq!(
            BatchLimit::EMBEDDED,
            BatchLimit::Fixed { operations: settings.operations, batches: settings.batches }
        );
        let server = Profile::Balanced.settings(2, true);
        let BatchLimit::Adaptive { operations_max, batches_max, .. } = BatchLimit::SERVER else {
            panic!("adaptive")
        };
        assert_eq!((operations_max, batches_max), (server.operations, server.batches));
    }
}
