//! The locks of targets that the tasks of one engine have. Owns them while their executions are out of memory, too; a crash
//! loses them, and a task that is resumed takes its lock again before it goes on. Who is next is decided in the kernel.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use updraft_kernel::shared::target_locks::{LockWait, LockedTarget, TargetLock, TargetLocks};
use updraft_protocol::{ExecutionId, Failure, FailureKind, Span, TaskId, TenantCode};

/// The locks of one engine.
#[derive(Default)]
pub struct HeldTargetLocks {
    locks: TargetLocks,
    held: Mutex<HashMap<ExecutionId, Vec<(TaskId, TargetLock)>>>,
    /// How many executions hold some: most engines have none.
    holders: AtomicUsize,
}

/// A task that waits for a lock.
pub(crate) struct TargetLockTurn {
    wait: LockWait,
    given: Arc<Notify>,
    target: Arc<str>,
}

impl HeldTargetLocks {
    /// Stands in line for the lock of a target.
    pub(crate) fn enter(&self, tenant: &TenantCode, target: Arc<str>, task: TaskId) -> TargetLockTurn {
        let given = Arc::new(Notify::new());
        let hook = given.clone();
        let of = LockedTarget { tenant: tenant.clone(), target: target.to_string() };
        let wait = self.locks.enter(of, task, Arc::new(move || hook.notify_one()));
        TargetLockTurn { wait, given, target }
    }

    /// Whether a task has its lock.
    pub(crate) fn has(&self, peid: ExecutionId, task: TaskId) -> bool {
        let held = self.of_all();
        held.get(&peid).is_some_and(|held| held.iter().any(|(of, _)| *of == task))
    }

    /// A task has its lock until it is released.
    pub(crate) fn keep(&self, peid: ExecutionId, task: TaskId, lock: TargetLock) {
        let mut held = self.of_all();
        held.entry(peid).or_default().push((task, lock));
        self.holders.store(held.len(), Ordering::Release);
    }

    /// A task has ended, or does not go on for now: the next one has its target.
    pub(crate) fn release(&self, peid: ExecutionId, task: TaskId) {
        self.release_where(peid, |of| of == task);
    }

    /// An execution has ended.
    pub(crate) fn release_all(&self, peid: ExecutionId) {
        self.release_where(peid, |_| true);
    }

    fn release_where(&self, peid: ExecutionId, released: impl Fn(TaskId) -> bool) {
        if self.holders.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut all = self.of_all();
        let Some(held) = all.get_mut(&peid) else { return };
        let (gone, left): (Vec<_>, Vec<_>) = held.drain(..).partition(|(task, _)| released(*task));
        *held = left;
        if held.is_empty() {
            all.remove(&peid);
        }
        self.holders.store(all.len(), Ordering::Release);
        drop(all);
        // Outside of the mutex: the next one is told.
        drop(gone);
    }

    /// How many targets are locked, and how many tasks wait for one.
    pub fn state(&self) -> (usize, usize) {
        self.locks.state()
    }

    fn of_all(&self) -> MutexGuard<'_, HashMap<ExecutionId, Vec<(TaskId, TargetLock)>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TargetLockTurn {
    /// The lock, if it is free; else itself.
    pub(crate) fn now(self) -> Result<TargetLock, Self> {
        let Self { wait, given, target } = self;
        wait.take().map_err(|wait| Self { wait, given, target })
    }

    /// Waits for the lock, for so long.
    ///
    /// # Errors
    /// The time is over: the call is not made.
    pub(crate) async fn within(self, longest: Duration) -> Result<TargetLock, Failure> {
        let target = self.target.clone();
        let taking = async move {
            let Self { mut wait, given, .. } = self;
            loop {
                match wait.take() {
                    Ok(lock) => return lock,
                    Err(still) => wait = still,
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
