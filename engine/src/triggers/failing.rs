//! Triggers that cannot look for what is new: which, since when and why. Owns what health tells of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use updraft_protocol::Timestamp;
use updraft_protocol::limits::TRIGGERS_TOLD;

use super::TriggerKey;
use crate::health::EngineTrouble;

/// Where a trigger looks for what is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looks {
    /// It asks a tool.
    Poll,
    /// It reads a queue.
    Queue,
}

/// A trigger that cannot look.
#[derive(Debug)]
struct Failing {
    looks: Looks,
    since: Timestamp,
    why: Arc<str>,
}

/// The triggers that cannot look.
#[derive(Debug, Default)]
pub(crate) struct FailingTriggers(Mutex<BTreeMap<TriggerKey, Failing>>);

impl FailingTriggers {
    /// A trigger fails, since when and why.
    pub(super) fn fails(&self, key: &TriggerKey, looks: Looks, (since, why): (Timestamp, Arc<str>)) {
        self.locked().insert(key.clone(), Failing { looks, since, why });
    }

    /// A trigger does not fail any more, or is not looked at.
    pub(super) fn is_well(&self, key: &TriggerKey) {
        self.locked().remove(key);
    }

    /// What health tells of them: some, by their names.
    pub(crate) fn troubles(&self) -> Vec<EngineTrouble> {
        let told = |(key, failing): (&TriggerKey, &Failing)| {
            let (tenant, trigger) = (key.tenant.clone(), key.name.clone());
            let (cause, since) = (failing.why.to_string(), failing.since);
            match failing.looks {
                Looks::Poll => EngineTrouble::PollFailing { tenant, trigger, cause, since },
                Looks::Queue => EngineTrouble::QueueUnread { tenant, trigger, cause, since },
            }
        };
        self.locked().iter().take(TRIGGERS_TOLD).map(told).collect()
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<TriggerKey, Failing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
