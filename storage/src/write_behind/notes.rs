//! Notes: how far the store has come, written into the store itself every so often and at the end. What the journal drops
//! is below a note. Decides when; says nothing of what it means.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;

use tokio::time::Instant;
use updraft_kernel::shared::DurableWatermark;
use updraft_protocol::limits::{STORE_NOTE, WRITE_TIMEOUT};
use uuid::Uuid;

use super::Barrier;
use super::batch::guarded;
use crate::store::{Error, Store};

type Writing = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// What became of a note. Where the store did not take it, the next says as much and more.
#[derive(Debug)]
#[must_use]
pub(super) enum Noted {
    /// The store has it.
    Taken,
    /// The store has it, and did not take the one before.
    TakenAgain,
    /// The store did not take it, and took the one before.
    Refused(Error),
    /// The store did not take it, nor the one before.
    RefusedAgain(Error),
}

/// The notes of one writer.
pub(super) struct Notes {
    store: Arc<dyn Store>,
    /// The journal, and below which number the note stands; none where the store keeps no notes.
    of: Option<(Uuid, DurableWatermark)>,
    /// The note on its way, the number below which the store has everything, and whether it says that both are closed.
    flight: Option<(Writing, u64, bool)>,
    /// When the next may go.
    next: Option<Instant>,
    /// Whether the last one was not taken: the one that closes waits as well then.
    failed: bool,
    /// To be answered when the store has noted that both are closed.
    closing: Option<Barrier>,
}

impl Notes {
    pub(super) fn new(store: Arc<dyn Store>, of: Option<(Uuid, DurableWatermark)>) -> Self {
        Self { store, of, flight: None, next: None, failed: false, closing: None }
    }

    /// Has the store note that both are closed, and answers then.
    pub(super) fn close(&mut self, barrier: Barrier) {
        if self.of.is_some() {
            self.closing = Some(barrier);
        } else {
            barrier.answer(Ok(()));
        }
    }

    /// Whether there is something to write, given that the store has everything below this number.
    pub(super) fn is_owed(&self, below: u64) -> bool {
        let behind = self.of.as_ref().is_some_and(|(_, noted)| noted.get() < below);
        self.flight.is_none() && (behind || self.closing.is_some())
    }

    /// When the next note is due.
    pub(super) fn due(&self, below: u64) -> Option<Instant> {
        self.next.filter(|_| self.is_owed(below))
    }

    /// Sends a note off, where one is owed and due. The store has everything below this number.
    pub(super) fn write(&mut self, below: u64, now: Instant) {
        let Some((journal, noted)) = self.of.clone().filter(|_| self.is_owed(below)) else { return };
        let closing = self.closing.is_some();
        let hurried = closing && !self.failed;
        // What follows the first write soon goes into the same note.
        let next = *self.next.get_or_insert_with(|| now + STORE_NOTE);
        if next > now && !hurried {
            return;
        }
        let below = below.max(noted.get());
        let store = Arc::clone(&self.store);
        let writing = async move {
            let note = async { store.note(journal, below.saturating_sub(1), closing).await };
            guarded(note, WRITE_TIMEOUT).await
        };
        self.next = now.checked_add(STORE_NOTE);
        self.flight = Some((Box::pin(writing), below, closing));
    }

    /// Waits until the note that is on its way has landed; without end where none is.
    pub(super) async fn landed(&mut self) -> Noted {
        let Some((writing, ..)) = &mut self.flight else { return pending().await };
        let written = writing.await;
        let failed = std::mem::replace(&mut self.failed, written.is_err());
        if let Some((_, below, closed)) = self.flight.take()
            && written.is_ok()
        {
            if let Some((_, noted)) = &self.of {
                // Whether it moved matters to nobody here.
                let _ = noted.advance(below);
            }
            if closed && let Some(barrier) = self.closing.take() {
                barrier.answer(Ok(()));
            }
        }
        match (failed, written) {
            (false, Ok(())) => Noted::Taken,
            (true, Ok(())) => Noted::TakenAgain,
            (false, Err(error)) => Noted::Refused(error),
            (true, Err(error)) => Noted::RefusedAgain(error),
        }
    }

    /// Whether nothing is to be waited for.
    pub(super) fn is_done(&self) -> bool {
        self.flight.is_none() && self.closing.is_none()
    }

    /// Gives up; gives back who waits.
    pub(super) fn give_up(&mut self) -> Option<Barrier> {
        self.flight = None;
        self.closing.take()
    }
}
