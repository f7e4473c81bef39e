//! How far the polls of triggers have come, in the store. Decides nothing.

use updraft_actors::EngineContext;
use updraft_protocol::limits::CONTAINMENT_TRIES;
use updraft_protocol::{Json, PollState, Setting, SettingKind};

use super::TriggerKey;
use crate::error::ReadError;

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
