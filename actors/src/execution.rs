//! The execution actor: drives one execution on its shard. A mailbox, a lifetime and a panic boundary around
//! [`updraft_kernel::execution`], which decides; the actor performs.

mod answer;
pub(crate) mod guardrail;
pub(crate) mod look_up;
pub(crate) mod message;
mod perform;
mod permit;
mod target_lock;

use std::rc::Rc;
use std::sync::Arc;

use actix::{Actor, ActorContext, ActorState, AsyncContext, Context, Handler, Message, StreamHandler};
use tokio::sync::{broadcast, oneshot};
use updraft_kernel::execution::{self as kernel, ExecutionCommand, ExecutionEvent, Exit, Need};
use updraft_kernel::machine::{Act, Machine, MachineEvent, TaskSeq};
use updraft_kernel::shared::permits::{Acquire, Permit};
use updraft_kernel::watch::Expected;
use updraft_protocol::limits::{ATTEMPTS_INLINE, EXECUTION_MAILBOX};
use updraft_protocol::{ExecutionStatus, FailureKind, TaskStatus, Timestamp, Update};

use crate::child::Children;
use crate::commit::Commits;
use crate::context::EngineContext;
use crate::control::{Control, HeldControl};
use crate::entry::RegistryEntry;
use crate::event::Event;
use crate::inbox::Inbox;
use crate::shard::message::{SlotEvent, SlotReport};
use crate::shard::scope::ScopeToken;
use crate::snapshot::Snapshot;
use crate::task::{Attempt, TaskActors};
use guardrail::{AskedToPass, CapsTaken};
use look_up::LookUps;
use message::Attempted;
use message::{Incoming, OwnerGuard, Receipt, Report};
use permit::CallPermits;
use target_lock::LockLines;

/// The state that an execution's actor starts from.
pub(crate) enum Start {
    /// Just accepted: its first writes are durable, its first acts are due.
    New { machine: Box<Machine>, acts: Vec<Act>, lsn: u64 },
    /// Rebuilt from its documents.
    Resumed(Box<Snapshot>),
}

pub(crate) struct Execution {
    context: Arc<EngineContext>,
    entry: Arc<RegistryEntry>,
    commits: Rc<Commits>,
    children: Rc<Children>,
    /// Poll its attempts.
    tasks: Rc<TaskActors>,
    /// Its documents, until `started` has rebuilt it.
    snapshot: Option<Box<Snapshot>>,
    /// Makes a successor of the shard wait until this actor is gone.
    _token: ScopeToken,
    /// Messages from its commits, its attempts and its shard.
    inbox: Rc<Inbox<Incoming>>,
    /// `None` until `started` has rebuilt it.
    execution: Option<kernel::Execution<HeldControl>>,
    /// Attempts under way; dropping one drops its call.
    attempts: Vec<(TaskSeq, Attempt)>,
    /// The number of the newest control that the execution has.
    seen: u64,
    /// Permits of calls that are not made yet.
    permits: CallPermits,
    /// The kept answers that these calls wait for.
    look_ups: LookUps,
    /// The locks that these calls wait for.
    lock_lines: LockLines,
    /// What calls under way have taken of the caps of guardrails.
    caps: CapsTaken,
    /// The version of the guardrails that the execution has.
    guarded: u64,
    /// Boxed, since few executions have any.
    subscribers: Option<Box<Subscribers>>,
    /// Whether its first write is still to come: whoever pauses its scope may not find it yet.
    is_new: bool,
    /// `None` once the shard knows why it leaves.
    exit: Option<SlotReport>,
    span: tracing::Span,
}

/// The readers that follow it.
#[derive(Default)]
struct Subscribers {
    /// Made for the first reader.
    readers: Option<broadcast::Sender<Event>>,
    /// Events for the readers, sent when the commit under way is durable.
    events: Vec<Event>,
}

/// Look at the controls of the execution.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Look;

/// Start nothing more, and leave when the attempts under way have ended.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Drain;

impl Execution {
    pub(crate) fn launch(
        context: Arc<EngineContext>,
        entry: Arc<RegistryEntry>,
        (commits, children, tasks): (Rc<Commits>, Rc<Children>, Rc<TaskActors>),
        start: Start,
        token: ScopeToken,
        exit: SlotReport,
    ) -> (actix::Addr<Self>, OwnerGuard) {
        let inbox = Rc::new(Inbox::default());
        let guard = OwnerGuard::of(&inbox);
        let span = tracing::info_span!("execution", tenant = %entry.tenant, peid = %entry.peid);
        let (snapshot, execution) = match start {
            Start::New { machine, acts, lsn } => {
                (None, Some(kernel::Execution::accepted(*machine, acts, lsn)))
            }
            Start::Resumed(snapshot) => (Some(snapshot), None),
        };
        let execution = Self {
            context,
            entry,
            commits,
            children,
            tasks,
            snapshot,
            _token: token,
            inbox,
            execution,
            attempts: Vec::new(),
            seen: 0,
            permits: CallPermits::default(),
            look_ups: LookUps::default(),
            lock_lines: LockLines::default(),
            caps: CapsTaken::default(),
            guarded: 0,
            subscribers: None,
            is_new: false,
            exit: Some(exit),
            span,
        };
        (execution.start(), guard)
    }

