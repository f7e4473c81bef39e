//! The last findings of the driver's monitoring of the servers. Calls no server itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mongodb::error::ErrorKind;
use mongodb::event::sdam::SdamEvent;

use super::error;

/// The last findings. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Monitor(Arc<Mutex<Found>>);

#[derive(Default)]
struct Found {
    /// Servers that were not reached, and why; as many as the deployment has.
    failures: BTreeMap<String, String>,
    /// Whether any server ever answered.
    answered: bool,
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

    fn found(&self) -> MutexGuard<'_, Found> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
