//! Chance: every random choice of a run, drawn from its seed. Draws are keyed by their purpose, so that removing one
//! part of a run does not change the draws of the others, which is what makes a failure shrink.

use updraft_protocol::ids::mix;

/// The purpose of a draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The generation of a scenario.
    Scenario = 1,
    /// One playbook.
    Playbook,
    /// Ids of executions.
    Id,
    /// The disk of a directory.
    Disk,
    /// A request to the store.
    Store,
    /// A call of a tool.
    Tool,
    /// How long something inside a node takes.
    Pace,
    /// A fault.
    Fault,
    /// How long a call waits before it is sent.
    Turn,
    /// How long a call waits for its permit.
    Permit,
    /// A call of a reconciler.
    Reconcile,
    /// A containment that the store refuses, or how long an ask of a person takes to it.
    Containment,
    /// The locks of one playbook.
    Lock,
    /// What waits for places.
    Flow,
}

/// The source of all draws of one run.
#[derive(Debug, Clone, Copy)]
pub struct Chance {
    seed: u64,
}

impl Chance {
    /// The chance of a seed.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Dice for one purpose: the same keys give the same dice.
    pub fn dice(self, purpose: Purpose, keys: &[u64]) -> Dice {
        let start = mix(self.seed ^ mix(purpose as u64));
        Dice(keys.iter().fold(start, |state, key| mix(state ^ mix(*key))))
    }
}

/// Draws in a row.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = mix(self.0);
        self.0
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.bits() % end.max(1)
    }

    /// A number from `first` to `last`, small ones more often.
    pub fn small(&mut self, first: u64, last: u64) -> u64 {
        let span = last - first + 1;
        first + self.below(span).min(self.below(span))
    }

    /// True once in `times`.
    pub fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, these: &[T]) -> T {
        these[self.below(these.len() as u64) as usize]
    }
}
