//! Guardrails: what an operator lets playbooks do. Owns how they are set, cleared and listed at run time, and which hold:
//! one that was set or cleared at run time wins over one of the same name that the backend declares.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use updraft_actors::EngineContext;
use updraft_actors::guardrails::EnforcedGuardrails;
use updraft_kernel::guardrail::{GuardrailMistake, GuardrailSet, PlannedGuardrail};
use updraft_protocol::limits::GUARDRAILS;
use updraft_protocol::{
    Asked, AuditRecord, Guardrail, Json, Name, Setting, SettingKind, TenantCode, Timestamp,
};
use updraft_storage::store::{self, AuditQuery, Store};

use crate::builder::Builder;
use crate::engine::Engine;
use crate::error::{ReadError, StartError};
use crate::settings::{SettingError, SettingName, Settings};

/// The guardrails of an engine.
pub struct Guardrails {
    context: Arc<EngineContext>,
}

/// A guardrail as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardrailEntry {
    /// Its name.
    pub name: Name,
    /// What holds; `None` if it was cleared.
    pub guardrail: Option<Guardrail>,
    /// Whether the backend, or a file, declares one of this name.
    pub is_declared: bool,
    /// Who set or cleared it at run time; `None` if what holds was declared.
    pub set: Option<GuardrailChange>,
}

/// A change of a guardrail at run time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardrailChange {
    /// The person.
    pub uid: Arc<str>,
    /// Why.
    pub reason: Arc<str>,
    /// When.
    pub at: Timestamp,
}

/// Why a guardrail stays as it is.
#[derive(Debug, Error)]
pub enum GuardrailError {
    /// It makes no sense.
    #[error("guardrail \"{name}\": {}", told(.mistakes))]
    Mistakes {
        /// The guardrail.
        name: Name,
        /// What makes no sense, each with its place.
        mistakes: Vec<GuardrailMistake>,
    },
    /// There are as many as there may be.
    #[error("there are {GUARDRAILS} guardrails already; clear one first")]
    TooMany,
    /// There is none of this name.
    #[error("there is no guardrail \"{0}\"")]
    NoGuardrail(Name),
    /// A change needs a person and a reason.
    #[error("a person and a reason are needed, which are not too long")]
    NotAsker,
    /// Others have changed it again and again in the meantime.
    #[error("guardrail \"{0}\" is being changed by others")]
    Busy(Name),
    /// The store did not answer: then it may have an effect later.
    #[error(transparent)]
    Read(#[from] ReadError),
}

fn told(mistakes: &[GuardrailMistake]) -> String {
    let told: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    told.join("; ")
}

impl GuardrailError {
    /// Whether the same can succeed later.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Mistakes { .. } | Self::TooMany | Self::NoGuardrail(_) | Self::NotAsker => false,
            Self::Busy(_) => true,
            Self::Read(error) => error.retryable(),
        }
    }
}

impl Engine {
    /// The guardrails: what an operator lets playbooks do.
    pub fn guardrails(&self) -> Guardrails {
        Guardrails::of(self.context.clone())
    }
}

impl Builder {
    /// Guardrails that hold from the start. One that was set or cleared at run time wins over one of the same name.
    #[must_use]
    pub fn guardrails(mut self, guardrails: impl IntoIterator<Item = Guardrail>) -> Self {
        self.guardrails.extend(guardrails);
        self
    }

    /// The guardrails that hold from the start, before those are read that were set at run time.
    ///
    /// # Errors
    /// One of them makes no sense.
    pub(crate) fn enforced(&self, store: &Arc<dyn Store>) -> Result<EnforcedGuardrails, StartError> {
        Ok(EnforcedGuardrails::new(self.declared_guardrails()?, store.clone(), self.clock.clone()))
    }

