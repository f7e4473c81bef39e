//! What is paused as a whole in this engine: tenants, and playbooks of tenants. Owns what holds; stores nothing, and pauses no
//! execution that runs.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use updraft_protocol::{Asked, Name, PauseScope, TenantCode};

/// The pauses that hold, each with who asked for it.
#[derive(Debug, Default)]
pub struct Pauses(RwLock<BTreeMap<PauseScope, Asked>>);

impl Pauses {
    /// A scope is paused from now on, or no longer.
    pub(crate) fn set(&self, scope: &PauseScope, asked: Option<Asked>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match asked {
            Some(asked) => all.insert(scope.clone(), asked),
            None => all.remove(scope),
        };
    }

    /// Who has paused a scope.
    pub fn of(&self, scope: &PauseScope) -> Option<Asked> {
        self.all().get(scope).cloned()
    }

    /// All that is paused.
    pub fn list(&self) -> Vec<(PauseScope, Asked)> {
        self.all().iter().map(|(scope, asked)| (scope.clone(), asked.clone())).collect()
    }

    /// Whether nothing of a playbook of a tenant begins.
    pub fn holds(&self, tenant: &TenantCode, playbook: &Name) -> bool {
        let all = self.all();
        let of_tenant = || PauseScope { tenant: tenant.clone(), playbook: None };
        let of_playbook = || PauseScope { tenant: tenant.clone(), playbook: Some(playbook.clone()) };
        !all.is_empty() && (all.contains_key(&of_tenant()) || all.contains_key(&of_playbook()))
    }

    /// The playbooks of a tenant that are paused.
    pub(crate) fn playbooks(&self, tenant: &TenantCode) -> Vec<Name> {
        let all = self.all();
        let own = all.keys().filter(|scope| scope.tenant == *tenant);
        own.filter_map(|scope| scope.playbook.clone()).collect()
    }

    fn all(&self) -> RwLockReadGuard<'_, BTreeMap<PauseScope, Asked>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}
