//! How far the polls of triggers have come: in the store, and which of them fail. Decides nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use updraft_actors::EngineContext;
use updraft_protocol::limits::{CONTAINMENT_TRIES, POLLS_TOLD};
use updraft_protocol::{Json, PollState, Setting, SettingKind, Timestamp};

use super::TriggerKey;
use crate::error::ReadError;
use crate::health::EngineTrouble;

/// The polls that fail.
#[derive(Debug, Default)]
pub(crate) struct FailingPolls(Mutex<BTreeMap<TriggerKey, (Timestamp, Arc<str>)>>);

impl FailingPolls {
    /// A poll fails, since when and why.
    pub(super) fn fails(&self, key: &TriggerKey, failing: (Timestamp, Arc<str>)) {
        self.locked().insert(key.clone(), failing);
    }

    /// A poll does not fail any more, or is not made.
    pub(super) fn is_well(&self, key: &TriggerKey) {
        self.locked().remove(key);
    }

    /// What health tells of them: some, by their names.
    pub(crate) fn troubles(&self) -> Vec<EngineTrouble> {
        let told = |(key, (since, cause)): (&TriggerKey, &(Timestamp, Arc<str>))| {
            let (tenant, trigger) = (key.tenant.clone(), key.name.clone());
            EngineTrouble::PollFailing { tenant, trigger, cause: cause.to_string(), since: *since }
        };
        self.locked().iter().take(POLLS_TOLD).map(told).collect()
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<TriggerKey, (Timestamp, Arc<str>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far the poll of a trigger has come, and the revision of that; `None` where nothing is stored.
pub(super) async fn read(
    context: &EngineContext,
    key: &TriggerKey,
) -> Result<(Option<PollState>, Option<u64>), ReadError> {
    let Some(setting) = context.store.setting(&key.setting(SettingKind::TriggerPoll)).await? else {
        return Ok((None, None));
    };
    match serde_json::from_str(setting.value.as_str()) {
        Ok(state) => Ok((Some(state), Some(setting.revision))),
        Err(error) => {
            let what = format!("{} is none that this version knows: {error}", setting.key);
            Err(updraft_storage::Error::Corrupt(what).into())
        }
    }
}

/// Keeps how far a poll has come in place of what is stored under a revision; returns the new revision, `None` where another stands
/// by now.
pub(super) async fn keep(
    context: &EngineContext,
    key: &TriggerKey,
    (state, before): (&PollState, Option<u64>),
) -> Result<Option<u64>, ReadError> {
    let value = serde_json::to_string(state).and_then(|text| Json::parse(&text));
    let value = value.map_err(|error| updraft_storage::Error::Refused(error.to_string()))?;
    let revision = before.unwrap_or_default() + 1;
    let (key, updated_date) = (key.setting(SettingKind::TriggerPoll), context.clock.now());
    let setting = Setting { key, revision, value, updated_date, uid: None, reason: None };
    Ok(context.store.put_setting(setting, before).await?.then_some(revision))
}

/// Forgets how far the poll of a trigger has come.
pub(super) async fn remove(context: &EngineContext, key: &TriggerKey) -> Result<(), ReadError> {
    let setting = key.setting(SettingKind::TriggerPoll);
    for _ in 0..CONTAINMENT_TRIES {
        let Some(found) = context.store.setting(&setting).await? else { return Ok(()) };
        if context.store.remove_setting(&setting, found.revision).await? {
            return Ok(());
        }
    }
    Err(updraft_storage::Error::Unavailable(format!("{setting}: it was changed meanwhile; try again")).into())
}
