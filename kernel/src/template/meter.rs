//! The meter: how much work the templates of one step, or one condition, have left. Decides nothing else.

use std::sync::atomic::{AtomicU64, Ordering};

use updraft_protocol::limits::WORK;

/// A budget that is charged before work is done, not after.
#[derive(Debug)]
pub(crate) struct Meter {
    work: AtomicU64,
}

/// What was asked for is more than what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exhausted;

impl Meter {
    pub(crate) fn new() -> Self {
        Self { work: AtomicU64::new(WORK) }
    }

    /// Takes `work` from what is left; after a refusal nothing is left.
    pub(crate) fn charge(&self, work: u64) -> Result<(), Exhausted> {
        // One thread renders; the atomic is there because values of both languages must be `Sync`.
        let left = self.work.load(Ordering::Relaxed).checked_sub(work);
        self.work.store(left.unwrap_or(0), Ordering::Relaxed);
        left.map(|_| ()).ok_or(Exhausted)
    }

    /// Whether it refused.
    pub(crate) fn exhausted(&self) -> bool {
        self.work.load(Ordering::Relaxed) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_stays_empty_once_it_refused() {
        let meter = Meter::new();
        assert_eq!(meter.charge(WORK - 1), Ok(()));
        assert_eq!(meter.charge(2), Err(Exhausted));
        assert_eq!(meter.charge(1), Err(Exhausted));
        assert!(meter.exhausted());
    }
}
