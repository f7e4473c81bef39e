//! Health: the state of an engine, for monitoring. Repairs nothing.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use updraft_actors::blocking::HeldThreads;
use updraft_actors::polling::{BlockedShard, PolledCall};
use updraft_actors::{EngineContext, MissingOne};
use updraft_kernel::coalescer::Limits;
use updraft_protocol::limits::JOURNAL_SEGMENTS;
use updraft_protocol::{ExecutionId, Name, StepId, TenantCode, Timestamp};
use updraft_storage::log::{NoSpace, Status};
use updraft_storage::store::Health;
use updraft_storage::write_behind::Pending;

use crate::caches;
use crate::store_watch::StoreWatch;
use crate::triggers::FailingTriggers;

/// The state of an engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineHealth {
    /// The faults of the engine itself; empty if there is none.
    pub troubles: Vec<EngineTrouble>,
    /// The state of its store. Without the store, executions run until the buffer of updates is full, and then the
    /// journal's queue.
    pub store: Health,
    /// The updates that wait for the store.
    pub pending: Pending,
    /// Groups of updates that are durable and not yet in the store.
    pub behind: u64,
    /// Segments of the journal that wait for the store.
    pub segments: usize,
}

/// One fault of an engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EngineTrouble {
    /// A write or a sync of the journal failed: nothing more is accepted until the engine is restarted.
    JournalPoisoned {
        /// The error.
        cause: String,
    },
    /// The disk has no room for the journal: nothing new is accepted, running executions wait, and both resume by
    /// themselves when there is room.
    DiskFull {
        /// The error of the disk.
        cause: String,
        /// Since when.
        since: Timestamp,
    },
    /// The store answers, but takes no updates: they wait, and are retried.
    StoreFailing {
        /// Its error.
        cause: String,
    },
    /// The engine has failed, and must be restarted.
    Failed {
        /// Why.
        cause: String,
    },
    /// Tasks wait for configuration that this engine lacks: a secret, a permission, an integration.
    NotConfigured {
        /// The tasks that wait, the longest wait first.
        tasks: Vec<MissingOne>,
    },
    /// A call holds up the thread of a shard, and with it all executions there: its integration blocks, and has not declared
    /// it ([`Integration::blocking_threads`](updraft_protocol::Integration::blocking_threads)).
    ShardBlocked {
        /// The number of the shard.
        shard: usize,
        /// The integration.
        integration: Name,
        /// The execution that called it.
        peid: ExecutionId,
        /// The step of it.
        step: StepId,
        /// For how long at least.
        blocked_ms: u64,
    },
    /// Threads of an integration that blocks are held by calls whose time is over. It has that many less for other calls.
    ThreadsHeld {
        /// The integration.
        integration: Name,
        /// How many threads.
        held: usize,
        /// Of how many.
        threads: usize,
        /// The execution of the call that is held longest.
        peid: ExecutionId,
        /// The step of it.
        step: StepId,
        /// How long that call has run.
        held_ms: u64,
    },
    /// Redis is not there, or takes nothing: the engine goes on without it.
    RedisDown {
        /// Why.
        cause: String,
        /// Since when.
        since: Timestamp,
    },
    /// The poll of a trigger fails again and again: what its tool has that is new starts nothing until it is answered.
    PollFailing {
        /// Whose trigger.
        tenant: TenantCode,
        /// Its name.
        trigger: Name,
        /// Why the last call failed.
        cause: String,
        /// Since when.
        since: Timestamp,
    },
    /// The queue of a trigger cannot be read: its messages start nothing until it can.
    QueueUnread {
        /// Whose trigger.
        tenant: TenantCode,
        /// Its name.
        trigger: Name,
        /// Why.
        cause: String,
        /// Since when.
        since: Timestamp,
    },
    /// The store takes less than is written: one of the buffers for it is at least half full. If it is full, the
    /// journal waits, then executions, then submissions.
    StoreBehind {
        /// The buffer.
        of: Backlog,
        /// Its content.
        waiting: usize,
        /// Its limit.
        most: usize,
    },
}

/// A buffer of updates for the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backlog {
    /// Documents in the buffer of updates.
    Documents,
    /// Bytes in it.
    Bytes,
    /// Segments of the journal with updates that the store does not have.
    Segments,
}

impl EngineHealth {
    /// Whether neither the engine nor its store has a fault.
    pub fn is_well(&self) -> bool {
        self.troubles.is_empty() && self.store.troubles.is_empty()
    }

