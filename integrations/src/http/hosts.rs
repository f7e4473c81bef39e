//! The number of requests under way to each host, and to each host for each tenant. Counts; sends nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use updraft_protocol::TenantCode;
use updraft_protocol::limits::HTTP_HOSTS;

/// The permits at all hosts.
pub(crate) struct Hosts {
    per_host: usize,
    per_tenant: usize,
    /// Entries of hosts without requests are kept until their space is needed.
    places: Mutex<HashMap<Key, Arc<Semaphore>>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Host(String),
    Tenant(TenantCode, String),
}

/// A permit at a host. Dropping it gives it back.
pub(crate) struct Place {
    _tenant: OwnedSemaphorePermit,
    _host: OwnedSemaphorePermit,
}

/// There are requests to so many hosts that no further one can be counted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Hosts {
    pub(crate) fn new(per_host: usize, per_tenant: usize) -> Self {
        Self { per_host, per_tenant: per_tenant.min(per_host), places: Mutex::default() }
    }

    /// Waits for a permit, first among the tenant's own requests and then among all: the requests of a tenant that hang
    /// take no permit that others wait for.
    pub(crate) fn enter(
        &self,
        tenant: &TenantCode,
        host: &str,
    ) -> impl Future<Output = Result<Place, Full>> + Send + use<> {
        let own = self.places(Key::Tenant(tenant.clone(), host.to_owned()), self.per_tenant);
        let all = self.places(Key::Host(host.to_owned()), self.per_host);
        async move {
            let tenant = own?.acquire_owned().await.map_err(|_| Full)?;
            let host = all?.acquire_owned().await.map_err(|_| Full)?;
            Ok(Place { _tenant: tenant, _host: host })
        }
    }

    fn places(&self, key: Key, number: usize) -> Result<Arc<Semaphore>, Full> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(semaphore) = places.get(&key) {
            return Ok(semaphore.clone());
        }
        if places.len() >= HTTP_HOSTS {
            // Every waiter and every holder has the semaphore too.
            places.retain(|_, semaphore| Arc::strong_count(semaphore) > 1);
            if places.len() >= HTTP_HOSTS {
                return Err(Full);
            }
        }
        let semaphore = Arc::new(Semaphore::new(number));
        places.insert(key, semaphore.clone());
        Ok(semaphore)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn tenant(name: &str) -> TenantCode {
        name.parse().unwrap()
    }

    #[test]
    fn a_tenant_cannot_take_every_place_of_a_host() {
        let hosts = Hosts::new(3, 2);
        let (a, b) = (tenant("a"), tenant("b"));
        let enter = |tenant| hosts.enter(tenant, "h:1").now_or_never();
        let first = enter(&a).unwrap().unwrap();
        let _second = enter(&a).unwrap().unwrap();
        assert!(enter(&a).is_none());
        let _third = enter(&b).unwrap().unwrap();
        assert!(enter(&b).is_none(), "the host has three places");
        assert!(hosts.enter(&b, "h:2").now_or_never().is_some());
        drop(first);
        assert!(enter(&b).is_some());
    }

    #[test]
    fn a_host_without_requests_makes_room_and_one_with_requests_stays() {
        let hosts = Hosts::new(1, 1);
        let tenant = tenant("a");
        let enter = |host: usize| hosts.enter(&tenant, &host.to_string()).now_or_never().unwrap();
        let _first = enter(0).unwrap();
        for host in 1..HTTP_HOSTS {
            drop(enter(host).unwrap());
        }
        assert!(hosts.enter(&tenant, "0").now_or_never().is_none(), "the place at host 0 is taken");
        let mut inside = Vec::new();
        let refused = (1..).find_map(|host| enter(host).map(|place| inside.push(place)).err());
        assert_eq!(refused, Some(Full));
        assert_eq!(inside.len(), HTTP_HOSTS / 2 - 1);
        inside.clear();
        assert!(enter(HTTP_HOSTS).is_ok());
    }
}
