//! An execution's actor in a run: carries the execution that ships, and does what it asks for with the tools and the journal
//! of the run. Shows the oracle all that is decided.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use updraft_kernel::execution::{
    self as kernel, ExecutionCommand, ExecutionControl, ExecutionEvent, Exit, Need,
};
use updraft_kernel::invariant::{self, Violation};
use updraft_kernel::machine::{Act, Effects, Machine, MachineEvent, StartAttempt, TaskSeq, Timer};
use updraft_kernel::shard_epochs::ShardEpochs;
use updraft_kernel::virtual_shard::VirtualShard;
use updraft_protocol::{ExecutionId, ExecutionStatus, Failure, TaskId, TenantCode, Timestamp, Update};

use crate::context::Context;
use crate::event::{Incarnation, Inner, NodeId, Report};
use crate::registry::SimulatedRegistry;
use crate::tool;

/// What an actor knows of its process.
#[derive(Debug, Clone)]
pub struct Home {
    /// The process.
    pub node: NodeId,
    /// The data directory that it was started with.
    pub directory: usize,
    /// The fencing numbers of its writes.
    pub epochs: Arc<ShardEpochs>,
    /// By how much its clock is wrong.
    pub skew: i64,
    /// How many shards it has.
    pub shards: usize,
}

impl Home {
    /// What its clock says.
    pub fn clock(&self, cx: &Context) -> Timestamp {
        let truth = 1_000_000_000_000 + cx.now / 1_000;
        Timestamp(truth.saturating_add_signed(self.skew))
    }

    /// The shard that runs a tenant.
    pub fn shard_of(&self, tenant: &TenantCode) -> usize {
        VirtualShard::of(tenant).shard(self.shards)
    }
}

/// What is asked of an execution.
#[derive(Debug, Clone)]
pub enum Ask {
    /// To be cancelled.
    Cancel(usize),
    /// To fail.
    Fail(Failure),
}

/// What is asked and held by the registry, as an actor sees it.
#[derive(Debug)]
pub struct HeldAsk {
    /// Its number.
    pub number: u64,
    /// What is asked.
    pub ask: Ask,
}

impl ExecutionControl for HeldAsk {
    fn event(&self) -> Option<MachineEvent> {
        Some(match &self.ask {
            Ask::Cancel(_) => MachineEvent::Cancel,
            Ask::Fail(failure) => MachineEvent::Fail(failure.clone()),
        })
    }
}

/// What is to be done for an actor.
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

/// What a cancel was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The execution is cancelled by it.
    Cancelled,
    /// It had ended before, so.
    AlreadyEnded(ExecutionStatus),
}

