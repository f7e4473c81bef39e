//! The thread on which connections to Redis live: sockets, the pool's own work, listeners. So they work from any runtime, and
//! outlive the one that asked first.

use std::io;
use std::sync::LazyLock;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::Error;

/// Started by the first who connects; ends with the process.
static CONNECTIONS: LazyLock<io::Result<Runtime>> = LazyLock::new(|| {
    Builder::new_multi_thread().worker_threads(1).thread_name("updraft-redis").enable_all().build()
});

/// The runtime of the thread.
///
/// # Errors
/// The machine has no more threads.
pub(crate) fn handle() -> Result<&'static Handle, Error> {
    match CONNECTIONS.as_ref() {
        Ok(runtime) => Ok(runtime.handle()),
        Err(why) => Err(Error::Unreachable(format!("a thread could not be started: {why}"))),
    }
}

/// Runs a future on the thread.
///
/// # Errors
/// The machine has no more threads; or the future panicked.
pub(crate) async fn run<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, Error> {
    handle()?.spawn(work).await.map_err(|_| Error::Unreachable("its thread died".to_owned()))
}