    /// The declared guardrails, checked.
    ///
    /// # Errors
    /// [`StartError::Configuration`]: one that makes no sense, or two of one name.
    fn declared_guardrails(&self) -> Result<Vec<Arc<PlannedGuardrail>>, StartError> {
        let catalogue = self.catalogue()?;
        let wrong = |why: String| StartError::Configuration(format!("guardrails: {why}"));
        let mut declared = BTreeMap::new();
        for guardrail in &self.guardrails {
            let name = guardrail.name.clone();
            let planned = PlannedGuardrail::checked(guardrail.clone(), Some(&catalogue))
                .map_err(|mistakes| wrong(format!("\"{name}\": {}", told(&mistakes))))?;
            if declared.insert(name.clone(), Arc::new(planned)).is_some() {
                return Err(wrong(format!("there are two of the name \"{name}\"")));
            }
        }
        if declared.len() > GUARDRAILS {
            return Err(wrong(format!("at most {GUARDRAILS}")));
        }
        Ok(declared.into_values().collect())
    }
}

impl Guardrails {
    pub(crate) fn of(context: Arc<EngineContext>) -> Self {
        Self { context }
    }

    /// All of them, in the order of their names.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn list(&self) -> Result<Vec<GuardrailEntry>, ReadError> {
        let mut entries = BTreeMap::new();
        for declared in self.context.guardrails.declared() {
            let (name, guardrail) = (declared.name().clone(), Some(declared.form().clone()));
            entries.insert(name.clone(), GuardrailEntry { name, guardrail, is_declared: true, set: None });
        }
        for (name, setting) in stored(&self.context).await? {
            let is_declared = entries.contains_key(&name);
            let guardrail = read(&setting).map_err(ReadError::from)?;
            let set = Some(GuardrailChange {
                uid: setting.uid.unwrap_or_default(),
                reason: setting.reason.unwrap_or_default(),
                at: setting.updated_date,
            });
            entries.insert(name.clone(), GuardrailEntry { name, guardrail, is_declared, set });
        }
        Ok(entries.into_values().collect())
    }

    /// Sets a guardrail, in place of one of the same name. It holds for every call whose intent is written from now on, of
    /// executions that run too, and over restarts.
    ///
    /// # Errors
    /// It makes no sense, nobody asks, or the store did not answer; then nothing has changed, unless it is the store.
    pub async fn set(&self, guardrail: Guardrail, asked: Asked) -> Result<(), GuardrailError> {
        self.set_all(vec![guardrail], asked).await
    }

    /// Sets several, each as [`set`](Self::set): if one makes no sense, none is.
    ///
    /// # Errors
    /// As `set`; where the store fails on the way, those before the one of the error hold.
    pub async fn set_all(&self, guardrails: Vec<Guardrail>, asked: Asked) -> Result<(), GuardrailError> {
        if !asked.is_sound() {
            return Err(GuardrailError::NotAsker);
        }
        // An engine without tools, which only serves a person, does not know what there is.
        let catalogue = self.context.plans.catalogue();
        let catalogue = Some(catalogue).filter(|catalogue| catalogue.integrations().next().is_some());
        let mut names: BTreeSet<Name> = self.list().await?.into_iter().map(|entry| entry.name).collect();
        for guardrail in &guardrails {
            let name = guardrail.name.clone();
            PlannedGuardrail::checked(guardrail.clone(), catalogue)
                .map_err(|mistakes| GuardrailError::Mistakes { name: name.clone(), mistakes })?;
            names.insert(name);
        }
        if names.len() > GUARDRAILS {
            return Err(GuardrailError::TooMany);
        }
        for guardrail in guardrails {
            self.change((&guardrail.name, &guardrail.tenants), Some(&guardrail), &asked).await?;
        }
        Ok(())
    }

    /// Clears a guardrail, whoever declared it: it does not hold until it is set again.
    ///
    /// # Errors
    /// There is none, nobody asks, or the store did not answer.
    pub async fn clear(&self, name: &Name, asked: Asked) -> Result<(), GuardrailError> {
        if !asked.is_sound() {
            return Err(GuardrailError::NotAsker);
        }
        let known = self.list().await?;
        let before = known.into_iter().find(|entry| entry.name == *name).and_then(|entry| entry.guardrail);
        let Some(before) = before else { return Err(GuardrailError::NoGuardrail(name.clone())) };
        self.change((name, &before.tenants), None, &asked).await
    }

    /// A page of the audit, the newest first: who changed guardrails, which calls they refused, and who let some pass.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn audit(&self, query: AuditQuery) -> Result<Vec<AuditRecord>, ReadError> {
        Ok(self.context.store.audit(query).await?)
    }

    /// Changes one, and lets the change hold; `None` clears it.
    async fn change(
        &self,
        (name, tenants): (&Name, &[TenantCode]),
        guardrail: Option<&Guardrail>,
        asked: &Asked,
    ) -> Result<(), GuardrailError> {
        let tenant = if let [tenant] = tenants { Some(tenant) } else { None };
        let of = SettingName { kind: SettingKind::Guardrail, name: name.as_str(), tenant };
        let settings = Settings::of(&self.context);
        let changed = match guardrail {
            Some(guardrail) => {
                let value = serde_json::to_value(guardrail).map_or_else(|_| Json::null(), Json::from);
                settings.set(of, value, asked).await
            }
            None => settings.set_nothing(of, asked).await,
        };
        changed.map_err(|error| match error {
            SettingError::Store(error) => GuardrailError::from(error),
            SettingError::NoReason => GuardrailError::NotAsker,
            SettingError::Full => GuardrailError::TooMany,
            SettingError::Busy(_) | SettingError::Missing(_) | SettingError::Invalid(_) => {
                GuardrailError::Busy(name.clone())
            }
        })?;
        Ok(load(&self.context).await.map_err(ReadError::from)?)
    }
}

