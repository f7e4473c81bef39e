//! The execution actor: one machine at work on its shard. Applies what happens, has the writes made
//! durable, then performs the acts. Decides nothing.

mod answer;
mod message;
mod perform;

use std::rc::Rc;
use std::sync::Arc;

use actix::{Actor, ActorContext, ActorState, AsyncContext, Context, Handler, Message, StreamHandler};
use tokio::sync::{broadcast, oneshot};
use updraft_kernel::machine::{Act, Effects, Event as Happening, Machine, TaskSeq, Timer, Unfit};
use updraft_kernel::plan::Plan;
use updraft_kernel::shared::permits::{Acquire, Permit};
use updraft_protocol::limits::{EXECUTION_MAILBOX, PARK_HORIZON};
use updraft_protocol::{ExecutionDocument, TaskDocument, TaskStatus, Timestamp, Update};

use crate::commit::Commits;
use crate::context::EngineContext;
use crate::control::{CancelVerdict, Control};
use crate::entry::RegistryEntry;
use crate::event::Event;
use crate::inbox::Inbox;
use crate::shard::scope::ScopeToken;
use crate::shard::{SlotEvent, SlotReport};
use crate::task::Attempt;
pub(crate) use message::{Incoming, OwnerGuard, Receipt, Report};

/// How an execution begins its life as an actor.
pub(crate) enum Start {
    /// Just accepted: its first writes are durable, its first acts are due.
    New { machine: Box<Machine>, acts: Vec<Act>, lsn: u64 },
    /// Rebuilt from its documents.
    Resumed(Box<Snapshot>),
}

/// What an earlier life left of an execution.
pub(crate) struct Snapshot {
    pub(crate) plan: Arc<Plan>,
    pub(crate) document: ExecutionDocument,
    pub(crate) tasks: Vec<TaskDocument>,
}

/// Why an execution's actor ended. When the exit is dropped unsaid, the actor died.
#[derive(Debug)]
pub(crate) enum Exit {
    /// The execution has ended.
    Ended,
    /// It waits for an instant that is far away; its last write stands at `lsn`.
    Parked { due: Timestamp, lsn: u64, permit: Permit },
    /// It does nothing any more, as it was asked.
    Drained,
    /// Its documents cannot be resumed.
    Unfit(Unfit),
    /// The journal will not have its writes.
    Lost,
}

pub(crate) struct Execution {
    context: Arc<EngineContext>,
    entry: Arc<RegistryEntry>,
    commits: Rc<Commits>,
    /// What it is rebuilt from, before it is.
    snapshot: Option<Box<Snapshot>>,
    /// Has a successor of the shard wait until it is gone.
    _token: ScopeToken,
    /// What it is told by its commits, its attempts and its shard.
    inbox: Rc<Inbox<Incoming>>,
    /// None until `started` has rebuilt it.
    machine: Option<Machine>,
    /// What was decided since the last commit.
    pending: Effects,
    /// What follows the commit that is on its way.
    committing: Option<Committing>,
    /// Attempts under way; dropping one drops its call.
    attempts: Vec<(TaskSeq, Attempt)>,
    /// Those who asked for something; few executions have any.
    subscribers: Option<Box<Subscribers>>,
    draining: bool,
    /// The newest position in the journal.
    lsn: u64,
    exit: Option<SlotReport>,
    span: tracing::Span,
}

/// What is done when a commit is durable.
struct Committing {
    acts: Vec<Act>,
    events: Vec<Event>,
}

/// Those who asked an execution for something.
#[derive(Default)]
struct Subscribers {
    /// Who cancelled it, to be told when that is durable.
    canceller: Option<oneshot::Sender<CancelVerdict>>,
    /// Controls that are answered when nothing is pending.
    unanswered: Vec<Control>,
    /// Those who follow; made when the first one asks.
    readers: Option<broadcast::Sender<Event>>,
}

/// A control for this execution.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Deliver(pub(crate) Control);

/// Start nothing more, and leave when what runs has ended.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Drain;

impl Execution {
    pub(crate) fn launch(
        context: Arc<EngineContext>,
        entry: Arc<RegistryEntry>,
        commits: Rc<Commits>,
        start: Start,
        controls: Vec<Control>,
        token: ScopeToken,
        exit: SlotReport,
    ) -> (actix::Addr<Self>, OwnerGuard) {
        let inbox = Rc::new(Inbox::default());
        let guard = OwnerGuard::of(&inbox);
        let span = tracing::info_span!("execution", tenant = %entry.tenant, peid = %entry.peid);
        let subscribers = Subscribers { unanswered: controls, ..Subscribers::default() };
        let (snapshot, machine, acts, lsn) = match start {
            Start::New { machine, acts, lsn } => (None, Some(*machine), acts, lsn),
            Start::Resumed(snapshot) => (Some(snapshot), None, Vec::new(), 0),
        };
        let execution = Self {
            context,
            entry,
            commits,
            snapshot,
            _token: token,
            inbox,
            machine,
            pending: Effects { acts, ..Effects::default() },
            committing: None,
            attempts: Vec::new(),
            subscribers: (!subscribers.unanswered.is_empty()).then(|| Box::new(subscribers)),
            draining: false,
            lsn,
            exit: Some(exit),
            span,
        };
        (execution.start(), guard)
    }

