//! The locks of targets of one engine, with the waits of those that stand in line. A crash loses the locks, and a call that is
//! resumed takes its own again before it goes on. Who has, lends and gets which lock is decided in
//! [`updraft_kernel::shared::lock_holders`].

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use updraft_kernel::machine::NeededLock;
use updraft_kernel::shared::lock_holders::{LockHolders, LockTurn, Taken};
use updraft_kernel::shared::target_locks::TargetLock;
use updraft_protocol::{ExecutionId, Failure, FailureKind, Span, TenantCode};

/// The locks of one engine.
#[derive(Debug, Default)]
pub struct HeldTargetLocks(LockHolders);

/// An owner that waits for a lock.
pub(crate) struct TargetLockTurn {
    turn: LockTurn,
    given: Arc<Notify>,
    target: Arc<str>,
}

impl HeldTargetLocks {
    /// The lock of a target for an execution, if it is free; else its turn in line.
    pub(crate) fn stand(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
        needed: &NeededLock,
    ) -> Result<TargetLock, Box<TargetLockTurn>> {
        let given = Arc::new(Notify::new());
        let (hook, target) = (given.clone(), needed.target.clone());
        let entered = self.0.enter(tenant, (peid, target.clone()), Arc::new(move || hook.notify_one()));
        entered.map_err(|turn| Box::new(TargetLockTurn { turn, given, target }))
    }
}

impl Deref for HeldTargetLocks {
    type Target = LockHolders;

    fn deref(&self) -> &LockHolders {
        &self.0
    }
}

impl TargetLockTurn {
    /// Waits for the lock, or until it is lent, for so long.
    ///
    /// # Errors
    /// The time is over: the call is not made.
    pub(crate) async fn within(self: Box<Self>, longest: Duration) -> Result<Taken, Failure> {
        let target = self.target.clone();
        let taking = async move {
            let Self { mut turn, given, .. } = *self;
            loop {
                match turn.take() {
                    Ok(taken) => return taken,
                    Err(still) => turn = still,
                }
                given.notified().await;
            }
        };
        tokio::time::timeout(longest, taking).await.map_err(|_| {
            let message = format!("others acted on {target} for {}", Span(longest));
            Failure::new(FailureKind::Expired, message).with_may_have_acted(false)
        })
    }
}
