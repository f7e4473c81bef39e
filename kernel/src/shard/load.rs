//! The reading of an execution: what must be so before the store is asked, in order. Reads nothing itself.

use crate::shared::watermark::DurableWatermark;

/// What the store must have before an execution is read from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// It has everything: the engine has just started.
    Start,
    /// What stands in the journal up to here.
    Position(u64),
    /// Everything that was handed over before this moment.
    Now,
}

/// The reading of one execution.
#[derive(Debug)]
pub struct Load {
    since: Since,
    settle: bool,
    acquire: bool,
    flush: bool,
}

/// The next step of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum LoadStep {
    /// Wait until what its dead actor had handed over is in the journal.
    Settle,
    /// Wait for a permit of those in flight, unless somebody waits for the execution.
    Acquire,
    /// Wait until the store has all that the journal has at this moment.
    Flush,
    /// Ask the store.
    Read,
}

impl Load {
    /// Of an execution that has not left the engine.
    pub(super) fn new(since: Since) -> Self {
        Self { since, settle: since == Since::Now, acquire: false, flush: since != Since::Start }
    }

    /// Of a parked execution, whose last write stands at `lsn`.
    pub(super) fn of_parked(lsn: u64) -> Self {
        Self { acquire: true, ..Self::new(Since::Position(lsn)) }
    }

    /// Whether the store has had everything since the engine started: such executions can be read together.
    pub fn is_of_start(&self) -> bool {
        self.since == Since::Start
    }

    /// The next step, where `stored` says what the store has.
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
