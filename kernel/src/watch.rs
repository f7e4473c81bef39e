//! What is overdue in a running engine: by when something has to happen to an execution, and when a warning is due. Owns both
//! decisions; counts nothing, and reads no clock.

use updraft_protocol::Timestamp;
use updraft_protocol::limits::{WATCH_GRACE, WATCH_PROGRESS, WATCH_WARNS};

use crate::machine::Machine;

/// What has to happen next to an execution, and by when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// A wait ends at this instant.
    End(Timestamp),
    /// What runs has news by this instant.
    News(Timestamp),
}

impl Expected {
    /// What has to happen to an execution that has decided something now.
    pub fn of(machine: &Machine, now: Timestamp) -> Self {
        machine.idle_until().map_or(Self::News(now.after(WATCH_PROGRESS)), Self::End)
    }

    /// Whether it should have happened.
    pub fn is_overdue(self, now: Timestamp) -> bool {
        let (Self::End(by) | Self::News(by)) = self;
        by.after(WATCH_GRACE) < now
    }

    /// As one word, so that two threads can share it; 0 is none.
    pub fn to_word(self) -> u64 {
        match self {
            Self::End(by) => by.0.saturating_mul(2).max(2) & !1,
            Self::News(by) => by.0.saturating_mul(2) | 1,
        }
    }

    /// What a word says.
    pub fn of_word(word: u64) -> Option<Self> {
        let by = Timestamp(word / 2);
        match (word, word % 2) {
            (0, _) => None,
            (_, 0) => Some(Self::End(by)),
            _ => Some(Self::News(by)),
        }
    }
}

/// What is overdue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OverdueCounts {
    /// Executions of which a wait is past its end.
    pub waits: usize,
    /// Executions whose calls run and have had no news for an hour.
    pub executions: usize,
    /// Containments that are past their end, and are not undone; of more than 1,000 that are looked at, so many.
    pub containments: usize,
}

/// The warnings about what is overdue: one of each kind, and another an hour later if it still is.
#[derive(Debug, Default)]
pub struct OverdueWarnings([Option<Timestamp>; 3]);

impl OverdueWarnings {
    /// The warnings that are due, each with its count.
    pub fn due(&mut self, counts: OverdueCounts, now: Timestamp) -> Vec<(&'static str, usize)> {
        let kinds = [
            ("executions of which a wait is past its end", counts.waits),
            ("executions that have had no news for an hour", counts.executions),
            ("containments that are past their end and not undone", counts.containments),
        ];
        let mut due = Vec::new();
        for (told, (kind, count)) in self.0.iter_mut().zip(kinds) {
            if count == 0 {
                *told = None;
            } else if told.is_none_or(|told| told.after(WATCH_WARNS) <= now) {
                *told = Some(now);
                due.push((kind, count));
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_says_what_is_expected() {
        let (some, last) = (Timestamp(1_780_000_000_001), Timestamp(u64::MAX / 2));
        for expected in [Expected::End(some), Expected::News(some), Expected::End(last), Expected::News(last)]
        {
            assert_eq!(Expected::of_word(expected.to_word()), Some(expected));
        }
        assert_eq!(Expected::of_word(0), None);
        assert_eq!(
            Expected::of_word(Expected::End(Timestamp(0)).to_word()),
            Some(Expected::End(Timestamp(1)))
        );
    }

    #[test]
    fn what_is_a_little_late_is_not_overdue() {
        let by = Timestamp(1_000);
        for expected in [Expected::End(by), Expected::News(by)] {
            assert!(!expected.is_overdue(by.after(WATCH_GRACE)));
            assert!(expected.is_overdue(by.after(WATCH_GRACE).after(std::time::Duration::from_millis(1))));
        }
    }

    #[test]
    fn a_warning_of_each_kind_comes_at_once_and_again_after_an_hour_or_a_pause() {
        let mut warnings = OverdueWarnings::default();
        let counts = |waits, executions| OverdueCounts { waits, executions, containments: 0 };
        let mut due = |counts, at: u64| -> Vec<usize> {
            warnings.due(counts, Timestamp(at)).into_iter().map(|(_, count)| count).collect()
        };
        let hour = u64::try_from(WATCH_WARNS.as_millis()).unwrap();
        assert_eq!(due(counts(2, 0), 5), [2]);
        assert_eq!(due(counts(3, 1), 6), [1], "of the other kind alone");
        assert_eq!(due(counts(3, 0), 4 + hour), [0; 0]);
        assert_eq!(due(counts(4, 0), 5 + hour), [4]);
        assert_eq!(due(counts(0, 0), 6 + hour), [0; 0]);
        assert_eq!(due(counts(1, 0), 7 + hour), [1], "it is news again");
    }
}