    fn machine(&self) -> Option<&Machine> {
        self.execution.as_ref().map(kernel::Execution::machine)
    }

    /// Applies an event to the execution, then carries out its commands.
    fn on(&mut self, event: ExecutionEvent<HeldControl>, ctx: &mut Context<Self>) {
        self.look_at_guardrails();
        let now = self.context.clock.now();
        if let Some(execution) = &mut self.execution {
            execution.on(event, now);
        }
        self.proceed(now, ctx);
    }

    fn proceed(&mut self, now: Timestamp, ctx: &mut Context<Self>) {
        let mut inline = ATTEMPTS_INLINE;
        while let Some(command) = self.execution.as_mut().and_then(|execution| execution.next_command(now)) {
            match command {
                ExecutionCommand::Commit { writes, need } => self.commit(writes, need),
                ExecutionCommand::Perform(act) => self.perform(act, &mut inline, ctx),
                ExecutionCommand::Withdraw => self.withdraw(now),
                ExecutionCommand::Answer { control, outcome } => self.answer(&control, outcome),
                ExecutionCommand::Park { due, lsn } => self.park(due, lsn, ctx),
                ExecutionCommand::Leave(exit) => self.leave(exit, None, ctx),
            }
        }
        if let Some(machine) = self.machine() {
            self.entry.set_expected(Expected::of(machine, now));
        }
    }

    /// Applies the controls that are new. The entry holds them until they are answered.
    fn look(&mut self, now: Timestamp, ctx: &mut Context<Self>) {
        self.look_at_guardrails();
        let mut upheld = Vec::new();
        if let Some(execution) = &mut self.execution {
            for control in self.entry.asked_after(self.seen) {
                self.seen = control.number;
                let asked = AskedToPass::of(execution.machine(), &control);
                execution.on(ExecutionEvent::Asked(control), now);
                upheld.extend(asked.filter(|asked| asked.is_over(execution.machine())));
            }
        }
        self.audit_upheld(upheld);
        self.proceed(now, ctx);
    }

    /// One that has got its place just before its scope was paused is paused like those that ran: before its first write, and once more
    /// after it. From then on whoever pauses the scope finds it.
    fn pause_with_its_scope(&self) -> bool {
        let Some(machine) = self.machine().filter(|_| self.is_new) else { return false };
        let head = machine.head();
        let asked = self.context.pauses.asked(&head.tenant_code, &head.playbook_name);
        let pause = |asked| self.entry.ask(Control::Apply(MachineEvent::Pause(asked), oneshot::channel().0));
        asked.map(pause).is_some()
    }

    fn commit(&mut self, writes: Vec<Update>, need: Need) {
        count_ended(&writes);
        self.release_locks(&writes);
        self.note_events(&writes);
        // Readers only see durable changes.
        let need = if self.readers().is_some() { Need::Durable } else { need };
        self.commits.commit(writes, need, Receipt::of(&self.inbox));
    }

    fn attempt_ended(&mut self, attempted: Attempted, ctx: &mut Context<Self>) {
        let Attempted { task, call, outcome } = attempted;
        if let Some(index) = self.attempts.iter().position(|(running, _)| *running == task) {
            self.attempts.swap_remove(index);
        }
        let outcome = outcome.map_err(|failure| *failure);
        self.caps.end(task, outcome.as_ref().err());
        self.look_ups.ended(task, &outcome);
        self.look_at_guardrails();
        let missed = outcome.as_ref().is_err_and(|failure| failure.kind == FailureKind::NotConfigured);
        let now = self.context.clock.now();
        if let Some(execution) = &mut self.execution {
            execution.on(ExecutionEvent::AttemptEnded { task, call, outcome }, now);
        }
        if missed || !self.context.missing.is_empty() {
            self.update_missing(task);
        }
        self.proceed(now, ctx);
    }

    /// Leaves memory, unless a reader follows it or no permit for a parked execution is free. One that is followed holds no
    /// place that its children may wait for. One that has locks of targets stays where it is: those that wait for them have places
    /// too, and would keep it from coming back.
    fn park(&mut self, due: Timestamp, lsn: u64, ctx: &mut Context<Self>) {
        if self.context.target_locks.holds(self.entry.peid) {
            return;
        }
        if self.readers().is_some() {
            if self.machine().is_some_and(Machine::has_children) {
                self.entry.hold(None);
            }
        } else if let Acquire::Granted(permit) = self.context.parked.try_acquire(&self.entry.tenant) {
            if let Some(machine) = self.machine() {
                self.entry.set_priority(machine.priority());
            }
            self.leave(Exit::Parked { due, lsn }, Some(permit), ctx);
        }
    }

