//! An execution's actor: one machine at work. Applies what happens, has the writes made durable, then performs the
//! acts. Mirrors `actors/src/execution.rs` with its folder.

use std::collections::{BTreeMap, BTreeSet};

use updraft_kernel::invariant::{self, Violation};
use updraft_kernel::machine::{Act, Effects, Event, Machine, StartAttempt, TaskSeq, Timer};
use updraft_kernel::virtual_shard::VirtualShard;
use updraft_protocol::limits::PARK_HORIZON;
use updraft_protocol::{ExecutionId, ExecutionStatus, TaskId, TenantCode, Timestamp, Update};

use crate::context::Context;
use crate::event::{Inner, Life, NodeId, Report};
use crate::tool;

/// What an actor knows of its process.
#[derive(Debug, Clone, Copy)]
pub struct Home {
    /// The process.
    pub node: NodeId,
    /// The data directory that it was started with.
    pub directory: usize,
    /// The fencing number of its writes.
    pub epoch: u64,
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

/// Why an actor ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The execution has ended.
    Ended,
    /// It waits for an instant; its last write stands at `lsn`.
    Parked {
        /// The instant.
        due: Timestamp,
        /// The position.
        lsn: u64,
    },
    /// It does nothing any more, as it was asked.
    Drained,
}

/// What is to be done for an actor.
#[derive(Debug)]
#[must_use]
pub enum Command {
    /// Nothing.
    Nothing,
    /// Make these durable.
    Commit(Vec<Update>),
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
pub struct Execution {
    /// Which execution.
    pub peid: ExecutionId,
    /// Which life of it this is.
    pub life: Life,
    machine: Machine,
    pending: Effects,
    /// The acts that wait for the commit under way.
    committing: Option<Vec<Act>>,
    /// Attempts under way, each task with its number.
    attempts: BTreeMap<TaskSeq, u32>,
    /// Those of them whose request has not left.
    unsent: BTreeSet<TaskSeq>,
    cancellers: Vec<usize>,
    unanswered: Vec<usize>,
    draining: bool,
    lsn: u64,
    /// How it ended, until that was told.
    pub ended: Option<(ExecutionStatus, u64)>,
}

impl Execution {
    /// An actor around a machine that was just made.
    pub fn new(machine: Machine, effects: Effects, life: Life, lsn: u64) -> Self {
        Self {
            peid: machine.peid(),
            life,
            machine,
            pending: effects,
            committing: None,
            attempts: BTreeMap::new(),
            unsent: BTreeSet::new(),
            cancellers: Vec::new(),
            unanswered: Vec::new(),
            draining: false,
            lsn,
            ended: None,
        }
    }

    /// Applies an event and says what is to be done.
    pub fn apply(&mut self, event: Event, home: &Home, cx: &mut Context) -> Command {
        self.decide(event, home, cx);
        self.proceed(home, cx)
    }

    fn decide(&mut self, event: Event, home: &Home, cx: &mut Context) {
        if matches!(event, Event::Cancel | Event::Fail(_) | Event::TimerDue(Timer::Execution)) {
            self.drop_unsent(cx);
        }
        let ended = self.machine.ended().then(|| self.machine.document());
        let effects = self.machine.apply(event, home.clock(cx));
        cx.note(format_args!("n{} {} decides {effects:?}", home.node, self.peid));
        cx.check(invariant::machine(&self.machine));
        if ended.is_some_and(|before| before != self.machine.document() || !effects.acts.is_empty()) {
            cx.violated("one end", format!("{} changed after its end", self.peid));
        }
        if self.draining && effects.acts.iter().any(|act| matches!(act, Act::Start(_))) {
            cx.violated("shutdown drains", format!("{} began an attempt while it drained", self.peid));
        }
        let decided = cx.oracle.decided(&self.machine, &effects, home.epoch);
        cx.check(decided);
        cx.check(cx.oracle.unknown_was_sent(&effects, self.life));
        self.pending.writes.extend(effects.writes);
        self.pending.acts.extend(effects.acts);
    }

    /// Drops the attempts that were not sent, and those that were not begun, before the execution is stopped.
    fn drop_unsent(&mut self, cx: &mut Context) {
        if self.machine.ended() {
            return;
        }
        let machine = &mut self.machine;
        for acts in self.committing.iter_mut().chain([&mut self.pending.acts]) {
            acts.retain(|act| match act {
                Act::Start(start) => {
                    machine.unsent(start.task);
                    false
                }
                _ => true,
            });
        }
        for task in std::mem::take(&mut self.unsent) {
            cx.statistics.count("attempts recalled");
            self.attempts.remove(&task);
            machine.unsent(task);
        }
    }

    /// The request of an attempt leaves, where the attempt is still under way.
    pub fn leaves(&mut self, start: &StartAttempt, home: &Home, cx: &mut Context) {
        if self.attempts.get(&start.task) == Some(&start.attempt) && self.unsent.remove(&start.task) {
            tool::send(home.node, self.peid, self.life, start, cx);
        }
    }

