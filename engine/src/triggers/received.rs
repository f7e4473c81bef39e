//! What webhooks have received since the driver looked last, and which triggers hold. Owns what many requests come to until it is
//! stored: one write a second for a trigger, however many come.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use updraft_kernel::trigger::{self, PlannedTrigger};
use updraft_protocol::{Firing, TriggerHistory};

use super::TriggerKey;

/// Whether a trigger holds.
pub(super) enum Standing {
    /// Triggers were not read yet, or are not fired here.
    Unread,
    /// There is none, or it is paused.
    None,
    /// It holds.
    Planned(Arc<PlannedTrigger>),
}

/// What an event came to.
#[derive(Debug)]
pub(super) enum Outcome {
    Fired(Firing),
    Filtered,
    Refused(String),
}

/// The triggers that hold, and what came to them.
#[derive(Debug, Default)]
pub(super) struct Received {
    /// `None` until they were read.
    standing: Mutex<Option<BTreeMap<TriggerKey, Arc<PlannedTrigger>>>>,
    /// At most one for each trigger.
    counts: Mutex<BTreeMap<TriggerKey, TriggerHistory>>,
}

impl Received {
    pub(super) fn standing(&self, key: &TriggerKey) -> Standing {
        match &*locked(&self.standing) {
            None => Standing::Unread,
            Some(all) => all.get(key).map_or(Standing::None, |planned| Standing::Planned(planned.clone())),
        }
    }

    /// Tells that all were read.
    pub(super) fn begin(&self) {
        locked(&self.standing).get_or_insert_default();
    }

    /// Tells what a trigger says now; `None` where it does not hold.
    pub(super) fn stand(&self, key: &TriggerKey, planned: Option<Arc<PlannedTrigger>>) {
        let mut standing = locked(&self.standing);
        let all = standing.get_or_insert_default();
        match planned {
            Some(planned) => all.insert(key.clone(), planned),
            None => all.remove(key),
        };
    }

    /// Counts what an event came to.
    pub(super) fn count(&self, key: &TriggerKey, outcome: Outcome) {
        let mut counts = locked(&self.counts);
        let before = counts.entry(key.clone()).or_default();
        *before = match outcome {
            Outcome::Fired(Firing { at, peid }) => trigger::fired(before, at, peid),
            Outcome::Filtered => trigger::filtered(before),
            Outcome::Refused(why) => trigger::refused(before, &why),
        };
    }

    /// Takes what was counted.
    pub(super) fn take(&self) -> BTreeMap<TriggerKey, TriggerHistory> {
        std::mem::take(&mut *locked(&self.counts))
    }
}

/// A history with what was counted since.
pub(super) fn with(history: &TriggerHistory, since: &TriggerHistory) -> TriggerHistory {
    TriggerHistory {
        last: since.last.or(history.last),
        fired: history.fired + since.fired,
        filtered: history.filtered + since.filtered,
        refused: history.refused + since.refused,
        trouble: since.trouble.clone().or_else(|| history.trouble.clone()),
        ..history.clone()
    }
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
