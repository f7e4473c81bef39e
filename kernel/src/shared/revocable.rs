//! Work that its owner can revoke until another thread has begun it. The first of the two wins, so that revoked work is never
//! done: an append in the journal's queue is not written, a request is not sent.

use super::outcome::OutcomeCell;
use super::sync::Arc;

/// Work that can be revoked until another thread takes it. Clones are the same work.
#[derive(Clone, Default)]
pub struct Revocable(Arc<OutcomeCell<Fate>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Taken,
    Revoked,
}

/// What a request to revoke it led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Revoke {
    /// It will never be done.
    InTime,
    /// It is done, or just being done: its outcome will be told.
    TooLate,
}

impl Revocable {
    /// Revokes it. Every later call is told the same.
    pub fn revoke(&self) -> Revoke {
        match self.settled(Fate::Revoked) {
            Fate::Revoked => Revoke::InTime,
            Fate::Taken => Revoke::TooLate,
        }
    }

    /// Whether it is to be done: from now on it cannot be revoked.
    #[must_use]
    pub fn take(&self) -> bool {
        self.settled(Fate::Taken) == Fate::Taken
    }

    /// Whether it has been taken.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.0.get() == Some(&Fate::Taken)
    }

    fn settled(&self, fate: Fate) -> Fate {
        // Whoever was first, the cell has it.
        let _ = self.0.settle(fate);
        self.0.get().copied().unwrap_or(fate)
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn whoever_comes_first_has_it_for_good() {
        let (revoked, taken) = (Revocable::default(), Revocable::default());
        assert!(!revoked.is_taken());
        assert_eq!(revoked.revoke(), Revoke::InTime);
        assert!(!revoked.clone().take());
        assert_eq!(revoked.revoke(), Revoke::InTime);
        assert!(taken.take() && taken.clone().take());
        assert_eq!(taken.revoke(), Revoke::TooLate);
        assert!(taken.is_taken() && !revoked.is_taken());
    }
}
