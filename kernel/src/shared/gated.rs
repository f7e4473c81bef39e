//! The calls that stand in line at gates, though their tools take no permits: those of tools that do not work just now, and of
//! tenants that may have so many tasks at once. Owns the names of both; never waits.

use std::collections::{BTreeMap, BTreeSet};

use updraft_protocol::{Name, TenantCode};

use super::sync::{Arc, AtomicBool, AtomicUsize, Mutex, Ordering, lock};

/// The names, shared by whoever holds a clone.
#[derive(Clone, Default)]
pub struct GatedTools(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Whether calls of each tenant stand in line.
    is_each_tenant: AtomicBool,
    /// Of those below, so that nobody takes the lock while there are none.
    count: AtomicUsize,
    names: Mutex<Names>,
}

#[derive(Default)]
struct Names {
    /// How many gates each tool has.
    tools: BTreeMap<Name, usize>,
    tenants: BTreeSet<TenantCode>,
}

impl Names {
    fn count(&self) -> usize {
        self.tools.len() + self.tenants.len()
    }
}

impl GatedTools {
    /// Whether calls of this tool stand in line.
    pub fn has(&self, tool: &Name) -> bool {
        self.0.count.load(Ordering::Acquire) > 0 && lock(&self.0.names).tools.contains_key(tool)
    }

    /// Whether calls of this tenant stand in line, whatever their tool.
    pub fn has_tenant(&self, tenant: &TenantCode) -> bool {
        if self.0.is_each_tenant.load(Ordering::Acquire) {
            return true;
        }
        self.0.count.load(Ordering::Acquire) > 0 && lock(&self.0.names).tenants.contains(tenant)
    }

    /// All calls stand in line from now on, of each tenant.
    pub fn add_each_tenant(&self) {
        self.0.is_each_tenant.store(true, Ordering::Release);
    }

    /// Calls of this tenant stand in line from now on, or only as those of others do.
    pub fn set_tenant(&self, tenant: &TenantCode, is_gated: bool) {
        let mut names = lock(&self.0.names);
        if is_gated {
            names.tenants.insert(tenant.clone());
        } else {
            names.tenants.remove(tenant);
        }
        self.0.count.store(names.count(), Ordering::Release);
    }

    /// A gate of this tool is there.
    pub fn add(&self, tool: &Name) {
        let mut names = lock(&self.0.names);
        *names.tools.entry(tool.clone()).or_default() += 1;
        self.0.count.store(names.count(), Ordering::Release);
    }

    /// A gate of this tool is gone.
    pub fn remove(&self, tool: &Name) {
        let mut names = lock(&self.0.names);
        if let Some(gates) = names.tools.get_mut(tool) {
            *gates -= 1;
            if *gates == 0 {
                names.tools.remove(tool);
            }
        }
        self.0.count.store(names.count(), Ordering::Release);
    }
}

impl std::fmt::Debug for GatedTools {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("GatedTools").field(&self.0.count.load(Ordering::Acquire)).finish()
    }
}