    /// Whether it has a fault that only a restart ends.
    pub fn needs_restart(&self) -> bool {
        let ends_at_a_restart = |trouble: &EngineTrouble| {
            matches!(trouble, EngineTrouble::JournalPoisoned { .. } | EngineTrouble::Failed { .. })
        };
        self.troubles.iter().any(ends_at_a_restart)
    }

    /// Whether it takes executions now: no fault keeps it from making them durable.
    pub fn accepts(&self) -> bool {
        let is_full = |trouble: &EngineTrouble| matches!(trouble, EngineTrouble::DiskFull { .. });
        !self.needs_restart() && !self.troubles.iter().any(is_full)
    }
}

impl fmt::Display for EngineTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::JournalPoisoned { cause } => write!(f, "the journal is poisoned: {cause}"),
            Self::DiskFull { cause, since } => {
                write!(f, "the disk has no room for the journal since {since}: {cause}")
            }
            Self::RedisDown { cause, since } => write!(f, "done without Redis since {since}: {cause}"),
            Self::PollFailing { tenant, trigger, cause, since } => {
                write!(f, "trigger {trigger} of {tenant} gets no answer since {since}: {cause}")
            }
            Self::QueueUnread { tenant, trigger, cause, since } => {
                write!(f, "the queue of trigger {trigger} of {tenant} is not read since {since}: {cause}")
            }
            Self::StoreFailing { cause } => write!(f, "the store takes no updates: {cause}"),
            Self::Failed { cause } => write!(f, "the engine has failed: {cause}"),
            Self::NotConfigured { tasks } => match tasks.first() {
                Some(first) => {
                    let (peid, step, what) = (first.peid, &first.step, &first.what);
                    let until = first.until;
                    let wait = if tasks.len() == 1 { "task waits" } else { "tasks wait" };
                    write!(f, "{} {wait} for configuration; ", tasks.len())?;
                    write!(f, "step {step} of execution {peid} until {until}: {what}")
                }
                None => f.write_str("no task waits for configuration"),
            },
            Self::ShardBlocked { shard, integration, peid, step, blocked_ms } => {
                write!(
                    f,
                    "integration \"{integration}\" has blocked shard {shard} for {}",
                    Secs(*blocked_ms)
                )?;
                write!(f, " (step {step} of execution {peid})")
            }
            Self::ThreadsHeld { integration, held, threads, peid, step, held_ms } => {
                write!(f, "integration \"{integration}\" holds {held} of its {threads} threads with calls ")?;
                write!(f, "whose time is over, the longest for {}", Secs(*held_ms))?;
                write!(f, " (step {step} of execution {peid})")
            }
            Self::StoreBehind { of, waiting, most } => {
                let of = match of {
                    Backlog::Documents => "documents of the buffer",
                    Backlog::Bytes => "bytes of the buffer",
                    Backlog::Segments => "segments of the journal",
                };
                write!(f, "the store is behind: {waiting} of {most} {of} wait for it")
            }
        }
    }
}

/// Milliseconds as people read them: `3.1 s`.
struct Secs(u64);

impl fmt::Display for Secs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{} s", self.0 / 1_000, self.0 % 1_000 / 100)
    }
}

impl From<BlockedShard> for EngineTrouble {
    fn from(BlockedShard { shard, call, blocked }: BlockedShard) -> Self {
        let PolledCall { integration, peid, step } = call;
        Self::ShardBlocked { shard, integration, peid, step, blocked_ms: millis(blocked) }
    }
}

