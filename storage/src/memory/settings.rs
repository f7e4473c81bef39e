//! Settings and the audit in memory. Knows no execution.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use updraft_protocol::limits::{MEMORY_DOCUMENTS, PAGE_ROWS};
use updraft_protocol::{AuditId, AuditRecord, Setting, SettingKind};

use crate::page;
use crate::store::{AuditQuery, Error, setting_bounds, setting_fits};

#[derive(Default)]
pub(super) struct Settings {
    settings: BTreeMap<Arc<str>, Setting>,
    audit: BTreeMap<AuditId, AuditRecord>,
}

impl Settings {
    pub(super) fn put(&mut self, setting: Setting, before: Option<u64>) -> Result<bool, Error> {
        setting_fits(&setting)?;
        if self.settings.get(&setting.key).map(|known| known.revision) != before {
            return Ok(false);
        }
        if before.is_none() && self.settings.len() >= MEMORY_DOCUMENTS {
            return Err(Error::Full(format!("it keeps {MEMORY_DOCUMENTS} settings")));
        }
        self.settings.insert(setting.key.clone(), setting);
        Ok(true)
    }

    pub(super) fn remove(&mut self, key: &str, before: u64) -> bool {
        let fits = self.settings.get(key).is_some_and(|known| known.revision == before);
        fits && self.settings.remove(key).is_some()
    }

    pub(super) fn get(&self, key: &str) -> Option<Setting> {
        self.settings.get(key).cloned()
    }

    pub(super) fn list(&self, kind: SettingKind, after: Option<&str>, limit: usize) -> Vec<Setting> {
        let (after, end) = setting_bounds(kind, after);
        let bounds = (Bound::Excluded(after.as_str()), Bound::Excluded(end.as_str()));
        page::of(
            self.settings.range::<str, _>(bounds).map(|(_, setting)| setting.clone()),
            limit.min(PAGE_ROWS),
        )
    }

    pub(super) fn add_audit(&mut self, records: Vec<AuditRecord>) -> Result<(), Error> {
        if self.audit.len() + records.len() > MEMORY_DOCUMENTS {
            return Err(Error::Full(format!("it keeps {MEMORY_DOCUMENTS} records of the audit")));
        }
        for record in records {
            self.audit.entry(record.id).or_insert(record);
        }
        Ok(())
    }

    pub(super) fn audit(&self, asked: &AuditQuery) -> Vec<AuditRecord> {
        let newest_first = self.audit.values().rev();
        let wanted = newest_first.filter(|record| {
            asked.after.is_none_or(|after| record.id < after)
                && (asked.tenant.is_none() || record.tenant_code == asked.tenant)
        });
        page::of(wanted.cloned(), asked.limit.min(PAGE_ROWS))
    }
}
