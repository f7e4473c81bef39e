//! Listening: messages of one channel, over a connection of its own, which is made again when it is lost. What is published
//! meanwhile is not heard, and it is said that this may be so.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use updraft_protocol::limits::{REDIS_HEALTH_TIMEOUT, REDIS_LISTEN_AGAIN, REDIS_LISTEN_PING};

use crate::client::{Inner, Redis};
use crate::error::Error;
use crate::thread;

/// What a listener hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard<'a> {
    /// It listens from now on. What was published before may not have been heard.
    Begins,
    /// A message.
    Message(&'a [u8]),
    /// It listens no longer, until it begins again.
    Ends,
}

/// A listener, or other work on the thread of connections, until this is dropped.
#[derive(Debug)]
pub struct Listening(AbortHandle);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Redis {
    /// Listens to a channel. `heard` is called on the thread of connections, and must be short.
    ///
    /// # Errors
    /// The machine has no more threads.
    pub fn listen(
        &self,
        channel: String,
        heard: impl Fn(Heard<'_>) + Send + Sync + 'static,
    ) -> Result<Listening, Error> {
        let inner = self.0.clone();
        let listening = thread::handle()?.spawn(async move {
            loop {
                if let Err(error) = listen_once(&inner, &channel, &heard).await {
                    inner.troubles.failed(&error);
                }
                heard(Heard::Ends);
                tokio::time::sleep(REDIS_LISTEN_AGAIN).await;
            }
        });
        Ok(Listening(listening.abort_handle()))
    }
}

impl Redis {
    /// Runs something on the thread of connections, until what is returned is dropped.
    ///
    /// # Errors
    /// The machine has no more threads.
    pub fn beside(&self, work: impl Future<Output = ()> + Send + 'static) -> Result<Listening, Error> {
        Ok(Listening(thread::handle()?.spawn(work).abort_handle()))
    }

    /// Waits for something, for so long at most, by the clock of the thread of connections: for callers in any runtime. `None` where
    /// it takes longer.
    pub async fn wait<T: Send + 'static>(
        &self,
        longest: Duration,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        thread::run(async move { timeout(longest, work).await.ok() }).await.ok()?
    }
}

async fn listen_once(inner: &Inner, channel: &str, heard: &impl Fn(Heard<'_>)) -> Result<(), Error> {
    let slow = |_| Error::Unreachable("no answer in time".to_owned());
    let client = inner.connector.client().await?;
    let opened = timeout(inner.connect_timeout(), client.get_async_pubsub()).await.map_err(slow)??;
    let (mut sink, mut messages) = opened.split();
    timeout(REDIS_HEALTH_TIMEOUT, sink.subscribe(channel)).await.map_err(slow)??;
    heard(Heard::Begins);
    loop {
        match timeout(REDIS_LISTEN_PING, messages.next()).await {
            Ok(Some(message)) => heard(Heard::Message(message.get_payload_bytes())),
            Ok(None) => return Err(Error::Unreachable("the connection was closed".to_owned())),
            Err(_) => {
                timeout(REDIS_HEALTH_TIMEOUT, sink.ping::<redis::Value>()).await.map_err(slow)??;
                inner.troubles.answered(false);
            }
        }
    }
}