    /// Someone asks to cancel it.
    pub fn cancel(&mut self, cancel: usize, home: &Home, cx: &mut Context) -> Command {
        if self.machine.ended() {
            self.unanswered.push(cancel);
        } else {
            self.cancellers.push(cancel);
            self.decide(Event::Cancel, home, cx);
        }
        self.proceed(home, cx)
    }

    /// Begins no further attempt, and leaves when what runs has ended.
    pub fn drain(&mut self, home: &Home, cx: &mut Context) -> Command {
        self.draining = true;
        self.machine.hold();
        self.withdraw_unsent(home, cx);
        self.proceed(home, cx)
    }

    /// Drops the attempts that were not sent, as the engine shuts down.
    fn withdraw_unsent(&mut self, home: &Home, cx: &mut Context) {
        for task in std::mem::take(&mut self.unsent) {
            cx.statistics.count("attempts withdrawn");
            let attempt = self.attempts.remove(&task).unwrap_or_default();
            cx.oracle.withdrawn(TaskId::derive(self.peid, task.0), attempt);
            let effects = self.machine.withdraw(task, home.clock(cx));
            let decided = cx.oracle.decided(&self.machine, &effects, home.epoch);
            cx.check(decided);
            cx.check(invariant::machine(&self.machine));
            self.pending.writes.extend(effects.writes);
        }
    }

    /// Commits what is pending, one commit at a time.
    pub fn proceed(&mut self, home: &Home, cx: &mut Context) -> Command {
        if self.committing.is_some() {
            return Command::Nothing;
        }
        let Effects { writes, acts } = std::mem::take(&mut self.pending);
        if writes.is_empty() {
            self.perform_all(acts, home, cx);
            return self.rest(home, cx);
        }
        self.committing = Some(acts);
        Command::Commit(writes)
    }

    /// The commit is durable: perform what waited for it.
    pub fn committed(&mut self, lsn: u64, home: &Home, cx: &mut Context) -> Command {
        let acts = self.committing.take().unwrap_or_default();
        self.lsn = lsn;
        self.perform_all(acts, home, cx);
        if self.draining {
            self.withdraw_unsent(home, cx);
        }
        self.proceed(home, cx)
    }

    fn perform_all(&mut self, acts: Vec<Act>, home: &Home, cx: &mut Context) {
        for act in acts {
            match act {
                Act::Start(start) => {
                    let task = start.task;
                    self.attempts.insert(task, start.attempt);
                    let called = cx.oracle.called(&self.machine, &start);
                    cx.check(called);
                    if tool::call(home.node, self.peid, self.life, *start, cx) {
                        self.unsent.insert(task);
                    }
                }
                Act::Stop(task) => {
                    self.attempts.remove(&task);
                    self.unsent.remove(&task);
                }
                Act::Arm(timer, at) => {
                    let armed = cx.oracle.armed(&self.machine, timer, at);
                    cx.check(armed);
                    let wait = at.since(home.clock(cx)).saturating_mul(1_000);
                    cx.after(wait, home.node, Inner::Due(self.peid, self.life, timer));
                }
                Act::End(status) => {
                    cx.check(self.told_end(status));
                    self.ended = Some((status, self.lsn));
                    cx.oracle.ended(&self.machine, status);
                }
            }
        }
    }

    fn told_end(&self, status: ExecutionStatus) -> Result<(), Violation> {
        let stands = self.machine.status();
        if stands == status {
            return Ok(());
        }
        Err(Violation { invariant: "one end", what: format!("{} is {stands}, told as {status}", self.peid) })
    }

    /// An attempt reports. The product hears of each attempt once, and not of one that was dropped; here the
    /// machine hears of them all, late and twice, and must not mind.
    pub fn reported(&mut self, report: Report, home: &Home, cx: &mut Context) -> Command {
        let Report { task, attempt, outcome, .. } = report;
        if self.attempts.get(&task) == Some(&attempt) {
            self.attempts.remove(&task);
            self.unsent.remove(&task);
            cx.statistics.count("attempts ended");
            if outcome.as_ref().is_err_and(|failure| !failure.may_have_acted()) {
                cx.oracle.denied(TaskId::derive(self.peid, task.0));
            }
        }
        self.apply(Event::AttemptEnded { task, attempt, outcome }, home, cx)
    }

    /// Everything so far is durable and performed: answer, and leave where there is nothing to stay for.
    fn rest(&mut self, home: &Home, cx: &mut Context) -> Command {
        for cancel in std::mem::take(&mut self.cancellers) {
            cx.oracle.cancel_told(cancel, self.peid, Verdict::Cancelled);
        }
        for cancel in std::mem::take(&mut self.unanswered) {
            cx.oracle.cancel_told(cancel, self.peid, Verdict::AlreadyEnded(self.machine.status()));
        }
        if self.machine.ended() {
            return Command::Leave(Exit::Ended);
        }
        if self.draining && self.attempts.is_empty() {
            return Command::Leave(Exit::Drained);
        }
        let horizon = home.clock(cx).after(PARK_HORIZON);
        match self.machine.idle_until().filter(|due| *due > horizon) {
            Some(due) => Command::Leave(Exit::Parked { due, lsn: self.lsn }),
            None => Command::Nothing,
        }
    }
}
