//! The connections that are kept for the next mail: a few, each for one tenant and one password, for a while. Opens none.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::Instant;
use updraft_protocol::TenantCode;
use updraft_protocol::limits::MAIL_IDLE_CONNECTIONS;

use super::session::{Login, Session};

/// Who shares a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    tenant: TenantCode,
    /// The hash of the password.
    password: Option<[u8; 32]>,
    /// The thread whose runtime drives it: that ends with its shard, and its connections with it.
    thread: ThreadId,
}

impl Key {
    pub(super) fn of(tenant: &TenantCode, login: Option<Login<'_>>) -> Self {
        let password = login.map(|login| Sha256::digest(login.password.as_bytes()).into());
        Self { tenant: tenant.clone(), password, thread: std::thread::current().id() }
    }
}

struct Kept {
    key: Key,
    since: Instant,
    session: Session,
}

/// All of them; the oldest first.
pub(super) struct Connections {
    kept: Arc<Mutex<Vec<Kept>>>,
    for_so_long: Duration,
}

impl Connections {
    /// Keeps each for so long.
    pub(super) fn new(for_so_long: Duration) -> Self {
        Self { kept: Arc::default(), for_so_long }
    }

    /// One for a call, which may have ended meanwhile.
    pub(super) fn take(&self, key: &Key) -> Option<Session> {
        let mut kept = lock(&self.kept);
        let at = kept.iter().rposition(|one| one.key == *key && one.since.elapsed() < self.for_so_long)?;
        Some(kept.remove(at).session)
    }

    /// Keeps a connection; where there are too many, the oldest ends.
    pub(super) fn keep(&self, key: Key, session: Session) {
        if self.for_so_long.is_zero() {
            tokio::spawn(session.leave());
            return;
        }
        let oldest = {
            let mut kept = lock(&self.kept);
            kept.push(Kept { key, since: Instant::now(), session });
            (kept.len() > MAIL_IDLE_CONNECTIONS).then(|| kept.remove(0).session)
        };
        if let Some(oldest) = oldest {
            tokio::spawn(oldest.leave());
        }
        let (kept, for_so_long) = (Arc::downgrade(&self.kept), self.for_so_long);
        tokio::spawn(async move {
            tokio::time::sleep(for_so_long).await;
            let Some(kept) = kept.upgrade() else { return };
            let is_over = |one: &Kept| one.since.elapsed() >= for_so_long;
            let over: Vec<Session> =
                lock(&kept).extract_if(.., |one| is_over(one)).map(|one| one.session).collect();
            for session in over {
                session.leave().await;
            }
        });
    }
}

fn lock(kept: &Mutex<Vec<Kept>>) -> MutexGuard<'_, Vec<Kept>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("kept", &lock(&self.kept).len()).finish_non_exhaustive()
    }
}
