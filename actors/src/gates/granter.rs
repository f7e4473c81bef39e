//! The granter of a day's calls: asks the store for blocks of a quota, and gives back what is left at the end. What a block is,
//! the kernel decides.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use updraft_kernel::day_quota::{DayQuota, GrantedCalls};
use updraft_protocol::limits::{CONTAINMENT_TRIES, SETTING_KEY_BYTES};
use updraft_protocol::{InputHash, Json, Name, Setting, SettingKind, TenantCode, Timestamp, Value};
use updraft_storage::Store;

use super::GateKey;
use crate::clock::Clock;

/// Grants the calls of one gate.
pub(super) struct CallGranter {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    calls: NonZeroU32,
    /// From 1970-01-01 to the instant from which gates count.
    since_epoch: Duration,
    key: Arc<str>,
}

impl CallGranter {
    pub(super) fn new(
        (store, clock): (Arc<dyn Store>, Arc<dyn Clock>),
        calls: NonZeroU32,
        started: Timestamp,
        of: &GateKey,
    ) -> Self {
        let since_epoch = Duration::from_millis(started.0);
        Self { store, clock, calls, since_epoch, key: key(of) }
    }

    /// The quota, of which nothing is granted yet.
    pub(super) fn quota(&self) -> DayQuota {
        DayQuota::new(self.calls, self.since_epoch)
    }

    /// Grants the next block of a day; `None` if the store does not answer. Durable before any of its calls is made.
    pub(super) async fn grant(&self, day: u64) -> Option<u32> {
        self.change(|granted| granted.block(day, self.calls)).await
    }

    /// Gives calls of a day back that were not made. If the store does not answer, they are lost.
    pub(super) async fn give_back(&self, day: u64, calls: u32) {
        if calls > 0 {
            let _ = self.change(|granted| ((), granted.given_back(day, calls))).await;
        }
    }

    async fn change<T>(&self, decide: impl Fn(GrantedCalls) -> (T, GrantedCalls)) -> Option<T> {
        for _ in 0..CONTAINMENT_TRIES {
            match self.try_change(&decide).await {
                Ok(None) => {}
                Ok(told) => return told,
                Err(error) => {
                    tracing::warn!(key = %self.key, %error, "the calls of a day cannot be counted yet");
                    return None;
                }
            }
        }
        None
    }

    /// `None` if another engine has changed it meanwhile.
    async fn try_change<T>(
        &self,
        decide: impl Fn(GrantedCalls) -> (T, GrantedCalls),
    ) -> Result<Option<T>, updraft_storage::Error> {
        let known = self.store.setting(&self.key).await?;
        let before = known.as_ref().map(|known| known.revision);
        let granted = known.and_then(|known| serde_json::from_str(known.value.as_str()).ok());
        let granted: GrantedCalls = granted.unwrap_or_default();
        let (told, after) = decide(granted);
        if after == granted {
            return Ok(Some(told));
        }
        let setting = Setting {
            key: self.key.clone(),
            revision: before.unwrap_or_default() + 1,
            value: Json::from(serde_json::json!({ "day": after.day, "calls": after.calls })),
            updated_date: self.clock.now(),
            uid: None,
            reason: None,
        };
        Ok(self.store.put_setting(setting, before).await?.then_some(told))
    }
}

/// The key of a gate's count: what is counted together, or a hash of it where that is long.
fn key(of: &GateKey) -> Arc<str> {
    let credentials: Vec<&str> = of.credentials.iter().map(Name::as_str).collect();
    let tenant = of.tenant.as_ref().map(TenantCode::as_str);
    let value = serde_json::json!([of.integration.as_str(), tenant, of.host, credentials]);
    let key = SettingKind::CallCount.key(&value.to_string());
    match &of.tenant {
        Some(tenant) if key.len() > SETTING_KEY_BYTES => {
            let hash = InputHash::of_arguments(tenant, &Value::from(value));
            SettingKind::CallCount.key(&format!("{tenant}/{hash}"))
        }
        _ => key,
    }
}
