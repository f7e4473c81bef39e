//! A slot: one execution in its shard, wherever it is at the moment.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use actix::Addr;
use tokio::sync::Notify;
use updraft_protocol::Timestamp;
use updraft_protocol::limits::{EXECUTION_MAILBOX, RESTART_WINDOW, RESTARTS};

use crate::control::Control;
use crate::entry::RegistryEntry;
use crate::execution::{Execution, OwnerGuard};

/// Where an execution is.
pub(super) enum Place {
    /// In its actor.
    Running {
        addr: Addr<Execution>,
        /// Dropped with the place, it tells the actor that nobody has it any more.
        _guard: OwnerGuard,
    },
    /// Being read back from the store.
    Loading,
    /// In the store only, until an instant.
    Parked { due: Timestamp, lsn: u64 },
}

pub(super) struct Slot {
    pub(super) entry: Arc<RegistryEntry>,
    pub(super) place: Place,
    /// What few executions have; made when it is needed.
    supervision: Option<Box<SupervisionState>>,
}

#[derive(Default)]
struct SupervisionState {
    /// Controls that wait for its actor.
    controls: Vec<Control>,
    /// Told of the first of them since it was parked.
    asked: Rc<Notify>,
    /// When its actor died, within the window.
    deaths: VecDeque<Timestamp>,
}

/// What to do about a death.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Verdict {
    /// Start it again.
    Restart,
    /// It died too often.
    GiveUp,
}

impl Slot {
    pub(super) fn new(entry: Arc<RegistryEntry>) -> Self {
        Self { entry, place: Place::Loading, supervision: None }
    }

    /// From now on it is in the store only.
    pub(super) fn park(&mut self, due: Timestamp, lsn: u64) {
        self.place = Place::Parked { due, lsn };
        if let Some(supervision) = &mut self.supervision {
            supervision.asked = Rc::default();
        }
    }

    /// Told when someone waits for its actor.
    pub(super) fn asked(&mut self) -> Rc<Notify> {
        self.supervision().asked.clone()
    }

    fn supervision(&mut self) -> &mut SupervisionState {
        self.supervision.get_or_insert_default()
    }

    /// Keeps a control until the actor is there. Beyond the limit its reply is dropped: its asker asks again.
    pub(super) fn wait(&mut self, control: Control) {
        // Who has an execution fail insists; the first one will do.
        let fails = |control: &Control| matches!(control, Control::Fail(_));
        let SupervisionState { controls, asked, .. } = self.supervision();
        let known = fails(&control) && controls.iter().any(fails);
        if !known && controls.len() < EXECUTION_MAILBOX {
            controls.push(control);
            asked.notify_one();
        }
    }

    /// Gives out the controls that waited.
    pub(super) fn take_controls(&mut self) -> Vec<Control> {
        self.supervision
            .as_mut()
            .map(|supervision| std::mem::take(&mut supervision.controls))
            .unwrap_or_default()
    }

    /// Counts a death of its actor.
    pub(super) fn died(&mut self, now: Timestamp) -> Verdict {
        let window = u64::try_from(RESTART_WINDOW.as_millis()).unwrap_or(u64::MAX);
        let deaths = &mut self.supervision().deaths;
        deaths.retain(|death| now.since(*death) < window);
        deaths.push_back(now);
        if self.given_up() { Verdict::GiveUp } else { Verdict::Restart }
    }

    /// Whether its actor died too often to be tried again.
    pub(super) fn given_up(&self) -> bool {
        self.supervision.as_ref().is_some_and(|supervision| supervision.deaths.len() > RESTARTS as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use updraft_protocol::{ExecutionId, TenantCode};

    fn slot() -> Slot {
        let peid = ExecutionId::from_bytes([7; 16]);
        let tenant = TenantCode::new("acme").unwrap();
        Slot::new(Arc::new(RegistryEntry::new(peid, tenant, None)))
    }

    #[test]
    fn restarts_are_counted_within_a_window() {
        let mut slot = slot();
        for _ in 0..RESTARTS {
            assert_eq!(slot.died(Timestamp(1_000)), Verdict::Restart);
        }
        assert_eq!(slot.died(Timestamp(2_000)), Verdict::GiveUp);
        assert!(slot.given_up());
    }

    #[test]
    fn deaths_before_the_window_are_forgiven() {
        let mut slot = slot();
        let window = RESTART_WINDOW.as_millis() as u64;
        for death in 0..20 {
            assert_eq!(slot.died(Timestamp(death * window)), Verdict::Restart);
        }
    }
}
