//! Connection pools: one reqwest client for each runtime and class of ports. Never shares a connection
//! between runtimes.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::{Certificate, Client, ClientBuilder, redirect};
use tokio::runtime::{Handle, Id};
use updraft_protocol::limits::{
    HTTP_ANSWER_HEADERS, HTTP_CONNECT_TIMEOUT, HTTP_IDLE, HTTP_IDLE_PER_HOST, HTTP_POOLS,
};

use super::policy::{Policy, PortClass};

/// How often the system probes a connection that says nothing.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// The pools of all runtimes.
///
/// A pooled connection is driven by a task on the runtime that opened it, and is dead when that runtime
/// ends. Each shard is a runtime of its own, so each has its own clients. The runtime used longest ago
/// makes room for a new one; requests under way hold their client and go on.
pub(crate) struct Pools {
    policy: Policy,
    roots: Vec<Certificate>,
    clients: Mutex<Clients>,
}

#[derive(Default)]
struct Clients {
    /// Of each runtime and class of ports: the client, and when it was last asked for.
    by_runtime: HashMap<(Id, PortClass), (Client, u64)>,
    /// Counts askings: a clock that needs no time.
    asked: u64,
}

impl Pools {
    pub(crate) fn new(policy: Policy, roots: Vec<Certificate>) -> Self {
        Self { policy, roots, clients: Mutex::default() }
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The client of the runtime that asks, for ports of this class.
    pub(crate) fn client(&self, class: PortClass) -> Result<Client, Error> {
        let runtime = Handle::try_current().map_err(|_| Error::NoRuntime)?.id();
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.asked += 1;
        let now = clients.asked;
        if let Some((client, last)) = clients.by_runtime.get_mut(&(runtime, class)) {
            *last = now;
            return Ok(client.clone());
        }
        let client = self.open(class)?;
        if clients.by_runtime.len() >= HTTP_POOLS {
            let oldest = clients.by_runtime.iter().min_by_key(|(_, (_, last))| *last).map(|(key, _)| *key);
            oldest.and_then(|key| clients.by_runtime.remove(&key));
        }
        clients.by_runtime.insert((runtime, class), (client.clone(), now));
        Ok(client)
    }

    fn open(&self, class: PortClass) -> Result<Client, Error> {
        match self.settings(class).tls_certs_merge(self.roots.clone()).build() {
            Ok(client) => Ok(client),
            Err(error) => {
                // A machine without certificates of its own still reaches tools by plain HTTP, and those
                // whose certificates were given.
                tracing::warn!(%error, "the certificates of this machine cannot be used");
                self.settings(class).tls_certs_only(self.roots.clone()).build().map_err(Error::Client)
            }
        }
    }

    fn settings(&self, class: PortClass) -> ClientBuilder {
        Client::builder()
            .user_agent(concat!("updraft/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .referer(false)
            // Whether a request is repeated is the step's word alone. What hyper still repeats was never written.
            .retry(reqwest::retry::never())
            .no_proxy()
            .dns_resolver(Arc::new(self.policy.resolver(class)))
            .connect_timeout(HTTP_CONNECT_TIMEOUT)
            .pool_idle_timeout(HTTP_IDLE)
            .pool_max_idle_per_host(HTTP_IDLE_PER_HOST)
            .tcp_keepalive(KEEPALIVE)
            // A header that is written wrongly costs that header, not the answer.
            .http1_ignore_invalid_headers_in_responses(true)
            .http1_allow_obsolete_multiline_headers_in_responses(true)
            .http1_allow_spaces_after_header_name_in_responses(true)
            .http1_max_headers(HTTP_ANSWER_HEADERS)
    }
}

/// Why there is no client.
#[derive(Debug)]
pub(crate) enum Error {
    NoRuntime,
    Client(reqwest::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRuntime => f.write_str("HTTP needs a tokio runtime"),
            Self::Client(error) => write!(f, "the HTTP client could not be made: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runtimes_beyond_the_limit_make_room_for_each_other() {
        let pools = Pools::new(Policy::new(vec!["127.0.0.1:80".parse().unwrap()]), Vec::new());
        let class = pools.policy().class(80);
        // One client stands for all: making a thousand of them would read the certificates as often.
        let client = pools.open(class).unwrap();
        let runtimes: Vec<_> = (0..=HTTP_POOLS)
            .map(|_| tokio::runtime::Builder::new_current_thread().build().unwrap())
            .collect();
        for runtime in &runtimes[..HTTP_POOLS] {
            let mut clients = pools.clients.lock().unwrap();
            clients.asked += 1;
            let now = clients.asked;
            clients.by_runtime.insert((runtime.handle().id(), class), (client.clone(), now));
        }
        runtimes[HTTP_POOLS].block_on(async { pools.client(class) }).unwrap();
        let clients = pools.clients.lock().unwrap();
        assert_eq!(clients.by_runtime.len(), HTTP_POOLS);
        assert!(!clients.by_runtime.contains_key(&(runtimes[0].handle().id(), class)));
        assert!(clients.by_runtime.contains_key(&(runtimes[HTTP_POOLS].handle().id(), class)));
    }

    #[test]
    fn outside_of_a_runtime_there_is_no_client_and_no_panic() {
        let pools = Pools::new(Policy::default(), Vec::new());
        assert!(matches!(pools.client(pools.policy().class(80)), Err(Error::NoRuntime)));
    }
}