    fn apply(&mut self, happening: Happening, ctx: &mut Context<Self>) {
        self.decide(happening);
        self.proceed(ctx);
    }

    /// Has the machine decide; what it decides is pending.
    fn decide(&mut self, happening: Happening) {
        let now = self.context.clock.now();
        if matches!(happening, Happening::Cancel | Happening::Fail(_) | Happening::TimerDue(Timer::Execution))
        {
            self.drop_unsent();
        }
        if let Some(machine) = &mut self.machine {
            let effects = machine.apply(happening, now);
            if self.pending.writes.is_empty() && self.pending.acts.is_empty() {
                self.pending = effects;
            } else {
                self.pending.writes.extend(effects.writes);
                self.pending.acts.extend(effects.acts);
            }
        }
    }

    /// Commits what is pending, one commit at a time; acts that need no write are performed at once.
    fn proceed(&mut self, ctx: &mut Context<Self>) {
        if self.committing.is_some() {
            return;
        }
        let Effects { writes, acts } = std::mem::take(&mut self.pending);
        if writes.is_empty() {
            self.perform_all(acts, ctx);
            return self.rest(ctx);
        }
        count_ended(&writes);
        let events = self.events_of(&writes);
        self.committing = Some(Committing { acts, events });
        self.commits.commit(writes, Receipt::of(&self.inbox));
    }

    fn committed(&mut self, lsn: u64, ctx: &mut Context<Self>) {
        let Some(Committing { acts, events }) = self.committing.take() else { return };
        self.lsn = lsn;
        self.tell(events);
        self.perform_all(acts, ctx);
        // What was decided before the engine shut down has just begun, and may wait for its turn.
        if self.draining {
            self.withdraw_unsent();
        }
        self.proceed(ctx);
    }

    /// Everything so far is durable and performed: answer, and leave where there is nothing to stay for.
    fn rest(&mut self, ctx: &mut Context<Self>) {
        self.answer_all();
        let Some(machine) = &self.machine else { return };
        if machine.ended() {
            return self.leave(Exit::Ended, ctx);
        }
        // An outcome that is on its way is waited for.
        if self.draining && self.attempts.is_empty() && self.inbox.is_empty() {
            return self.leave(Exit::Drained, ctx);
        }
        let followed = self.readers().is_some();
        let horizon = self.context.clock.now().after(PARK_HORIZON);
        let due = machine.idle_until().filter(|due| *due > horizon && !followed);
        // Where as many are parked as may be, it stays, with its place.
        if let Some(due) = due
            && let Acquire::Granted(permit) = self.context.parked.try_acquire(&self.entry.tenant)
        {
            self.leave(Exit::Parked { due, lsn: self.lsn, permit }, ctx);
        }
    }

    fn leave(&mut self, exit: Exit, ctx: &mut Context<Self>) {
        if let Some(told) = self.exit.take() {
            told.give(SlotEvent::Exited(exit));
        }
        ctx.stop();
    }
}

fn count_ended(writes: &[Update]) {
    for write in writes {
        match write {
            // A label that stands in the code costs nothing to name.
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
        // Dropped before it began, it is begun all the same by actix: no tool is to be called for it.
        if matches!(ctx.state(), ActorState::Stopping | ActorState::Stopped) {
            return;
        }
        ctx.set_mailbox_capacity(EXECUTION_MAILBOX);
        let span = self.span.clone();
        let _entered = span.enter();
        ctx.add_stream(self.inbox.read());
        if let Some(snapshot) = self.snapshot.take() {
            let (Snapshot { plan, document, tasks }, now) = (*snapshot, self.context.clock.now());
            match Machine::resume(plan, document, tasks, self.context.terms, now) {
                Ok((machine, effects)) => {
                    self.machine = Some(machine);
                    self.pending = effects;
                }
                Err(unfit) => return self.leave(Exit::Unfit(unfit), ctx),
            }
        }
        // Before it can leave again: who woke it is answered.
        for control in self.take_unanswered() {
            self.take_control(control);
        }
        self.proceed(ctx);
    }
}

impl StreamHandler<Incoming> for Execution {
    fn handle(&mut self, message: Incoming, ctx: &mut Self::Context) {
        let span = self.span.clone();
        let _entered = span.enter();
        match message {
            Incoming::Committed(Some(lsn)) => self.committed(lsn, ctx),
            Incoming::Committed(None) => self.leave(Exit::Lost, ctx),
            Incoming::Attempted(attempted) => self.attempt_ended(attempted, ctx),
            Incoming::OwnerGone => ctx.stop(),
        }
    }

    fn finished(&mut self, _: &mut Self::Context) {}
}

impl Handler<Deliver> for Execution {
    type Result = ();

    fn handle(&mut self, Deliver(control): Deliver, ctx: &mut Self::Context) {
        let span = self.span.clone();
        let _entered = span.enter();
        self.take_control(control);
        self.proceed(ctx);
    }
}

impl Handler<Drain> for Execution {
    type Result = ();

    fn handle(&mut self, _: Drain, ctx: &mut Self::Context) {
        self.draining = true;
        if let Some(machine) = &mut self.machine {
            machine.hold();
        }
        self.withdraw_unsent();
        self.proceed(ctx);
    }
}
