//! The shard actor: drives the executions of its tenants on one arbiter. A mailbox, a lifetime and a panic boundary
//! around [`updraft_kernel::shard`], which decides; the actor performs.

pub(crate) mod address;
mod load;
pub(crate) mod message;
mod park;
pub(crate) mod scope;
mod slot;
mod supervise;

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler, SpawnHandle, StreamHandler};
use tokio::sync::{Semaphore, mpsc, oneshot};
use updraft_kernel::shard::{self as kernel, ShardCommand, ShardEvent, Since};
use updraft_protocol::ExecutionId;
use updraft_protocol::limits::{REVIVALS_AT_ONCE, SHARD_MAILBOX};

use crate::child::Children;
use crate::commit::Commits;
use crate::context::EngineContext;
use crate::entry::{Lost, RegistryEntry};
use crate::execution::{Execution, Start};
use crate::gauge::ShardGauge;
use crate::inbox::Inbox;
use crate::statistics::ShardFigure;
use crate::task::TaskActors;
use address::{Launch, ShardMessage};
use message::{ShardReport, SlotEvent, SlotReport};
use scope::ScopeOwner;
use slot::Slot;

pub(crate) struct Shard {
    /// The number of its executions.
    executions: ShardGauge,
    context: Arc<EngineContext>,
    commits: Rc<Commits>,
    children: Rc<Children>,
    tasks: Rc<TaskActors>,
    /// The state machine that decides.
    shard: kernel::Shard<Start>,
    /// The entry and the actor of each slot that is not parked.
    slots: HashMap<ExecutionId, Slot>,
    /// The timer of the first parked execution.
    alarm: Option<SpawnHandle>,
    /// Bounds the reads of executions that are loaded together.
    loads: Arc<Semaphore>,
    /// Messages from actors, reads and commits.
    inbox: Rc<Inbox<ShardReport>>,
    /// Notified when nothing runs.
    drained: Option<oneshot::Sender<()>>,
    /// Dropped when the shard dies, which ends its executions: the successor reads them from the store.
    scope: ScopeOwner,
    _died: oneshot::Sender<()>,
}

impl Shard {
    /// Starts the shard on this thread; `died` is dropped when it ends.
    pub(crate) fn launch(
        context: Arc<EngineContext>,
        index: usize,
        launches: mpsc::Receiver<Launch>,
        scope: ScopeOwner,
        died: oneshot::Sender<()>,
    ) -> Addr<Self> {
        Self::create(move |ctx| {
            ctx.set_mailbox_capacity(SHARD_MAILBOX);
            ctx.add_stream(futures_util::stream::unfold(launches, async |mut launches| {
                launches.recv().await.map(|launch| (launch, launches))
            }));
            let inbox = Rc::new(Inbox::default());
            ctx.add_stream(inbox.read());
            Self {
                executions: ShardGauge::new(context.statistics.shard(index), ShardFigure::Executions, index),
                commits: Commits::new(context.clone(), index, (scope.member(), inbox.clone())),
                children: Children::new(context.clone(), scope.scope()),
                tasks: TaskActors::new(context.polling.of(index)),
                context,
                shard: kernel::Shard::default(),
                slots: HashMap::new(),
                alarm: None,
                loads: Arc::new(Semaphore::new(REVIVALS_AT_ONCE)),
                inbox,
                drained: None,
                scope,
                _died: died,
            }
        })
    }

    /// Applies an event to the shard, then carries out its commands.
    fn on(&mut self, event: ShardEvent<Start>, ctx: &mut Context<Self>) {
        self.shard.on(event, self.context.clock.now());
        self.proceed(ctx);
    }

    fn proceed(&mut self, ctx: &mut Context<Self>) {
        let mut of_start = Vec::new();
        self.perform(&mut of_start, ctx);
        self.load_all(of_start);
        self.executions.set(self.shard.executions());
    }

