//! The local socket of a running engine: a Unix socket in its data directory, through which other programs of the same
//! user look at it and cancel executions, the command line and a console alike. Owns no decision: what is asked is asked
//! of the engine as an embedder would; nothing can be submitted or changed here but a cancel.
//!
//! One request a connection: a line of JSON with the version of the protocol, then lines of JSON until one that says `end`
//! or `error`. It is not HTTP, since nobody is there who speaks it: a browser cannot open a Unix socket, and what it talks to
//! one day will speak HTTP to it and this to the engine. A line is all that a request needs: no headers, no framing, no
//! parser but that of JSON, of which each bound stands in [`limits`](crate::limits).
//!
//! Whoever may connect may read all that the engine has: the socket is its owner's alone (0600), and the other side must
//! be the same user, or root. A client that is slow, silent or hostile loses its connection; nothing else waits for it.

#[cfg(unix)]
mod answer;
mod client;
mod message;
#[cfg(unix)]
mod server;
#[cfg(unix)]
mod socket;

pub use client::{Client, Error};
pub use message::VERSION;
#[cfg(unix)]
pub(crate) use server::LocalServer;

/// What the local socket asks of its engine.
#[cfg(unix)]
pub(crate) struct LocalContext {
    pub(crate) engine: std::sync::Arc<updraft_actors::EngineContext>,
    /// Held while an execution that the start left as it was is resumed or cancelled: one at a time.
    pub(crate) unresumed: std::sync::Arc<tokio::sync::Mutex<()>>,
    /// What may wait for the store, and what does.
    pub(crate) buffer: updraft_kernel::coalescer::Limits,
    pub(crate) pending: tokio::sync::watch::Receiver<updraft_storage::write_behind::Pending>,
    /// Why the store does not take what waits, while it does not.
    pub(crate) trouble: tokio::sync::watch::Receiver<Option<std::sync::Arc<str>>>,
}
