//! A resident: one execution in its shard, wherever it is at the moment.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use actix::Addr;
use tokio::sync::Notify;
use updraft_protocol::Timestamp;
use updraft_protocol::limits::{EXECUTION_MAILBOX, RESTART_WINDOW, RESTARTS};

use crate::control::Control;
use crate::execution::{Execution, Parentage};
use crate::live::Live;

/// Where an execution is.
pub(super) enum Place {
    /// In its actor.
    Running {
        addr: Addr<Execution>,
        /// Dropped with the place, it tells the actor that nobody has it any more.
        _parentage: Parentage,
    },
    /// Being read back from the store.
    Reviving,
    /// In the store only, until an instant.
    Parked { due: Timestamp, lsn: u64 },
}

pub(super) struct Resident {
    pub(super) live: Arc<Live>,
    pub(super) place: Place,
    /// What few executions have; made when it is needed.
    rare: Option<Box<Rare>>,
}

#[derive(Default)]
struct Rare {
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

impl Resident {
    pub(super) fn new(live: Arc<Live>) -> Self {
        Self { live, place: Place::Reviving, rare: None }
    }

    /// From now on it is in the store only.
    pub(super) fn park(&mut self, due: Timestamp, lsn: u64) {
        self.place = Place::Parked { due, lsn };
        if let Some(rare) = &mut self.rare {
            rare.asked = Rc::default();
        }
    }

    /// Told when someone waits for its actor.
    pub(super) fn asked(&mut self) -> Rc<Notify> {
        self.rare().asked.clone()
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Keeps a control until the actor is there. Beyond the limit its reply is dropped: its asker asks again.
    pub(super) fn wait(&mut self, control: Control) {
        // Who has an execution fail insists; the first one will do.
        let fails = |control: &Control| matches!(control, Control::Fail(_));
        let Rare { controls, asked, .. } = self.rare();
        let known = fails(&control) && controls.iter().any(fails);
        if !known && controls.len() < EXECUTION_MAILBOX {
            controls.push(control);
            asked.notify_one();
        }
    }

    /// Gives out the controls that waited.
    pub(super) fn take_controls(&mut self) -> Vec<Control> {
        self.rare.as_mut().map(|rare| std::mem::take(&mut rare.controls)).unwrap_or_default()
    }

    /// Counts a death of its actor.
    pub(super) fn died(&mut self, now: Timestamp) -> Verdict {
        let window = u64::try_from(RESTART_WINDOW.as_millis()).unwrap_or(u64::MAX);
        let deaths = &mut self.rare().deaths;
        deaths.retain(|death| now.since(*death) < window);
        deaths.push_back(now);
        if self.given_up() { Verdict::GiveUp } else { Verdict::Restart }
    }

    /// Whether its actor died too often to be tried again.
    pub(super) fn given_up(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.deaths.len() > RESTARTS as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use updraft_protocol::{ExecutionId, TenantCode};

    fn resident() -> Resident {
        let peid = ExecutionId::from_bytes([7; 16]);
        let tenant = TenantCode::new("acme").unwrap();
        Resident::new(Arc::new(Live::new(peid, tenant, None)))
    }

    #[test]
    fn restarts_are_counted_within_a_window() {
        let mut resident = resident();
        for _ in 0..RESTARTS {
            assert_eq!(resident.died(Timestamp(1_000)), Verdict::Restart);
        }
        assert_eq!(resident.died(Timestamp(2_000)), Verdict::GiveUp);
        assert!(resident.given_up());
    }

    #[test]
    fn deaths_before_the_window_are_forgiven() {
        let mut resident = resident();
        let window = RESTART_WINDOW.as_millis() as u64;
        for death in 0..20 {
            assert_eq!(resident.died(Timestamp(death * window)), Verdict::Restart);
        }
    }
}