impl From<HeldThreads> for EngineTrouble {
    fn from(HeldThreads { held, threads, longest, running }: HeldThreads) -> Self {
        let PolledCall { integration, peid, step } = longest;
        Self::ThreadsHeld { integration, held, threads, peid, step, held_ms: millis(running) }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// As [`Engine::health`](crate::Engine::health).
pub(crate) async fn of(
    context: &EngineContext,
    writing: &StoreWatch,
    triggers: &FailingTriggers,
) -> EngineHealth {
    if let Some(redis) = context.caches.redis() {
        redis.health().await;
    }
    let journal = context.log.status();
    let (pending, trouble) = (*writing.pending.borrow(), writing.trouble.borrow().clone());
    let mut troubles = of_engine(context, (&journal, pending, writing.buffer));
    troubles.extend(triggers.troubles());
    let behind = journal.durable_lsn.saturating_sub(context.stored.get());
    let store = context.store.health().await;
    // A fault that the store itself reports is listed once.
    let failing = trouble.filter(|_| store.troubles.is_empty());
    troubles.extend(failing.map(|cause| EngineTrouble::StoreFailing { cause: cause.to_string() }));
    EngineHealth { troubles, store, pending, behind, segments: journal.segments }
}

/// The faults that are known without asking the store.
pub(crate) fn troubles(
    context: &EngineContext,
    writing: &StoreWatch,
    triggers: &FailingTriggers,
) -> Vec<EngineTrouble> {
    let pending = *writing.pending.borrow();
    let mut troubles = of_engine(context, (&context.log.status(), pending, writing.buffer));
    troubles.extend(triggers.troubles());
    let failing = writing.trouble.borrow().clone();
    troubles.extend(failing.map(|cause| EngineTrouble::StoreFailing { cause: cause.to_string() }));
    troubles
}

/// The faults of the engine itself.
fn of_engine(
    context: &EngineContext,
    (journal, pending, buffer): (&Status, Pending, Limits),
) -> Vec<EngineTrouble> {
    let mut troubles = Vec::new();
    if let Some(cause) = &journal.poisoned {
        troubles.push(EngineTrouble::JournalPoisoned { cause: cause.to_string() });
    }
    if let Some(NoSpace { cause, since }) = &journal.no_space {
        let since = Timestamp(context.clock.now().0.saturating_sub(millis(since.elapsed())));
        troubles.push(EngineTrouble::DiskFull { cause: cause.to_string(), since });
    }
    if let Some(cause) = context.failed.get() {
        troubles.push(EngineTrouble::Failed { cause: cause.clone() });
    }
    let tasks = context.missing.all();
    if !tasks.is_empty() {
        troubles.push(EngineTrouble::NotConfigured { tasks });
    }
    let now = Instant::now();
    troubles.extend(context.polling.blocked(now).into_iter().map(EngineTrouble::from));
    troubles.extend(context.tools.held_threads(now).into_iter().map(EngineTrouble::from));
    troubles.extend(caches::trouble(context));
    troubles.extend(behind(pending, buffer, journal.segments));
    troubles
}

/// The fullest buffer, if it is at least half full.
fn behind(pending: Pending, buffer: Limits, segments: usize) -> Option<EngineTrouble> {
    let waiting = [
        (Backlog::Documents, pending.documents, buffer.documents),
        (Backlog::Bytes, pending.bytes, buffer.bytes),
        (Backlog::Segments, segments, JOURNAL_SEGMENTS),
    ];
    let share = |waiting: usize, most: usize| waiting as f64 / most.max(1) as f64;
    let (of, waiting, most) = waiting
        .into_iter()
        .filter(|(_, waiting, most)| share(*waiting, *most) >= 0.5)
        .max_by(|one, other| share(one.1, one.2).total_cmp(&share(other.1, other.2)))?;
    Some(EngineTrouble::StoreBehind { of, waiting, most })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_is_behind_when_half_of_what_may_wait_does() {
        let buffer = Limits { documents: 200, bytes: 1_000 };
        let of = |documents, bytes, segments| behind(Pending { documents, bytes }, buffer, segments);
        assert_eq!(of(99, 499, JOURNAL_SEGMENTS / 2 - 1), None);
        for (trouble, told) in [
            (of(100, 0, 1), "the store is behind: 100 of 200 documents of the buffer wait for it"),
            (of(100, 600, 1), "the store is behind: 600 of 1000 bytes of the buffer wait for it"),
            (of(9, 9, 33), "the store is behind: 33 of 64 segments of the journal wait for it"),
        ] {
            assert_eq!(trouble.unwrap().to_string(), told);
        }
    }

    #[test]
    fn a_trouble_is_serialised_with_its_kind() {
        let trouble = EngineTrouble::JournalPoisoned { cause: "no space left on device".to_owned() };
        let (store, pending) = (Health::default(), Pending::default());
        let health = EngineHealth { troubles: vec![trouble], store, pending, behind: 3, segments: 1 };
        assert!(!health.is_well());
        let value = serde_json::to_value(&health).unwrap();
        let trouble = serde_json::json!({"kind": "journal_poisoned", "cause": "no space left on device"});
        assert_eq!(value["troubles"], serde_json::json!([trouble]));
        assert_eq!(value["store"]["troubles"], serde_json::json!([]));
    }
}
