//! Locks of targets for the calls of one execution: obtained before anything else, kept until their tasks have ended.

use updraft_kernel::shared::target_locks::TargetLock;
use updraft_protocol::{Failure, TaskId, Update};

use super::Execution;
use super::message::Incoming;

impl Execution {
    /// Whether a call waits for the lock of its target. One that is free is had at once.
    pub(super) fn waits_for_lock(&mut self, task: TaskId) -> bool {
        let (peid, locks) = (self.entry.peid, &self.context.target_locks);
        let Some((target, longest)) = self.machine().and_then(|machine| machine.lock_of(task)) else {
            return false;
        };
        if locks.has(peid, task) {
            return false;
        }
        match locks.enter(&self.entry.tenant, target.clone(), task).now() {
            Ok(lock) => {
                locks.keep(peid, task, lock);
                false
            }
            Err(turn) => {
                self.wait(task, async move {
                    Incoming::Locked(task, turn.within(longest).await.map_err(Box::new))
                });
                true
            }
        }
    }

    /// A call has the lock of its target, or has waited too long; if it no longer waits, the next one has it.
    pub(super) fn locked(&mut self, task: TaskId, outcome: Result<TargetLock, Box<Failure>>) {
        if !self.permits.stop(task) {
            return;
        }
        match outcome {
            Ok(lock) => {
                self.context.target_locks.keep(self.entry.peid, task, lock);
                self.acquire(task);
            }
            Err(failure) => self.permitted_finally(task, Err(*failure)),
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
}