/// Lets those hold that are stored and declared.
///
/// # Errors
/// The store did not answer, or has one that this version cannot read: it is not taken for none.
pub(crate) async fn load(context: &EngineContext) -> Result<(), store::Error> {
    let _one_at_a_time = context.guardrails.changing().await;
    let declared = context.guardrails.declared().iter().cloned();
    let mut holding: BTreeMap<Name, Arc<PlannedGuardrail>> =
        declared.map(|guardrail| (guardrail.name().clone(), guardrail)).collect();
    for (name, setting) in stored(context).await? {
        match read(&setting)? {
            None => holding.remove(&name),
            Some(guardrail) => {
                // Its tools may be missing in this configuration; it holds when they are there again.
                let planned = PlannedGuardrail::checked(guardrail, None)
                    .map_err(|mistakes| unread(&name, &told(&mistakes)))?;
                holding.insert(name, Arc::new(planned))
            }
        };
    }
    context.guardrails.replace(GuardrailSet::new(holding.into_values()));
    Ok(())
}

/// The settings of guardrails, by their names.
async fn stored(context: &EngineContext) -> Result<Vec<(Name, Setting)>, store::Error> {
    let all = Settings::of(context).all(SettingKind::Guardrail).await.map_err(|error| match error {
        SettingError::Store(ReadError::Store(error)) => error,
        error => store::Error::Refused(error.to_string()),
    })?;
    let named = all.into_iter().filter_map(|setting| {
        let name = SettingKind::Guardrail.name_in(&setting.key).and_then(|name| Name::new(name).ok())?;
        Some((name, setting))
    });
    Ok(named.collect())
}

/// The guardrail that a setting has; `None` if it was cleared.
fn read(setting: &Setting) -> Result<Option<Guardrail>, store::Error> {
    serde_json::from_str(setting.value.as_str()).map_err(|error| unread(&setting.key, &error.to_string()))
}

fn unread(what: &dyn std::fmt::Display, why: &str) -> store::Error {
    store::Error::Corrupt(format!("guardrail {what}: {why}"))
}
