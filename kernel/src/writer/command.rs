//! The events and commands of the writer. Owns the shapes; decides nothing.

use updraft_protocol::Update;

use super::{Delivery, Group};

/// An event of the writer.
pub enum Input<B, R> {
    /// Groups from the journal, with rising numbers; only while the writer [receives](super::Writer::receives).
    Groups(Vec<Group<R>>),
    /// A request to be answered once everything before is in the store; only while the writer receives.
    Barrier {
        /// Passed back with the answer.
        token: B,
        /// This is the last input: the store is to note the close before the answer.
        closing: bool,
    },
    /// There will be no more input.
    Closed,
    /// All calls of a delivery were made.
    Delivered(Box<Delivery>),
    /// The result of the note that was under way.
    Noted(Result<(), String>),
    /// The time passed that [`wakes_at`](super::Writer::wakes_at) gave.
    Woken,
}

/// A command of the writer to its driver.
#[must_use = "the writer counts on it"]
pub enum Command<B> {
    /// Make the store calls that this asks for, then hand it back.
    Deliver(Box<Delivery>),
    /// Have the store note that it has everything up to this group, and whether journal and store are closed.
    Note {
        /// The group's number.
        up_to: u64,
        /// Whether this is the last note.
        closing: bool,
    },
    /// The store has everything below this group.
    Stored {
        /// The group's number.
        below: u64,
    },
    /// The store has noted that it has everything below this group.
    Noted {
        /// The group's number.
        below: u64,
    },
    /// Answer a barrier.
    Answer(B, Result<(), OutOfTime>),
    /// Notify the application that embeds the engine.
    Notify(Notice),
    /// Write to the log.
    Warn(Warning),
    /// The writer has ended.
    End(Ended),
}

/// The store did not take everything in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfTime;

/// How a writer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Ended {
    /// The store has everything.
    Stored,
    /// The store did not take the rest in time; the rest is in the journal.
    GaveUp {
        /// Documents that were left.
        documents: usize,
    },
}

/// A notice to the application that embeds the engine.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// The store refuses this update for good; its execution should be failed with the reason.
    Poison {
        /// The update.
        update: Box<Update>,
        /// The error of the store.
        reason: String,
    },
    /// The store stopped taking batches; they are retried until it does.
    StoreFailing {
        /// The error of the store.
        reason: String,
    },
    /// The store takes batches again.
    StoreWorking,
}

/// A warning for the log only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// The store refuses some updates for the moment, but takes others.
    Deferred {
        /// The error of the store.
        reason: Option<String>,
        /// The number of such updates.
        documents: usize,
    },
    /// The store refuses a dead letter for good.
    LetterLost {
        /// The letter's key.
        key: String,
        /// Why the store refuses the update.
        reason: String,
        /// Why it refuses the letter.
        error: String,
    },
    /// The store did not take a note. The next note replaces it.
    NoteRefused {
        /// The error of the store.
        error: String,
        /// Whether the note before was taken.
        first: bool,
    },
    /// The store takes notes again.
    NoteTakenAgain,
}
