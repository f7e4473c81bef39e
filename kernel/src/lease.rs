//! The lease of a store that several machines reach: whether an engine that starts may take it. Decides by the beats of the
//! one that has it, as they are seen here, on one's own clock; no two clocks are compared.

use std::time::Duration;

use updraft_protocol::limits::STORE_LEASE;

/// The owner of a store, as it is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Which start of which engine.
    pub incarnation: u128,
    /// The id of its journal.
    pub journal: u128,
    /// How often it has renewed its lease.
    pub beat: u64,
    /// Whether it has given the store back.
    pub released: bool,
}

/// What who wants the store does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum LeaseStep {
    /// Takes it, where it is still as it was seen.
    Take,
    /// Looks again after a while.
    Wait,
    /// Leaves it to the owner, who lives.
    Refuse,
}

/// Who wants a store.
#[derive(Debug)]
pub struct Candidate {
    /// The id of its journal, which it has locked: an owner with this journal is dead.
    journal: u128,
    /// The beat that was seen first, and when.
    first: Option<(u128, u64, Duration)>,
}

impl Candidate {
    /// One with this journal.
    pub fn new(journal: u128) -> Self {
        Self { journal, first: None }
    }

    /// What it does, having seen this at that time of its own clock.
    pub fn see(&mut self, seen: Option<Seen>, now: Duration) -> LeaseStep {
        let Some(seen) = seen.filter(|seen| !seen.released && seen.journal != self.journal) else {
            return LeaseStep::Take;
        };
        let (incarnation, beat, at) = *self.first.get_or_insert((seen.incarnation, seen.beat, now));
        if (incarnation, beat) != (seen.incarnation, seen.beat) {
            LeaseStep::Refuse
        } else if now.saturating_sub(at) >= STORE_LEASE {
            LeaseStep::Take
        } else {
            LeaseStep::Wait
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Seen = Seen { incarnation: 5, journal: 7, beat: 3, released: false };

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn what_nobody_has_was_given_back_or_is_ones_own_is_taken_at_once() {
        let ways = [None, Some(Seen { released: true, ..OWNER }), Some(Seen { journal: 8, ..OWNER })];
        for seen in ways {
            assert_eq!(Candidate::new(8).see(seen, seconds(0)), LeaseStep::Take, "{seen:?}");
        }
    }

    #[test]
    fn an_owner_that_is_silent_for_a_lease_is_followed() {
        let mut candidate = Candidate::new(8);
        assert_eq!(candidate.see(Some(OWNER), seconds(100)), LeaseStep::Wait);
        assert_eq!(candidate.see(Some(OWNER), seconds(109)), LeaseStep::Wait);
        assert_eq!(candidate.see(Some(OWNER), seconds(110)), LeaseStep::Take);
    }

    #[test]
    fn an_owner_that_beats_or_is_followed_by_another_keeps_the_store() {
        for next in [Seen { beat: 4, ..OWNER }, Seen { incarnation: 6, beat: 3, ..OWNER }] {
            let mut candidate = Candidate::new(8);
            assert_eq!(candidate.see(Some(OWNER), seconds(0)), LeaseStep::Wait);
            assert_eq!(candidate.see(Some(next), seconds(60)), LeaseStep::Refuse, "{next:?}");
        }
    }
}
