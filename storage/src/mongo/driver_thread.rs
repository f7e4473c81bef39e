//! The thread that runs the drivers of all stores: their monitoring of servers, their pools, their sockets. So a store
//! works in any runtime, and outlives the runtime that connected it.

use std::io;
use std::sync::LazyLock;

use tokio::runtime::{Builder, Runtime};

use crate::store::Error;

/// Started by the first store; ends with the process.
static DRIVERS: LazyLock<io::Result<Runtime>> = LazyLock::new(|| {
    Builder::new_multi_thread().worker_threads(1).thread_name("updraft-mongo").enable_all().build()
});

/// Runs a future on the thread.
///
/// # Errors
/// The machine has no more threads; or the future panicked.
pub(super) async fn run<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, Error> {
    let drivers = DRIVERS.as_ref();
    let drivers =
        drivers.map_err(|why| Error::Unavailable(format!("a thread could not be started: {why}")))?;
    drivers.spawn(work).await.map_err(|_| Error::Unavailable("the driver's thread died".to_owned()))
}
