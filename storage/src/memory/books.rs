//! Books: playbook versions, dead letters and epochs, in memory. Knows no execution.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Bound;

use updraft_kernel::shard_epochs::ShardEpochs;
use updraft_kernel::virtual_shard::VirtualShard;
use updraft_protocol::limits::{MEMORY_DOCUMENTS, PAGE_ROWS};
use updraft_protocol::{DeadLetter, Name, PlaybookDocument, PlaybookId, PlaybookStatus, TenantCode};

use crate::page;
use crate::store::{Error, PutOutcome, followed};

#[derive(Default)]
pub(super) struct Books {
    playbooks: HashMap<PlaybookId, PlaybookDocument>,
    /// In the order of catalogues.
    names: BTreeMap<(TenantCode, Name, u32), PlaybookId>,
    letters: BTreeMap<String, DeadLetter>,
    epochs: HashMap<VirtualShard, u64>,
}

impl Books {
    pub(super) fn put(&mut self, playbook: PlaybookDocument) -> Result<PutOutcome, Error> {
        let name = (playbook.tenant_code.clone(), playbook.name.clone(), playbook.version);
        if let Some(known) = self.names.get(&name).and_then(|pid| self.playbooks.get(pid)) {
            return Ok(PutOutcome::of_known(known.pid, &known.definition, &playbook));
        }
        if self.playbooks.contains_key(&playbook.pid) {
            return Err(Error::Refused(format!("the id {} has another playbook", playbook.pid)));
        }
        if self.playbooks.len() >= MEMORY_DOCUMENTS {
            return Err(Error::Full(format!("it keeps {MEMORY_DOCUMENTS} playbooks")));
        }
        self.names.insert(name, playbook.pid);
        self.playbooks.insert(playbook.pid, playbook);
        Ok(PutOutcome::Created)
    }

    pub(super) fn playbook(&self, tenant: &TenantCode, pid: PlaybookId) -> Option<PlaybookDocument> {
        self.playbooks.get(&pid).filter(|playbook| playbook.tenant_code == *tenant).cloned()
    }

    pub(super) fn named(
        &self,
        tenant: &TenantCode,
        name: &Name,
        version: Option<u32>,
    ) -> Option<PlaybookDocument> {
        let (first, last) = version.map_or((0, u32::MAX), |version| (version, version));
        let key = |version| (tenant.clone(), name.clone(), version);
        let (_, pid) = self.names.range(key(first)..=key(last)).next_back()?;
        self.playbooks.get(pid).cloned()
    }

    pub(super) fn catalogue(
        &self,
        tenant: &TenantCode,
        status: PlaybookStatus,
        category_id: Option<&str>,
        after: Option<(Name, u32)>,
        limit: usize,
    ) -> Vec<PlaybookDocument> {
        let of_tenant = self.names.iter().filter(|((owner, ..), _)| owner == tenant);
        let later = of_tenant.filter(|((_, name, version), _)| {
            after.as_ref().is_none_or(|(last, number)| (name, version) > (last, number))
        });
        let wanted = later.filter_map(|(_, pid)| self.playbooks.get(pid)).filter(|playbook| {
            playbook.status == status
                && category_id.is_none_or(|wanted| playbook.category_id.as_deref() == Some(wanted))
        });
        page::of(wanted.cloned(), limit.min(PAGE_ROWS))
    }

    pub(super) fn of_tenant(&self, tenant: &TenantCode) -> HashSet<PlaybookId> {
        let own = self.playbooks.values().filter(|playbook| playbook.tenant_code == *tenant);
        own.map(|playbook| playbook.pid).collect()
    }

    pub(super) fn keep_dead_letters(&mut self, letters: Vec<DeadLetter>) -> Result<(), Error> {
        if self.letters.len() + letters.len() > MEMORY_DOCUMENTS {
            return Err(Error::Full(format!("it keeps {MEMORY_DOCUMENTS} dead letters")));
        }
        for letter in letters {
            self.letters.entry(letter.key.clone()).or_insert(letter);
        }
        Ok(())
    }

    pub(super) fn dead_letters(
        &self,
        tenant: Option<&TenantCode>,
        after: Option<&str>,
        limit: usize,
    ) -> Vec<DeadLetter> {
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let later = self.letters.range::<str, _>((after, Bound::Unbounded)).map(|(_, letter)| letter);
        let own = later.filter(|letter| tenant.is_none() || letter.tenant_code.as_ref() == tenant);
        own.take(limit.min(PAGE_ROWS)).cloned().collect()
    }

    pub(super) fn claim(&mut self, shards: &[VirtualShard], above: u64) -> Result<ShardEpochs, Error> {
        let above = followed(above)?.unsigned_abs();
        let mut claimed = |shard: &VirtualShard| {
            let epoch = self.epochs.entry(*shard).or_default();
            *epoch = above.max(*epoch).saturating_add(1);
            (*shard, *epoch)
        };
        Ok(shards.iter().map(&mut claimed).collect())
    }
}
