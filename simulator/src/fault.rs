//! Faults: what breaks once, and when. Owns their shapes; what they do is in `world`.

/// Something that breaks once.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Its number in the scenario; it stays when others are taken out.
    pub number: usize,
    /// Where.
    pub directory: usize,
    /// When.
    pub trigger: Trigger,
    /// What.
    pub kind: FaultKind,
}

/// When a fault comes: always between two events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// After so many events.
    Events(u64),
    /// Right after something happened for the so-manyeth time.
    Moment(Moment, u64),
}

/// What breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The process dies; what it wrote stays.
    Kill,
    /// The machine dies; what was not synced may be lost, in part or whole.
    PowerLoss,
    /// Another process takes the data directory over; this one goes on, and its disk takes nothing more from it.
    Takeover,
    /// The process is asked to shut down, and starts again.
    Restart {
        /// How long it may take.
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
    /// The clock is set.
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
    /// Its name in the figures.
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

/// Something after which a fault is the likeliest to hurt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// The journal has written, and not synced.
    Written,
    /// The journal has synced, and nobody was told.
    Synced,
    /// Those who waited for the journal were told, and have acted on it.
    Told,
    /// The store has applied a batch, and nobody was told.
    Stored,
    /// A tool has acted, and not answered.
    Acted,
    /// The store will never take an update.
    Poisoned,
    /// A node has read its journal.
    Opened,
    /// A node has brought its journal to the store.
    Replayed,
    /// A segment of a journal was deleted.
    Deleted,
    /// An execution was read back.
    Revived,
    /// An execution has left memory to wait.
    Parked,
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
    ];

    /// Whether it comes a few times in a run, not at every step.
    pub fn rare(self) -> bool {
        !matches!(self, Self::Written | Self::Synced | Self::Told | Self::Stored | Self::Acted)
    }
}
