//! The statistics of one shard, which its actors write and others read.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use updraft_protocol::Timestamp;

/// The statistics of one shard, through its restarts.
#[derive(Debug, Default)]
pub struct ShardStatistics {
    executions: AtomicUsize,
    commits: AtomicUsize,
    /// In milliseconds since the epoch; zero before the first one.
    turn: AtomicU64,
    restarts: AtomicU64,
}

/// What a shard counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShardFigure {
    /// Executions that it has, parked ones included.
    Executions,
    /// Executions that wait for the journal.
    Commits,
}

impl ShardFigure {
    /// The metric that shows it.
    pub(crate) const fn metric(self) -> &'static str {
        match self {
            Self::Executions => "updraft_shard_executions",
            Self::Commits => "updraft_shard_commits_waiting",
        }
    }
}

impl ShardStatistics {
    pub(crate) fn set(&self, figure: ShardFigure, value: usize) {
        match figure {
            ShardFigure::Executions => self.executions.store(value, Relaxed),
            ShardFigure::Commits => self.commits.store(value, Relaxed),
        }
    }

    /// The shard has work at this moment.
    pub(crate) fn turned(&self, now: Timestamp) {
        self.turn.store(now.0, Relaxed);
    }

    /// It has died, and another takes its place.
    pub(crate) fn died(&self) {
        self.restarts.fetch_add(1, Relaxed);
    }

    /// Executions that it has, parked ones included.
    pub fn executions(&self) -> usize {
        self.executions.load(Relaxed)
    }

    /// Executions that wait for the journal.
    pub fn commits_waiting(&self) -> usize {
        self.commits.load(Relaxed)
    }

    /// When it last began, ended or committed work of an execution.
    pub fn last_turn(&self) -> Option<Timestamp> {
        Some(self.turn.load(Relaxed)).filter(|turn| *turn > 0).map(Timestamp)
    }

    /// How often it died and was started again.
    pub fn restarts(&self) -> u64 {
        self.restarts.load(Relaxed)
    }
}
