//! Places: how many requests are answered at once, of all tenants and of one. Owns the count; who finds no place is told to come
//! again, and nobody waits.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use updraft::limits::{WEBHOOKS_AT_ONCE, WEBHOOKS_OF_TENANT};

/// The requests that have a place, by tenant: no more tenants than there are places.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places(Arc<Mutex<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    of_tenants: BTreeMap<String, usize>,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Places,
    tenant: String,
}

impl Places {
    /// A place for a request of this tenant, if there is one.
    pub(crate) fn enter(&self, tenant: &str) -> Option<Place> {
        let mut taken = self.taken();
        let of_tenant = taken.of_tenants.get(tenant).copied().unwrap_or_default();
        if taken.all >= WEBHOOKS_AT_ONCE || of_tenant >= WEBHOOKS_OF_TENANT {
            return None;
        }
        taken.all += 1;
        taken.of_tenants.insert(tenant.to_owned(), of_tenant + 1);
        Some(Place { places: self.clone(), tenant: tenant.to_owned() })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.all = taken.all.saturating_sub(1);
        let left = taken.of_tenants.get(&self.tenant).map_or(0, |count| count.saturating_sub(1));
        match left {
            0 => drop(taken.of_tenants.remove(&self.tenant)),
            left => drop(taken.of_tenants.insert(self.tenant.clone(), left)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_tenant_takes_no_more_than_its_part_and_all_no_more_than_there_are() {
        let places = Places::default();
        let mut held: Vec<Place> = std::iter::from_fn(|| places.enter("loud")).collect();
        assert_eq!(held.len(), WEBHOOKS_OF_TENANT);
        let others = (0..).map_while(|number| places.enter(&format!("tenant-{number}")));
        held.extend(others);
        assert_eq!(held.len(), WEBHOOKS_AT_ONCE);
        assert!(places.enter("late").is_none());
        drop(held.remove(0));
        assert!(places.enter("late").is_some(), "it is free again");
        assert!(places.enter("loud").is_some(), "for whoever comes first");
        held.clear();
        let taken = places.taken();
        assert_eq!((taken.all, taken.of_tenants.len()), (0, 0), "none is left behind");
    }
}
