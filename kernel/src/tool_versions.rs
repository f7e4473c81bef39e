//! The versions of a tool, and since when each counts: by the instant at which an execution was accepted, which is stored of it
//! anyway, it is known which version it began with. Stores nothing.

use serde::{Deserialize, Serialize};
use updraft_protocol::Timestamp;
use updraft_protocol::limits::TOOL_VERSIONS;

/// The versions that one tool has had, in the order in which they came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionHistory(Vec<VersionSince>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct VersionSince {
    version: u32,
    since: Timestamp,
}

impl VersionHistory {
    /// From now on this version counts; returns whether another did before. The first counts for what was accepted before it, too:
    /// until then the tool was missing.
    #[must_use]
    pub fn takes(&mut self, version: u32, now: Timestamp) -> bool {
        let Some(last) = self.0.last() else {
            self.0.push(VersionSince { version, since: Timestamp(0) });
            return true;
        };
        if last.version == version {
            return false;
        }
        // A clock that was set back changes nothing of the past.
        let since = now.max(Timestamp(last.since.0 + 1));
        self.0.push(VersionSince { version, since });
        if self.0.len() > TOOL_VERSIONS {
            self.0.remove(0);
        }
        true
    }

    /// The version that what was accepted at this instant began with.
    pub fn at(&self, accepted: Timestamp) -> Option<u32> {
        let later = self.0.iter().rev().find(|one| one.since <= accepted);
        later.or(self.0.first()).map(|one| one.version)
    }

    /// The instants at which another version came.
    pub fn changes(&self) -> impl Iterator<Item = Timestamp> {
        self.0.iter().skip(1).map(|one| one.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(changes: &[(u32, u64)]) -> VersionHistory {
        let mut history = VersionHistory::default();
        for (version, now) in changes {
            let _ = history.takes(*version, Timestamp(*now));
        }
        history
    }

    #[test]
    fn what_was_accepted_before_a_version_keeps_the_one_before() {
        let history = history(&[(1, 100), (1, 150), (2, 200), (1, 300)]);
        let at = |accepted| history.at(Timestamp(accepted));
        assert_eq!([at(0), at(100), at(199), at(200), at(299), at(300)], [1, 1, 1, 2, 2, 1].map(Some));
        assert_eq!(history.changes().collect::<Vec<_>>(), [Timestamp(200), Timestamp(300)]);
        assert_eq!(VersionHistory::default().at(Timestamp(7)), None);
    }

    #[test]
    fn a_clock_that_was_set_back_changes_nothing_of_the_past() {
        let history = history(&[(1, 100), (2, 200), (3, 50)]);
        assert_eq!([200, 201].map(|at| history.at(Timestamp(at))), [Some(2), Some(3)]);
    }

    #[test]
    fn only_a_change_is_one_and_the_oldest_are_forgotten() {
        let mut history = VersionHistory::default();
        assert!(history.takes(1, Timestamp(1)) && !history.takes(1, Timestamp(2)));
        for version in 2..200 {
            assert!(history.takes(version, Timestamp(u64::from(version))));
        }
        assert_eq!(history.changes().count(), TOOL_VERSIONS - 1);
        assert_eq!(history.at(Timestamp(0)), Some(200 - TOOL_VERSIONS as u32));
        let stored = serde_json::to_string(&history).unwrap();
        assert_eq!(serde_json::from_str::<VersionHistory>(&stored).unwrap(), history);
    }
}
