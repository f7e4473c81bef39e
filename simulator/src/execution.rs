//! An execution's actor in a run: drives the shipped state machine of an execution, and carries out its commands with
//! the tools and the journal of the run. Shows every decision to the oracle.

mod answer;
mod ask;
mod lock;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use updraft_kernel::execution::{
    self as kernel, ExecutionCommand, ExecutionControl, ExecutionEvent, Exit, Need,
};
use updraft_kernel::invariant::{self, Violation};
use updraft_kernel::machine::{Act, Effects, Machine, NeededLock, StartAttempt, StartChild, TaskSeq, Timer};
use updraft_kernel::shard_epochs::ShardEpochs;
use updraft_kernel::virtual_shard::VirtualShard;
use updraft_protocol::{
    ExecutionDocument, ExecutionHead, ExecutionId, ExecutionStatus, Failure, Priority, TaskId, TenantCode,
    Timestamp, Update,
};

use crate::context::Context;
use crate::event::{Incarnation, Inner, NodeId, Report};
use crate::registry::SimulatedRegistry;
use crate::tool;

pub(crate) use ask::asked;
pub use ask::{Ask, HeldAsk};
use lock::LockLines;
pub use lock::{LockLook, NodeLocks};

/// The actor's view of its process.
#[derive(Debug, Clone)]
pub struct Home {
    /// The process.
    pub node: NodeId,
    /// Its data directory.
    pub directory: usize,
    /// The fencing numbers of its writes.
    pub epochs: Arc<ShardEpochs>,
    /// The error of its clock.
    pub skew: i64,
    /// How many shards it has.
    pub shards: usize,
    /// The locks of targets.
    pub locks: NodeLocks,
}

impl Home {
    /// The time of its clock.
    pub fn clock(&self, cx: &Context) -> Timestamp {
        let truth = 1_000_000_000_000 + cx.now / 1_000;
        Timestamp(truth.saturating_add_signed(self.skew))
    }

    /// The shard that runs a tenant.
    pub fn shard_of(&self, tenant: &TenantCode) -> usize {
        VirtualShard::of(tenant).shard(self.shards)
    }
}

/// What an execution does with a sub-playbook.
#[derive(Debug)]
pub enum ChildAct {
    /// Start it, unless it is there.
    Start(Box<StartChild>),
    /// Cancel the child of this task.
    Stop(TaskId),
}

/// A command of an actor to its shard.
#[derive(Debug)]
#[must_use]
pub enum ActorCommand {
    /// Nothing.
    Nothing,
    /// Make these durable.
    Commit(Vec<Update>, Need),
    /// It has ended.
    Leave(Exit),
}

/// The answer to a cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The cancel has ended the execution.
    Cancelled,
    /// It had ended before, with this status.
    AlreadyEnded(ExecutionStatus),
}

/// An execution's actor.
pub struct SimulatedExecution {
    /// Its execution.
    pub peid: ExecutionId,
    /// The incarnation of the actor.
    pub incarnation: Incarnation,
    execution: kernel::Execution<HeldAsk>,
    /// The number of the newest control that the execution has.
    seen: u64,
    /// The controls that were answered, until they are removed from the registry.
    pub answered: Vec<u64>,
    /// Attempts under way, each task with its number and that of its call.
    attempts: BTreeMap<TaskSeq, (u32, u32)>,
    /// Attempts among them whose request was not sent.
    unsent: BTreeSet<TaskSeq>,
    lines: LockLines,
    /// Calls that wait for a lock: no permit is meant for them.
    in_line: BTreeSet<TaskId>,
    /// The locks of calls that have their permit.
    needs: BTreeMap<TaskId, Vec<NeededLock>>,
    draining: bool,
    /// Whether the last event stops it.
    stopped: bool,
    /// Its end, until that was reported.
    pub ended: Option<(ExecutionDocument, u64)>,
    /// What is to be done with its sub-playbooks.
    pub children: Vec<ChildAct>,
}

impl SimulatedExecution {
    /// An actor of an execution.
    pub fn new(
        execution: kernel::Execution<HeldAsk>,
        incarnation: Incarnation,
        home: &Home,
        cx: &mut Context,
    ) -> Self {
        let (machine, effects) = (execution.machine(), execution.pending());
        cx.note(format_args!("n{} {} starts with {effects:?}", home.node, machine.peid()));
        cx.check(cx.oracle.is_still_paused(machine));
        shown(machine, effects, home, cx);
        if let Some(parent) = machine.head().parent.filter(|parent| parent.waits) {
            cx.oracle.waits_for(machine.peid(), parent.peid);
        }
        Self {
            peid: machine.peid(),
            incarnation,
            execution,
            seen: 0,
            answered: Vec::new(),
            attempts: BTreeMap::new(),
            unsent: BTreeSet::new(),
            lines: LockLines::default(),
            in_line: BTreeSet::new(),
            needs: BTreeMap::new(),
            draining: false,
            stopped: false,
            ended: None,
            children: Vec::new(),
        }
    }

