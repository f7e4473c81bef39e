//! Triggers of tenants: putting, reading, pausing and removing them, each change audited. A trigger is stored as it was put, so
//! that its newest version, and who has paused it, hold over restarts. Fires nothing: that is the driver's.

mod changes;
mod driver;
mod error;
mod failing;
mod history;
mod poll;
mod polled;
mod queue;
mod receive;
mod received;
mod turn;
mod warm;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use updraft_actors::EngineContext;
use updraft_kernel::plan::Mistake;
use updraft_kernel::trigger::PlannedTrigger;
use updraft_protocol::limits::{PAGE_ROWS, TRIGGERS, TRIGGERS_OF_TENANT};
use updraft_protocol::{
    Asked, Json, Name, PollState, Setting, SettingKind, StandingTrigger, TenantCode, Timestamp, Trigger,
    TriggerHistory, TriggerSource,
};
use updraft_storage::page;

use crate::engine::Engine;
use crate::error::ReadError;
use crate::settings::{SettingError, SettingName, Settings, unreadable};
use changes::TriggerCounts;
pub(crate) use changes::{TriggerChanges, TriggerKey};
pub(crate) use driver::TriggerThread;
pub use error::TriggerError;
pub(crate) use failing::FailingTriggers;
pub use receive::{WebhookAnswer, Webhooks};

/// The triggers of an engine.
pub struct Triggers {
    context: Arc<EngineContext>,
    changes: Arc<TriggerChanges>,
}

/// A trigger, and what has become of it so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TriggerEntry {
    /// What it says.
    pub definition: Trigger,
    /// Since when its events count: when this version was put, or when it was resumed.
    pub since: Timestamp,
    /// Who has paused it, and why.
    pub paused: Option<Asked>,
    /// Who changed it last; why, in the words of that person; and when.
    pub changed: (Asked, Timestamp),
    /// What has become of its events.
    pub history: TriggerHistory,
    /// When it fires next, or its tool is asked; never while it is paused.
    pub next: Option<Timestamp>,
    /// How far its poll has come: from where on is asked, when the tool answered last, and since when it does not. `None` where it
    /// has none, or was not asked yet.
    pub poll: Option<PollState>,
}

/// What became of a trigger that was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerPut {
    /// It is new.
    Created,
    /// It stands in place of this version.
    Replaced(u32),
    /// It was put before.
    Unchanged,
}

impl Engine {
    /// The triggers of its tenants: what starts playbooks by itself.
    pub fn triggers(&self) -> Triggers {
        Triggers::of(self.context.clone(), self.submitter.triggers.clone())
    }
}

impl Triggers {
    pub(crate) fn of(context: Arc<EngineContext>, changes: Arc<TriggerChanges>) -> Self {
        Self { context, changes }
    }

    /// Checks a trigger and stores it, durably. Its newest version holds; putting the same again changes nothing. An engine that
    /// fires triggers ([`Builder::fire_triggers`](crate::Builder::fire_triggers)) goes by it at once. One that is paused stays so.
    ///
    /// # Errors
    /// Its mistakes, a version that says something else or is older, nobody asks, or the store did not answer.
    pub async fn put(
        &self,
        tenant: &TenantCode,
        trigger: Trigger,
        asked: Asked,
    ) -> Result<TriggerPut, TriggerError> {
        let planned = PlannedTrigger::checked(trigger).map_err(TriggerError::Mistakes)?;
        let definition = planned.definition().clone();
        self.check_playbook(tenant, &definition).await?;
        self.check_queue(&planned)?;
        self.check_poll(&planned)?;
        let key = TriggerKey { tenant: tenant.clone(), name: definition.trigger.clone() };
        let _one_at_a_time = self.changes.turn().await;
        let before = self.standing(&key).await?;
        let (name, version) = (definition.trigger.clone(), definition.version);
        let (put, paused) = match before {
            Some(before) if before.definition.version > version => {
                return Err(TriggerError::Older { name, newest: before.definition.version });
            }
            Some(before) if before.definition == definition => return Ok(TriggerPut::Unchanged),
            Some(before) if before.definition.version == version => {
                return Err(TriggerError::Conflict { name, version });
            }
            Some(before) => (TriggerPut::Replaced(before.definition.version), before.paused),
            None => {
                self.check_count(tenant).await?;
                self.forget(&key).await?;
                (TriggerPut::Created, None)
            }
        };
        let since = self.context.clock.now();
        self.set(&key, StandingTrigger { definition, since, paused }, ("put", &asked)).await?;
        if put == TriggerPut::Created {
            self.changes.added(tenant);
        }
        Ok(put)
    }

