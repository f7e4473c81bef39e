//! A slot: where one execution of a shard is, and what is known of it meanwhile.

use std::collections::VecDeque;

use updraft_protocol::limits::{RESTART_WINDOW, RESTARTS};
use updraft_protocol::{Failure, FailureKind, Timestamp};

/// Where an execution is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// In its actor.
    Running,
    /// Being read back, or failed from its documents.
    Loading,
    /// In the store only, until an instant; its last write stands at `lsn`.
    Parked { due: Timestamp, lsn: u64 },
}

/// One execution in its shard.
pub(super) struct Slot {
    pub(super) state: State,
    /// What few executions have; made when it is needed.
    supervision: Option<Box<Supervision>>,
}

#[derive(Default)]
struct Supervision {
    /// When its actor died, within the window.
    deaths: VecDeque<Timestamp>,
    /// Why it cannot be resumed.
    unfit: Option<String>,
}

impl Default for Slot {
    fn default() -> Self {
        Self { state: State::Loading, supervision: None }
    }
}

impl Slot {
    fn supervision(&mut self) -> &mut Supervision {
        self.supervision.get_or_insert_default()
    }

    /// Its documents cannot be resumed.
    pub(super) fn unfit(&mut self, reason: String) {
        self.supervision().unfit = Some(reason);
    }

    /// Counts a death of its actor.
    pub(super) fn died(&mut self, now: Timestamp) {
        let window = u64::try_from(RESTART_WINDOW.as_millis()).unwrap_or(u64::MAX);
        let deaths = &mut self.supervision().deaths;
        deaths.retain(|death| now.since(*death) < window);
        deaths.push_back(now);
    }

    /// Whether its actor died too often to be started again.
    pub(super) fn gives_up(&self) -> bool {
        self.supervision.as_ref().is_some_and(|supervision| supervision.deaths.len() > RESTARTS as usize)
    }

    /// Why it is not started again, where it is not.
    pub(super) fn failure(&self) -> Option<Failure> {
        if self.gives_up() {
            let message = "the execution's actor panicked too often";
            return Some(Failure::new(FailureKind::Supervision, message));
        }
        let unfit = self.supervision.as_ref()?.unfit.as_ref()?;
        Some(Failure::new(FailureKind::Playbook, unfit.clone()))
    }
}
