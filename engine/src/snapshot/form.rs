//! The form of a snapshot. Owns data only. Counts are since the engine began: who wants rates takes two snapshots.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use updraft_cache::CacheFigures;
use updraft_protocol::{Name, TenantCode, Timestamp};
use updraft_redis::RedisFigures;

use crate::bottleneck::{Bottleneck, Stage};

/// How everything in an engine stands at one moment. Its size is bounded, whatever the engine has to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EngineSnapshot {
    /// The moment.
    pub at: Timestamp,
    /// For how long the threads were watched before it, in milliseconds.
    pub watched_ms: u64,
    /// What limits at this moment; `None` where nothing waits.
    pub limited_by: Option<Bottleneck>,
    /// What is wrong with the engine, for people.
    pub troubles: Vec<String>,
    /// The executions.
    pub executions: ExecutionLoad,
    /// The tenants that have most to do, those with most first.
    pub tenants: Vec<TenantLoad>,
    /// How many tenants have anything to do.
    pub tenants_in_all: usize,
    /// The tools, by name. Those beyond 256 are `other`, together.
    pub integrations: Vec<IntegrationLoad>,
    /// The gates of tools: those whose circuit is not closed, then those at which most calls wait.
    pub gates: Vec<GateLoad>,
    /// How many gates there are.
    pub gates_in_all: usize,
    /// Calls that guardrails have refused, by the rule that did.
    pub guardrail_refusals: BTreeMap<String, u64>,
    /// Targets that are locked by steps.
    pub targets_locked: usize,
    /// Steps that wait for such a lock.
    pub target_locks_waiting: usize,
    /// The shards, by number.
    pub shards: Vec<ShardLoad>,
    /// The writing to the store.
    pub store: StoreLoad,
    /// The journal.
    pub journal: JournalLoad,
    /// The caches.
    pub caches: Vec<CacheFigures>,
    /// The connections to Redis, where there is one.
    pub redis: Option<RedisFigures>,
    /// What the threads of the process do, the busiest first; empty where the system does not tell.
    pub stages: Vec<Stage>,
}

/// The executions of an engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionLoad {
    /// Those in flight.
    pub in_flight: usize,
    /// How many may be.
    pub permits: u64,
    /// Those that wait for long and are not in memory.
    pub parked: usize,
    /// Those that wait in the store for a permit.
    pub queued: u64,
}

/// What a tenant has to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantLoad {
    /// The tenant.
    pub tenant: TenantCode,
    /// Its executions in flight.
    pub in_flight: usize,
    /// How many it may have, where a quota says so.
    pub in_flight_most: Option<u64>,
    /// Its queued executions.
    pub queued: u64,
    /// How many it may have, where a quota says so.
    pub queued_most: Option<u64>,
    /// Its turns in a round.
    pub weight: u32,
    /// Whether it has quotas of its own.
    pub has_own_quota: bool,
}

/// The calls of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntegrationLoad {
    /// Its name.
    pub integration: String,
    /// Attempts under way.
    pub running: u64,
    /// Calls that stand in line for a place.
    pub waiting: u64,
    /// Attempts that completed.
    pub completed: u64,
    /// Attempts that failed, by the kind of failure.
    pub failed: BTreeMap<String, u64>,
    /// Attempts that are not the first of their task.
    pub retried: u64,
    /// How long all attempts took together, in milliseconds.
    pub took_ms: u64,
    /// Calls that were not made because their turn did not come, by the kind of failure.
    pub refused: BTreeMap<String, u64>,
    /// Calls that stood in line and got a place.
    pub waited: u64,
    /// How long these stood in line, in milliseconds.
    pub waited_ms: u64,
    /// How often a circuit breaker opened.
    pub breaker_openings: u64,
    /// How often the tool asked to be left alone.
    pub cooldowns: u64,
    /// Its circuits that are not closed, by their state.
    pub circuits: BTreeMap<String, usize>,
}

/// How a gate stands: the calls of one tool that are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateLoad {
    /// The tool.
    pub integration: Name,
    /// Whose calls are counted; `None` where all tenants share the limits.
    pub tenant: Option<TenantCode>,
    /// The host and port, of a tool that is named by a URL.
    pub host: Option<String>,
    /// The secrets that the calls name.
    pub credentials: Vec<Name>,
    /// Calls in line.
    pub waiting: usize,
    /// Calls that have passed and are not over.
    pub running: usize,
    /// Whether calls are made: `closed`, `cooling`, `open`, `half_open`, `forced_open`.
    pub circuit: CircuitWord,
    /// For how long it stays so, in milliseconds, where that is known.
    pub left_ms: Option<u64>,
}

/// Whether the calls of a gate are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CircuitWord {
    /// They are.
    Closed,
    /// The tool has asked to be left alone.
    Cooling,
    /// Some calls probe whether it works again.
    HalfOpen,
    /// Too many calls have failed.
    Open,
    /// A person has decided that none is made.
    ForcedOpen,
}

impl CircuitWord {
    /// The text in metrics and snapshots.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Cooling => "cooling",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
            Self::ForcedOpen => "forced_open",
        }
    }
}

/// What a shard has to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShardLoad {
    /// Its number.
    pub shard: usize,
    /// Its executions, parked ones included.
    pub executions: usize,
    /// Its executions that wait for the journal.
    pub commits_waiting: usize,
    /// Accepted executions that it has not taken up yet; `None` while it is being restarted.
    pub launches_waiting: Option<usize>,
    /// When it last committed work of an execution.
    pub last_turn: Option<Timestamp>,
    /// How often it died and was started again.
    pub restarts: u64,
    /// The share of the time that its thread is busy, where the system tells.
    pub busy: Option<f64>,
}

/// The writing to the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreLoad {
    /// Documents that wait to be written or are on their way.
    pub documents: usize,
    /// How many may.
    pub documents_most: usize,
    /// The bytes of their updates.
    pub bytes: usize,
    /// How many there may be.
    pub bytes_most: usize,
    /// Of the documents, those that the store would not have yet.
    pub deferred: usize,
    /// Batches on their way.
    pub batches_in_flight: usize,
    /// How many may be, at the pace of the moment.
    pub batches_in_flight_most: usize,
    /// The most operations in a batch, at the pace of the moment.
    pub batch_operations: usize,
    /// Batches that were sent.
    pub batches: usize,
    /// Batches that were sent again.
    pub retried: usize,
    /// Updates that the store has written.
    pub written: usize,
    /// Updates that a newer one overtook before they were written.
    pub coalesced: usize,
    /// Updates that the store will never take.
    pub poison: usize,
    /// Of those, the ones kept as dead letters.
    pub dead_letters: usize,
    /// Of those, the ones that the store does not keep either.
    pub dead_letters_lost: usize,
    /// Why the store takes no updates, while it does not.
    pub failing: Option<String>,
}

/// The journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalLoad {
    /// The number of the newest durable append.
    pub durable: u64,
    /// Appends that are durable and not yet in the store.
    pub behind: u64,
    /// Segments on the disk.
    pub segments: usize,
    /// Bytes of appends on their way to the disk.
    pub queued_bytes: usize,
    /// How many there may be.
    pub queued_bytes_most: usize,
}
