//! Ownership of a store that several machines reach: taken before the store is read, renewed by a thread of its own,
//! and given back at the end. An engine that finds itself replaced fails: it writes nothing more, and its executions
//! stop. The decision to take a store is made in `kernel::lease`.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};
use updraft_actors::lease_check::LeaseCheck;
use updraft_actors::timer::TimerThread;
use updraft_actors::{EngineContext, node};
use updraft_kernel::lease::{Candidate, LeaseStep};
use updraft_protocol::Timestamp;
use updraft_protocol::limits::{STORE_BEAT, STORE_LEASE};
use updraft_storage::Error;
use updraft_storage::store::{Owner, OwnerStore};
use uuid::Uuid;

use crate::deadline::answered;
use crate::error::StartError;

/// How often an owner that may be gone is checked.
const LOOK: std::time::Duration = std::time::Duration::from_secs(1);

/// How long an answer is awaited: with the beat, less than a confirmation of the lease holds (`LeaseCheck`).
const ANSWER: std::time::Duration = std::time::Duration::from_secs(3);

/// A lease that is renewed until this is dropped.
pub(crate) struct Ownership {
    store: Arc<dyn OwnerStore>,
    incarnation: Uuid,
    /// When it was last renewed.
    lease_check: Arc<LeaseCheck>,
    renewing: Mutex<Option<Renewing>>,
}

/// The thread that renews.
struct Renewing {
    /// The engine that is to fail when it finds itself replaced; not sent while it opens.
    engine: Option<oneshot::Sender<Weak<EngineContext>>>,
    /// Dropped to end the thread.
    end: oneshot::Sender<()>,
    /// Sent when the thread has ended.
    ended: oneshot::Receiver<()>,
}

impl Ownership {
    /// Takes a store for the engine of this journal, and renews it; `None` if the store needs no owner.
    ///
    /// # Errors
    /// [`StartError::Owned`] if another engine owns it and is alive; the machine has no more threads.
    pub(crate) async fn take(
        store: Arc<dyn OwnerStore>,
        journal: Uuid,
        who: String,
        since: Timestamp,
        timer: &TimerThread,
    ) -> Result<Option<Self>, StartError> {
        if !store.is_leased() {
            return Ok(None);
        }
        let own = Owner { incarnation: Uuid::now_v7(), journal, who, since, beat: 0, released: false };
        let (mut candidate, began) = (Candidate::new(journal.as_u128()), Instant::now());
        loop {
            let seen = answered(store.owner(), timer).await?;
            match (candidate.see(seen.as_ref().map(Into::into), began.elapsed()), seen) {
                (LeaseStep::Take, seen) => {
                    if answered(store.take(&own, seen.as_ref()), timer).await? {
                        let kept = Self::keep(store, own.incarnation).map_err(node::Error::Thread)?;
                        return Ok(Some(kept));
                    }
                }
                (LeaseStep::Refuse, Some(Owner { who, since, .. })) => {
                    return Err(StartError::Owned { who, since });
                }
                (LeaseStep::Wait | LeaseStep::Refuse, _) => timer.pause(LOOK).await,
            }
        }
    }

    /// Starts the thread that renews, since a start may take longer than a lease.
    fn keep(store: Arc<dyn OwnerStore>, incarnation: Uuid) -> std::io::Result<Self> {
        let ((engine, told), (end, end_wished), (over, ended)) =
            (oneshot::channel(), oneshot::channel(), oneshot::channel());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let (of, lease_check) = (store.clone(), Arc::<LeaseCheck>::default());
        let looked = lease_check.clone();
        std::thread::Builder::new().name("updraft-lease".into()).spawn(move || {
            runtime.block_on(async move {
                tokio::select! {
                    _ = end_wished => {}
                    () = renew(of, incarnation, told, looked) => {}
                }
            });
            // The owner may not wait for it.
            let _ = over.send(());
        })?;
        let renewing = Renewing { engine: Some(engine), end, ended };
        Ok(Self { store, incarnation, lease_check, renewing: Mutex::new(Some(renewing)) })
    }

