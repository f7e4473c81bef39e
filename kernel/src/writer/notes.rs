//! Notes: how far the store has come, written into the store itself every so often and at the end. What the journal drops
//! is below a note. Decides when; writes nothing.

use std::time::Duration;

use updraft_protocol::limits::STORE_NOTE;

use super::command::{Command, Warning};

/// The notes of one writer.
pub(super) struct Notes<B> {
    /// The number below which the note stands; none where the store keeps no notes.
    noted: Option<u64>,
    /// The note under way: the number below which the store has everything, and whether it says that both are closed.
    under_way: Option<(u64, bool)>,
    /// When the next may go.
    next: Option<Duration>,
    /// Whether the last one was not taken: the one that closes waits as well then.
    failed: bool,
    /// To be answered when the store has noted that both are closed.
    closing: Option<B>,
}

/// What a note that came back is followed by.
pub(super) struct Landed<B> {
    /// The number below which the note stands now.
    pub(super) below: Option<u64>,
    /// Who waited for the last note.
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

    /// Has the store note that both are closed, before `token` is answered.
    pub(super) fn close(&mut self, token: B) {
        self.closing = Some(token);
    }

    /// Whether there is something to write, given that the store has everything below this number.
    fn is_owed(&self, below: u64) -> bool {
        let behind = self.noted.is_some_and(|noted| noted < below);
        self.under_way.is_none() && (behind || self.closing.is_some())
    }

    /// When the next note is due.
    pub(super) fn due(&self, below: u64) -> Option<Duration> {
        self.next.filter(|_| self.is_owed(below))
    }

    /// The next note, where one is owed and due. The store has everything below this number.
    pub(super) fn write(&mut self, below: u64, now: Duration) -> Option<Command<B>> {
        let noted = self.noted.filter(|_| self.is_owed(below))?;
        let closing = self.closing.is_some();
        let hurried = closing && !self.failed;
        // What follows the first write soon goes into the same note.
        let next = *self.next.get_or_insert_with(|| now + STORE_NOTE);
        if next > now && !hurried {
            return None;
        }
        let below = below.max(noted);
        self.next = now.checked_add(STORE_NOTE);
        self.under_way = Some((below, closing));
        Some(Command::Note { up_to: below.saturating_sub(1), closing })
    }

    /// The note that was under way is in the store, or is not.
    pub(super) fn landed(&mut self, answer: Result<(), String>) -> Landed<B> {
        let failed = std::mem::replace(&mut self.failed, answer.is_err());
        let taken = self.under_way.take().filter(|_| answer.is_ok());
        let below = taken.map(|(below, _)| below);
        self.noted = self.noted.map(|noted| noted.max(below.unwrap_or_default()));
        let closed = taken.and_then(|(_, closing)| self.closing.take_if(|_| closing));
        let warning = match answer {
            Ok(()) => failed.then_some(Warning::NoteTakenAgain),
            Err(error) => Some(Warning::NoteRefused { error, first: !failed }),
        };
        Landed { below, closed, warning }
    }

    /// Whether nothing is to be waited for.
    pub(super) fn is_done(&self) -> bool {
        self.under_way.is_none() && self.closing.is_none()
    }

    /// Gives up; gives back who waits.
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
            let said = match notes.landed(answer).warning {
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
