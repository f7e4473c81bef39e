//! What webhooks have received since the driver looked last, and which triggers hold. Owns what many requests come to until it is
//! stored: one write a second for a trigger, however many come.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use updraft_actors::EngineContext;
use updraft_kernel::trigger::{self, PlannedTrigger};
use updraft_protocol::limits::CONTAINMENT_TRIES;
use updraft_protocol::{Firing, TriggerHistory};

use super::turn::Known;
use super::{TriggerKey, history};
use crate::error::ReadError;

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
    standing: Mutex<AllStanding>,
    /// At most one for each trigger.
    counts: Mutex<BTreeMap<TriggerKey, TriggerHistory>>,
}

#[derive(Debug, Default)]
struct AllStanding {
    /// Whether all were read.
    is_read: bool,
    planned: BTreeMap<TriggerKey, Arc<PlannedTrigger>>,
}

impl Received {
    pub(super) fn standing(&self, key: &TriggerKey) -> Standing {
        let all = locked(&self.standing);
        match all.planned.get(key) {
            Some(planned) => Standing::Planned(planned.clone()),
            None if all.is_read => Standing::None,
            None => Standing::Unread,
        }
    }

    /// Tells that all were read.
    pub(super) fn begin(&self) {
        locked(&self.standing).is_read = true;
    }

    /// Whether all were read.
    pub(super) fn is_read(&self) -> bool {
        locked(&self.standing).is_read
    }

    /// Tells what a trigger says now; `None` where it does not hold.
    pub(super) fn stand(&self, key: &TriggerKey, planned: Option<Arc<PlannedTrigger>>) {
        let all = &mut locked(&self.standing).planned;
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

    /// Keeps what was taken and could not be stored, beside what has come since.
    pub(super) fn give_back(&self, taken: impl Iterator<Item = (TriggerKey, TriggerHistory)>) {
        let mut counts = locked(&self.counts);
        for (key, before) in taken {
            let since = counts.remove(&key).unwrap_or_default();
            counts.insert(key, with(&before, &since));
        }
    }

    /// Takes what was counted.
    pub(super) fn take(&self) -> BTreeMap<TriggerKey, TriggerHistory> {
        std::mem::take(&mut *locked(&self.counts))
    }
}

/// Stores what was counted since. A history that has another revision than is known is read again first: an answer of the store
/// was lost, or a turn of the trigger has stored it meanwhile.
pub(super) async fn store(
    context: &EngineContext,
    key: &TriggerKey,
    (known, since): (&mut Known, &TriggerHistory),
) -> Result<(), ReadError> {
    for _ in 0..CONTAINMENT_TRIES {
        let next = with(&known.history, since);
        if let Some(revision) = history::keep(context, key, (&next, known.revision)).await? {
            (known.history, known.revision) = (next, Some(revision));
            return Ok(());
        }
        (known.history, known.revision) = history::read(context, key).await?;
    }
    let message = format!("the history of trigger {} was changed again and again", key.name);
    Err(updraft_storage::Error::Unavailable(message).into())
}

/// A history with what was counted since.
fn with(history: &TriggerHistory, since: &TriggerHistory) -> TriggerHistory {
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

#[cfg(test)]
mod tests {
    use updraft_protocol::{ExecutionId, Name, TenantCode, Timestamp};

    use super::*;

    #[test]
    fn a_trigger_that_was_not_read_yet_is_not_said_to_be_missing() {
        let (received, name) = (Received::default(), Name::new("t").unwrap());
        let key = |tenant| TriggerKey { tenant: TenantCode::new(tenant).unwrap(), name: name.clone() };
        received.stand(&key("acme"), None);
        assert!(matches!(received.standing(&key("umbrella")), Standing::Unread) && !received.is_read());
        received.begin();
        assert!(matches!(received.standing(&key("umbrella")), Standing::None) && received.is_read());
    }

    #[test]
    fn what_could_not_be_stored_is_stored_with_what_came_since() {
        let received = Received::default();
        let key = TriggerKey { tenant: TenantCode::new("acme").unwrap(), name: Name::new("push").unwrap() };
        let firing = |at| Firing { at: Timestamp(at), peid: ExecutionId::from_bytes([1; 16]) };
        received.count(&key, Outcome::Fired(firing(1)));
        let taken = received.take();
        received.count(&key, Outcome::Fired(firing(2)));
        received.count(&key, Outcome::Filtered);
        received.give_back(taken.into_iter());
        let counted = received.take().remove(&key).unwrap();
        assert_eq!((counted.fired, counted.filtered, counted.last), (2, 1, Some(firing(2))));
        assert!(received.take().is_empty());
    }
}
