//! Publications of tenants: what tells other programs the events of executions. Puts, reads, pauses and removes them, each change
//! audited. Tells nothing: that is the publisher's.

mod deliver;
mod progress;
mod publisher;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use updraft_actors::EngineContext;
use updraft_kernel::plan::Mistake;
use updraft_kernel::publication::PlannedPublication;
use updraft_protocol::limits::{PUBLICATIONS, PUBLICATIONS_OF_TENANT};
use updraft_protocol::{
    Asked, EventCursor, Json, Name, Publication, PublicationProgress, PublicationTarget, Setting,
    SettingKind, StandingPublication, TenantCode, Timestamp,
};

use crate::engine::Engine;
use crate::error::ReadError;
use crate::events::Events;
use crate::settings::{SettingError, SettingName, Settings, unreadable};
pub(crate) use publisher::publish;

/// The publications of an engine.
pub struct Publications {
    context: Arc<EngineContext>,
    events: Events,
    changes: Arc<PublicationChanges>,
}

/// That publications were changed, for those who tell; and that one is changed at a time.
#[derive(Debug, Default)]
pub(crate) struct PublicationChanges {
    changed: watch::Sender<u64>,
    turn: tokio::sync::Mutex<()>,
}

/// A publication of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PublicationKey {
    tenant: TenantCode,
    name: Name,
}

/// A publication, and how far it has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PublicationEntry {
    /// What it says.
    pub definition: Publication,
    /// Who has paused it, and why.
    pub paused: Option<Asked>,
    /// Who changed it last; why, in the words of that person; and when.
    pub changed: (Asked, Timestamp),
    /// How far it has come.
    pub progress: PublicationProgress,
}

/// Where the events of a publication begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PublishFrom {
    /// With what happens from now on.
    Now,
    /// With the oldest that is stored.
    Start,
    /// After this one.
    After(EventCursor),
}

/// Why a publication stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum PublicationError {
    /// It makes no sense.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Mistakes(Vec<Mistake>),
    /// There is none of this name.
    #[error("there is no publication {0}")]
    Missing(Name),
    /// It is paused already, or not.
    #[error("{name} is {}", if *.is_paused { "paused already" } else { "not paused" })]
    AsItWas {
        /// Its name.
        name: Name,
        /// Whether it is paused.
        is_paused: bool,
    },
    /// There are as many as may be.
    #[error("there are {PUBLICATIONS} publications: one has to be removed first")]
    TooMany,
    /// The tenant has as many as it may have.
    #[error("{0} has {PUBLICATIONS_OF_TENANT} publications: one of them has to be removed first")]
    TooManyOfTenant(TenantCode),
    /// A person or a reason is missing, or the store did not answer.
    #[error(transparent)]
    Setting(#[from] SettingError),
}

impl PublicationError {
    /// Whether the same can be done later.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Setting(error) if error.retryable())
    }
}

impl From<ReadError> for PublicationError {
    fn from(error: ReadError) -> Self {
        Self::Setting(SettingError::Store(error))
    }
}

impl PublicationKey {
    /// The name of its settings. Neither part can have a slash.
    fn named(&self) -> String {
        format!("{}/{}", self.tenant, self.name)
    }

    fn in_setting(setting: &Setting) -> Option<Self> {
        let (tenant, name) = SettingKind::Publication.name_in(&setting.key)?.split_once('/')?;
        Some(Self { tenant: tenant.parse().ok()?, name: name.parse().ok()? })
    }
}

impl Engine {
    /// The publications of its tenants: what tells other programs the events of executions.
    pub fn publications(&self) -> Publications {
        Publications::of(self.context.clone(), self.events(), self.submitter.publications.clone())
    }
}

impl Publications {
    pub(crate) fn of(context: Arc<EngineContext>, events: Events, changes: Arc<PublicationChanges>) -> Self {
        Self { context, events, changes }
    }

