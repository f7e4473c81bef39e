//! The history of a trigger in the store: what has become of its events. Decides nothing.

use updraft_actors::EngineContext;
use updraft_protocol::limits::CONTAINMENT_TRIES;
use updraft_protocol::{Json, Setting, SettingKind, TriggerHistory};

use super::TriggerKey;
use crate::error::ReadError;

/// The history of a trigger, and its revision; a new one where there is none.
pub(super) async fn read(
    context: &EngineContext,
    key: &TriggerKey,
) -> Result<(TriggerHistory, Option<u64>), ReadError> {
    let Some(setting) = context.store.setting(&key.setting(SettingKind::TriggerHistory)).await? else {
        return Ok((TriggerHistory::default(), None));
    };
    match serde_json::from_str(setting.value.as_str()) {
        Ok(history) => Ok((history, Some(setting.revision))),
        Err(error) => {
            let what = format!("{} is none that this version knows: {error}", setting.key);
            Err(updraft_storage::Error::Corrupt(what).into())
        }
    }
}

/// Keeps a history in place of the one of a revision; returns the new revision, `None` where it has another by now.
pub(super) async fn keep(
    context: &EngineContext,
    key: &TriggerKey,
    (history, before): (&TriggerHistory, Option<u64>),
) -> Result<Option<u64>, ReadError> {
    let value = serde_json::to_string(history).and_then(|text| Json::parse(&text));
    let value = value.map_err(|error| updraft_storage::Error::Refused(error.to_string()))?;
    let revision = before.unwrap_or_default() + 1;
    let setting = Setting {
        key: key.setting(SettingKind::TriggerHistory),
        revision,
        value,
        updated_date: context.clock.now(),
        uid: None,
        reason: None,
    };
    Ok(context.store.put_setting(setting, before).await?.then_some(revision))
}

/// Removes the history of a trigger, if there is one.
pub(super) async fn remove(context: &EngineContext, key: &TriggerKey) -> Result<(), ReadError> {
    let setting = key.setting(SettingKind::TriggerHistory);
    for _ in 0..CONTAINMENT_TRIES {
        let Some(found) = context.store.setting(&setting).await? else { return Ok(()) };
        if context.store.remove_setting(&setting, found.revision).await? {
            return Ok(());
        }
    }
    Err(updraft_storage::Error::Unavailable(format!("{setting}: it was changed meanwhile; try again")).into())
}
