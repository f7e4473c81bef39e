//! The conditions before an execution is read from the store, in order. Reads nothing itself.

use crate::shared::watermark::DurableWatermark;

/// How much the store must have before an execution is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// It has everything, since the engine has just started.
    Start,
    /// The journal up to this position.
    Position(u64),
    /// Everything that was handed to the journal before this moment.
    Now,
}

/// The read of one execution.
#[derive(Debug)]
pub struct Load {
    since: Since,
    settle: bool,
    acquire: bool,
    flush: bool,
}

/// The next step of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum LoadStep {
    /// Wait until the commits of the dead actor are in the journal.
    Settle,
    /// Wait for a permit of the executions in flight, unless a control waits for this execution.
    Acquire,
    /// Wait until the store has everything that is in the journal now.
    Flush,
    /// Read it from the store.
    Read,
}

impl Load {
    /// For an execution that has not left the engine.
    pub(super) fn new(since: Since) -> Self {
        Self { since, settle: since == Since::Now, acquire: false, flush: since != Since::Start }
    }

    /// For a parked execution, whose last write is at `lsn`.
    pub(super) fn of_parked(lsn: u64) -> Self {
        Self { acquire: true, ..Self::new(Since::Position(lsn)) }
    }

    /// Whether the store had everything when the engine started: such executions can be read together.
    pub fn is_of_start(&self) -> bool {
        self.since == Since::Start
    }

    /// The next step; `stored` is how far the store has come.
    pub fn next(&mut self, stored: &DurableWatermark) -> LoadStep {
        if std::mem::take(&mut self.settle) {
            return LoadStep::Settle;
        }
        if std::mem::take(&mut self.acquire) {
            return LoadStep::Acquire;
        }
        let there = matches!(self.since, Since::Position(lsn) if stored.reached(lsn + 1));
        if std::mem::take(&mut self.flush) && !there { LoadStep::Flush } else { LoadStep::Read }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(mut load: Load, stored: u64) -> Vec<LoadStep> {
        let (mut steps, stored) = (Vec::new(), DurableWatermark::new(stored));
        while steps.last() != Some(&LoadStep::Read) {
            steps.push(load.next(&stored));
        }
        steps
    }

    #[test]
    fn the_store_has_enough_before_it_is_asked() {
        use LoadStep::{Acquire, Flush, Read, Settle};
        assert_eq!(steps(Load::new(Since::Start), 0), [Read]);
        assert_eq!(steps(Load::new(Since::Now), 99), [Settle, Flush, Read]);
        assert_eq!(steps(Load::of_parked(7), 7), [Acquire, Flush, Read]);
        assert_eq!(steps(Load::of_parked(7), 8), [Acquire, Read]);
    }
}
