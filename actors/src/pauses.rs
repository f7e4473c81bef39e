//! What is paused as a whole in this engine: tenants, and playbooks of tenants. Owns what holds; stores nothing, and pauses no
//! execution that runs.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use updraft_protocol::{Asked, Name, PauseScope, TenantCode};

/// The pauses that hold, each with who asked for it.
#[derive(Debug, Default)]
pub struct Pauses {
    all: RwLock<BTreeMap<PauseScope, Asked>>,
    /// Held while a scope is paused or resumed.
    changing: tokio::sync::Mutex<()>,
}

impl Pauses {
    /// Whoever pauses or resumes a scope does so alone: a pause that is still holding what runs would else hold it after it was resumed.
    pub async fn changing(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.changing.lock().await
    }

    /// A scope is paused from now on, or no longer.
    pub(crate) fn set(&self, scope: &PauseScope, asked: Option<Asked>) {
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        match asked {
            Some(asked) => all.insert(scope.clone(), asked),
            None => all.remove(scope),
        };
    }

    /// Who has paused a scope.
    pub fn of(&self, scope: &PauseScope) -> Option<Asked> {
        self.read().get(scope).cloned()
    }

    /// All that is paused.
    pub fn list(&self) -> Vec<(PauseScope, Asked)> {
        self.read().iter().map(|(scope, asked)| (scope.clone(), asked.clone())).collect()
    }

    /// Whether nothing of a playbook of a tenant begins.
    pub fn holds(&self, tenant: &TenantCode, playbook: &Name) -> bool {
        self.asked(tenant, playbook).is_some()
    }

    /// Who has paused a playbook of a tenant, or all of them.
    pub(crate) fn asked(&self, tenant: &TenantCode, playbook: &Name) -> Option<Asked> {
        let all = self.read();
        if all.is_empty() {
            return None;
        }
        let of = |playbook| all.get(&PauseScope { tenant: tenant.clone(), playbook });
        of(None).or_else(|| of(Some(playbook.clone()))).cloned()
    }

    /// The playbooks of a tenant that are paused.
    pub(crate) fn playbooks(&self, tenant: &TenantCode) -> Vec<Name> {
        let all = self.read();
        let own = all.keys().filter(|scope| scope.tenant == *tenant);
        own.filter_map(|scope| scope.playbook.clone()).collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<PauseScope, Asked>> {
        self.all.read().unwrap_or_else(PoisonError::into_inner)
    }
}
