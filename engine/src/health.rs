//! Health: how an engine fares, for who watches over it. Mends nothing.

use std::fmt;

use serde::Serialize;
use updraft_protocol::limits::JOURNAL_SEGMENTS;
use updraft_storage::store::Health;

use crate::start::Engine;

/// How an engine fares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EngineHealth {
    /// What is wrong with the engine itself; empty where all is well.
    pub troubles: Vec<EngineTrouble>,
    /// How its store fares. Without it executions go on until the journal is full.
    pub store: Health,
    /// Groups of updates that are durable and not yet in the store.
    pub behind: u64,
    /// Segments of the journal that wait for the store.
    pub segments: usize,
}

/// One thing that is wrong with an engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EngineTrouble {
    /// A write or a sync of the journal failed: nothing more is accepted until the engine is started again.
    JournalPoisoned {
        /// What failed.
        cause: String,
    },
    /// The engine can no longer go on, and must be started again.
    Failed {
        /// Why.
        cause: String,
    },
    /// The store takes less than is written: half of what the journal may keep for it waits, or all.
    StoreBehind {
        /// Segments that wait.
        segments: usize,
        /// Segments that may wait; then submissions do.
        most: usize,
    },
}

impl EngineHealth {
    /// Whether nothing is wrong, neither with the engine nor with its store.
    pub fn is_well(&self) -> bool {
        self.troubles.is_empty() && self.store.troubles.is_empty()
    }
}

impl fmt::Display for EngineTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::JournalPoisoned { cause } => write!(f, "the journal is poisoned: {cause}"),
            Self::Failed { cause } => write!(f, "the engine has failed: {cause}"),
            Self::StoreBehind { segments, most } => {
                write!(f, "the store is behind: {segments} of {most} segments of the journal wait for it")
            }
        }
    }
}

impl Engine {
    /// How the engine and its store fare. Asks the store, for ten seconds at most; never fails.
    pub async fn health(&self) -> EngineHealth {
        let journal = self.core.journal.status();
        let mut troubles = Vec::new();
        if let Some(cause) = &journal.poisoned {
            troubles.push(EngineTrouble::JournalPoisoned { cause: cause.to_string() });
        }
        if let Some(cause) = self.core.failed.get() {
            troubles.push(EngineTrouble::Failed { cause: cause.clone() });
        }
        troubles.extend(behind(journal.segments));
        let behind = journal.acknowledged.saturating_sub(self.core.stored.get());
        EngineHealth { troubles, store: self.core.store.health().await, behind, segments: journal.segments }
    }
}

fn behind(segments: usize) -> Option<EngineTrouble> {
    let most = JOURNAL_SEGMENTS;
    (segments >= most / 2).then_some(EngineTrouble::StoreBehind { segments, most })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_is_behind_when_half_of_what_may_wait_does() {
        assert_eq!(behind(JOURNAL_SEGMENTS / 2 - 1), None);
        let trouble = behind(JOURNAL_SEGMENTS / 2).unwrap();
        assert_eq!(trouble.to_string(), "the store is behind: 32 of 64 segments of the journal wait for it");
    }

    #[test]
    fn a_trouble_is_serialised_with_its_kind() {
        let trouble = EngineTrouble::JournalPoisoned { cause: "no space left on device".to_owned() };
        let health =
            EngineHealth { troubles: vec![trouble], store: Health::default(), behind: 3, segments: 1 };
        assert!(!health.is_well());
        let value = serde_json::to_value(&health).unwrap();
        let trouble = serde_json::json!({"kind": "journal_poisoned", "cause": "no space left on device"});
        assert_eq!(value["troubles"], serde_json::json!([trouble]));
        assert_eq!(value["store"]["troubles"], serde_json::json!([]));
    }
}
