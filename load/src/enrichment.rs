//! Enrichment: forty playbooks ask one tool for the same indicators again and again, and keep its answers. Owns which playbook asks
//! for which indicator, and how many calls that came to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

/// Playbooks that ask.
pub(crate) const PLAYBOOKS: u64 = 40;
/// Indicators that they ask for.
pub(crate) const INDICATORS: u64 = 500;
/// Executions in which each of them asks for each.
pub(crate) const EXECUTIONS: u64 = PLAYBOOKS * INDICATORS;

/// Who asks for what.
#[derive(Default)]
pub(crate) struct Enrichment {
    next: AtomicU64,
    /// Counted by the tool.
    pub(crate) calls: Arc<AtomicU64>,
}

impl Enrichment {
    /// The next execution: the number of its playbook, and its input. All playbooks ask for one indicator before any asks for the next,
    /// as they do when one alert starts them all.
    pub(crate) fn next(&self) -> (usize, Value) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let indicator = number / PLAYBOOKS % INDICATORS;
        (
            (number % PLAYBOOKS) as usize,
            json!({ "indicator": format!("203.0.{}.{}", indicator / 256, indicator % 256) }),
        )
    }

    /// How often was asked, and how often the tool was called for it.
    pub(crate) fn counted(&self) -> (u64, u64) {
        (self.next.load(Ordering::Relaxed), self.calls.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_playbook_asks_for_each_indicator_once() {
        let enrichment = Enrichment::default();
        let all: BTreeSet<(usize, String)> = (0..EXECUTIONS)
            .map(|_| {
                let (playbook, input) = enrichment.next();
                (playbook, input.to_string())
            })
            .collect();
        assert_eq!(all.len() as u64, EXECUTIONS);
        let indicators: BTreeSet<&String> = all.iter().map(|(_, input)| input).collect();
        assert_eq!(indicators.len() as u64, INDICATORS);
        assert_eq!(enrichment.counted(), (EXECUTIONS, 0));
    }
}
