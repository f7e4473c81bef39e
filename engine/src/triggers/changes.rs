//! Changes of triggers, told by those who make them to the driver that fires. Owns that one is made at a time. Knows no store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::failing::FailingTriggers;
use super::received::{Outcome, Received, Standing};
use tokio::sync::Notify;
use updraft_protocol::{Name, Setting, SettingKind, TenantCode};

/// A trigger of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TriggerKey {
    pub(crate) tenant: TenantCode,
    pub(crate) name: Name,
}

impl TriggerKey {
    /// The name of its settings. Neither part can have a slash.
    pub(crate) fn named(&self) -> String {
        format!("{}/{}", self.tenant, self.name)
    }

    /// The key of its setting of a kind.
    pub(crate) fn setting(&self, kind: SettingKind) -> Arc<str> {
        kind.key(&self.named())
    }

    /// The trigger of a setting.
    pub(crate) fn in_setting(setting: &Setting) -> Option<Self> {
        let (tenant, name) = SettingKind::Trigger.name_in(&setting.key)?.split_once('/')?;
        Some(Self { tenant: TenantCode::new(tenant).ok()?, name: Name::new(name).ok()? })
    }
}

/// How many triggers each tenant has.
pub(crate) type TriggerCounts = BTreeMap<TenantCode, usize>;

/// The changes that the driver has not seen yet.
#[derive(Debug, Default)]
pub(crate) struct TriggerChanges {
    /// At most one entry for each trigger.
    changed: Mutex<BTreeSet<TriggerKey>>,
    notify: Notify,
    /// Held by who changes a trigger: it is read, changed and written.
    turn: tokio::sync::Mutex<()>,
    /// The triggers that hold, and what webhooks have received.
    pub(super) received: Received,
    /// Those that cannot look for what is new.
    pub(crate) failing: FailingTriggers,
    /// How many each tenant has; unknown until one is added.
    counts: Mutex<Option<TriggerCounts>>,
    /// Whether this engine fires them.
    fires: AtomicBool,
}

impl TriggerChanges {
    /// The turn to change a trigger.
    pub(crate) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// This engine fires triggers.
    pub(crate) fn begin_to_fire(&self) {
        self.fires.store(true, Ordering::Release);
    }

    /// Whether this engine fires triggers.
    pub(crate) fn fires(&self) -> bool {
        self.fires.load(Ordering::Acquire)
    }

    /// Tells that a trigger has changed.
    pub(crate) fn tell(&self, key: TriggerKey) {
        locked(&self.changed).insert(key);
        self.notify.notify_one();
    }

    /// Waits for a change.
    pub(crate) async fn wait(&self) {
        self.notify.notified().await;
    }

    /// Whether a change of a trigger has not been taken yet.
    pub(crate) fn has_changed(&self, key: &TriggerKey) -> bool {
        locked(&self.changed).contains(key)
    }

    /// Takes what has changed.
    pub(crate) fn take(&self) -> BTreeSet<TriggerKey> {
        std::mem::take(&mut *locked(&self.changed))
    }

    /// Whether all triggers were read.
    pub(super) fn are_read(&self) -> bool {
        self.received.is_read()
    }

    /// Whether a trigger holds.
    pub(super) fn standing(&self, key: &TriggerKey) -> Standing {
        self.received.standing(key)
    }

    /// Counts what an event of a webhook came to.
    pub(super) fn received(&self, key: &TriggerKey, outcome: Outcome) {
        self.received.count(key, outcome);
    }

    /// How many a tenant has, and all have.
    pub(crate) fn count(&self, tenant: &TenantCode) -> Option<(usize, usize)> {
        let counts = locked(&self.counts);
        counts.as_ref().map(|of| (of.get(tenant).copied().unwrap_or(0), of.values().sum()))
    }

    pub(crate) fn counted(&self, counts: TriggerCounts) {
        *locked(&self.counts) = Some(counts);
    }

    pub(crate) fn added(&self, tenant: &TenantCode) {
        if let Some(counts) = &mut *locked(&self.counts) {
            *counts.entry(tenant.clone()).or_default() += 1;
        }
    }

    pub(crate) fn removed(&self, tenant: &TenantCode) {
        if let Some(count) = locked(&self.counts).as_mut().and_then(|counts| counts.get_mut(tenant)) {
            *count = count.saturating_sub(1);
        }
    }
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
