//! Faults: single failures with their time. Owns their shapes and their distribution; their effects are in `world`.

use crate::chance::Dice;
use crate::scenario::MILLIS;

/// A single failure.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Its number in the scenario; unchanged when others are removed.
    pub number: usize,
    /// The directory.
    pub directory: usize,
    /// The time.
    pub trigger: FaultTrigger,
    /// The kind.
    pub kind: FaultKind,
}

/// The time of a fault: always between two events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultTrigger {
    /// After so many events.
    Events(u64),
    /// Right after the n-th occurrence of a moment.
    Moment(Moment, u64),
}

/// The kind of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The process dies; its writes stay.
    Kill,
    /// The machine loses power; writes that were not synced may be lost, in part or whole.
    PowerLoss,
    /// Another process takes the data directory over; the old one continues, but its disk accepts no more writes.
    Takeover,
    /// The process shuts down, and starts again.
    Restart {
        /// The time limit of the shutdown.
        time_limit: u64,
    },
    /// The next sync fails.
    SyncFails,
    /// The next write fails.
    WriteFails,
    /// The store does not answer for a while.
    Outage {
        /// How long.
        time: u64,
    },
    /// The clock is changed.
    Clock {
        /// By how much.
        millis: i64,
    },
    /// The actor of a shard panics.
    ShardDies,
    /// The actor of an execution panics.
    ActorDies {
        /// How often in a row.
        times: u32,
    },
}

impl FaultKind {
    /// Its name in the statistics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => "kills",
            Self::PowerLoss => "power losses",
            Self::Takeover => "takeovers",
            Self::Restart { .. } => "shutdowns",
            Self::SyncFails => "failed syncs",
            Self::WriteFails => "failed writes",
            Self::Outage { .. } => "store outages",
            Self::Clock { .. } => "clock jumps",
            Self::ShardDies => "shard deaths",
            Self::ActorDies { .. } => "actor deaths",
        }
    }
}

/// A moment at which a fault is most likely to do harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// The journal has written, but not synced.
    Written,
    /// The journal has synced, but has answered no caller.
    Synced,
    /// The callers of the journal were answered, and have acted on it.
    Told,
    /// The store has applied a batch, but has not answered.
    Stored,
    /// A tool has acted, but not answered.
    Acted,
    /// The store refuses an update for good.
    Poisoned,
    /// A node has read its journal.
    Opened,
    /// A node has written its journal to the store.
    Replayed,
    /// A segment of a journal was deleted.
    Deleted,
    /// An execution was read back.
    Revived,
    /// An execution has left memory to wait.
    Parked,
    /// The store has a change of a containment, but has not answered.
    Contained,
    /// Tasks were marked as registered.
    Registered,
    /// The execution of a round is durable, and the containment does not name it.
    RoundAccepted,
}

impl Moment {
    /// All moments.
    pub const ALL: &'static [Self] = &[
        Self::Written,
        Self::Synced,
        Self::Told,
        Self::Stored,
        Self::Acted,
        Self::Poisoned,
        Self::Opened,
        Self::Replayed,
        Self::Deleted,
        Self::Revived,
        Self::Parked,
        Self::Contained,
        Self::Registered,
        Self::RoundAccepted,
    ];

    /// Whether it happens a few times in a run, not at every step.
    pub fn rare(self) -> bool {
        !matches!(self, Self::Written | Self::Synced | Self::Told | Self::Stored | Self::Acted)
    }
}

impl Fault {
    /// A fault of one of so many directories, in a run of so many orders.
    pub fn draw(number: usize, directories: usize, orders: u64, dice: &mut Dice) -> Self {
        let trigger = match dice.below(3) {
            0 => FaultTrigger::Events(dice.below(60 * orders)),
            _ => {
                let moment = dice.pick(Moment::ALL);
                FaultTrigger::Moment(moment, 1 + dice.below(if moment.rare() { 6 } else { 20 * orders }))
            }
        };
        let kind = match dice.below(20) {
            0..=4 => FaultKind::Kill,
            5..=7 => FaultKind::PowerLoss,
            8 | 9 => FaultKind::Takeover,
            10 | 11 => FaultKind::Restart { time_limit: dice.pick(&[0, 200, 40_000, 10_000_000]) * MILLIS },
            12 => FaultKind::SyncFails,
            13 => FaultKind::WriteFails,
            14 | 15 => FaultKind::Outage { time: dice.pick(&[50, 3_000, 90_000]) * MILLIS },
            16 => FaultKind::Clock { millis: dice.pick(&[-3_600_000, -5_000, -1, 1, 5_000, 3_600_000]) },
            17 => FaultKind::ShardDies,
            _ => FaultKind::ActorDies { times: dice.pick(&[1, 1, 1, 5]) },
        };
        Self { number, directory: dice.below(directories as u64) as usize, trigger, kind }
    }
}
