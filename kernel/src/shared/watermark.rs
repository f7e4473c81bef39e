//! The durable watermark: how far the journal is on disk, or the store behind it. Owns one number that only
//! grows; never syncs and never waits.

use super::sync::{Arc, AtomicU64, Ordering};

/// A journal position up to which everything is safe, shared by whoever holds a clone.
#[derive(Clone)]
pub struct DurableWatermark {
    at: Arc<AtomicU64>,
}

/// What became of an advance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Advance {
    /// The watermark stands there now.
    Moved,
    /// It was there or beyond already.
    Behind,
}

impl DurableWatermark {
    /// A watermark that stands at `at`.
    pub fn new(at: u64) -> Self {
        Self { at: Arc::new(AtomicU64::new(at)) }
    }

    /// Moves the watermark to `to`; never back. What the caller wrote before is visible to who sees `to`
    /// reached.
    pub fn advance(&self, to: u64) -> Advance {
        if self.at.fetch_max(to, Ordering::AcqRel) < to { Advance::Moved } else { Advance::Behind }
    }

    /// Where it stands.
    pub fn get(&self) -> u64 {
        self.at.load(Ordering::Acquire)
    }

    /// Whether `lsn` is durable.
    pub fn reached(&self, lsn: u64) -> bool {
        self.get() >= lsn
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn it_never_goes_back() {
        let mark = DurableWatermark::new(5);
        assert_eq!(mark.advance(7), Advance::Moved);
        assert_eq!(mark.advance(7), Advance::Behind);
        assert_eq!(mark.advance(6), Advance::Behind);
        assert_eq!(mark.get(), 7);
        assert!(mark.reached(7) && mark.reached(0) && !mark.reached(8));
    }

    #[test]
    fn clones_see_one_number_up_to_its_end() {
        let mark = DurableWatermark::new(0);
        let other = mark.clone();
        assert_eq!(other.advance(u64::MAX), Advance::Moved);
        assert!(mark.reached(u64::MAX));
        assert_eq!(mark.advance(u64::MAX), Advance::Behind);
    }
}
