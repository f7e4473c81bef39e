//! Locks of targets for the calls of one execution: obtained before anything else, kept until their owners have ended. Decides
//! nothing: which call waits for which lock is decided in [`updraft_kernel::lock_lines`].

use updraft_kernel::lock_lines;
use updraft_kernel::machine::{Machine, NeededLock, TaskSeq};
use updraft_kernel::plan::PlannedAction;
use updraft_kernel::shared::lock_holders::Taken;
use updraft_protocol::{Failure, Parent, TaskId, Update};

use super::Execution;
use super::message::Incoming;
use super::permit::PermitWait;

/// The locks that calls of one execution wait for.
pub(super) type LockLines = lock_lines::LockLines<PermitWait>;

impl Execution {
    /// Whether a call waits for a lock of its target, or of a body around it. One that is free is had at once.
    pub(super) fn waits_for_lock(&mut self, task: TaskId) -> bool {
        let needed = self.locks_of(task);
        if needed.is_empty() {
            return false;
        }
        let mut lines = std::mem::take(&mut self.lock_lines);
        let (locks, peid) = (&self.context.target_locks, self.entry.peid);
        let waits = lines.waits((locks, peid), (task, needed), |needed| {
            let (owner, wait) = (needed.owner, needed.wait);
            locks.stand(&self.entry.tenant, peid, needed).map_err(|turn| {
                self.wait_apart(
                    async move { Incoming::Locked(owner, turn.within(wait).await.map_err(Box::new)) },
                )
            })
        });
        self.lock_lines = lines;
        if waits {
            // Whoever has the lock may wait for the answer of this call.
            self.look_ups.leave(task);
            self.permits.stand_in_line(task);
        }
        waits
    }

    /// Whether it is a child that waits for its start, which needs locks alone.
    pub(super) fn is_start_of_child(&self, task: TaskId) -> bool {
        let call = self.machine().and_then(|machine| Some((machine, machine.waiting_call(task)?)));
        call.is_some_and(|(machine, (step, _))| PlannedAction::of(machine.plan().step(step)).is_none())
    }

    /// An owner has its lock or is lent it, or has waited too long; if no call waits for it any more, the next one has it.
    pub(super) fn locked(&mut self, owner: TaskId, outcome: Result<Taken, Box<Failure>>) {
        let Some((mut calls, _wait)) = self.lock_lines.take(owner) else { return };
        calls.retain(|call| self.permits.stop(*call));
        if calls.is_empty() {
            return;
        }
        match outcome {
            Ok(taken) => {
                if let Taken::Lock(lock) = taken {
                    self.context.target_locks.keep(self.entry.peid, owner, lock);
                }
                calls.into_iter().for_each(|call| self.acquire(call));
            }
            Err(failure) => {
                calls.into_iter().for_each(|call| self.permitted_finally(call, Err((*failure).clone())));
            }
        }
    }

    /// A body has ended, and lets go of its target.
    pub(super) fn unlock(&mut self, owner: TaskId) {
        drop(self.lock_lines.take(owner));
        self.context.target_locks.release(self.entry.peid, owner);
    }

    /// A child has the locks of the bodies around its step, for as long as that waits for it. One that goes on after a crash
    /// takes those that are free.
    pub(super) fn lend_locks(&self, parent: &Parent) {
        let of = (&*self.context.target_locks, &self.entry.tenant, self.entry.peid);
        self.lock_lines.lend(of, parent, &self.locks_of(parent.task));
    }

    /// Tasks that have ended let go of their targets. One whose call is under way has not yet: the call is dropped when its end is
    /// durable.
    pub(super) fn release_locks(&self, writes: &[Update]) {
        let is_under_way = |task: TaskId| {
            let name = |seq: &TaskSeq| self.machine().and_then(|machine| machine.name_of(*seq));
            self.attempts.iter().any(|(running, _)| name(running).is_some_and(|(id, _)| id == task))
        };
        for write in writes {
            if let Update::Task(task) = write
                && task.state.status.ended()
                && !is_under_way(task.task_id)
            {
                self.context.target_locks.release(self.entry.peid, task.task_id);
            }
        }
    }

    /// The call of a task was dropped.
    pub(super) fn release_lock_of(&self, task: TaskSeq) {
        if let Some((id, _)) = self.machine().and_then(|machine| machine.name_of(task)) {
            self.context.target_locks.release(self.entry.peid, id);
        }
    }

    fn locks_of(&self, task: TaskId) -> Vec<NeededLock> {
        self.machine().map_or_else(Vec::new, |machine: &Machine| machine.locks_of(task))
    }
}
