//! The locks of targets that the tasks and the bodies of one engine have, and what of these the children of their executions
//! are lent. Owns them while their executions are out of memory, too; a crash loses them, and a call that is resumed takes its
//! locks again before it goes on. Who is next is decided in the kernel.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use updraft_kernel::machine::NeededLock;
use updraft_kernel::shared::target_locks::{LockWait, LockedTarget, TargetLock, TargetLocks};
use updraft_protocol::{ExecutionId, Failure, FailureKind, Span, TaskId, TenantCode};

/// The locks of one engine.
#[derive(Default)]
pub struct HeldTargetLocks {
    locks: TargetLocks,
    held: Mutex<Held>,
    /// How many executions hold some, or are lent some: most engines have none.
    holders: AtomicUsize,
}

/// The locks that executions have.
#[derive(Default)]
struct Held {
    /// Their own, each with its owner.
    own: HashMap<ExecutionId, Vec<(TaskId, TargetLock)>>,
    /// Those that an execution above them has for as long as it waits for them.
    lent: HashMap<ExecutionId, Vec<LentLock>>,
}

/// A lock that a child does not wait for.
#[derive(Clone)]
struct LentLock {
    target: Arc<str>,
    /// Who has it, while it has it.
    by: (ExecutionId, TaskId),
}

impl Held {
    fn is_lent(&self, child: ExecutionId) -> bool {
        self.lent.get(&child).is_some_and(|all| all.iter().any(|lent| self.has(lent.by)))
    }

    fn has(&self, (peid, owner): (ExecutionId, TaskId)) -> bool {
        self.own.get(&peid).is_some_and(|own| own.iter().any(|(of, _)| *of == owner))
    }
}

/// An owner that waits for a lock.
pub(crate) struct TargetLockTurn {
    wait: LockWait,
    given: Arc<Notify>,
    target: Arc<str>,
}

impl HeldTargetLocks {
    /// Stands in line for the lock of a target.
    pub(crate) fn enter(&self, tenant: &TenantCode, target: Arc<str>) -> TargetLockTurn {
        let given = Arc::new(Notify::new());
        let hook = given.clone();
        let of = LockedTarget { tenant: tenant.clone(), target: target.to_string() };
        let wait = self.locks.enter(of, Arc::new(move || hook.notify_one()));
        TargetLockTurn { wait, given, target }
    }

    /// Whether an execution has a lock that it needs: its owner has it, or an execution above that waits for this one.
    pub(crate) fn has(&self, peid: ExecutionId, needed: &NeededLock) -> bool {
        let held = self.of_all();
        let lent = |lent: &LentLock| lent.target == needed.target && held.has(lent.by);
        held.has((peid, needed.owner)) || held.lent.get(&peid).is_some_and(|all| all.iter().any(lent))
    }

    /// Whether an execution has locks, or is lent some. Others wait for its targets, and it needs nothing that these may have: it
    /// keeps its place among the executions in flight.
    pub(crate) fn holds(&self, peid: ExecutionId) -> bool {
        if self.holders.load(Ordering::Acquire) == 0 {
            return false;
        }
        let held = self.of_all();
        held.own.contains_key(&peid) || held.is_lent(peid)
    }

    /// Whether a child is lent a lock that is held: it runs in the place of the execution that has it.
    pub(crate) fn is_lent(&self, child: ExecutionId) -> bool {
        self.holders.load(Ordering::Acquire) > 0 && self.of_all().is_lent(child)
    }

    /// An owner has its lock until it is released.
    pub(crate) fn keep(&self, peid: ExecutionId, owner: TaskId, lock: TargetLock) {
        let mut held = self.of_all();
        held.own.entry(peid).or_default().push((owner, lock));
        self.count(&held);
    }

    /// A child acts on the targets of these locks of the execution `by`, and on those that this is lent itself.
    pub(crate) fn lend(&self, child: ExecutionId, by: ExecutionId, locks: &[NeededLock]) {
        if locks.is_empty() && self.holders.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut held = self.of_all();
        let own = locks.iter().map(|lock| LentLock { target: lock.target.clone(), by: (by, lock.owner) });
        let lent: Vec<LentLock> = own.chain(held.lent.get(&by).into_iter().flatten().cloned()).collect();
        if !lent.is_empty() {
            held.lent.insert(child, lent);
            self.count(&held);
        }
    }

    /// A task or a body has ended, or does not go on for now: the next one has its target, and its child, if it had one, is lent
    /// nothing more.
    pub(crate) fn release(&self, peid: ExecutionId, owner: TaskId) {
        self.release_where(peid, ExecutionId::of_child(owner), |of| of == owner);
    }

    /// An execution has ended.
    pub(crate) fn release_all(&self, peid: ExecutionId) {
        self.release_where(peid, peid, |_| true);
    }

    fn release_where(&self, peid: ExecutionId, borrower: ExecutionId, released: impl Fn(TaskId) -> bool) {
        if self.holders.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut held = self.of_all();
        held.lent.remove(&borrower);
        let own = held.own.remove(&peid).unwrap_or_default();
        let (gone, left): (Vec<_>, Vec<_>) = own.into_iter().partition(|(owner, _)| released(*owner));
        if !left.is_empty() {
            held.own.insert(peid, left);
        }
        self.count(&held);
        drop(held);
        // Outside of the mutex: the next one is told.
        drop(gone);
    }

    fn count(&self, held: &Held) {
        self.holders.store(held.own.len() + held.lent.len(), Ordering::Release);
    }

    /// How many targets are locked, and how many tasks wait for one.
    pub fn state(&self) -> (usize, usize) {
        self.locks.state()
    }

    fn of_all(&self) -> MutexGuard<'_, Held> {
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
