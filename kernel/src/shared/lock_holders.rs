//! The locks of targets that the tasks and the bodies of one engine have, and what of these the children of their executions are
//! lent: a child acts on the targets that executions above have locked, for as long as these wait for it. Owns the locks while
//! their executions are out of memory, too. Who is next in a line is decided in [`super::target_locks`]. Never waits: who stands
//! in line brings a hook, which also runs when it is lent the lock that it stands in line for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use updraft_protocol::{ExecutionId, TaskId, TenantCode};

use super::sync::{Arc, AtomicUsize, Hook, Mutex, Ordering, Text, lock, run};
use super::target_locks::{LockWait, LockedTarget, TargetLock, TargetLocks};

/// The locks of one engine, shared by whoever holds a clone.
#[derive(Clone, Default)]
pub struct LockHolders {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    locks: TargetLocks,
    held: Mutex<Held>,
    /// How many executions have locks: in most engines none.
    holders: AtomicUsize,
    /// How many have locks, or are children.
    known: AtomicUsize,
}

/// The locks that executions have.
#[derive(Default)]
struct Held {
    /// Their own, each with its owner.
    own: BTreeMap<ExecutionId, Vec<(TaskId, TargetLock)>>,
    /// The children for which an execution waits, with what it lends them: nothing, where no lock is around their step.
    loans: BTreeMap<ExecutionId, Loan>,
    /// The same from above: the lender, then the child.
    borrowers: BTreeSet<(ExecutionId, ExecutionId)>,
    /// Who stands in line, by number.
    standing: BTreeMap<(ExecutionId, u64), Standing>,
    entered: u64,
}

/// What a child is lent by the execution above it, while that has it.
struct Loan {
    by: ExecutionId,
    locks: Vec<(Text<str>, TaskId)>,
}

/// One in line for a target.
struct Standing {
    target: Text<str>,
    told: Hook,
}

/// What one in line has.
#[derive(Debug)]
#[must_use = "dropped, the lock is given back"]
pub enum Taken {
    /// The lock.
    Lock(TargetLock),
    /// An execution above has it by now, and waits for this one.
    Lent,
}

/// One in line for a lock. Dropped, it leaves the line.
#[must_use = "dropped, it leaves the line"]
pub struct LockTurn {
    holders: LockHolders,
    wait: Option<LockWait>,
    of: (ExecutionId, u64),
    target: Text<str>,
}

impl LockHolders {
    /// The lock of a target for an execution, if it is free; else a place in its line. `told` runs when there may be something to
    /// [take](LockTurn::take): whoever gets a place looks once before it waits.
    ///
    /// # Errors
    /// The place in line.
    pub fn enter(
        &self,
        tenant: &TenantCode,
        (peid, target): (ExecutionId, Text<str>),
        told: Hook,
    ) -> Result<TargetLock, LockTurn> {
        let of = LockedTarget { tenant: tenant.clone(), target: target.to_string() };
        let wait = match self.inner.locks.enter(of, Hook::clone(&told)).take() {
            Ok(lock) => return Ok(lock),
            Err(wait) => wait,
        };
        let mut held = lock(&self.inner.held);
        held.entered += 1;
        let of = (peid, held.entered);
        held.standing.insert(of, Standing { target: Text::clone(&target), told });
        drop(held);
        Err(LockTurn { holders: self.clone(), wait: Some(wait), of, target })
    }

    /// The lock of a target, if it is free.
    pub fn if_free(&self, tenant: &TenantCode, target: &str) -> Option<TargetLock> {
        let of = LockedTarget { tenant: tenant.clone(), target: target.to_owned() };
        self.inner.locks.enter(of, Text::new(|| {})).take().ok()
    }

    /// Whether an execution has the lock of a target: its owner has it, or an execution above that waits for this one.
    pub fn has(&self, peid: ExecutionId, owner: TaskId, target: &str) -> bool {
        if self.inner.holders.load(Ordering::Acquire) == 0 {
            return false;
        }
        let held = lock(&self.inner.held);
        held.has(peid, owner) || held.is_lent(peid, target)
    }

    /// Whether an execution has locks, or is lent some. Others wait for its targets, and it needs nothing that these may have: it
    /// keeps its place among the executions in flight.
    pub fn holds(&self, peid: ExecutionId) -> bool {
        if self.inner.holders.load(Ordering::Acquire) == 0 {
            return false;
        }
        let held = lock(&self.inner.held);
        held.own.contains_key(&peid) || held.is_lent_some(peid)
    }

    /// Whether a child is lent a lock that is held: it runs in the place of the execution that has it.
    pub fn is_lent(&self, child: ExecutionId) -> bool {
        self.inner.holders.load(Ordering::Acquire) > 0 && lock(&self.inner.held).is_lent_some(child)
    }

    /// An owner has its lock until it is released. Its children that stand in line for the target are told that they are lent it.
    pub fn keep(&self, peid: ExecutionId, owner: TaskId, target_lock: TargetLock) {
        let mut held = lock(&self.inner.held);
        held.own.entry(peid).or_default().push((owner, target_lock));
        self.count(&held);
        let told = held.told_below(peid);
        drop(held);
        told.iter().for_each(|told| run(Some(told)));
    }

    /// A child acts on the targets of these locks of the execution `by`, and on those that this is lent itself. What stands in
    /// line for one that is had is told.
    pub fn lend(
        &self,
        child: ExecutionId,
        by: ExecutionId,
        locks: impl Iterator<Item = (Text<str>, TaskId)>,
    ) {
        let mut held = lock(&self.inner.held);
        held.forget_loan(child);
        held.loans.insert(child, Loan { by, locks: locks.collect() });
        held.borrowers.insert((by, child));
        self.count(&held);
        let told = held.told_below(by);
        drop(held);
        told.iter().for_each(|told| run(Some(told)));
    }

