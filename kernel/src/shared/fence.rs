//! The fence: which of two revisions of a document stands. Owns the comparison that keeps a stale owner out; a
//! store that decides in its own language (SQL, an update's filter) is held to it by the conformance suite.

pub use updraft_protocol::Revision;

/// What an update is beside what the store has of its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Fence {
    /// It is newer: it may be written.
    Newer,
    /// The store has this very revision.
    Stored,
    /// The store has a newer one, of this owner or of a later one: it changes nothing.
    Stale,
}

/// Compares what is offered with what the store has: the owner's epoch decides, then the number.
pub fn fence(stored: Revision, offered: Revision) -> Fence {
    match offered.cmp(&stored) {
        std::cmp::Ordering::Greater => Fence::Newer,
        std::cmp::Ordering::Equal => Fence::Stored,
        std::cmp::Ordering::Less => Fence::Stale,
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn the_epoch_decides_then_the_number() {
        let at = |epoch, seq| Revision { epoch, seq };
        for (offered, expected) in [
            (at(2, 5), Fence::Stored),
            (at(2, 6), Fence::Newer),
            (at(2, 4), Fence::Stale),
            (at(3, 1), Fence::Newer),
            (at(1, u64::MAX), Fence::Stale),
        ] {
            assert_eq!(fence(at(2, 5), offered), expected, "{offered:?}");
        }
    }
}
