//! Which call asks for the connection that is being opened. The pool goes on opening in the background what its call has no need of
//! any more, since another connection was free first: such a one takes no place that a call waits for. Opens nothing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::open::ConnectionName;

tokio::task_local! {
    /// The call whose request is being polled. What the pool polls in the background has none.
    static ASKING: Arc<Asking>;
}

/// One request that asks for a connection.
#[derive(Default)]
pub(crate) struct Asking {
    /// What was opened for it last.
    opened: Mutex<Option<ConnectionName>>,
    /// Whether it has stood in line for a place among the open connections.
    has_waited: AtomicBool,
}

impl Asking {
    /// Polls `request` as that which asks.
    pub(crate) async fn during<F: Future>(self: Arc<Self>, request: F) -> F::Output {
        ASKING.scope(self, request).await
    }

    /// Who asks for what is being polled now.
    pub(crate) fn current() -> Option<Arc<Self>> {
        ASKING.try_with(Arc::clone).ok()
    }

    /// It stands in line for a place among the open connections.
    pub(crate) fn waits(&self) {
        self.has_waited.store(true, Ordering::Relaxed);
    }

    /// Whether it has stood in line: then its time was not all that of its tool.
    pub(crate) fn has_waited(&self) -> bool {
        self.has_waited.load(Ordering::Relaxed)
    }

    /// A connection is opened for it.
    pub(crate) fn opens(&self, name: ConnectionName) {
        let before = self.lock().replace(name);
        before.inspect(ConnectionName::unasked);
    }

    /// It has a connection. What is opened for it beside that one is there for everybody.
    pub(crate) fn has_one(&self) {
        let opened = self.lock().take();
        opened.inspect(ConnectionName::unasked);
    }

    fn lock(&self) -> MutexGuard<'_, Option<ConnectionName>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.has_one();
    }
}
