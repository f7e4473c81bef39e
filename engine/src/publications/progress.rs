//! How far a publication has come, in the store. Decides nothing.

use updraft_actors::EngineContext;
use updraft_protocol::limits::CONTAINMENT_TRIES;
use updraft_protocol::{EventCursor, Json, PublicationProgress, Setting, SettingKind};

use super::PublicationKey;
use crate::error::ReadError;

/// The progress of a publication that begins after a place, and its revision.
pub(super) async fn read(
    context: &EngineContext,
    key: &PublicationKey,
    from: EventCursor,
) -> Result<(PublicationProgress, Option<u64>), ReadError> {
    let key = SettingKind::PublicationProgress.key(&key.named());
    let Some(setting) = context.store.setting(&key).await? else {
        return Ok((PublicationProgress::from(from), None));
    };
    let unreadable = |_| updraft_storage::Error::Corrupt(format!("{key} is none that this version knows"));
    Ok((serde_json::from_str(setting.value.as_str()).map_err(unreadable)?, Some(setting.revision)))
}

/// Keeps a progress in place of the one of a revision; returns the new revision, `None` where it has another by now: the
/// publication was removed, or another engine tells it.
pub(super) async fn keep(
    context: &EngineContext,
    key: &PublicationKey,
    (progress, before): (&PublicationProgress, Option<u64>),
) -> Result<Option<u64>, ReadError> {
    let value = serde_json::to_string(progress).and_then(|text| Json::parse(&text));
    let value = value.map_err(|error| updraft_storage::Error::Refused(error.to_string()))?;
    let revision = before.unwrap_or_default() + 1;
    let setting = Setting {
        key: SettingKind::PublicationProgress.key(&key.named()),
        revision,
        value,
        updated_date: context.clock.now(),
        uid: None,
        reason: None,
    };
    Ok(context.store.put_setting(setting, before).await?.then_some(revision))
}

/// Removes the progress of a publication, if there is one.
pub(super) async fn remove(context: &EngineContext, key: &PublicationKey) -> Result<(), ReadError> {
    let key = SettingKind::PublicationProgress.key(&key.named());
    for _ in 0..CONTAINMENT_TRIES {
        let Some(found) = context.store.setting(&key).await? else { return Ok(()) };
        if context.store.remove_setting(&key, found.revision).await? {
            return Ok(());
        }
    }
    Err(updraft_storage::Error::Unavailable(format!("{key}: it was changed meanwhile; try again")).into())
}