    fn leave(&mut self, exit: Exit, parked: Option<Permit>, ctx: &mut Context<Self>) {
        if let (Exit::Ended, Some(machine)) = (&exit, self.machine()) {
            // After the answers: a caller that cancelled it is answered so, and not that it had ended.
            let document = Arc::new(machine.document());
            self.children.ended(&document);
            let _ = self.entry.settle(Ok(document));
            self.context.admission.show();
        }
        if !matches!(exit, Exit::Parked { .. } | Exit::Drained) {
            self.context.target_locks.release_all(self.entry.peid);
        }
        if let Some(report) = self.exit.take() {
            report.give(SlotEvent::Exited(exit, parked));
        }
        ctx.stop();
    }

    fn resume(&mut self, now: Timestamp, ctx: &mut Context<Self>) {
        let Some(snapshot) = self.snapshot.take() else { return };
        let Snapshot { plan, document, tasks, is_orphan } = *snapshot;
        let Some(plan) = plan else {
            return self.leave(Exit::Unfit("its playbook cannot be run".to_owned()), None, ctx);
        };
        let is_queued = document.state.execution_status == ExecutionStatus::Queued;
        self.is_new = is_queued || tasks.is_empty();
        if is_queued {
            let class = self.context.quotas.class(&self.entry.tenant);
            self.context.statistics.began_queued(class, now.since(document.head.createddate));
        }
        let terms = self.context.terms(&document.head.tenant_code);
        match kernel::Execution::resumed(plan, document, tasks, terms, now) {
            Ok(mut execution) => {
                if is_orphan {
                    execution.on(ExecutionEvent::Orphaned, now);
                }
                self.execution = Some(execution);
            }
            Err(unfit) => self.leave(Exit::Unfit(unfit.to_string()), None, ctx),
        }
    }
}

fn count_ended(writes: &[Update]) {
    for write in writes {
        match write {
            // A constant label costs nothing to name.
            Update::Task(task) if task.state.status == TaskStatus::Completed => {
                metrics::counter!("updraft_tasks_ended_total", "status" => "completed").increment(1);
            }
            Update::Task(task) if task.state.status.ended() => {
                let status = task.state.status.as_str();
                metrics::counter!("updraft_tasks_ended_total", "status" => status).increment(1);
            }
            Update::Task(_) | Update::Execution(_) => {}
        }
    }
}

impl Actor for Execution {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // Actix starts an actor even if it was dropped before: no tool may be called for it.
        if matches!(ctx.state(), ActorState::Stopping | ActorState::Stopped) {
            return;
        }
        ctx.set_mailbox_capacity(EXECUTION_MAILBOX);
        let span = self.span.clone();
        let _entered = span.enter();
        ctx.add_stream(self.inbox.read());
        let now = self.context.clock.now();
        self.resume(now, ctx);
        self.pause_with_its_scope();
        // First, since it may park again at once: the control for which it was loaded is answered.
        self.look(now, ctx);
    }
}

impl StreamHandler<Incoming> for Execution {
    fn handle(&mut self, message: Incoming, ctx: &mut Self::Context) {
        let span = self.span.clone();
        let _entered = span.enter();
        match message {
            Incoming::Committed(Some(lsn)) => {
                self.send_events();
                self.on(ExecutionEvent::Committed(lsn), ctx);
                if self.pause_with_its_scope() {
                    self.look(self.context.clock.now(), ctx);
                }
                self.is_new = false;
            }
            Incoming::Committed(None) => self.on(ExecutionEvent::Refused, ctx),
            Incoming::Attempted(attempted) => self.attempt_ended(attempted, ctx),
            Incoming::LookedUp(task, number, looked) => {
                self.heard(task, number, looked);
                self.proceed(self.context.clock.now(), ctx);
            }
            Incoming::Permitted(task, permitted) => {
                self.waited(task, permitted.map_err(|failure| *failure));
                self.proceed(self.context.clock.now(), ctx);
            }
            Incoming::Passed(task, pass) => {
                self.passed(task, pass.map_err(|failure| *failure));
                self.proceed(self.context.clock.now(), ctx);
            }
            Incoming::Locked(owner, outcome) => {
                self.locked(owner, outcome);
                self.proceed(self.context.clock.now(), ctx);
            }
            Incoming::Guarded(task, guarded) => {
                self.guarded(task, *guarded);
                self.proceed(self.context.clock.now(), ctx);
            }
            // Where a wait has died, its shard reads it back, as after a death of its own.
            Incoming::OwnerGone | Incoming::WaitDied => ctx.stop(),
        }
    }

    fn finished(&mut self, _: &mut Self::Context) {}
}

impl Handler<Look> for Execution {
    type Result = ();

    fn handle(&mut self, _: Look, ctx: &mut Self::Context) {
        let span = self.span.clone();
        let _entered = span.enter();
        self.look(self.context.clock.now(), ctx);
    }
}

impl Handler<Drain> for Execution {
    type Result = ();

    fn handle(&mut self, _: Drain, ctx: &mut Self::Context) {
        self.on(ExecutionEvent::Drain, ctx);
    }
}
