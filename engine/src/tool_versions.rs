//! The versions of tools over the starts of engines: noted in the store when another one is there, so that executions that were
//! accepted before keep the one that they began with. Owns the settings of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use updraft_actors::plans::Plans;
use updraft_cache::Caches;
use updraft_kernel::tool_versions::VersionHistory;
use updraft_protocol::{Catalogue, Json, Name, Setting, SettingKind, Timestamp};
use updraft_storage::Store;

use crate::builder::Builder;
use crate::error::StartError;

/// The plans by these tools; by those of before for executions that were accepted before.
///
/// # Errors
/// The store does not answer, or what it has cannot be read.
pub(crate) async fn plans(
    store: &dyn Store,
    builder: &Builder,
    (catalogue, caches): (Catalogue, Arc<Caches>),
) -> Result<Plans, StartError> {
    let earlier = noted(store, builder, &catalogue).await?;
    Ok(Plans::new(catalogue, caches).with_earlier(earlier))
}

/// Notes the versions that this engine has, and returns the tools as they were for executions that were accepted before each change,
/// the earliest first.
///
/// # Errors
/// The store does not answer, or what it has cannot be read.
async fn noted(
    store: &dyn Store,
    builder: &Builder,
    catalogue: &Catalogue,
) -> Result<Vec<(Timestamp, Catalogue)>, StartError> {
    let now = builder.clock.now();
    let mut histories: BTreeMap<Name, VersionHistory> = BTreeMap::new();
    for name in catalogue.integrations() {
        if let Some(version) = catalogue.version(name) {
            histories.insert(name.clone(), history(store, name, version, now).await?);
        }
    }
    let changes: BTreeSet<Timestamp> = histories.values().flat_map(VersionHistory::changes).collect();
    let before = |until: Timestamp| {
        let mut catalogue = catalogue.clone();
        for (name, history) in &histories {
            let version = history.at(Timestamp(until.0.saturating_sub(1)));
            let Some(version) = version.filter(|version| catalogue.version(name) != Some(*version)) else {
                continue;
            };
            let other = builder.other_versions.get(&(name.to_string(), version)).cloned();
            catalogue.take_version(name, version, other);
        }
        (until, catalogue)
    };
    Ok(changes.into_iter().map(before).collect())
}

/// The history of one tool, with the version that is there now.
async fn history(
    store: &dyn Store,
    name: &Name,
    version: u32,
    now: Timestamp,
) -> Result<VersionHistory, StartError> {
    let key = SettingKind::ToolVersion.key(name.as_str());
    let known = store.setting(&key).await?;
    let mut history = match &known {
        None => VersionHistory::default(),
        Some(known) => serde_json::from_str(known.value.as_str()).map_err(|error| {
            StartError::Configuration(format!("the versions of {name} in the store cannot be read: {error}"))
        })?,
    };
    if history.takes(version, now) {
        let value = serde_json::to_string(&history).and_then(|text| Json::parse(&text)).map_err(|error| {
            StartError::Configuration(format!("the versions of {name} cannot be stored: {error}"))
        })?;
        let before = known.map(|known| known.revision);
        let revision = before.unwrap_or_default() + 1;
        let setting = Setting { key, revision, value, updated_date: now, uid: None, reason: None };
        // Nobody else has this store: another engine would have its lease.
        store.put_setting(setting, before).await?;
    }
    Ok(history)
}
