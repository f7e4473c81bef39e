//! The lease of a store that several machines reach: whether an engine that starts may take the store. Decides by the
//! owner's beats as they are seen here, on the local clock; clocks of two machines are never compared.

use std::time::Duration;

use updraft_protocol::limits::STORE_LEASE;

/// The owner of a store, as last read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The start of an engine that owns it.
    pub incarnation: u128,
    /// The id of its journal.
    pub journal: u128,
    /// How often it has renewed its lease.
    pub beat: u64,
    /// Whether it has given the store back.
    pub released: bool,
}

/// The next step of an engine that wants the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum LeaseStep {
    /// Take it, if it has not changed since it was read.
    Take,
    /// Read it again after a pause.
    Wait,
    /// Leave it to the owner, which is alive.
    Refuse,
}

/// An engine that wants a store.
#[derive(Debug)]
pub struct Candidate {
    /// The id of its journal, which it has locked: an owner with this journal is dead.
    journal: u128,
    /// The first beat that was seen, and when.
    first: Option<(u128, u64, Duration)>,
}

impl Candidate {
    /// An engine with this journal.
    pub fn new(journal: u128) -> Self {
        Self { journal, first: None }
    }

    /// The next step, after reading `seen` at `now` on the local clock.
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
