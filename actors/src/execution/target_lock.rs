//! Locks of targets for the calls of one execution: obtained before anything else, kept until their owners have ended. Owns the
//! lines in which calls stand: an owner stands in the line of a target once, for all calls that need its lock.

use updraft_kernel::machine::{Machine, NeededLock};
use updraft_kernel::plan::PlannedAction;
use updraft_kernel::shared::target_locks::TargetLock;
use updraft_protocol::{ExecutionId, Failure, Parent, TaskId, Update};

use super::Execution;
use super::message::Incoming;
use super::permit::PermitWait;

/// The locks that calls of one execution wait for.
#[derive(Default)]
pub(super) struct LockLines(Vec<LockLine>);

/// The calls that wait for the lock of one owner.
struct LockLine {
    owner: TaskId,
    calls: Vec<TaskId>,
    _wait: PermitWait,
}

impl LockLines {
    /// A call that needs the lock of this owner waits with the others that do. False if none does.
    fn join(&mut self, owner: TaskId, call: TaskId) -> bool {
        let line = self.0.iter_mut().find(|line| line.owner == owner);
        line.map(|line| line.calls.push(call)).is_some()
    }

    /// Whether calls wait for the lock of this owner.
    fn has(&self, owner: TaskId) -> bool {
        self.0.iter().any(|line| line.owner == owner)
    }

    /// A call waits no more. The line that nobody waits in is left.
    pub(super) fn leave(&mut self, call: TaskId) {
        self.0.retain_mut(|line| {
            line.calls.retain(|waiting| *waiting != call);
            !line.calls.is_empty()
        });
    }

    /// No call waits any more.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The calls that waited for the lock of this owner, who stands in no line any more.
    fn take(&mut self, owner: TaskId) -> Vec<TaskId> {
        let at = self.0.iter().position(|line| line.owner == owner);
        at.map_or_else(Vec::new, |at| self.0.swap_remove(at).calls)
    }
}

impl Execution {
    /// Whether a call waits for a lock of its target, or of a body around it. One that is free is had at once.
    pub(super) fn waits_for_lock(&mut self, task: TaskId) -> bool {
        for needed in self.locks_of(task) {
            if self.has_lock(&needed) {
                continue;
            }
            let NeededLock { owner, target, wait } = needed;
            if !self.lock_lines.join(owner, task) {
                let turn = self.context.target_locks.enter(&self.entry.tenant, target);
                let turn = match turn.now() {
                    Ok(lock) => {
                        self.context.target_locks.keep(self.entry.peid, owner, lock);
                        continue;
                    }
                    Err(turn) => turn,
                };
                let told = async move { Incoming::Locked(owner, turn.within(wait).await.map_err(Box::new)) };
                let line = LockLine { owner, calls: vec![task], _wait: self.wait_apart(told) };
                self.lock_lines.0.push(line);
            }
            self.permits.stand_in_line(task);
            return true;
        }
        false
    }

    /// Whether it is a child that waits for its start, which needs locks alone.
    pub(super) fn is_start_of_child(&self, task: TaskId) -> bool {
        let call = self.machine().and_then(|machine| Some((machine, machine.waiting_call(task)?)));
        call.is_some_and(|(machine, (step, _))| PlannedAction::of(machine.plan().step(step)).is_none())
    }

    /// An owner has its lock, or has waited too long; if no call waits for it any more, the next one has it.
    pub(super) fn locked(&mut self, owner: TaskId, outcome: Result<TargetLock, Box<Failure>>) {
        let mut calls = self.lock_lines.take(owner);
        calls.retain(|call| self.permits.stop(*call));
        if calls.is_empty() {
            return;
        }
        match outcome {
            Ok(lock) => {
                self.context.target_locks.keep(self.entry.peid, owner, lock);
                calls.into_iter().for_each(|call| self.acquire(call));
            }
            Err(failure) => {
                calls.into_iter().for_each(|call| self.permitted_finally(call, Err((*failure).clone())));
            }
        }
    }

    /// A body has ended, and lets go of its target.
    pub(super) fn unlock(&mut self, owner: TaskId) {
        self.lock_lines.take(owner);
        self.context.target_locks.release(self.entry.peid, owner);
    }

    /// A child has the locks of the bodies around its step, for as long as that waits for it. One that goes on after a crash
    /// takes those that are free.
    pub(super) fn lend_locks(&self, parent: &Parent) {
        let needed = self.locks_of(parent.task);
        let (peid, locks) = (self.entry.peid, &self.context.target_locks);
        let lacks = |needed: &&NeededLock| !self.has_lock(needed) && !self.lock_lines.has(needed.owner);
        for NeededLock { owner, target, .. } in needed.iter().filter(lacks) {
            if let Ok(lock) = locks.enter(&self.entry.tenant, target.clone()).now() {
                locks.keep(peid, *owner, lock);
            }
        }
        if parent.waits {
            locks.lend(ExecutionId::of_child(parent.task), peid, &needed);
        }
    }

    /// Tasks that have ended let go of their targets.
    pub(super) fn release_locks(&self, writes: &[Update]) {
        for write in writes {
            if let Update::Task(task) = write
                && task.state.status.ended()
            {
                self.context.target_locks.release(self.entry.peid, task.task_id);
            }
        }
    }

    fn locks_of(&self, task: TaskId) -> Vec<NeededLock> {
        self.machine().map_or_else(Vec::new, |machine: &Machine| machine.locks_of(task))
    }

    fn has_lock(&self, needed: &NeededLock) -> bool {
        self.context.target_locks.has(self.entry.peid, needed)
    }
}
