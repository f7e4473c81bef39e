//! Locks of targets, shared by the threads whose tasks act on them: one at a time has the lock of a target, and the others get
//! it in the order in which they came. Whoever stands in line again before it has left has two places there, and leaves one.
//! Never waits: a caller brings a hook that runs when it has the lock.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use updraft_protocol::TenantCode;

use super::sync::{Arc, Hook, Mutex, lock, run};

/// The locks of all targets, shared by whoever holds a clone.
#[derive(Clone, Default)]
pub struct TargetLocks {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    lines: Mutex<Lines>,
}

#[derive(Default)]
struct Lines {
    /// Targets that are locked, and no others.
    locked: BTreeMap<LockedTarget, Line>,
    /// How many have stood in line: the number of the newest.
    entered: u64,
}

/// A target of a tenant, in one spelling.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LockedTarget {
    /// Whose playbooks act on it.
    pub tenant: TenantCode,
    /// The target.
    pub target: String,
}

/// Who has the lock of a target, and who waits for it.
struct Line {
    holder: u64,
    waiting: VecDeque<(u64, Hook)>,
}

/// One in line for a lock. Dropped, it leaves the line, and gives a lock back that it was given and did not take.
#[must_use = "dropped, it leaves the line"]
pub struct LockWait {
    locks: TargetLocks,
    of: Option<(LockedTarget, u64)>,
}

/// The lock of a target, until this is dropped.
#[must_use = "the target is free again as soon as the lock is dropped"]
pub struct TargetLock {
    locks: TargetLocks,
    of: LockedTarget,
    holder: u64,
}

impl TargetLocks {
    /// Stands in line for the lock of a target. `given` runs once it is had; it may be had at once.
    pub fn enter(&self, of: LockedTarget, given: Hook) -> LockWait {
        let mut lines = lock(&self.inner.lines);
        lines.entered += 1;
        let number = lines.entered;
        match lines.locked.get_mut(&of) {
            Some(line) => line.waiting.push_back((number, given)),
            None => {
                lines.locked.insert(of.clone(), Line { holder: number, waiting: VecDeque::new() });
            }
        }
        drop(lines);
        LockWait { locks: self.clone(), of: Some((of, number)) }
    }

    /// How many targets are locked, and how many wait.
    pub fn state(&self) -> (usize, usize) {
        let locked = &lock(&self.inner.lines).locked;
        (locked.len(), locked.values().map(|line| line.waiting.len()).sum())
    }

    /// Gives the lock to the next in line.
    fn give_back(&self, of: &LockedTarget, holder: u64) {
        let mut lines = lock(&self.inner.lines);
        let Some(line) = lines.locked.get_mut(of).filter(|line| line.holder == holder) else { return };
        let given = match line.waiting.pop_front() {
            Some((next, given)) => {
                line.holder = next;
                Some(given)
            }
            None => {
                lines.locked.remove(of);
                None
            }
        };
        drop(lines);
        run(given.as_ref());
    }
}

impl LockWait {
    /// The lock, once it is had.
    ///
    /// # Errors
    /// Itself, still in line.
    pub fn take(mut self) -> Result<TargetLock, Self> {
        let has = self.of.as_ref().is_some_and(|(of, number)| {
            lock(&self.locks.inner.lines).locked.get(of).is_some_and(|line| line.holder == *number)
        });
        match self.of.take() {
            Some((of, holder)) if has => Ok(TargetLock { locks: self.locks.clone(), of, holder }),
            of => {
                self.of = of;
                Err(self)
            }
        }
    }
}

impl TargetLock {
    /// What is locked.
    pub fn target(&self) -> &LockedTarget {
        &self.of
    }
}

impl Drop for LockWait {
    fn drop(&mut self) {
        let Some((of, number)) = self.of.take() else { return };
        // Whether it still waited is decided together with its leaving: it may be given the lock at this moment.
        let mut lines = lock(&self.locks.inner.lines);
        let waited = lines.locked.get_mut(&of).is_some_and(|line| {
            let before = line.waiting.len();
            line.waiting.retain(|(other, _)| *other != number);
            line.waiting.len() < before
        });
        drop(lines);
        if !waited {
            self.locks.give_back(&of, number);
        }
    }
}

impl Drop for TargetLock {
    fn drop(&mut self) {
        self.locks.give_back(&self.of, self.holder);
    }
}

impl fmt::Debug for LockWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LockWait").field(&self.of).finish()
    }
}

impl fmt::Debug for TargetLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TargetLock").field(&self.of.target).finish()
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    fn of(target: &str) -> LockedTarget {
        LockedTarget { tenant: TenantCode::new("acme").unwrap(), target: target.into() }
    }

    fn nothing() -> Hook {
        Arc::new(|| {})
    }

    #[test]
    fn one_has_the_lock_and_the_others_get_it_in_their_order() {
        let locks = TargetLocks::default();
        let first = locks.enter(of("h"), nothing()).take().unwrap();
        let second = locks.enter(of("h"), nothing()).take().unwrap_err();
        let third = locks.enter(of("h"), nothing()).take().unwrap_err();
        let other = locks.enter(of("i"), nothing()).take().unwrap();
        assert_eq!(locks.state(), (2, 2));
        drop((first, other));
        let third = third.take().unwrap_err();
        let second = second.take().unwrap();
        drop(second);
        drop(third.take().unwrap());
        assert_eq!(locks.state(), (0, 0));
    }

    #[test]
    fn who_stands_in_line_again_before_leaving_leaves_one_place_alone() {
        let locks = TargetLocks::default();
        let first = locks.enter(of("h"), nothing()).take().unwrap();
        let left = locks.enter(of("h"), nothing());
        let again = locks.enter(of("h"), nothing());
        drop(left);
        assert_eq!(locks.state(), (1, 1));
        drop(first);
        drop(again.take().unwrap());
        assert_eq!(locks.state(), (0, 0));
    }

    #[test]
    fn who_leaves_the_line_holds_up_nobody_and_gives_back_what_it_was_given() {
        let locks = TargetLocks::default();
        let first = locks.enter(of("h"), nothing()).take().unwrap();
        let second = locks.enter(of("h"), nothing());
        let third = locks.enter(of("h"), nothing());
        let fourth = locks.enter(of("h"), nothing());
        drop(second);
        drop(first);
        drop(third);
        drop(fourth.take().unwrap());
        assert_eq!(locks.state(), (0, 0));
    }
}
