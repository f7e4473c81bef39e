//! The shard actor: the executions of its tenants on one arbiter. Launches them, watches them, revives
//! those that died or whose wait is over, and passes controls on.

mod drain;
mod load;
mod message;
pub(crate) mod scope;
mod slot;
mod supervise;

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use actix::{Actor, Addr, AsyncContext, Context, Handler, Message, SpawnHandle, StreamHandler};
use tokio::sync::{Semaphore, mpsc, oneshot};
use updraft_kernel::machine::{Act, Machine};
use updraft_protocol::limits::{REVIVALS_AT_ONCE, SHARD_MAILBOX};
use updraft_protocol::{ExecutionId, Timestamp};

use crate::commit::Commits;
use crate::context::EngineContext;
use crate::control::Control;
use crate::entry::RegistryEntry;
use crate::execution::{Deliver, Execution, Start};
use crate::gauge::ShardGauge;
use crate::inbox::Inbox;
use crate::load::Since;
pub(crate) use message::{SlotEvent, SlotReport};
use scope::ScopeOwner;
use slot::{Place, Slot};

/// The way into a shard.
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) addr: Addr<Shard>,
    /// Holds every execution that admission lets in, so that the journal's thread never waits here.
    pub(crate) inbox: mpsc::Sender<Launch>,
}

/// An accepted execution, its first writes durable.
pub struct Launch {
    /// Its handle.
    pub entry: Arc<RegistryEntry>,
    /// Its machine.
    pub machine: Box<Machine>,
    /// What to do first.
    pub acts: Vec<Act>,
    /// Where its first writes stand in the journal.
    pub lsn: u64,
}

/// A control for one execution of the shard.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Pass {
    pub(crate) entry: Arc<RegistryEntry>,
    pub(crate) control: Control,
}

/// Executions to be read back, once the store has enough of them.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Load(pub(crate) Vec<Arc<RegistryEntry>>, pub(crate) Since);

/// Leave nothing running; answered when nothing is.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Drain(pub(crate) oneshot::Sender<()>);

pub(crate) struct Shard {
    /// How many executions it has.
    executions: ShardGauge,
    context: Arc<EngineContext>,
    commits: Rc<Commits>,
    slots: HashMap<ExecutionId, Slot>,
    /// Parked executions by the instant that they wait for.
    parked: BTreeSet<(Timestamp, ExecutionId)>,
    /// The timer of the first of them.
    alarm: Option<(Timestamp, SpawnHandle)>,
    /// Bounds the reads of executions that are loaded together.
    loads: Arc<Semaphore>,
    /// Of actors and reads.
    inbox: Rc<Inbox<(ExecutionId, SlotEvent)>>,
    /// Nothing may stay running.
    draining: bool,
    /// Told when nothing runs.
    drained: Option<oneshot::Sender<()>>,
    /// Dropped when the shard dies, which ends its executions: their successors are read from the store.
    scope: ScopeOwner,
    _died: oneshot::Sender<()>,
}

impl Shard {
    /// Starts the shard on this thread; `died` is dropped when it ends.
    pub(crate) fn launch(
        context: Arc<EngineContext>,
        index: usize,
        inbox: mpsc::Receiver<Launch>,
        scope: ScopeOwner,
        died: oneshot::Sender<()>,
    ) -> Addr<Self> {
        Self::create(move |ctx| {
            ctx.set_mailbox_capacity(SHARD_MAILBOX);
            ctx.add_stream(futures_util::stream::unfold(inbox, async |mut inbox| {
                inbox.recv().await.map(|launch| (launch, inbox))
            }));
            let slot_events = Rc::new(Inbox::default());
            ctx.add_stream(slot_events.read());
            Self {
                executions: ShardGauge::new("updraft_shard_executions", index),
                commits: Commits::new(context.clone(), index, scope.member()),
                context,
                slots: HashMap::new(),
                parked: BTreeSet::new(),
                alarm: None,
                loads: Arc::new(Semaphore::new(REVIVALS_AT_ONCE)),
                inbox: slot_events,
                draining: false,
                drained: None,
                scope,
                _died: died,
            }
        })
    }

