//! The rounds of a `while` or `until` while it runs: their number, what the next one is handed, and when it is due. Opens no
//! scope, and ends no task.

use std::sync::Arc;

use serde::Serialize;
use updraft_protocol::{Json, Timestamp};

/// A value that a round is handed, and the name under which it is read.
pub(super) type CarriedValue = (Arc<str>, Json);

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rounds {
    /// The number of the next round, which is how many have begun.
    pub(super) next: u32,
    /// What the next round is handed.
    pub(super) carried: Vec<CarriedValue>,
    /// When the next round begins, while it is waited for.
    pub(super) due: Option<Timestamp>,
    /// When no round may run any more.
    pub(super) deadline: Option<Timestamp>,
    /// Whether the deadline has passed, or the step was cancelled: the step ends with the round that runs.
    pub(super) is_over: bool,
    /// Whether an `end` in a round has ended the path that the loop is on.
    pub(super) ended_path: bool,
}

/// The output of the step.
#[derive(Serialize)]
struct Output<'r> {
    rounds: u32,
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    carry: std::collections::BTreeMap<&'r str, &'r Json>,
}

impl Rounds {
    /// The size of what a round is handed, as JSON.
    pub(super) fn bytes_of(carried: &[CarriedValue]) -> usize {
        carried.iter().map(|(name, value)| name.len() + value.as_str().len()).sum()
    }

    /// The next instant at which something is due.
    pub(super) fn next_instant(&self) -> Option<Timestamp> {
        let deadline = self.deadline.filter(|_| !self.is_over);
        [self.due, deadline].into_iter().flatten().min()
    }

    /// No further round begins.
    pub(super) fn leave(&mut self) {
        self.due = None;
        self.is_over = true;
    }

    /// The output of the step.
    pub(super) fn output(&self) -> Json {
        let carry = self.carried.iter().map(|(name, value)| (name.as_ref(), value)).collect();
        // Cannot fail: its values are JSON already, and its keys are texts.
        let text = serde_json::to_string(&Output { rounds: self.next, carry }).unwrap_or_default();
        Json::parse(&text).unwrap_or_else(|_| Json::null())
    }
}
