//! What the tools remember of idempotency keys: how often each came, and what was answered. Bounded: the
//! oldest key is forgotten for a new one.

use std::collections::{HashMap, VecDeque};

use axum::http::StatusCode;
use serde_json::Value;

/// Keys that are remembered; a retry comes within minutes.
const KEYS: usize = 50_000;

/// What is known of a key at a tool.
#[derive(Debug, Clone, Default)]
pub(super) struct KeyRecord {
    /// Attempts so far, this one included.
    pub(super) attempts: u32,
    /// The answer, once the tool has acted.
    pub(super) answer: Option<(StatusCode, Value)>,
}

type Key = (&'static str, String);

/// The memory of all tools.
#[derive(Debug, Default)]
pub(super) struct KeyMemory {
    known: HashMap<Key, KeyRecord>,
    order: VecDeque<Key>,
}

impl KeyMemory {
    /// What is known of the key, with one attempt more.
    pub(super) fn attempt(&mut self, tool: &'static str, key: &str) -> &mut KeyRecord {
        let key = (tool, key.to_owned());
        if !self.known.contains_key(&key) {
            if self.order.len() >= KEYS {
                self.order.pop_front().and_then(|oldest| self.known.remove(&oldest));
            }
            self.order.push_back(key.clone());
        }
        let known = self.known.entry(key).or_default();
        known.attempts += 1;
        known
    }

    /// What is known of the key, if it was not forgotten meanwhile.
    pub(super) fn known(&mut self, tool: &'static str, key: &str) -> Option<&mut KeyRecord> {
        self.known.get_mut(&(tool, key.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_key_is_forgotten_for_a_new_one() {
        let mut memory = KeyMemory::default();
        for key in 0..=KEYS {
            memory.attempt("t", &key.to_string());
        }
        assert_eq!((memory.known.len(), memory.order.len()), (KEYS, KEYS));
        assert_eq!(memory.attempt("t", &KEYS.to_string()).attempts, 2);
        assert_eq!(memory.attempt("t", "0").attempts, 1);
    }

    #[test]
    fn one_key_at_two_tools_is_two_keys() {
        let mut memory = KeyMemory::default();
        assert_eq!(memory.attempt("a", "k").attempts, 1);
        assert_eq!(memory.attempt("b", "k").attempts, 1);
    }
}
