//! What the writer tells its embedder. Owns no decision about it.

use std::sync::Arc;

use updraft_protocol::Update;

/// What the writer tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The store will never take this update; its execution should be failed with the reason.
    Poison {
        /// What was to be written.
        update: Box<Update>,
        /// Why the store refuses it.
        reason: String,
    },
    /// The store stopped taking batches; they are tried again until it does.
    StoreFailing {
        /// What it said.
        reason: String,
    },
    /// The store takes batches again.
    StoreWorking,
}

/// Who is told. It is called on the writer's task, and must not wait: the writer waits for it.
pub type Listener = Arc<dyn Fn(Event) + Send + Sync>;