    /// The head of its document.
    pub fn head(&self) -> Arc<ExecutionHead> {
        self.execution.machine().head().clone()
    }

    /// How far ahead of others of its tenant it stands in line.
    pub fn priority(&self) -> Priority {
        self.execution.machine().priority()
    }

    /// Whether its end is decided.
    pub fn is_ending(&self) -> bool {
        let machine = self.execution.machine();
        machine.ended() || machine.ending().is_some()
    }

    /// Applies an event, then carries out the commands.
    pub fn on(&mut self, event: ExecutionEvent<HeldAsk>, home: &Home, cx: &mut Context) -> ActorCommand {
        self.tell(event, home, cx);
        self.proceed(home, cx)
    }

    /// Applies the controls that are new.
    pub fn look(&mut self, registry: &SimulatedRegistry, home: &Home, cx: &mut Context) {
        for control in registry.asked_after(self.peid, self.seen) {
            self.seen = control.number;
            self.tell(ExecutionEvent::Asked(control), home, cx);
        }
    }

    /// Applies an event, and shows the decision to the oracle.
    pub fn tell(&mut self, event: ExecutionEvent<HeldAsk>, home: &Home, cx: &mut Context) {
        self.stopped = match &event {
            ExecutionEvent::Asked(control) => {
                self.stopped || control.event().is_some_and(|event| event.stops())
            }
            ExecutionEvent::TimerDue(Timer::Execution) | ExecutionEvent::Orphaned => true,
            ExecutionEvent::Withdrawn { .. } => self.stopped,
            _ => false,
        };
        self.draining |= matches!(event, ExecutionEvent::Drain);
        if let ExecutionEvent::Asked(control) = &event
            && let Ask::Resume(..) | Ask::LetGo(_) | Ask::Skip(..) | Ask::ExtendWait(..) = &control.ask
        {
            cx.oracle.asked(&control.ask, self.peid);
        }
        let (machine, pending) = (self.execution.machine(), self.execution.pending());
        let ended = machine.ended().then(|| machine.document());
        // A report of a child may have taken back that it is looked for.
        let lasts = |act: &&Act| !matches!(act, Act::StartChild(_));
        let (writes, acts) = (pending.writes.len(), pending.acts.iter().filter(lasts).count());
        self.execution.on(event, home.clock(cx));
        let (machine, pending) = (self.execution.machine(), self.execution.pending());
        let effects = Effects {
            writes: pending.writes.get(writes..).unwrap_or_default().to_vec(),
            acts: pending.acts.iter().filter(lasts).skip(acts).cloned().collect(),
            durable: pending.durable,
            reply: None,
        };
        cx.note(format_args!("n{} {} decides {effects:?}", home.node, self.peid));
        if ended.is_some_and(|before| before != machine.document() || !effects.acts.is_empty()) {
            cx.violated("one end", format!("{} changed after its end", self.peid));
        }
        let begins = |act: &Act| matches!(act, Act::Start(_) | Act::Acquire(_));
        if self.draining && effects.acts.iter().any(begins) {
            cx.violated("shutdown drains", format!("{} began an attempt while it drained", self.peid));
        }
        shown(machine, &effects, home, cx);
        cx.check(cx.oracle.unknown_was_sent(&effects, self.incarnation));
    }

    /// Carries out the commands.
    pub fn proceed(&mut self, home: &Home, cx: &mut Context) -> ActorCommand {
        let mut command = ActorCommand::Nothing;
        while let Some(next) = self.execution.next_command(home.clock(cx)) {
            match next {
                ExecutionCommand::Commit { writes, need } => {
                    self.release_locks(&writes, home);
                    command = ActorCommand::Commit(writes, need);
                }
                ExecutionCommand::Perform(act) => self.perform(act, home, cx),
                ExecutionCommand::Withdraw => self.withdraw(home, cx),
                ExecutionCommand::Answer { control, outcome } => self.answer(&control, outcome, cx),
                // Those that wait for its locks would keep it from coming back.
                ExecutionCommand::Park { .. } if home.locks.holders.holds(self.peid) => {}
                ExecutionCommand::Park { due, lsn } => {
                    command = ActorCommand::Leave(Exit::Parked { due, lsn })
                }
                ExecutionCommand::Leave(exit) => command = ActorCommand::Leave(exit),
            }
        }
        command
    }