    /// Checks a publication and stores it, durably, in place of the one of its name; returns whether that is new. One that is
    /// there goes on from where it is, and stays paused; a new one begins `from` that place. An engine that fires triggers
    /// ([`Builder::fire_triggers`](crate::Builder::fire_triggers)) publishes too.
    ///
    /// # Errors
    /// Its mistakes, nobody asks, there are too many, the cursor is of another store, or the store did not answer.
    pub async fn put(
        &self,
        tenant: &TenantCode,
        publication: Publication,
        from: PublishFrom,
        asked: Asked,
    ) -> Result<bool, PublicationError> {
        let planned = PlannedPublication::checked(publication).map_err(PublicationError::Mistakes)?;
        let definition = planned.definition().clone();
        self.check_stream(&definition)?;
        let key = PublicationKey { tenant: tenant.clone(), name: definition.publication.clone() };
        let _one_at_a_time = self.changes.turn.lock().await;
        let (standing, is_new) = match self.standing(&key).await? {
            Some(before) => (StandingPublication { definition, ..before }, false),
            None => {
                let all = Settings::of(&self.context).all(SettingKind::Publication).await?;
                let is_own = |setting: &&Setting| {
                    PublicationKey::in_setting(setting).is_some_and(|key| key.tenant == *tenant)
                };
                if all.iter().filter(is_own).count() >= PUBLICATIONS_OF_TENANT {
                    return Err(PublicationError::TooManyOfTenant(tenant.clone()));
                }
                if all.len() >= PUBLICATIONS {
                    return Err(PublicationError::TooMany);
                }
                progress::remove(&self.context, &key).await?;
                let from = match from {
                    PublishFrom::Now => self.events.newest(),
                    PublishFrom::Start => EventCursor::START,
                    PublishFrom::After(cursor) => self.events.known(cursor)?,
                };
                (StandingPublication { definition, from, paused: None }, true)
            }
        };
        self.set(&key, &standing, ("put", &asked)).await?;
        Ok(is_new)
    }

