//! The lines for locks of targets in which the calls of one execution stand: an owner stands in the line of a target once, for all
//! calls that need its lock. Owns which call waits for whom; `W` is how the driver waits. Locks nothing itself.

use updraft_protocol::{ExecutionId, Parent, TaskId, TenantCode};

use crate::machine::NeededLock;
use crate::shared::lock_holders::LockHolders;
use crate::shared::target_locks::TargetLock;

/// The locks that calls of one execution wait for.
#[derive(Debug)]
pub struct LockLines<W>(Vec<LockLine<W>>);

/// The calls that wait for the lock of one owner.
#[derive(Debug)]
struct LockLine<W> {
    owner: TaskId,
    calls: Vec<TaskId>,
    wait: W,
}

impl<W> Default for LockLines<W> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<W> LockLines<W> {
    /// Whether a call waits for one of the locks that it needs, in their order. `enter` gives a lock that is free, which is kept,
    /// or the wait for it.
    pub fn waits(
        &mut self,
        (locks, peid): (&LockHolders, ExecutionId),
        (call, needed): (TaskId, Vec<NeededLock>),
        mut enter: impl FnMut(&NeededLock) -> Result<TargetLock, W>,
    ) -> bool {
        for needed in needed {
            if locks.has(peid, needed.owner, &needed.target) {
                continue;
            }
            if let Some(line) = self.0.iter_mut().find(|line| line.owner == needed.owner) {
                line.calls.push(call);
                return true;
            }
            match enter(&needed) {
                Ok(lock) => locks.keep(peid, needed.owner, lock),
                Err(wait) => {
                    self.0.push(LockLine { owner: needed.owner, calls: vec![call], wait });
                    return true;
                }
            }
        }
        false
    }

    /// A child is lent the locks of the bodies around its step, which its execution needs, for as long as that waits for it. After
    /// a crash those that are free are taken first.
    pub fn lend(
        &self,
        (locks, tenant, peid): (&LockHolders, &TenantCode, ExecutionId),
        parent: &Parent,
        needed: &[NeededLock],
    ) {
        for NeededLock { owner, target, .. } in needed {
            let stands = self.0.iter().any(|line| line.owner == *owner);
            if !stands
                && !locks.has(peid, *owner, target)
                && let Some(lock) = locks.if_free(tenant, target)
            {
                locks.keep(peid, *owner, lock);
            }
        }
        if parent.waits {
            let lent = needed.iter().map(|lock| (lock.target.clone(), lock.owner));
            locks.lend(ExecutionId::of_child(parent.task), peid, lent);
        }
    }

    /// A call waits no more. The line that nobody waits in is left.
    pub fn leave(&mut self, call: TaskId) {
        self.0.retain_mut(|line| {
            line.calls.retain(|waiting| *waiting != call);
            !line.calls.is_empty()
        });
    }

    /// No call waits any more.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The calls that waited for the lock of this owner, who stands in no line any more, and its wait.
    pub fn take(&mut self, owner: TaskId) -> Option<(Vec<TaskId>, W)> {
        let at = self.0.iter().position(|line| line.owner == owner)?;
        let LockLine { calls, wait, .. } = self.0.swap_remove(at);
        Some((calls, wait))
    }

    /// The same calls go on waiting for this owner.
    pub fn put_back(&mut self, owner: TaskId, (calls, wait): (Vec<TaskId>, W)) {
        self.0.push(LockLine { owner, calls, wait });
    }
}
