//! The connections that are kept: one for each tenant, user, machine and key, made once for all who wait for it, and ended some
//! time after its last use.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use sha2::{Digest, Sha256};
use tokio::time::Instant;
use updraft_protocol::limits::{SSH_CONNECTIONS, SSH_IDLE};
use updraft_protocol::{Failure, FailureKind, GivenSecret, TenantCode};

use super::connection::Connection;
use super::options::Options;
use super::target::Target;

/// Who shares a connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    tenant: TenantCode,
    user: Option<String>,
    host: String,
    port: u16,
    /// The hash of the step's private key.
    secret: Option<[u8; 32]>,
}

impl Key {
    /// Of a call.
    pub(super) fn of(tenant: &TenantCode, target: &Target, secret: Option<&GivenSecret>) -> Self {
        let secret = secret.map(|secret| Sha256::digest(secret.text().as_bytes()).into());
        let Target { host, port, user } = target.clone();
        Self { tenant: tenant.clone(), user, host, port, secret }
    }
}

/// A place for a connection.
#[derive(Debug, Default)]
struct Slot {
    /// Whoever has it makes the connection; the others wait.
    connection: tokio::sync::Mutex<Option<Arc<Connection>>>,
    used: Mutex<Option<Instant>>,
}

impl Slot {
    /// Whether nobody uses it, nor has for a while.
    fn is_idle(self: &Arc<Self>) -> bool {
        let used = *self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let is_unused = match self.connection.try_lock() {
            Ok(connection) => connection.as_ref().is_none_or(|connection| Arc::strong_count(connection) == 1),
            Err(_) => false,
        };
        is_unused && used.is_none_or(|used| used.elapsed() >= SSH_IDLE) && Arc::strong_count(self) <= 2
    }

    fn touch(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

type Slots = Mutex<HashMap<Key, Arc<Slot>>>;

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Connections(Arc<Slots>);

impl Connections {
    /// The connection for a call, made where there is none.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) async fn connection(
        &self,
        key: &Key,
        target: &Target,
        secret: Option<&GivenSecret>,
        options: &Options,
    ) -> Result<Arc<Connection>, Failure> {
        let slot = self.slot(key).ok_or_else(|| {
            let message = format!("ssh {target}: {SSH_CONNECTIONS} connections are in use");
            Failure::new(FailureKind::Unreachable, message)
        })?;
        let mut connection = slot.connection.lock().await;
        slot.touch();
        if let Some(kept) = connection.as_ref().filter(|kept| kept.runs()) {
            return Ok(kept.clone());
        }
        *connection = None;
        let opened = Arc::new(Connection::open(target, secret, options).await?);
        *connection = Some(opened.clone());
        slot.touch();
        tokio::spawn(end_idle(Arc::downgrade(&self.0), key.clone()));
        Ok(opened)
    }

    /// Keeps a connection no longer that was lost.
    pub(super) fn forget(&self, key: &Key, lost: &Arc<Connection>) {
        let slot = slots(&self.0).get(key).cloned();
        if let Some(slot) = slot
            && let Ok(mut connection) = slot.connection.try_lock()
            && connection.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, lost))
        {
            *connection = None;
        }
    }

    /// The place of a key; `None` where all are in use.
    fn slot(&self, key: &Key) -> Option<Arc<Slot>> {
        let mut slots = slots(&self.0);
        if let Some(slot) = slots.get(key) {
            return Some(slot.clone());
        }
        if slots.len() >= SSH_CONNECTIONS {
            let unused = slots.iter().filter(|(_, slot)| Arc::strong_count(slot) == 1 && is_unused(slot));
            let oldest =
                unused.min_by_key(|(_, slot)| *slot.used.lock().unwrap_or_else(PoisonError::into_inner));
            let oldest = oldest.map(|(key, _)| key.clone())?;
            slots.remove(&oldest);
        }
        Some(slots.entry(key.clone()).or_default().clone())
    }
}

fn is_unused(slot: &Slot) -> bool {
    let connection = slot.connection.try_lock();
    connection.is_ok_and(|kept| kept.as_ref().is_none_or(|kept| Arc::strong_count(kept) == 1))
}

fn slots(all: &Slots) -> std::sync::MutexGuard<'_, HashMap<Key, Arc<Slot>>> {
    all.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends a connection that is not used any more.
async fn end_idle(all: Weak<Slots>, key: Key) {
    loop {
        tokio::time::sleep(SSH_IDLE).await;
        let Some(all) = all.upgrade() else { return };
        let mut slots = slots(&all);
        match slots.get(&key).cloned() {
            Some(slot) if !slot.is_idle() => {}
            _ => {
                slots.remove(&key);
                return;
            }
        }
    }
}