    /// The name of this engine in the store.
    pub(crate) fn incarnation(&self) -> Uuid {
        self.incarnation
    }

    /// The record of whether this engine still owns the store.
    pub(crate) fn lease_check(&self) -> Arc<LeaseCheck> {
        self.lease_check.clone()
    }

    /// Confirms by a new read that no other engine has taken the store so far.
    ///
    /// # Errors
    /// [`StartError::Owned`] if another engine has, or the store does not answer.
    pub(crate) async fn confirm(&self, timer: &TimerThread) -> Result<(), StartError> {
        if answered(self.store.renew(self.incarnation), timer).await? {
            return Ok(());
        }
        Err(match answered(self.store.owner(), timer).await? {
            Some(Owner { who, since, .. }) => StartError::Owned { who, since },
            None => StartError::Store(Error::Unavailable("the database was taken, and nobody has it".into())),
        })
    }

    /// From now on this engine fails when it finds itself replaced, or if it has already.
    pub(crate) fn of(&self, context: &Arc<EngineContext>) {
        let engine = self.renewing().as_mut().and_then(|renewing| renewing.engine.take());
        if let Some(engine) = engine {
            // The thread only ends with the engine.
            let _ = engine.send(Arc::downgrade(context));
        }
    }

    /// Gives the store back: the next engine takes it at once. It is no longer renewed by then, so that this engine
    /// does not find itself replaced by the next.
    pub(crate) async fn give_back(&self, timer: &TimerThread) {
        let renewing = self.renewing().take();
        if let Some(Renewing { end, ended, .. }) = renewing {
            drop(end);
            let _ = timer.until(Instant::now() + STORE_BEAT, ended).await;
        }
        let given = timer.until(Instant::now() + STORE_BEAT, self.store.disown(self.incarnation)).await;
        if !matches!(given, Ok(Ok(()))) {
            tracing::warn!(
                "the database was not given back; the next engine waits until the lease has run out"
            );
        }
    }

    fn renewing(&self) -> std::sync::MutexGuard<'_, Option<Renewing>> {
        self.renewing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Renews until another engine owns the store; then fails this engine, as soon as it exists.
async fn renew(
    store: Arc<dyn OwnerStore>,
    incarnation: Uuid,
    engine: oneshot::Receiver<Weak<EngineContext>>,
    lease_check: Arc<LeaseCheck>,
) {
    let mut renewed = Instant::now();
    loop {
        tokio::time::sleep(STORE_BEAT).await;
        let asked = Instant::now();
        match timeout(ANSWER, store.renew(incarnation)).await {
            Ok(Ok(true)) => renewed = Instant::now(),
            Ok(Ok(false)) => break,
            // Another engine may have taken it by now, which the next answer shows; the shards that it claimed are
            // fenced.
            Ok(Err(_)) | Err(_) if renewed.elapsed() >= STORE_LEASE => {
                tracing::warn!("the lease of the database has run out: it does not answer");
            }
            Ok(Err(_)) | Err(_) => {}
        }
        // A store that is unreachable stops nothing. A machine that was suspended in the meantime renews once more
        // first.
        let stood_still = asked.elapsed() > 2 * ANSWER;
        lease_check.looked(if stood_still { asked } else { Instant::now() });
    }
    let Ok(context) = engine.await else { return };
    if let Some(context) = context.upgrade() {
        context.replaced(replaced(&*store).await);
    }
    // Last, so that nothing that ends because of it becomes durable.
    lease_check.lose();
}

async fn replaced(store: &dyn OwnerStore) -> String {
    // The stop does not wait for this answer longer than a beat.
    let by = timeout(STORE_BEAT, store.owner()).await.ok().and_then(Result::ok).flatten();
    match by {
        Some(Owner { who, since, .. }) => {
            format!("another engine has taken the database: {who}, since {since}")
        }
        None => "another engine has taken the database".to_owned(),
    }
}
