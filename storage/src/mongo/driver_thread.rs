//! The thread that runs the driver: its monitoring of servers, its pools, its sockets. So a store works in any runtime,
//! and outlives the runtime that connected it.

use std::time::Duration;

use mongodb::Client;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::store::Error;

/// How long the end of sessions may take after the store was dropped.
const GRACE: Duration = Duration::from_secs(1);

/// The thread. Ends when this is dropped.
pub(super) struct DriverThread {
    runtime: Handle,
    /// Closed at the end.
    client: Option<Client>,
    end: Option<oneshot::Sender<Option<Client>>>,
}

impl DriverThread {
    /// Starts the thread.
    ///
    /// # Errors
    /// The machine has no more threads.
    pub(super) fn start() -> Result<Self, Error> {
        let failed =
            |error: std::io::Error| Error::Unavailable(format!("a thread could not be started: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel::<Option<Client>>();
        let thread = std::thread::Builder::new().name("updraft-mongo".to_owned());
        thread
            .spawn(move || {
                runtime.block_on(async move {
                    if let Ok(Some(client)) = ended.await {
                        let _ = tokio::time::timeout(GRACE, client.shutdown().immediate(true)).await;
                    }
                });
                // A name look-up may be under way; it is not waited for.
                runtime.shutdown_background();
            })
            .map_err(failed)?;
        Ok(Self { runtime: handle, client: None, end: Some(end) })
    }

    /// Runs a future on the thread.
    ///
    /// # Errors
    /// It died.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Error> {
        let running = self.runtime.spawn(work);
        running.await.map_err(|_| Error::Unavailable("the driver's thread died".to_owned()))
    }

    /// Closes this client at the end.
    pub(super) fn closes(mut self, client: Client) -> Self {
        self.client = Some(client);
        self
    }
}

impl Drop for DriverThread {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            let _ = end.send(self.client.take());
        }
    }
}
