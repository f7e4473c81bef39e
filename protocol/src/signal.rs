//! Signals: what a sender tells a running execution, for a step `wait_for`. Owns their form and that of the record that an
//! execution keeps of them; decides nothing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::Name;
use crate::json::Json;
use crate::limits::SIGNALS_REMEMBERED;

/// A signal to one execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// The id that its sender gave it: the same id is applied once.
    pub id: Arc<str>,
    /// Its name: that of the steps that wait for it.
    pub name: Name,
    /// The key, which a wait has to have too.
    pub key: Option<Arc<str>>,
    /// The output of the step that takes it.
    pub payload: Json,
}

impl Signal {
    /// The approximate number of bytes.
    pub fn bytes(&self) -> usize {
        let key = self.key.as_ref().map_or(0, |key| key.len());
        self.id.len() + self.name.as_str().len() + key + self.payload.as_str().len()
    }

    /// Whether a wait for this name and key takes it.
    pub fn is_for(&self, name: &str, key: Option<&str>) -> bool {
        self.name.as_str() == name && self.key.as_deref() == key
    }
}

/// The signals of one execution.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ReceivedSignals {
    /// Signals that no step has waited for yet, the oldest first.
    pub kept: Vec<Signal>,
    /// The ids of the newest signals that a step has taken, the oldest first.
    pub taken: Vec<Arc<str>>,
}

impl ReceivedSignals {
    /// Whether the signal with this id was received before.
    pub fn knows(&self, id: &str) -> bool {
        self.taken.iter().any(|taken| **taken == *id) || self.kept.iter().any(|signal| *signal.id == *id)
    }

    /// Remembers that a step has taken the signal with this id.
    pub fn remember(&mut self, id: Arc<str>) {
        if self.taken.len() >= SIGNALS_REMEMBERED {
            self.taken.remove(0);
        }
        self.taken.push(id);
    }

    /// Takes out the oldest signal that a wait for this name and key takes.
    pub fn take(&mut self, name: &str, key: Option<&str>) -> Option<Signal> {
        let at = self.kept.iter().position(|signal| signal.is_for(name, key))?;
        let signal = self.kept.remove(at);
        self.remember(signal.id.clone());
        Some(signal)
    }

    /// The approximate number of bytes.
    pub fn bytes(&self) -> usize {
        let taken: usize = self.taken.iter().map(|id| id.len()).sum();
        taken + self.kept.iter().map(Signal::bytes).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(id: &str, key: Option<&str>) -> Signal {
        let name = Name::new("closed").unwrap();
        Signal { id: id.into(), name, key: key.map(Into::into), payload: Json::null() }
    }

    #[test]
    fn the_oldest_signal_with_the_name_and_the_key_is_taken_once() {
        let kept = vec![signal("a", None), signal("b", Some("7")), signal("c", Some("7"))];
        let mut signals = ReceivedSignals { kept, taken: Vec::new() };
        assert_eq!(signals.take("opened", None), None);
        assert_eq!(signals.take("closed", Some("7")).map(|signal| signal.id), Some("b".into()));
        assert_eq!(signals.take("closed", Some("7")).map(|signal| signal.id), Some("c".into()));
        assert_eq!(signals.take("closed", Some("7")), None);
        assert!(signals.knows("a") && signals.knows("b") && !signals.knows("d"));
        for number in 0..SIGNALS_REMEMBERED {
            signals.remember(number.to_string().into());
        }
        assert_eq!(signals.taken.len(), SIGNALS_REMEMBERED);
        assert!(!signals.knows("b"), "the oldest is forgotten");
    }
}
