//! Settings: what operators decide at run time. Changes each only as it was read, and records who changed it and why. Knows
//! no kind's meaning.

use std::sync::Arc;

use updraft_actors::EngineContext;
use updraft_protocol::limits::{
    AUDIT_DETAIL_BYTES, COMMENT_BYTES, CONTAINMENT_TRIES, KEY_BYTES, PAGE_ROWS, SETTINGS,
};
use updraft_protocol::{Asked, AuditId, AuditRecord, Json, Setting, SettingKind, TenantCode};
use updraft_storage::page;
use updraft_storage::store::{AuditQuery, Store};
use uuid::Uuid;

use crate::engine::Engine;
use crate::error::{ReadError, StartError};

/// Why a setting stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum SettingError {
    /// A person or a reason is missing or too long.
    #[error("a person (1 to {KEY_BYTES} bytes) and a reason (1 to {COMMENT_BYTES} bytes) are needed")]
    NoReason,
    /// There is no such setting.
    #[error("there is no {0}")]
    Missing(Arc<str>),
    /// What is to be set makes no sense; the text begins with its place.
    #[error("{0}")]
    Invalid(String),
    /// Others change it all the time.
    #[error("{0}: it was changed by others; try again")]
    Busy(Arc<str>),
    /// There are as many settings of this kind as may be.
    #[error("there are {SETTINGS} settings of this kind: one has to be cleared first")]
    Full,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] ReadError),
}

impl SettingError {
    /// Whether the same may be set later.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Busy(_) => true,
            Self::Store(error) => error.retryable(),
            Self::NoReason | Self::Missing(_) | Self::Invalid(_) | Self::Full => false,
        }
    }
}

impl From<SettingError> for StartError {
    fn from(error: SettingError) -> Self {
        match error {
            SettingError::Store(ReadError::Store(error)) => Self::Store(error),
            error => Self::Configuration(error.to_string()),
        }
    }
}

/// What is changed: the setting, and whose it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SettingName<'a> {
    pub(crate) kind: SettingKind,
    pub(crate) name: &'a str,
    /// The tenant whose audit has the change; `None` if it is about all.
    pub(crate) tenant: Option<&'a TenantCode>,
}

/// The settings of an engine's store.
#[derive(Clone, Copy)]
pub(crate) struct Settings<'a> {
    context: &'a EngineContext,
}

impl Engine {
    /// A page of the audit, newest first: who set, cleared and overrode what, and what guardrails refused.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn audit(&self, query: AuditQuery) -> Result<Vec<AuditRecord>, ReadError> {
        Ok(self.context.store.audit(query).await?)
    }
}

impl<'a> Settings<'a> {
    pub(crate) fn of(context: &'a EngineContext) -> Self {
        Self { context }
    }

    /// Sets something, in place of what was set before.
    ///
    /// # Errors
    /// The person or the reason, or the store.
    pub(crate) async fn set(
        self,
        of: SettingName<'_>,
        value: Json,
        asked: &Asked,
    ) -> Result<(), SettingError> {
        self.set_as(of, value, ("set", asked)).await
    }

    /// The same, which the audit calls by another word than `set`.
    ///
    /// # Errors
    /// The person or the reason, or the store.
    pub(crate) async fn set_as(
        self,
        of: SettingName<'_>,
        value: Json,
        (what, asked): (&str, &Asked),
    ) -> Result<(), SettingError> {
        self.put(of, value.clone(), asked).await?;
        self.record(of, what, asked, Some(value)).await
    }

    /// Has nothing set, also where something else would hold then: `null` is set.
    ///
    /// # Errors
    /// The person or the reason, or the store.
    pub(crate) async fn set_nothing(self, of: SettingName<'_>, asked: &Asked) -> Result<(), SettingError> {
        self.put(of, Json::null(), asked).await?;
        self.record(of, "cleared", asked, None).await
    }

    async fn put(self, of: SettingName<'_>, value: Json, asked: &Asked) -> Result<(), SettingError> {
        sound(asked)?;
        let key = of.kind.key(of.name);
        let store = self.store();
        for _ in 0..CONTAINMENT_TRIES {
            let before = store.setting(&key).await.map_err(ReadError::from)?.map(|setting| setting.revision);
            let setting = Setting {
                key: key.clone(),
                revision: before.unwrap_or_default() + 1,
                value: value.clone(),
                updated_date: self.context.clock.now(),
                uid: Some(asked.uid.clone()),
                reason: Some(asked.reason.clone()),
            };
            if store.put_setting(setting, before).await.map_err(ReadError::from)? {
                return Ok(());
            }
        }
        Err(SettingError::Busy(key))
    }

    /// Removes what was set.
    ///
    /// # Errors
    /// The person or the reason, nothing was set, or the store.
    pub(crate) async fn clear(self, of: SettingName<'_>, asked: &Asked) -> Result<(), SettingError> {
        sound(asked)?;
        let key = of.kind.key(of.name);
        let store = self.store();
        for _ in 0..CONTAINMENT_TRIES {
            let Some(before) = store.setting(&key).await.map_err(ReadError::from)? else {
                return Err(SettingError::Missing(key));
            };
            if store.remove_setting(&key, before.revision).await.map_err(ReadError::from)? {
                return self.record(of, "cleared", asked, None).await;
            }
        }
        Err(SettingError::Busy(key))
    }

    /// All settings of a kind, in the order of their keys.
    ///
    /// # Errors
    /// The store, or there are more than [`SETTINGS`].
    pub(crate) async fn all(self, kind: SettingKind) -> Result<Vec<Setting>, SettingError> {
        let mut all: Vec<Setting> = Vec::new();
        loop {
            let after = all.last().map(|last| last.key.clone());
            let page =
                self.store().settings(kind, after.as_deref(), PAGE_ROWS).await.map_err(ReadError::from)?;
            let is_last = !page::is_full(&page, PAGE_ROWS);
            all.extend(page);
            if all.len() > SETTINGS {
                return Err(SettingError::Full);
            }
            if is_last {
                return Ok(all);
            }
        }
    }

    /// Adds a record of a change to the audit. After it: the setting itself has the person and the reason, which a crash
    /// between the two does not take away.
    async fn record(
        self,
        of: SettingName<'_>,
        what: &str,
        asked: &Asked,
        details: Option<Json>,
    ) -> Result<(), SettingError> {
        let record = AuditRecord {
            id: AuditId::new(Uuid::now_v7()),
            tenant_code: of.tenant.cloned(),
            at: self.context.clock.now(),
            uid: Some(asked.uid.clone()),
            what: format!("{}.{what}", of.kind.as_str()).into(),
            subject: of.name.into(),
            outcome: "done".into(),
            reason: Some(asked.reason.clone()),
            details: details.filter(|details| details.as_str().len() <= AUDIT_DETAIL_BYTES),
        };
        Ok(self.store().add_audit(vec![record]).await.map_err(ReadError::from)?)
    }

    fn store(self) -> &'a dyn Store {
        &*self.context.store
    }
}

/// The error of a setting that this version cannot read: what an operator has set is not taken for nothing.
pub(crate) fn unreadable(setting: &Setting) -> SettingError {
    let what = format!("the setting {} is none that this version knows", setting.key);
    SettingError::Store(ReadError::Store(updraft_storage::Error::Corrupt(what)))
}

/// Refuses a change that nobody asks for.
fn sound(asked: &Asked) -> Result<(), SettingError> {
    if asked.is_sound() { Ok(()) } else { Err(SettingError::NoReason) }
}