    /// Carries out the commands of the shard, except reads of executions that the start found, which are done together.
    fn perform(&mut self, of_start: &mut Vec<ExecutionId>, ctx: &mut Context<Self>) {
        while let Some(command) = self.shard.next_command() {
            match command {
                ShardCommand::Start(peid, start) => self.start(peid, start),
                ShardCommand::Look(peid) => self.with(peid, Slot::look),
                ShardCommand::Drain(peid) => self.with(peid, Slot::drain),
                ShardCommand::Load { peid, load } if load.is_of_start() => of_start.push(peid),
                ShardCommand::Load { peid, load } => self.load(peid, load),
                ShardCommand::Hurry(peid) => self.with(peid, Slot::hurry),
                ShardCommand::GiveUp { peid, start, failure } => self.give_up(peid, start, failure, ctx),
                ShardCommand::Release(peid) => self.with(peid, |slot| slot.entry.hold(None)),
                ShardCommand::Lose(peid) => {
                    let context = self.context.clone();
                    self.with(peid, |slot| context.lose(&slot.entry, Lost::ShutDown));
                }
                ShardCommand::Forget(peid) => drop(self.slots.remove(&peid)),
                ShardCommand::SetAlarm(at) => self.set_alarm(at, ctx),
                ShardCommand::Drained => {
                    if let Some(answer) = self.drained.take() {
                        let _ = answer.send(());
                    }
                }
            }
        }
    }

    fn with(&mut self, peid: ExecutionId, work: impl FnOnce(&mut Slot)) {
        if let Some(slot) = self.slots.get_mut(&peid) {
            work(slot);
        }
    }

    /// Adds unfinished executions, and reads back together those that the start found.
    fn unfinished(&mut self, entries: Vec<Arc<RegistryEntry>>, since: Since, ctx: &mut Context<Self>) {
        let (now, mut of_start) = (self.context.clock.now(), Vec::new());
        for entry in entries {
            let peid = entry.peid;
            self.slots.entry(peid).or_insert_with(|| Slot::new(entry));
            self.shard.on(ShardEvent::Unfinished(peid, since), now);
            self.perform(&mut of_start, ctx);
        }
        self.load_all(of_start);
        self.executions.set(self.shard.executions());
    }

    /// Starts an execution's actor and watches it.
    fn start(&mut self, peid: ExecutionId, start: Start) {
        let Some(slot) = self.slots.get_mut(&peid) else { return };
        let context = self.context.clone();
        let shared = (self.commits.clone(), self.children.clone(), self.tasks.clone());
        let (token, exit) = (self.scope.token(), SlotReport::of(&self.inbox, peid));
        let entry = slot.entry.clone();
        slot.actor = Some(Execution::launch(context, entry, shared, start, token, exit));
    }
}

impl Actor for Shard {
    type Context = Context<Self>;
}

impl StreamHandler<Launch> for Shard {
    fn handle(&mut self, launch: Launch, ctx: &mut Self::Context) {
        let Launch { entry, machine, acts, lsn } = launch;
        if entry.outcome().is_none() {
            let peid = entry.peid;
            self.slots.entry(peid).or_insert_with(|| Slot::new(entry));
            self.on(ShardEvent::Accepted(peid, Start::New { machine, acts, lsn }), ctx);
        }
    }

    fn finished(&mut self, _: &mut Self::Context) {}
}

impl StreamHandler<ShardReport> for Shard {
    fn handle(&mut self, report: ShardReport, ctx: &mut Self::Context) {
        match report {
            ShardReport::Slot(peid, SlotEvent::Exited(exit, permit)) => self.exited(peid, exit, permit, ctx),
            ShardReport::Slot(peid, SlotEvent::Found(found)) => self.found(peid, found, ctx),
            ShardReport::Slot(peid, SlotEvent::Died) => self.died(peid, ctx),
            // Its successor commits again, and reads back what was not committed.
            ShardReport::CommitsDied => ctx.stop(),
        }
    }

    fn finished(&mut self, _: &mut Self::Context) {}
}

impl Handler<ShardMessage> for Shard {
    type Result = ();

    fn handle(&mut self, message: ShardMessage, ctx: &mut Self::Context) {
        match message {
            ShardMessage::Asked(peid) => self.on(ShardEvent::Asked(peid), ctx),
            ShardMessage::Woken(peid) => self.on(ShardEvent::Woken(peid), ctx),
            ShardMessage::Load(entries, since) => self.unfinished(entries, since, ctx),
            ShardMessage::Drain(answer) => {
                self.drained = Some(answer);
                self.on(ShardEvent::Drain, ctx);
            }
        }
    }
}