    /// A publication by its name.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn get(
        &self,
        tenant: &TenantCode,
        name: &Name,
    ) -> Result<Option<PublicationEntry>, PublicationError> {
        let key = PublicationKey { tenant: tenant.clone(), name: name.clone() };
        match self.stored(&key).await? {
            Some(setting) => Ok(Some(self.entry(&key, &setting).await?)),
            None => Ok(None),
        }
    }

    /// The publications of a tenant by their names: at most [`PUBLICATIONS`].
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn list(&self, tenant: &TenantCode) -> Result<Vec<PublicationEntry>, PublicationError> {
        let mut entries = Vec::new();
        for setting in Settings::of(&self.context).all(SettingKind::Publication).await? {
            if let Some(key) = PublicationKey::in_setting(&setting).filter(|key| key.tenant == *tenant) {
                entries.push(self.entry(&key, &setting).await?);
            }
        }
        Ok(entries)
    }

    /// Pauses a publication: events wait for its resume, and are told then.
    ///
    /// # Errors
    /// There is none, it is paused, nobody asks, or the store did not answer.
    pub async fn pause(
        &self,
        tenant: &TenantCode,
        name: &Name,
        asked: Asked,
    ) -> Result<(), PublicationError> {
        self.change(tenant, name, Some(asked.clone()), ("paused", &asked)).await
    }

    /// Lets a paused publication go on from where it was.
    ///
    /// # Errors
    /// There is none, it is not paused, nobody asks, or the store did not answer.
    pub async fn resume(
        &self,
        tenant: &TenantCode,
        name: &Name,
        asked: Asked,
    ) -> Result<(), PublicationError> {
        self.change(tenant, name, None, ("resumed", &asked)).await
    }

    /// Removes a publication, and what is known of how far it has come.
    ///
    /// # Errors
    /// There is none, nobody asks, or the store did not answer.
    pub async fn remove(
        &self,
        tenant: &TenantCode,
        name: &Name,
        asked: Asked,
    ) -> Result<(), PublicationError> {
        let key = PublicationKey { tenant: tenant.clone(), name: name.clone() };
        let _one_at_a_time = self.changes.turn.lock().await;
        if self.stored(&key).await?.is_none() {
            return Err(PublicationError::Missing(name.clone()));
        }
        let named = key.named();
        let of = SettingName { kind: SettingKind::Publication, name: &named, tenant: Some(tenant) };
        Settings::of(&self.context).clear(of, &asked).await?;
        self.changes.tell();
        Ok(progress::remove(&self.context, &key).await?)
    }

    async fn change(
        &self,
        tenant: &TenantCode,
        name: &Name,
        paused: Option<Asked>,
        (what, asked): (&str, &Asked),
    ) -> Result<(), PublicationError> {
        let key = PublicationKey { tenant: tenant.clone(), name: name.clone() };
        let _one_at_a_time = self.changes.turn.lock().await;
        let Some(standing) = self.standing(&key).await? else {
            return Err(PublicationError::Missing(name.clone()));
        };
        if standing.paused.is_some() == paused.is_some() {
            return Err(PublicationError::AsItWas { name: name.clone(), is_paused: paused.is_some() });
        }
        self.set(&key, &StandingPublication { paused, ..standing }, (what, asked)).await
    }

    async fn set(
        &self,
        key: &PublicationKey,
        standing: &StandingPublication,
        (what, asked): (&str, &Asked),
    ) -> Result<(), PublicationError> {
        let value = serde_json::to_string(standing).and_then(|text| Json::parse(&text));
        let value = value.map_err(|error| SettingError::Invalid(error.to_string()))?;
        let named = key.named();
        let of = SettingName { kind: SettingKind::Publication, name: &named, tenant: Some(&key.tenant) };
        Settings::of(&self.context).set_as(of, value, (what, asked)).await?;
        self.changes.tell();
        Ok(())
    }

    async fn stored(&self, key: &PublicationKey) -> Result<Option<Setting>, PublicationError> {
        let found = self.context.store.setting(&SettingKind::Publication.key(&key.named())).await;
        Ok(found.map_err(ReadError::from)?)
    }

    async fn standing(&self, key: &PublicationKey) -> Result<Option<StandingPublication>, PublicationError> {
        Ok(self.stored(key).await?.map(|setting| read(&setting)).transpose()?)
    }

    async fn entry(
        &self,
        key: &PublicationKey,
        setting: &Setting,
    ) -> Result<PublicationEntry, PublicationError> {
        let StandingPublication { definition, from, paused } = read(setting)?;
        let (progress, _) = progress::read(&self.context, key, from).await?;
        let by = Asked {
            uid: setting.uid.clone().unwrap_or_default(),
            reason: setting.reason.clone().unwrap_or_default(),
        };
        Ok(PublicationEntry { definition, paused, changed: (by, setting.updated_date), progress })
    }

    /// A stream is in the Redis of the engine that publishes, which another one may have.
    fn check_stream(&self, definition: &Publication) -> Result<(), PublicationError> {
        let is_stream = matches!(definition.to, PublicationTarget::Stream(_));
        if is_stream && self.context.caches.redis().is_none() && self.changes.changed.receiver_count() > 0 {
            let message = "a stream is in Redis, and this engine has none";
            return Err(PublicationError::Mistakes(vec![Mistake::new("to.stream", message)]));
        }
        Ok(())
    }
}

impl PublicationChanges {
    fn tell(&self) {
        self.changed.send_modify(|changes| *changes += 1);
    }

    /// What changes, for who publishes.
    fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

/// A publication as a setting has it.
fn read(setting: &Setting) -> Result<StandingPublication, SettingError> {
    serde_json::from_str(setting.value.as_str()).map_err(|_| unreadable(setting))
}
