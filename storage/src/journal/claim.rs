//! The claim on an append that waits in the queue: the journal's thread takes it, or its owner gives it up.
//! Whoever comes first wins, so that what was given up is never written.

use std::sync::Arc;

use updraft_kernel::shared::outcome::OutcomeCell;

/// An append that its owner can give up until the journal's thread takes it. Clones are the same claim.
#[derive(Clone, Default)]
pub struct Claim(Arc<OutcomeCell<Fate>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Taken,
    GivenUp,
}

/// What became of an attempt to give an append up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum GiveUp {
    /// It will never be written.
    InTime,
    /// The journal has it, or is just writing it: its outcome will be told.
    TooLate,
}

impl Claim {
    /// Gives the append up. Whoever asks again is told the same.
    pub fn give_up(&self) -> GiveUp {
        match self.settled(Fate::GivenUp) {
            Fate::GivenUp => GiveUp::InTime,
            Fate::Taken => GiveUp::TooLate,
        }
    }

    /// Whether it is to be written: from now on nobody can give it up.
    pub(super) fn take(&self) -> bool {
        self.settled(Fate::Taken) == Fate::Taken
    }

    fn settled(&self, fate: Fate) -> Fate {
        // Whoever was first, the cell has it.
        let _ = self.0.settle(fate);
        self.0.get().copied().unwrap_or(fate)
    }
}