    /// A trigger by its name.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn get(&self, tenant: &TenantCode, name: &Name) -> Result<Option<TriggerEntry>, TriggerError> {
        let key = TriggerKey { tenant: tenant.clone(), name: name.clone() };
        let found = self.context.store.setting(&key.setting(SettingKind::Trigger)).await;
        match found.map_err(ReadError::from)? {
            Some(setting) => Ok(Some(self.entry(&key, &setting).await?)),
            None => Ok(None),
        }
    }

    /// The triggers of a tenant by their names, after `after`; at most `limit`. They have ended if the page is empty.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn list(
        &self,
        tenant: &TenantCode,
        after: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<TriggerEntry>, TriggerError> {
        let of_tenant = SettingKind::Trigger.key(&format!("{tenant}/"));
        let after = match after {
            Some(name) => format!("{of_tenant}{name}"),
            None => of_tenant.to_string(),
        };
        let page =
            self.context.store.settings(SettingKind::Trigger, Some(&after), limit.min(PAGE_ROWS)).await;
        let mut entries = Vec::new();
        for setting in page.map_err(ReadError::from)? {
            if !setting.key.starts_with(&*of_tenant) {
                break;
            }
            let Some(key) = TriggerKey::in_setting(&setting) else { return Err(unreadable(&setting).into()) };
            entries.push(self.entry(&key, &setting).await?);
        }
        Ok(entries)
    }

    /// Pauses a trigger: events that come meanwhile start nothing, then or later. What it has started goes on.
    ///
    /// # Errors
    /// There is none, it is paused, nobody asks, or the store did not answer.
    pub async fn pause(&self, tenant: &TenantCode, name: &Name, asked: Asked) -> Result<(), TriggerError> {
        self.change(tenant, name, |standing| standing.paused = Some(asked.clone()), ("paused", &asked)).await
    }

    /// Lets a paused trigger fire again, from now on.
    ///
    /// # Errors
    /// There is none, it is not paused, nobody asks, or the store did not answer.
    pub async fn resume(&self, tenant: &TenantCode, name: &Name, asked: Asked) -> Result<(), TriggerError> {
        let since = self.context.clock.now();
        let resume = |standing: &mut StandingTrigger| (standing.paused, standing.since) = (None, since);
        self.change(tenant, name, resume, ("resumed", &asked)).await
    }

    /// Removes a trigger, and what is known of its events. What it has started goes on.
    ///
    /// # Errors
    /// There is none, nobody asks, or the store did not answer.
    pub async fn remove(&self, tenant: &TenantCode, name: &Name, asked: Asked) -> Result<(), TriggerError> {
        let key = TriggerKey { tenant: tenant.clone(), name: name.clone() };
        let _one_at_a_time = self.changes.turn().await;
        if self.standing(&key).await?.is_none() {
            return Err(TriggerError::Missing(name.clone()));
        }
        let named = key.named();
        let of = SettingName { kind: SettingKind::Trigger, name: &named, tenant: Some(tenant) };
        Settings::of(&self.context).clear(of, &asked).await?;
        self.changes.removed(tenant);
        self.changes.tell(key.clone());
        Ok(self.forget(&key).await?)
    }

    /// Forgets what is known of the events of a trigger.
    async fn forget(&self, key: &TriggerKey) -> Result<(), ReadError> {
        history::remove(&self.context, key).await?;
        polled::remove(&self.context, key).await
    }

    async fn change(
        &self,
        tenant: &TenantCode,
        name: &Name,
        change: impl FnOnce(&mut StandingTrigger),
        (what, asked): (&str, &Asked),
    ) -> Result<(), TriggerError> {
        let key = TriggerKey { tenant: tenant.clone(), name: name.clone() };
        let _one_at_a_time = self.changes.turn().await;
        let Some(mut standing) = self.standing(&key).await? else {
            return Err(TriggerError::Missing(name.clone()));
        };
        let was_paused = standing.paused.is_some();
        change(&mut standing);
        if standing.paused.is_some() == was_paused {
            return Err(TriggerError::AsItWas { name: name.clone(), is_paused: was_paused });
        }
        self.set(&key, standing, (what, asked)).await
    }

    async fn set(
        &self,
        key: &TriggerKey,
        standing: StandingTrigger,
        (what, asked): (&str, &Asked),
    ) -> Result<(), TriggerError> {
        // As text: a tree of serde_json would round numbers.
        let value = serde_json::to_string(&standing).and_then(|text| Json::parse(&text));
        let value = value.map_err(|error| SettingError::Invalid(error.to_string()))?;
        let named = key.named();
        let of = SettingName { kind: SettingKind::Trigger, name: &named, tenant: Some(&key.tenant) };
        Settings::of(&self.context).set_as(of, value, (what, asked)).await?;
        self.changes.tell(key.clone());
        Ok(())
    }

    async fn standing(&self, key: &TriggerKey) -> Result<Option<StandingTrigger>, TriggerError> {
        let found = self.context.store.setting(&key.setting(SettingKind::Trigger)).await;
        match found.map_err(ReadError::from)? {
            Some(setting) => Ok(Some(read(&setting)?)),
            None => Ok(None),
        }
    }

    async fn entry(&self, key: &TriggerKey, setting: &Setting) -> Result<TriggerEntry, TriggerError> {
        let StandingTrigger { definition, since, paused } = read(setting)?;
        let (history, _) = history::read(&self.context, key).await?;
        let poll = match &definition.on {
            TriggerSource::Poll(_) => polled::read(&self.context, key).await?.0,
            _ => None,
        };
        let next = match (&paused, PlannedTrigger::checked(definition.clone())) {
            (None, Ok(planned)) if planned.poll().is_some() => {
                planned.poll_from(poll.clone(), since).ok().and_then(|state| state.next)
            }
            (None, Ok(planned)) => history.pending.or_else(|| planned.next(since.max(history.until))),
            _ => None,
        };
        // Nobody reads digests.
        let poll = poll.map(|poll| PollState { seen: Vec::new(), ..poll });
        let by = Asked {
            uid: setting.uid.clone().unwrap_or_default(),
            reason: setting.reason.clone().unwrap_or_default(),
        };
        let changed = (by, setting.updated_date);
        Ok(TriggerEntry { definition, since, paused, changed, history, next, poll })
    }

    /// A trigger that names a playbook that is not there is a mistake of its author.
    async fn check_playbook(&self, tenant: &TenantCode, definition: &Trigger) -> Result<(), TriggerError> {
        let (name, version) = (&definition.playbook, definition.playbook_version);
        let found =
            self.context.store.playbook_named(tenant, name, version).await.map_err(ReadError::from)?;
        if found.is_some() {
            return Ok(());
        }
        let mistake = match version {
            Some(version) => {
                Mistake::new("playbook_version", format!("there is no version {version} of `{name}`"))
            }
            None => Mistake::new("playbook", format!("there is no playbook `{name}`; put it first")),
        };
        Err(TriggerError::Mistakes(vec![mistake]))
    }

    /// A queue would never be read by an engine that fires triggers and has no Redis. Another one may have it.
    fn check_queue(&self, planned: &PlannedTrigger) -> Result<(), TriggerError> {
        match (planned.queue(), self.context.caches.redis()) {
            (Some(_), None) if self.changes.fires() => {
                let message = "a queue is a stream in Redis, and this engine has none";
                Err(TriggerError::Mistakes(vec![Mistake::new("on.queue", message)]))
            }
            _ => Ok(()),
        }
    }

    /// A poll asks a tool that this engine has. One that fires nothing may have other tools than the one that does.
    fn check_poll(&self, planned: &PlannedTrigger) -> Result<(), TriggerError> {
        let (Some(poll), Some((tool, _))) = (planned.poll(), planned.poll_tool()) else { return Ok(()) };
        let catalogue = self.context.plans.catalogue();
        if catalogue.actions(tool).is_none() && !self.changes.fires() {
            return Ok(());
        }
        planned.poll_call(poll, catalogue).map(drop).map_err(TriggerError::Mistakes)
    }

    /// Refuses a trigger more than a tenant, or all together, may have.
    async fn check_count(&self, tenant: &TenantCode) -> Result<(), TriggerError> {
        let (own, all) = loop {
            match self.changes.count(tenant) {
                Some(counts) => break counts,
                None => self.changes.counted(count_stored(&self.context).await?),
            }
        };
        if own >= TRIGGERS_OF_TENANT {
            return Err(TriggerError::TooManyOfTenant(tenant.clone()));
        }
        if all >= TRIGGERS {
            return Err(TriggerError::TooMany);
        }
        Ok(())
    }
}

/// A trigger as a setting has it.
pub(crate) fn read(setting: &Setting) -> Result<StandingTrigger, SettingError> {
    serde_json::from_str(setting.value.as_str()).map_err(|_| unreadable(setting))
}

async fn count_stored(context: &EngineContext) -> Result<TriggerCounts, ReadError> {
    let (mut counts, mut after) = (TriggerCounts::new(), None::<Arc<str>>);
    loop {
        let page = context.store.settings(SettingKind::Trigger, after.as_deref(), PAGE_ROWS).await?;
        for key in page.iter().filter_map(TriggerKey::in_setting) {
            *counts.entry(key.tenant).or_default() += 1;
        }
        match page.last() {
            Some(last) if page::is_full(&page, PAGE_ROWS) => after = Some(last.key.clone()),
            _ => return Ok(counts),
        }
    }
}