/// An execution's actor.
pub struct SimulatedExecution {
    /// Which execution.
    pub peid: ExecutionId,
    /// Which incarnation of the actor this is.
    pub incarnation: Incarnation,
    execution: kernel::Execution<HeldAsk>,
    /// The number of the newest control that it was told of.
    seen: u64,
    /// The controls that were answered, until the registry has heard of them.
    pub answered: Vec<u64>,
    /// Attempts under way, each task with its number.
    attempts: BTreeMap<TaskSeq, u32>,
    /// Those of them whose request has not left.
    unsent: BTreeSet<TaskSeq>,
    draining: bool,
    /// Whether what it was told last stops it.
    stopped: bool,
    /// How it ended, until that was told.
    pub ended: Option<(ExecutionStatus, u64)>,
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
        shown(machine, effects, home, cx);
        Self {
            peid: machine.peid(),
            incarnation,
            execution,
            seen: 0,
            answered: Vec::new(),
            attempts: BTreeMap::new(),
            unsent: BTreeSet::new(),
            draining: false,
            stopped: false,
            ended: None,
        }
    }

    /// Tells it what happened, and does what it asks for.
    pub fn on(&mut self, event: ExecutionEvent<HeldAsk>, home: &Home, cx: &mut Context) -> ActorCommand {
        self.tell(event, home, cx);
        self.proceed(home, cx)
    }

    /// Tells it what is asked, and was not seen before.
    pub fn look(&mut self, registry: &SimulatedRegistry, home: &Home, cx: &mut Context) {
        for control in registry.asked_after(self.peid, self.seen) {
            self.seen = control.number;
            self.tell(ExecutionEvent::Asked(control), home, cx);
        }
    }

    /// Tells it what happened, and shows the oracle what it decides.
    pub fn tell(&mut self, event: ExecutionEvent<HeldAsk>, home: &Home, cx: &mut Context) {
        self.stopped = match &event {
            ExecutionEvent::Asked(_) | ExecutionEvent::TimerDue(Timer::Execution) => true,
            ExecutionEvent::Withdrawn { .. } => self.stopped,
            _ => false,
        };
        self.draining |= matches!(event, ExecutionEvent::Drain);
        let (machine, pending) = (self.execution.machine(), self.execution.pending());
        let ended = machine.ended().then(|| machine.document());
        let (writes, acts) = (pending.writes.len(), pending.acts.len());
        self.execution.on(event, home.clock(cx));
        let (machine, pending) = (self.execution.machine(), self.execution.pending());
        let effects = Effects {
            writes: pending.writes.get(writes..).unwrap_or_default().to_vec(),
            acts: pending.acts.get(acts..).unwrap_or_default().to_vec(),
            durable: pending.durable,
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

    /// Does what it asks for.
    pub fn proceed(&mut self, home: &Home, cx: &mut Context) -> ActorCommand {
        let mut command = ActorCommand::Nothing;
        while let Some(next) = self.execution.next_command(home.clock(cx)) {
            match next {
                ExecutionCommand::Commit { writes, need } => command = ActorCommand::Commit(writes, need),
                ExecutionCommand::Perform(act) => self.perform(act, home, cx),
                ExecutionCommand::Withdraw => self.withdraw(home, cx),
                ExecutionCommand::Answer { control, applied } => self.answer(&control, applied, cx),
                ExecutionCommand::Park { due, lsn } => {
                    command = ActorCommand::Leave(Exit::Parked { due, lsn })
                }
                ExecutionCommand::Leave(exit) => command = ActorCommand::Leave(exit),
            }
        }
        command
    }

    fn answer(&mut self, control: &HeldAsk, applied: bool, cx: &mut Context) {
        self.answered.push(control.number);
        if let Ask::Cancel(cancel) = control.ask {
            let status = self.execution.machine().status();
            let verdict = if applied { Verdict::Cancelled } else { Verdict::AlreadyEnded(status) };
            cx.oracle.cancel_told(cancel, self.peid, verdict);
        }
    }

    /// Keeps from leaving the requests that have not left.
    fn withdraw(&mut self, home: &Home, cx: &mut Context) {
        let unsent: Vec<TaskSeq> = std::mem::take(&mut self.unsent).into_iter().collect();
        for task in &unsent {
            let attempt = self.attempts.remove(task).unwrap_or_default();
            if self.stopped {
                cx.statistics.count("attempts recalled");
            } else {
                cx.statistics.count("attempts withdrawn");
                if let Some((id, _)) = self.execution.machine().name_of(*task) {
                    cx.oracle.withdrawn(id, attempt);
                }
            }
        }
        self.tell(ExecutionEvent::Withdrawn { unsent, not_acted: Vec::new() }, home, cx);
    }

    /// A call has its place, or cannot have one. The product hears nothing of a call that has left the line; here the
    /// execution does, and must not mind.
    pub fn permitted(&mut self, task: TaskId, outcome: Result<(), Failure>, home: &Home, cx: &mut Context) {
        if outcome.is_ok() && self.execution.machine().waiting_call(task).is_some() {
            cx.oracle.permitted(task);
        }
        self.tell(ExecutionEvent::Acquired { task, outcome }, home, cx);
    }

    /// The request of an attempt leaves, where the attempt is still under way.
    pub fn leaves(&mut self, start: &StartAttempt, home: &Home, cx: &mut Context) {
        if self.attempts.get(&start.task) == Some(&start.attempt) && self.unsent.remove(&start.task) {
            tool::send(home.node, self.peid, self.incarnation, start, cx);
        }
    }

    fn perform(&mut self, act: Act, home: &Home, cx: &mut Context) {
        let machine = self.execution.machine();
        match act {
            Act::Acquire(task) => {
                if let Some(outcome) = tool::acquire(home.node, (self.peid, self.incarnation), task, cx) {
                    self.permitted(task, outcome, home, cx);
                }
            }
            Act::Start(start) => {
                let task = start.task;
                self.attempts.insert(task, start.attempt);
                let called = cx.oracle.called(machine, &start);
                cx.check(called);
                if tool::call(home.node, self.peid, self.incarnation, *start, cx) {
                    self.unsent.insert(task);
                }
            }
            Act::Stop(task) => {
                self.attempts.remove(&task);
                self.unsent.remove(&task);
            }
            Act::Arm(timer, at) => {
                let armed = cx.oracle.armed(machine, timer, at);
                cx.check(armed);
                let wait = at.since(home.clock(cx)).saturating_mul(1_000);
                cx.after(wait, home.node, Inner::Due(self.peid, self.incarnation, timer));
            }
            Act::End(status) => {
                cx.check(told_end(machine, status));
                cx.oracle.ended(machine, status);
                self.ended = Some((status, self.execution.lsn()));
            }
        }
    }

    /// An attempt reports. The product hears of each attempt once, and not of one that was dropped; here the
    /// execution hears of them all, late and twice, and must not mind.
    pub fn reported(&mut self, report: Report, home: &Home, cx: &mut Context) -> ActorCommand {
        let Report { task, attempt, outcome, .. } = report;
        if self.attempts.get(&task) == Some(&attempt) {
            self.attempts.remove(&task);
            self.unsent.remove(&task);
            cx.statistics.count("attempts ended");
            if outcome.as_ref().is_err_and(|failure| !failure.may_have_acted())
                && let Some((id, _)) = self.execution.machine().name_of(task)
            {
                cx.oracle.denied(id);
            }
        }
        self.on(ExecutionEvent::AttemptEnded { task, attempt, outcome }, home, cx)
    }
}

/// Shows the oracle what a machine has decided.
fn shown(machine: &Machine, effects: &Effects, home: &Home, cx: &mut Context) {
    cx.check(invariant::machine(machine));
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
