//! The port for settings: small documents under a key, each changed only as it was read.

use async_trait::async_trait;
use updraft_protocol::limits::{SETTING_BYTES, SETTING_KEY_BYTES};
use updraft_protocol::{Setting, SettingKind};

use super::Error;

/// Settings.
#[async_trait]
pub trait SettingStore: Send + Sync + 'static {
    /// Stores a setting in place of the one with the revision `before`, or of none; returns whether it was so. Durable
    /// when it returns. A setting that is too large is refused.
    async fn put_setting(&self, setting: Setting, before: Option<u64>) -> Result<bool, Error>;

    /// Removes the setting with the revision `before`; returns whether it was so. Durable when it returns.
    async fn remove_setting(&self, key: &str, before: u64) -> Result<bool, Error>;

    /// A setting by its key.
    async fn setting(&self, key: &str) -> Result<Option<Setting>, Error>;

    /// The settings of one kind of all tenants in the order of their keys, after this key; at most `limit` rows.
    async fn settings(
        &self,
        kind: SettingKind,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Setting>, Error>;
}

/// Refuses a setting that no store takes.
pub(crate) fn fits(setting: &Setting) -> Result<(), Error> {
    if setting.key.len() > SETTING_KEY_BYTES {
        return Err(Error::Refused(format!(
            "a setting's key may have {SETTING_KEY_BYTES} bytes; this one has {}",
            setting.key.len()
        )));
    }
    if setting.value.as_str().len() > SETTING_BYTES {
        let (kind, bytes) = (setting.key.split('/').next().unwrap_or_default(), setting.value.as_str().len());
        return Err(Error::Refused(format!(
            "a setting may have {SETTING_BYTES} bytes; this one ({kind}) has {bytes}"
        )));
    }
    Ok(())
}

/// The keys of a kind that come after `after`: the last that does not, and the first that is of no such kind.
pub(crate) fn bounds(kind: SettingKind, after: Option<&str>) -> (String, String) {
    let first = kind.key("").to_string();
    let after = after.filter(|after| *after > first.as_str()).map(str::to_owned).unwrap_or(first);
    // `0` follows `/`.
    (after, format!("{}0", kind.as_str()))
}
