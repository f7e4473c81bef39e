//! Ownership of a store that several machines reach: taken before anything of it is read, renewed by a thread of its own, and
//! given back in the end. An engine that finds itself replaced fails: it writes nothing more. Who may take a store is decided
//! in `kernel::lease`.

use std::sync::{Arc, Weak};
use std::thread::JoinHandle;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};
use updraft_actors::Core;
use updraft_actors::timer::Timer;
use updraft_kernel::lease::{Candidate, Step};
use updraft_protocol::Timestamp;
use updraft_protocol::limits::{STORE_BEAT, STORE_LEASE};
use updraft_storage::Store;
use updraft_storage::owner::Owner;
use uuid::Uuid;

use crate::error::StartError;
use crate::opening::answered;

/// How often an owner that may be gone is looked at.
const LOOK: std::time::Duration = std::time::Duration::from_secs(1);

/// Takes a store for the engine of this journal; none where the store needs no owner.
///
/// # Errors
/// [`StartError::Owned`] where another engine has it and lives.
pub(crate) async fn take(
    store: &Arc<dyn Store>,
    journal: Uuid,
    who: String,
    since: Timestamp,
    timer: &Timer,
) -> Result<Option<Uuid>, StartError> {
    if !store.is_leased() {
        return Ok(None);
    }
    let own = Owner { incarnation: Uuid::now_v7(), journal, who, since, beat: 0, released: false };
    let (mut candidate, began) = (Candidate::new(journal.as_u128()), Instant::now());
    loop {
        let seen = answered(store.owner(), timer).await?;
        match (candidate.see(seen.as_ref().map(Into::into), began.elapsed()), seen) {
            (Step::Take, seen) => {
                if answered(store.take(&own, seen.as_ref()), timer).await? {
                    return Ok(Some(own.incarnation));
                }
            }
            (Step::Refuse, Some(Owner { who, since, .. })) => return Err(StartError::Owned { who, since }),
            (Step::Wait | Step::Refuse, _) => timer.pause(LOOK).await,
        }
    }
}

/// A lease that is renewed until this is dropped.
pub(crate) struct Ownership {
    store: Arc<dyn Store>,
    incarnation: Uuid,
    /// Dropped, it ends the thread.
    _end: oneshot::Sender<()>,
    _thread: JoinHandle<()>,
}

impl Ownership {
    /// Starts the thread that renews.
    ///
    /// # Errors
    /// The machine has no thread to give.
    pub(crate) fn keep(core: &Arc<Core>, incarnation: Uuid) -> std::io::Result<Self> {
        let (end, ended) = oneshot::channel();
        let (store, of) = (Arc::clone(&core.store), Arc::downgrade(core));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let thread = std::thread::Builder::new().name("updraft-lease".into()).spawn(move || {
            runtime.block_on(async move {
                tokio::select! {
                    _ = ended => {}
                    () = renew(of, incarnation) => {}
                }
            });
        })?;
        Ok(Self { store, incarnation, _end: end, _thread: thread })
    }

    /// Gives the store back: the next engine takes it at once.
    pub(crate) async fn give_back(&self, timer: &Timer) {
        let given = timer.until(Instant::now() + STORE_BEAT, self.store.disown(self.incarnation)).await;
        if !matches!(given, Ok(Ok(()))) {
            tracing::warn!(
                "the database was not given back; the next engine waits until the lease has run out"
            );
        }
    }
}

/// Renews until the engine has gone, or another has the store.
async fn renew(core: Weak<Core>, incarnation: Uuid) {
    let mut renewed = Instant::now();
    loop {
        tokio::time::sleep(STORE_BEAT).await;
        let Some(core) = core.upgrade() else { return };
        match timeout(STORE_LEASE, core.store.renew(incarnation)).await {
            Ok(Ok(true)) => renewed = Instant::now(),
            Ok(Ok(false)) => return core.fail(replaced(&*core.store).await),
            // Another may have taken it by now, which the next answer tells; what it has adopted is fenced.
            Ok(Err(_)) | Err(_) if renewed.elapsed() >= STORE_LEASE => {
                tracing::warn!("the lease of the database has run out: it does not answer");
            }
            Ok(Err(_)) | Err(_) => {}
        }
    }
}

async fn replaced(store: &dyn Store) -> String {
    let by = timeout(STORE_LEASE, store.owner()).await.ok().and_then(Result::ok).flatten();
    match by {
        Some(Owner { who, since, .. }) => {
            format!("another engine has taken the database: {who}, since {since}")
        }
        None => "another engine has taken the database".to_owned(),
    }
}
