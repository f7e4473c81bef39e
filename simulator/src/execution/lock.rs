//! Locks of targets for the calls of an execution in a run: stands in the lines that the kernel keeps, and is told when it has a lock.
//! Mirrors `actors/src/execution/target_lock.rs`; decides nothing.

use std::sync::{Arc, Mutex, PoisonError};

use updraft_kernel::lock_lines;
use updraft_kernel::machine::TaskSeq;
use updraft_kernel::plan::PlannedAction;
use updraft_kernel::shared::lock_holders::{LockHolders, LockTurn, Taken};
use updraft_protocol::{ExecutionId, Failure, FailureKind, Span, TaskId, Update};

use super::{Home, SimulatedExecution};
use crate::context::Context;
use crate::event::{Incarnation, Inner};
use crate::tool;

/// The locks of one process, and who in its lines was told.
#[derive(Debug, Clone, Default)]
pub struct NodeLocks {
    /// Who has which.
    pub holders: LockHolders,
    told: Arc<Mutex<Vec<LockLook>>>,
}

/// An owner in line looks whether it has its lock.
#[derive(Debug, Clone, Copy)]
pub struct LockLook {
    /// Its execution.
    pub peid: ExecutionId,
    /// The incarnation of the actor.
    pub incarnation: Incarnation,
    /// The owner.
    pub owner: TaskId,
    /// Its wait, if the time of that is over.
    pub expired: Option<u64>,
}

impl NodeLocks {
    /// Who was told since.
    pub fn take_told(&self) -> Vec<LockLook> {
        std::mem::take(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// How an owner waits.
#[derive(Debug)]
pub(super) struct SimulatedWait {
    /// `None` while it looks.
    turn: Option<LockTurn>,
    number: u64,
    longest: Span,
    target: Arc<str>,
}

/// The lines of one execution.
pub(super) type LockLines = lock_lines::LockLines<Box<SimulatedWait>>;

impl SimulatedExecution {
    /// Obtains what a call needs: the locks first, then its permit.
    pub(super) fn acquire(&mut self, task: TaskId, home: &Home, cx: &mut Context) {
        if self.waits_for_lock(task, home, cx) {
            self.in_line.insert(task);
            return;
        }
        let machine = self.execution.machine();
        let is_start_of_child = machine
            .waiting_call(task)
            .is_some_and(|(step, _)| PlannedAction::of(machine.plan().step(step)).is_none());
        if is_start_of_child {
            self.permitted(task, Ok(()), home, cx);
        } else if let Some(outcome) = tool::acquire(home.node, (self.peid, self.incarnation), task, cx) {
            self.permitted(task, outcome, home, cx);
        }
    }

    fn waits_for_lock(&mut self, task: TaskId, home: &Home, cx: &mut Context) -> bool {
        let machine = self.execution.machine();
        let (needed, tenant) = (machine.locks_of(task), &machine.head().tenant_code);
        let (peid, incarnation, locks) = (self.peid, self.incarnation, &home.locks);
        if !needed.is_empty() {
            cx.statistics.count("calls that need locks");
        }
        self.lines.waits((&locks.holders, peid), (task, needed), |needed| {
            let look = LockLook { peid, incarnation, owner: needed.owner, expired: None };
            let told = locks.told.clone();
            let hook = Arc::new(move || told.lock().unwrap_or_else(PoisonError::into_inner).push(look));
            locks.holders.enter(tenant, (peid, needed.target.clone()), hook).map_err(|turn| {
                cx.statistics.count("waits for locks");
                let number = cx.number();
                let late = LockLook { expired: Some(number), ..look };
                let longest = u64::try_from(needed.wait.as_micros()).unwrap_or(u64::MAX);
                cx.after(longest, home.node, Inner::Lock(late));
                // It looks once before it waits.
                cx.after(0, home.node, Inner::Lock(look));
                let (longest, target) = (Span(needed.wait), needed.target.clone());
                Box::new(SimulatedWait { turn: Some(turn), number, longest, target })
            })
        })
    }

    /// An owner in line may have its lock, or has waited too long.
    pub fn looks(&mut self, look: LockLook, home: &Home, cx: &mut Context) {
        let Some((mut calls, mut wait)) = self.lines.take(look.owner) else { return };
        let taken = match wait.turn.take().map(LockTurn::take) {
            Some(Ok(taken)) => taken,
            Some(Err(turn)) if look.expired == Some(wait.number) => {
                drop(turn);
                cx.statistics.count("waits for locks that took too long");
                let message = format!("others acted on {} for {}", wait.target, wait.longest);
                let failure = Failure::new(FailureKind::Expired, message).with_may_have_acted(false);
                calls.retain(|call| self.in_line.remove(call));
                return calls
                    .into_iter()
                    .for_each(|call| self.permitted(call, Err(failure.clone()), home, cx));
            }
            other => {
                wait.turn = other.and_then(Result::err);
                return self.lines.put_back(look.owner, (calls, wait));
            }
        };
        calls.retain(|call| self.in_line.remove(call));
        match taken {
            Taken::Lock(_) if calls.is_empty() => return,
            Taken::Lock(lock) => home.locks.holders.keep(self.peid, look.owner, lock),
            Taken::Lent => cx.statistics.count("locks that were lent to who stood in line"),
        }
        calls.into_iter().for_each(|call| self.acquire(call, home, cx));
    }

    /// A call does not wait any more.
    pub(super) fn stop_waiting(&mut self, task: TaskId, home: &Home) {
        self.in_line.remove(&task);
        self.lines.leave(task);
        home.locks.holders.release(self.peid, task);
    }

    /// A body has ended, and lets go of its target.
    pub(super) fn unlock(&mut self, owner: TaskId, home: &Home) {
        drop(self.lines.take(owner));
        home.locks.holders.release(self.peid, owner);
    }

    /// A child has the locks of the bodies around its step.
    pub(super) fn lend_locks(&self, parent: &updraft_protocol::Parent, home: &Home) {
        let machine = self.execution.machine();
        let of = (&home.locks.holders, &machine.head().tenant_code, self.peid);
        self.lines.lend(of, parent, &machine.locks_of(parent.task));
    }

    /// Tasks that have ended let go of their targets.
    pub(super) fn release_locks(&self, writes: &[Update], home: &Home) {
        for write in writes {
            if let Update::Task(task) = write
                && task.state.status.ended()
                && !self.has_attempt(task.task_id)
            {
                home.locks.holders.release(self.peid, task.task_id);
            }
        }
    }

    /// Whether an attempt of a task is under way. It is dropped when the end of the task is durable, and lets go of its target then.
    fn has_attempt(&self, task: TaskId) -> bool {
        let machine = self.execution.machine();
        self.attempts.keys().any(|seq| machine.name_of(*seq).is_some_and(|(id, _)| id == task))
    }

    /// An attempt is dropped.
    pub(super) fn stop(&mut self, task: TaskSeq, home: &Home, cx: &mut Context) {
        self.attempts.remove(&task);
        self.unsent.remove(&task);
        if let Some((id, _)) = self.execution.machine().name_of(task) {
            cx.oracle.acts_no_more(home.node, id);
            home.locks.holders.release(self.peid, id);
        }
    }

    /// Shows the oracle which targets a call acts on, which begins now.
    pub(super) fn acts_on(&mut self, task: TaskId, home: &Home, cx: &mut Context) {
        let needed = self.needs.remove(&task).unwrap_or_default();
        let machine = self.execution.machine();
        let of = (home.node, &machine.head().tenant_code);
        cx.oracle.acts_on(of, self.peid, (task, self.incarnation), &needed);
    }
}
