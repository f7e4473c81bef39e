//! The local socket of a running engine: a Unix socket in its data directory, through which other programs of the same
//! user, such as the command line and a console, inspect it and cancel executions. Owns no decision: requests are made
//! of the engine as an embedding application would make them. Except for controls, they change nothing.
//!
//! One request for each connection: a line of JSON with the version of the protocol, then lines of JSON in reply until
//! one is `end` or `error`. It is not HTTP, which no client of it speaks: a browser cannot open a Unix socket, and a
//! console would speak HTTP to the browser and this to the engine. A line is enough for a request: no headers, no
//! framing, no parser but that of JSON, and each bound is in [`limits`](crate::limits).
//!
//! Any client that can connect can read all data of the engine: so the socket is for its owner alone (0600), and the
//! other side must be the same user, or root. A client that is slow, silent or hostile loses its connection; nothing
//! else waits for it.

#[cfg(unix)]
mod answer;
mod bulk;
mod client;
mod controls;
mod documents;
mod events;
mod flow;
mod guardrails;
mod message;
mod publications;
#[cfg(unix)]
mod server;
mod snapshot;
#[cfg(unix)]
mod socket;
mod triggers;
#[cfg(unix)]
mod work;

pub use client::{Client, Error};
pub use message::VERSION;
#[cfg(unix)]
pub(crate) use server::LocalServer;

/// The parts of the engine that the local socket uses.
#[cfg(unix)]
pub(crate) struct LocalContext {
    pub(crate) engine: std::sync::Arc<updraft_actors::EngineContext>,
    /// The way in for reruns.
    pub(crate) submitter: std::sync::Arc<crate::engine::Submitter>,
    /// What is seen of the writing to the store.
    pub(crate) writing: crate::store_watch::StoreWatch,
}
