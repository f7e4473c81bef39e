//! Connection pools: one client for each runtime, TLS settings and proxy. Never shares a connection between runtimes,
//! nor between hosts of different settings.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use thiserror::Error;
use tokio::runtime::{Handle, Id};
use updraft_protocol::limits::{
    HTTP_ANSWER_HEADERS, HTTP_IDLE, HTTP_IDLE_PER_HOST, HTTP_POOLS, HTTP2_CONNECTION_WINDOW_BYTES,
    HTTP2_HEADERS_BYTES, HTTP2_PING, HTTP2_PING_TIMEOUT, HTTP2_STREAM_WINDOW_BYTES, HTTP2_STREAMS,
};

use super::client::Client;
use super::connect::{Connector, Via};
use super::contexts::{Context, Contexts};
use super::handover::Handed;
use super::open::OpenConnections;
use super::policy::Policy;
use super::routes::{Route, Routes};

/// The pools of all runtimes.
///
/// A pooled connection is driven by a task on the runtime that opened it, and is dead when that runtime ends. Each
/// shard is a runtime of its own, so each has its own clients. The runtime used longest ago makes room for a new one;
/// requests under way hold their client and continue.
pub(crate) struct Pools {
    policy: Policy,
    contexts: Arc<Contexts>,
    routes: Routes,
    /// Counts those of all pools.
    pub(super) connections: Arc<OpenConnections>,
    clients: Mutex<Clients>,
}

/// The runtime, settings and route of a pool.
type Key = (Id, Context, Route);

#[derive(Default)]
struct Clients {
    /// For each pool: the client, and when it was last used.
    by_key: HashMap<Key, (Client, u64)>,
    /// Counts uses, as a logical clock.
    asked: u64,
}

impl Pools {
    pub(crate) fn new(policy: Policy, contexts: Contexts, routes: Routes) -> Self {
        let (contexts, connections) = (Arc::new(contexts), OpenConnections::of_process());
        Self { policy, contexts, routes, connections, clients: Mutex::default() }
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The grant that is missing to reach a host, as far as is known before its name is looked up. A proxy looks names
    /// up itself: through it the name must be allowed.
    pub(crate) fn missing(&self, secure: bool, host: &str, port: u16) -> Option<String> {
        let place = || format!("permission to reach {host}:{port}");
        if !self.policy.permits_literal(host, port) {
            return Some(place());
        }
        let proxy = self.routes.proxy(self.routes.of(secure, host, port))?;
        let is_missing = !self.policy.permits_unresolved(host, port);
        is_missing.then(|| format!("{}, by its name: the proxy {proxy} looks it up", place()))
    }

    /// The client of the current runtime, for requests to this host.
    pub(crate) fn client(&self, secure: bool, host: &str, port: u16) -> Result<Client, NoRuntime> {
        let runtime = Handle::try_current().map_err(|_| NoRuntime)?.id();
        let (context, route) = (self.contexts.of(host, port), self.routes.of(secure, host, port));
        let key = (runtime, context, route);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.asked += 1;
        let now = clients.asked;
        if let Some((client, last)) = clients.by_key.get_mut(&key) {
            *last = now;
            return Ok(client.clone());
        }
        let client = self.open(context, route);
        if clients.by_key.len() >= HTTP_POOLS {
            let oldest = clients.by_key.iter().min_by_key(|(_, (_, last))| *last).map(|(key, _)| *key);
            oldest.and_then(|key| clients.by_key.remove(&key));
        }
        clients.by_key.insert(key, (client.clone(), now));
        Ok(client)
    }

    fn open(&self, context: Context, route: Route) -> Client {
        let proxy = self.routes.proxy(route).cloned();
        let via =
            proxy.clone().map(|proxy| Via { context: self.contexts.of(&proxy.host, proxy.port), proxy });
        let (policy, contexts) = (self.policy.clone(), self.contexts.clone());
        let connections = self.connections.clone();
        Client::new(pool(Connector { policy, contexts, context, proxy: via, connections }), proxy)
    }
}

fn pool(connector: Connector) -> legacy::Client<Connector, Handed> {
    legacy::Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(HTTP_IDLE)
        .pool_max_idle_per_host(HTTP_IDLE_PER_HOST)
        // Only requests that were never written, because their connection had been closed before.
        .retry_canceled_requests(true)
        // A malformed header is dropped, and not the answer.
        .http1_ignore_invalid_headers_in_responses(true)
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http1_max_headers(HTTP_ANSWER_HEADERS)
        .http2_initial_max_send_streams(HTTP2_STREAMS)
        .http2_initial_stream_window_size(HTTP2_STREAM_WINDOW_BYTES)
        .http2_initial_connection_window_size(HTTP2_CONNECTION_WINDOW_BYTES)
        .http2_max_header_list_size(HTTP2_HEADERS_BYTES)
        .http2_keep_alive_interval(HTTP2_PING)
        .http2_keep_alive_timeout(HTTP2_PING_TIMEOUT)
        .http2_keep_alive_while_idle(true)
        .build(connector)
}

/// There is no client outside of a runtime.
#[derive(Debug, Error)]
#[error("HTTP needs a tokio runtime")]
pub(crate) struct NoRuntime;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::routes::Rule;
    use crate::http::tls::Tls;

    fn pools() -> Pools {
        let policy = Policy::new(vec!["127.0.0.1:80".parse().unwrap()]);
        let hosts = vec![("edr.internal".parse().unwrap(), Tls::new())];
        let rules = vec![Rule::of("*.example".parse().unwrap(), "http://proxy".parse().ok())];
        Pools::new(policy, Contexts::new(Vec::new(), hosts), Routes::new(rules))
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().build().unwrap()
    }

    #[test]
    fn runtimes_beyond_the_limit_make_room_for_each_other() {
        let pools = pools();
        let runtimes: Vec<_> = (0..=HTTP_POOLS).map(|_| runtime()).collect();
        for runtime in &runtimes {
            runtime.block_on(async { pools.client(false, "127.0.0.1", 80) }).unwrap();
        }
        let clients = pools.clients.lock().unwrap();
        assert_eq!(clients.by_key.len(), HTTP_POOLS);
        let has = |runtime: &tokio::runtime::Runtime| {
            clients.by_key.keys().any(|(id, ..)| *id == runtime.handle().id())
        };
        assert!(!has(&runtimes[0]) && has(&runtimes[1]) && has(&runtimes[HTTP_POOLS]));
    }

    #[test]
    fn hosts_of_different_settings_have_different_pools() {
        let pools = pools();
        runtime().block_on(async {
            for host in ["a.internal", "b.internal", "edr.internal", "tool.example", "other.example"] {
                pools.client(true, host, 443).unwrap();
            }
        });
        assert_eq!(pools.clients.lock().unwrap().by_key.len(), 3);
    }

    #[test]
    fn outside_of_a_runtime_there_is_no_client_and_no_panic() {
        assert!(matches!(pools().client(false, "127.0.0.1", 80), Err(NoRuntime)));
    }
}
