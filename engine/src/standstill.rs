//! Standstill: a wait for the store ends when the store has taken nothing for too long, with the reason. Owns the
//! definition of "nothing for too long"; never decides what follows.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::watch;
use tokio::time::Instant;
use updraft_actors::EngineContext;
use updraft_protocol::limits::{STANDSTILL_CHECK, WRITE_TIMEOUT};

/// The store took none of the waiting updates.
#[derive(Debug, Clone, Error)]
#[error("the store has taken nothing for {} s: {cause}", waited.as_secs())]
pub struct Standstill {
    /// For how long.
    pub waited: Duration,
    /// The last error of the disk or the store.
    pub cause: Arc<str>,
}

/// A wait for the store, with its limit.
pub(crate) struct StoreWait<'a> {
    pub(crate) context: &'a EngineContext,
    /// Why the store does not take updates, while it does not.
    pub(crate) trouble: &'a watch::Receiver<Option<Arc<str>>>,
    /// The longest time in which it may take nothing.
    pub(crate) longest: Duration,
}

impl StoreWait<'_> {
    /// Waits for a future that completes when the store has something.
    pub(crate) async fn within<T>(&self, what: impl Future<Output = T>) -> Result<T, Standstill> {
        let mut what = pin!(what);
        let (mut stored, mut since) = (self.context.stored.get(), Instant::now());
        loop {
            let check = Instant::now() + STANDSTILL_CHECK.min(self.longest);
            if let Ok(done) = self.context.timer.until(check, &mut what).await {
                return Ok(done);
            }
            let now = self.context.stored.get();
            if now > stored {
                (stored, since) = (now, Instant::now());
            }
            let (waited, cause) = (since.elapsed(), self.cause());
            // A store without an error may still answer the current batch.
            let longest = if cause.is_some() { self.longest } else { self.longest + WRITE_TIMEOUT };
            if waited >= longest {
                let cause = cause.unwrap_or_else(|| "it does not answer".into());
                return Err(Standstill { waited, cause });
            }
        }
    }

    fn cause(&self) -> Option<Arc<str>> {
        let full = || self.context.log.status().no_space.map(|full| full.cause);
        let failing = self.trouble.borrow().clone();
        failing.or_else(full)
    }
}
