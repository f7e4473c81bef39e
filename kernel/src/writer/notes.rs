//! Notes: how far the store has come, written into the store itself at intervals and at the end. The journal may drop
//! what is below a note. Decides when; writes nothing.

use std::time::Duration;

use updraft_protocol::limits::STORE_NOTE;

use super::command::{Command, Warning};

/// The notes of one writer.
pub(super) struct Notes<B> {
    /// The number in the last note; `None` if the store keeps no notes.
    noted: Option<u64>,
    /// The note under way: the number below which the store has everything, and whether it is the last note.
    under_way: Option<(u64, bool)>,
    /// When the next note may be written.
    next: Option<Duration>,
    /// Whether the last one was refused: then the closing note waits as well.
    failed: bool,
    /// To be answered when the store has noted the close.
    closing: Option<B>,
}

/// The result of a note.
pub(super) struct NoteResult<B> {
    /// The number in the last note now.
    pub(super) below: Option<u64>,
    /// The caller that waited for the closing note.
    pub(super) closed: Option<B>,
    pub(super) warning: Option<Warning>,
}

impl<B> Notes<B> {
    pub(super) fn new(noted: Option<u64>) -> Self {
        Self { noted, under_way: None, next: None, failed: false, closing: None }
    }

    /// Whether the store keeps notes.
    pub(super) fn are_kept(&self) -> bool {
        self.noted.is_some()
    }

    /// Has the store note the close, before `token` is answered.
    pub(super) fn close(&mut self, token: B) {
        self.closing = Some(token);
    }

    /// Whether there is something to note, given that the store has everything below this number.
    fn is_owed(&self, below: u64) -> bool {
        let behind = self.noted.is_some_and(|noted| noted < below);
        self.under_way.is_none() && (behind || self.closing.is_some())
    }

    /// When the next note is due.
    pub(super) fn due(&self, below: u64) -> Option<Duration> {
        self.next.filter(|_| self.is_owed(below))
    }

    /// The next note, if it is due. The store has everything below this number.
    pub(super) fn write(&mut self, below: u64, now: Duration) -> Option<Command<B>> {
        let noted = self.noted.filter(|_| self.is_owed(below))?;
        let closing = self.closing.is_some();
        let hurried = closing && !self.failed;
        // Writes that soon follow the first go into the same note.
        let next = *self.next.get_or_insert_with(|| now + STORE_NOTE);
        if next > now && !hurried {
            return None;
        }
        let below = below.max(noted);
        self.next = now.checked_add(STORE_NOTE);
        self.under_way = Some((below, closing));
        Some(Command::Note { up_to: below.saturating_sub(1), closing })
    }

    /// The note that was under way is in the store, or was refused.
    pub(super) fn answered(&mut self, answer: Result<(), String>) -> NoteResult<B> {
        let failed = std::mem::replace(&mut self.failed, answer.is_err());
        let taken = self.under_way.take().filter(|_| answer.is_ok());
        let below = taken.map(|(below, _)| below);
        self.noted = self.noted.map(|noted| noted.max(below.unwrap_or_default()));
        let closed = taken.and_then(|(_, closing)| self.closing.take_if(|_| closing));
        let warning = match answer {
            Ok(()) => failed.then_some(Warning::NoteTakenAgain),
            Err(error) => Some(Warning::NoteRefused { error, first: !failed }),
        };
        NoteResult { below, closed, warning }
    }

    /// Whether no note is to be waited for.
    pub(super) fn is_done(&self) -> bool {
        self.under_way.is_none() && self.closing.is_none()
    }

    /// Gives up; returns the caller that waits.
    pub(super) fn give_up(&mut self) -> Option<B> {
        self.under_way = None;
        self.closing.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_takes_no_notes_is_told_of_once_until_it_takes_them_again() {
        let mut notes: Notes<()> = Notes::new(Some(0));
        let mut now = Duration::ZERO;
        let mut told = Vec::new();
        for (below, taken) in (1..).zip([true, false, false, true, true, false]) {
            for _ in 0..2 {
                let _ = notes.write(below, now);
                now += STORE_NOTE;
            }
            let answer = if taken { Ok(()) } else { Err("told to".to_owned()) };
            let said = match notes.answered(answer).warning {
                None => "taken",
                Some(Warning::NoteTakenAgain) => "taken again",
                Some(Warning::NoteRefused { first: true, .. }) => "refused",
                Some(_) => "refused again",
            };
            told.push((said, notes.noted.unwrap()));
        }
        let wanted = [("taken", 1), ("refused", 1), ("refused again", 1), ("taken again", 4), ("taken", 5)];
        assert_eq!(told[..5], wanted);
        assert_eq!(told[5], ("refused", 5));
    }
}