    /// A task or a body has ended, or does not go on for now: the next one has its target, and its child, if it had one, is lent
    /// nothing more.
    pub fn release(&self, peid: ExecutionId, owner: TaskId) {
        self.release_where(peid, ExecutionId::of_child(owner), |of| of == owner);
    }

    /// An execution has ended: it has nothing, and lends nothing.
    pub fn release_all(&self, peid: ExecutionId) {
        self.release_where(peid, peid, |_| true);
    }

    fn release_where(&self, peid: ExecutionId, borrower: ExecutionId, released: impl Fn(TaskId) -> bool) {
        if self.inner.known.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut held = lock(&self.inner.held);
        held.forget_loan(borrower);
        if borrower == peid {
            held.below(peid).into_iter().for_each(|child| held.forget_loan(child));
        }
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
        self.inner.holders.store(held.own.len(), Ordering::Release);
        self.inner.known.store(held.own.len() + held.loans.len(), Ordering::Release);
    }

    /// How many targets are locked, and how many wait for one.
    pub fn state(&self) -> (usize, usize) {
        self.inner.locks.state()
    }

    /// Who has which target: the execution, the owner, and the target.
    pub fn held(&self) -> Vec<(ExecutionId, TaskId, LockedTarget)> {
        let held = lock(&self.inner.held);
        let each = |(peid, own): (&ExecutionId, &Vec<(TaskId, TargetLock)>)| -> Vec<_> {
            own.iter().map(|(owner, lock)| (*peid, *owner, lock.target().clone())).collect()
        };
        held.own.iter().flat_map(each).collect()
    }

    /// The executions that stand in line for a target that they are lent: they wait for who waits for them. Each was told.
    pub fn lent_in_line(&self) -> Vec<ExecutionId> {
        let held = lock(&self.inner.held);
        let lent = held.standing.iter().filter(|((peid, _), standing)| held.is_lent(*peid, &standing.target));
        lent.map(|((peid, _), _)| *peid).collect()
    }

    /// Whether nobody has, lends or waits for anything.
    pub fn is_empty(&self) -> bool {
        let held = lock(&self.inner.held);
        let is_empty = held.own.is_empty() && held.loans.is_empty() && held.standing.is_empty();
        drop(held);
        is_empty && self.state() == (0, 0)
    }
}

impl Held {
    fn has(&self, peid: ExecutionId, owner: TaskId) -> bool {
        self.own.get(&peid).is_some_and(|own| own.iter().any(|(of, _)| *of == owner))
    }

    /// What the executions above a child lend it, and have.
    fn lent_to(&self, child: ExecutionId) -> impl Iterator<Item = &Text<str>> {
        let above = std::iter::successors(self.loans.get(&child), |loan| self.loans.get(&loan.by));
        above.flat_map(|loan| {
            loan.locks.iter().filter(|(_, owner)| self.has(loan.by, *owner)).map(|(target, _)| target)
        })
    }

    fn is_lent(&self, child: ExecutionId, target: &str) -> bool {
        self.lent_to(child).any(|lent| **lent == *target)
    }

    fn is_lent_some(&self, child: ExecutionId) -> bool {
        self.lent_to(child).next().is_some()
    }

    /// The children of an execution.
    fn below(&self, by: ExecutionId) -> Vec<ExecutionId> {
        let first = (by, ExecutionId::from_bytes([0; 16]));
        self.borrowers.range(first..).take_while(|(of, _)| *of == by).map(|(_, child)| *child).collect()
    }

    /// The hooks of those below an execution, at any depth, who stand in line for what they are lent.
    fn told_below(&self, by: ExecutionId) -> Vec<Hook> {
        let (mut told, mut open) = (Vec::new(), self.below(by));
        if self.standing.is_empty() {
            return told;
        }
        while let Some(child) = open.pop() {
            let own = self.standing.range((child, 0)..=(child, u64::MAX));
            let lent = own.filter(|(_, standing)| self.is_lent(child, &standing.target));
            told.extend(lent.map(|(_, standing)| Hook::clone(&standing.told)));
            open.extend(self.below(child));
        }
        told
    }

    fn forget_loan(&mut self, child: ExecutionId) {
        if let Some(loan) = self.loans.remove(&child) {
            self.borrowers.remove(&(loan.by, child));
        }
    }
}

impl LockTurn {
    /// The lock, once it is had, or that it is lent.
    ///
    /// # Errors
    /// Itself, still in line.
    pub fn take(mut self) -> Result<Taken, Self> {
        let lent = |turn: &Self| lock(&turn.holders.inner.held).is_lent(turn.of.0, &turn.target);
        match self.wait.take().map(LockWait::take) {
            Some(Ok(lock)) => Ok(Taken::Lock(lock)),
            Some(Err(wait)) => {
                self.wait = Some(wait);
                if lent(&self) { Ok(Taken::Lent) } else { Err(self) }
            }
            None => Err(self),
        }
    }
}

impl Drop for LockTurn {
    fn drop(&mut self) {
        let _gone = lock(&self.holders.inner.held).standing.remove(&self.of);
    }
}

impl fmt::Debug for LockTurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LockTurn").field(&self.of.0).field(&self.target).finish()
    }
}

impl fmt::Debug for LockHolders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LockHolders").field(&self.state()).finish()
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests;