    /// Withdraws the requests that were not sent.
    fn withdraw(&mut self, home: &Home, cx: &mut Context) {
        self.lines.clear();
        self.in_line.clear();
        let unsent: Vec<TaskSeq> = std::mem::take(&mut self.unsent).into_iter().collect();
        for task in &unsent {
            let attempt = self.attempts.remove(task).map_or(0, |(attempt, _)| attempt);
            let what = if self.stopped { "attempts recalled" } else { "attempts withdrawn" };
            cx.statistics.count(what);
            // Where the execution is stopped, what cleans up makes it again.
            if let Some((id, _)) = self.execution.machine().name_of(*task) {
                cx.oracle.withdrawn(id, attempt);
                cx.oracle.acts_no_more(home.node, id);
            }
        }
        self.tell(ExecutionEvent::Withdrawn { unsent, not_acted: Vec::new() }, home, cx);
    }

    /// A call has its permit, or was refused it. In the product an execution gets no such event for a call that no
    /// longer waits; here it does, and must ignore it.
    pub fn permitted(&mut self, task: TaskId, outcome: Result<(), Failure>, home: &Home, cx: &mut Context) {
        if self.in_line.contains(&task) {
            return;
        }
        if outcome.is_ok() && self.execution.machine().waiting_call(task).is_some() {
            cx.oracle.permitted(task);
            self.needs.insert(task, self.execution.machine().locks_of(task));
        }
        self.tell(ExecutionEvent::Acquired { task, outcome }, home, cx);
    }

    /// The request of an attempt is sent, if the attempt is still under way.
    pub fn leaves(&mut self, start: &StartAttempt, home: &Home, cx: &mut Context) {
        if self.attempts.get(&start.task) == Some(&(start.attempt, start.call))
            && self.unsent.remove(&start.task)
        {
            tool::send(home.node, self.peid, self.incarnation, start, cx);
        }
    }

    fn perform(&mut self, act: Act, home: &Home, cx: &mut Context) {
        let machine = self.execution.machine();
        match act {
            Act::Acquire(task) => self.acquire(task, home, cx),
            Act::Start(start) => {
                let task = start.task;
                self.attempts.insert(task, (start.attempt, start.call));
                let called = cx.oracle.called(machine, &start);
                cx.check(called);
                self.acts_on(start.task_id, home, cx);
                if tool::call(home.node, self.peid, self.incarnation, *start, cx) {
                    self.unsent.insert(task);
                }
            }
            Act::Stop(task) => self.stop(task, home, cx),
            // The permit comes all the same, and is ignored.
            Act::StopWaiting(task) => self.stop_waiting(task, home),
            Act::Unlock(owner) => self.unlock(owner, home),
            Act::StartChild(start) => {
                self.lend_locks(&start.parent, home);
                self.children.push(ChildAct::Start(start));
            }
            Act::StopChild(task) => self.children.push(ChildAct::Stop(task)),
            Act::Arm(timer, at) => {
                let armed = cx.oracle.armed(machine, timer, at);
                cx.check(armed);
                let wait = at.since(home.clock(cx)).saturating_mul(1_000);
                cx.after(wait, home.node, Inner::Due(self.peid, self.incarnation, timer));
            }
            Act::End(status) => {
                cx.check(told_end(machine, status));
                cx.oracle.ended(machine, status, cx.now);
                self.ended = Some((machine.document(), self.execution.lsn()));
            }
        }
    }

    /// An attempt reports. In the product an execution gets one report of each attempt, and none of a dropped one; here
    /// it gets all of them, late and twice, and must ignore those.
    pub fn reported(&mut self, report: Report, home: &Home, cx: &mut Context) -> ActorCommand {
        let Report { task, call, outcome, .. } = report;
        if self.attempts.get(&task).is_some_and(|(_, current)| *current == call) {
            self.attempts.remove(&task);
            self.unsent.remove(&task);
            cx.statistics.count("attempts ended");
            if let Some((id, _)) = self.execution.machine().name_of(task) {
                cx.oracle.acts_no_more(home.node, id);
            }
            if outcome.as_ref().is_err_and(|failure| !failure.may_have_acted())
                && let Some((id, _)) = self.execution.machine().name_of(task)
            {
                cx.oracle.denied(id);
            }
        }
        self.on(ExecutionEvent::AttemptEnded { task, call, outcome }, home, cx)
    }
}

/// Shows the oracle a decision of a machine.
fn shown(machine: &Machine, effects: &Effects, home: &Home, cx: &mut Context) {
    cx.check(invariant::machine(machine));
    cx.check(invariant::nothing_begins_while_paused(machine, effects));
    let decided = cx.oracle.decided(machine, effects, home.epochs.of(&machine.document().head.tenant_code));
    cx.check(decided);
}

fn told_end(machine: &Machine, status: ExecutionStatus) -> Result<(), Violation> {
    let stands = machine.status();
    if stands == status {
        return Ok(());
    }
    let what = format!("{} is {stands}, told as {status}", machine.peid());
    Err(Violation { invariant: "one end", what })
}
