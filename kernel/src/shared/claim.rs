//! The claim on what waits to be done: whoever does it takes it, or its owner gives it up. Whoever comes first wins, so that
//! what was given up is never done: an append in the journal's queue is not written, a request is not sent.

use super::outcome::OutcomeCell;
use super::planted::{Bug, planted};
use super::sync::Arc;

/// Something that its owner can give up until another thread takes it. Clones are the same claim.
#[derive(Clone, Default)]
pub struct Claim(Arc<OutcomeCell<Fate>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Taken,
    GivenUp,
}

/// What became of an attempt to give it up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum GiveUp {
    /// It will never be done.
    InTime,
    /// It is done, or just being done: its outcome will be told.
    TooLate,
}

impl Claim {
    /// Gives it up. Whoever asks again is told the same.
    pub fn give_up(&self) -> GiveUp {
        if planted(Bug::ClaimLooksOnly) && !self.0.is_settled() {
            return GiveUp::InTime;
        }
        match self.settled(Fate::GivenUp) {
            Fate::GivenUp => GiveUp::InTime,
            Fate::Taken => GiveUp::TooLate,
        }
    }

    /// Whether it is to be done: from now on nobody can give it up.
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
        let (given_up, taken) = (Claim::default(), Claim::default());
        assert!(!given_up.is_taken());
        assert_eq!(given_up.give_up(), GiveUp::InTime);
        assert!(!given_up.clone().take());
        assert_eq!(given_up.give_up(), GiveUp::InTime);
        assert!(taken.take() && taken.clone().take());
        assert_eq!(taken.give_up(), GiveUp::TooLate);
        assert!(taken.is_taken() && !given_up.is_taken());
    }
}
