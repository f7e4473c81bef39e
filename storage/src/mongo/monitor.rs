//! The last findings of the driver's monitoring of the servers, and the outcome of the last batch. Calls no server
//! itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mongodb::error::ErrorKind;
use mongodb::event::sdam::SdamEvent;

use super::error;
use crate::store::{Error, Trouble, WriteOutcome};

/// The last findings. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Monitor(Arc<Mutex<Found>>);

#[derive(Default)]
struct Found {
    /// Servers that were not reached, and why; as many as the deployment has.
    failures: BTreeMap<String, String>,
    /// Whether any server ever answered.
    answered: bool,
    /// Why the last batch was not written.
    unwritten: Option<Trouble>,
}

impl Monitor {
    /// Handles an event of the driver.
    pub(super) fn hear(&self, event: SdamEvent) {
        match event {
            // The driver's own end, when its client is dropped, is not about a server.
            SdamEvent::ServerHeartbeatFailed(event)
                if matches!(&*event.failure.kind, ErrorKind::Internal { .. } | ErrorKind::Shutdown) => {}
            SdamEvent::ServerHeartbeatFailed(event) => {
                let why = error::told(&event.failure);
                self.found().failures.insert(event.server_address.to_string(), why);
            }
            SdamEvent::ServerHeartbeatSucceeded(event) => {
                let mut found = self.found();
                found.answered = true;
                found.failures.remove(&event.server_address.to_string());
            }
            SdamEvent::ServerClosed(event) => {
                self.found().failures.remove(&event.address.to_string());
            }
            _ => {}
        }
    }

    /// Why servers are not reached, each with its address; `None` if all were.
    pub(super) fn failures(&self) -> Option<String> {
        let found = self.found();
        let failures: Vec<String> =
            found.failures.iter().map(|(server, why)| format!("{server}: {why}")).collect();
        (!failures.is_empty()).then(|| failures.join("; "))
    }

    /// Whether any server ever answered.
    pub(super) fn answered(&self) -> bool {
        self.found().answered
    }

    /// Records the outcome of a batch.
    pub(super) fn wrote(&self, outcome: &Result<Vec<WriteOutcome>, Error>) {
        let unwritten = match outcome {
            Err(error) if error::is_denied(error) => {
                Some(Trouble::Authentication { cause: error.to_string() })
            }
            Err(error) => Some(Trouble::of(error)),
            Ok(outcomes) => outcomes.iter().find_map(|outcome| match outcome {
                WriteOutcome::Retry(cause) => Some(Trouble::Failing { cause: cause.clone() }),
                WriteOutcome::Written
                | WriteOutcome::Stale
                | WriteOutcome::Poison(_)
                | WriteOutcome::Unknown(_) => None,
            }),
        };
        self.found().unwritten = unwritten;
    }

    /// Why the last batch was not written.
    pub(super) fn unwritten(&self) -> Option<Trouble> {
        self.found().unwritten.clone()
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