    /// Starts an execution's actor and watches it.
    fn spawn(&mut self, entry: &Arc<RegistryEntry>, start: Start) {
        let (context, commits) = (self.context.clone(), self.commits.clone());
        let peid = entry.peid;
        let slot = self.slots.entry(peid).or_insert_with(|| Slot::new(entry.clone()));
        let controls = slot.take_controls();
        let token = self.scope.token();
        let exit = SlotReport::of(&self.inbox, peid);
        let (addr, guard) = Execution::launch(context, entry.clone(), commits, start, controls, token, exit);
        slot.place = Place::Running { addr: addr.clone(), _guard: guard };
        if self.draining {
            deliver_drain(&addr);
        }
        self.gauge();
    }

    fn gauge(&self) {
        self.executions.set(self.slots.len());
    }
}

/// Hands a control to an execution: waits beside the shard where its mailbox is full; where it is gone,
/// the control's reply is dropped and its asker asks again.
fn deliver(addr: &Addr<Execution>, control: Control) {
    if let Err(actix::prelude::SendError::Full(message)) = addr.try_send(Deliver(control)) {
        let addr = addr.clone();
        actix::spawn(async move {
            let _ = addr.send(message).await;
        });
    }
}

fn deliver_drain(addr: &Addr<Execution>) {
    let addr = addr.clone();
    actix::spawn(async move {
        let _ = addr.send(crate::execution::Drain).await;
    });
}

impl Actor for Shard {
    type Context = Context<Self>;
}

impl StreamHandler<Launch> for Shard {
    fn handle(&mut self, launch: Launch, _: &mut Self::Context) {
        let Launch { entry, machine, acts, lsn } = launch;
        // After a restart of the shard the same execution may have been read from the store first.
        if !self.slots.contains_key(&entry.peid) && entry.outcome().is_none() {
            self.spawn(&entry, Start::New { machine, acts, lsn });
        }
    }

    fn finished(&mut self, _: &mut Self::Context) {}
}

impl StreamHandler<(ExecutionId, SlotEvent)> for Shard {
    fn handle(&mut self, (peid, event): (ExecutionId, SlotEvent), ctx: &mut Self::Context) {
        match event {
            SlotEvent::Exited(exit, permit) => self.exited(peid, exit, permit, ctx),
            SlotEvent::Found(found) => self.loaded(peid, found, ctx),
            SlotEvent::Died => self.died(peid),
        }
    }

    fn finished(&mut self, _: &mut Self::Context) {}
}

impl Handler<Pass> for Shard {
    type Result = ();

    fn handle(&mut self, Pass { entry, control }: Pass, _: &mut Self::Context) {
        let now = self.context.clock.now();
        let Some(slot) = self.slots.get_mut(&entry.peid) else { return };
        match &slot.place {
            Place::Running { addr, .. } => deliver(addr, control),
            Place::Loading => slot.wait(control),
            Place::Parked { due, lsn } => {
                tracing::debug!(peid = %entry.peid, %due, %now, "a parked execution is asked for");
                let (key, since) = ((*due, entry.peid), Since::Position(*lsn));
                slot.wait(control);
                self.parked.remove(&key);
                self.load(entry.peid, since);
            }
        }
    }
}

impl Handler<Load> for Shard {
    type Result = ();

    fn handle(&mut self, Load(entries, since): Load, _: &mut Self::Context) {
        let mut found_by_start = Vec::new();
        for entry in entries {
            let peid = entry.peid;
            if let Entry::Vacant(place) = self.slots.entry(peid) {
                place.insert(Slot::new(entry.clone()));
                match since {
                    Since::Start => found_by_start.push((entry, SlotReport::of(&self.inbox, peid))),
                    Since::Position(_) | Since::Now => self.load(peid, since),
                }
            }
        }
        self.load_all(found_by_start);
    }
}
