//! What the writer is told, and what it has its driver do. Owns the shapes; decides nothing.

use updraft_protocol::Update;

use super::{Delivery, Group};

/// What happened.
pub enum Input<B, R> {
    /// The journal hands groups on, with rising numbers; only while the writer [receives](super::Writer::receives).
    Groups(Vec<Group<R>>),
    /// Someone asks when everything before is in the store; only while the writer receives.
    Barrier {
        /// What is answered by.
        token: B,
        /// Nothing follows: the store is to note so before the answer.
        closing: bool,
    },
    /// Nothing more comes.
    Closed,
    /// All calls of a delivery were made.
    Delivered(Box<Delivery>),
    /// The store took the note that was under way, or did not.
    Noted(Result<(), String>),
    /// It may be time for something.
    Woken,
}

/// What is to be done.
#[must_use = "the writer counts on it"]
pub enum Command<B> {
    /// Make the calls of the store that this asks for, then hand it back.
    Deliver(Box<Delivery>),
    /// Have the store note that it has everything up to this group, and whether journal and store are closed.
    Note {
        /// The group's number.
        up_to: u64,
        /// Whether nothing follows.
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
    /// Tell who embeds the engine.
    Tell(Notice),
    /// Log.
    Warn(Warning),
    /// The writer has ended.
    End(Ended),
}

/// The store did not take in time what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfTime;

/// How a writer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Ended {
    /// The store has everything.
    Stored,
    /// The store did not take the rest in time; it is in the journal.
    GaveUp {
        /// Documents that were left.
        documents: usize,
    },
}

/// What who embeds the engine is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// The store will never take this update; its execution should be failed with the reason.
    Poison {
        /// What was to be written.
        update: Box<Update>,
        /// Why the store refuses it.
        reason: String,
    },
    /// The store stopped taking batches; they are tried again until it does.
    StoreFailing {
        /// What it said.
        reason: String,
    },
    /// The store takes batches again.
    StoreWorking,
}

/// What only the log is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// The store will not have some updates for the moment, although it takes others.
    Deferred {
        /// What it said.
        reason: Option<String>,
        /// How many.
        documents: usize,
    },
    /// The store will never keep a dead letter.
    LetterLost {
        /// The letter's key.
        key: String,
        /// Why the store does not take the update.
        reason: String,
        /// Why it does not keep the letter.
        error: String,
    },
    /// The store did not take a note. The next says as much and more.
    NoteRefused {
        /// What the store said.
        error: String,
        /// Whether it took the note before.
        first: bool,
    },
    /// The store takes notes again.
    NoteTakenAgain,
}
