//! A slot: the state of one execution in its shard.

use std::collections::VecDeque;

use updraft_protocol::limits::{RESTART_WINDOW, RESTARTS};
use updraft_protocol::{Failure, FailureKind, Timestamp};

/// The state of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It has an actor.
    Running,
    /// It is being read back, or being failed from its documents.
    Loading,
    /// It is only in the store, until `due`; its last write is at `lsn`.
    Parked { due: Timestamp, lsn: u64 },
}

/// One execution in its shard.
pub(super) struct Slot {
    pub(super) state: State,
    /// Boxed and made when needed, since few executions have any.
    supervision: Option<Box<Supervision>>,
}

#[derive(Default)]
struct Supervision {
    /// The deaths of its actor within the window.
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

    /// Records that its documents cannot be resumed.
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

    /// Why it is not started again; `None` if it is.
    pub(super) fn failure(&self) -> Option<Failure> {
        if self.gives_up() {
            let message = "the execution's actor panicked too often";
            return Some(Failure::new(FailureKind::Supervision, message));
        }
        let unfit = self.supervision.as_ref()?.unfit.as_ref()?;
        Some(Failure::new(FailureKind::Playbook, unfit.clone()))
    }
}
