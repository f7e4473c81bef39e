//! The shard actor: the executions of its tenants on one arbiter. Launches them, watches them, revives
//! those that died or whose wait is over, and passes controls on.

mod drain;
mod exit;
mod news;
mod resident;
mod revival;

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use actix::{Actor, Addr, AsyncContext, Context, Handler, Message, SpawnHandle, StreamHandler};
use tokio::sync::{Semaphore, mpsc, oneshot};
use updraft_kernel::machine::{Act, Machine};
use updraft_protocol::limits::{REVIVALS_AT_ONCE, SHARD_MAILBOX};
use updraft_protocol::{ExecutionId, Timestamp};

use crate::brood::Parent;
use crate::commit::Commits;
use crate::control::Control;
use crate::core::Core;
use crate::execution::{Birth, Deliver, Execution};
use crate::gauge::ShardGauge;
use crate::live::Live;
use crate::revive::Since;
use news::Newsroom;
pub(crate) use news::{Messenger, News};
use resident::{Place, Resident};

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
    pub live: Arc<Live>,
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
    pub(crate) live: Arc<Live>,
    pub(crate) control: Control,
}

/// Executions to be read back, once the store has enough of them.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Revive(pub(crate) Vec<Arc<Live>>, pub(crate) Since);

/// Leave nothing running; answered when nothing is.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Drain(pub(crate) oneshot::Sender<()>);

pub(crate) struct Shard {
    /// How many executions it has.
    executions: ShardGauge,
    core: Arc<Core>,
    commits: Rc<Commits>,
    residents: HashMap<ExecutionId, Resident>,
    /// Parked executions by the instant that they wait for.
    parked: BTreeSet<(Timestamp, ExecutionId)>,
    /// The timer of the first of them.
    alarm: Option<(Timestamp, SpawnHandle)>,
    /// Bounds the reads of executions that are revived together.
    revivals: Arc<Semaphore>,
    /// Of actors and reads.
    news: Rc<Newsroom>,
    /// Nothing may stay running.
    draining: bool,
    /// Told when nothing runs.
    drained: Option<oneshot::Sender<()>>,
    /// Dropped when the shard dies, which ends its executions: their successors are read from the store.
    parent: Parent,
    _died: oneshot::Sender<()>,
}

impl Shard {
    /// Starts the shard on this thread; `died` is dropped when it ends.
    pub(crate) fn launch(
        core: Arc<Core>,
        index: usize,
        inbox: mpsc::Receiver<Launch>,
        parent: Parent,
        died: oneshot::Sender<()>,
    ) -> Addr<Self> {
        Self::create(move |ctx| {
            ctx.set_mailbox_capacity(SHARD_MAILBOX);
            ctx.add_stream(futures_util::stream::unfold(inbox, async |mut inbox| {
                inbox.recv().await.map(|launch| (launch, inbox))
            }));
            let news = Rc::new(Newsroom::default());
            ctx.add_stream(news.clone().read());
            Self {
                executions: ShardGauge::new("updraft_shard_executions", index),
                commits: Commits::new(core.clone(), index, parent.member()),
                core,
                residents: HashMap::new(),
                parked: BTreeSet::new(),
                alarm: None,
                revivals: Arc::new(Semaphore::new(REVIVALS_AT_ONCE)),
                news,
                draining: false,
                drained: None,
                parent,
                _died: died,
            }
        })
    }

    /// Starts an execution's actor and watches it.
    fn bear(&mut self, live: &Arc<Live>, birth: Birth) {
        let (core, commits) = (self.core.clone(), self.commits.clone());
        let peid = live.peid;
        let resident = self.residents.entry(peid).or_insert_with(|| Resident::new(live.clone()));
        let controls = resident.take_controls();
        let counted = self.parent.counted();
        let exit = self.news.messenger(peid);
        let (addr, parentage) =
            Execution::launch(core, live.clone(), commits, birth, controls, counted, exit);
        resident.place = Place::Running { addr: addr.clone(), _parentage: parentage };
        if self.draining {
            deliver_drain(&addr);
        }
        self.gauge();
    }

    fn gauge(&self) {
        self.executions.set(self.residents.len());
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
        let Launch { live, machine, acts, lsn } = launch;
        // After a restart of the shard the same execution may have been read from the store first.
        if !self.residents.contains_key(&live.peid) && live.outcome().is_none() {
            self.bear(&live, Birth::New { machine, acts, lsn });
        }
    }

    fn finished(&mut self, _: &mut Self::Context) {}
}

impl StreamHandler<(ExecutionId, News)> for Shard {
    fn handle(&mut self, (peid, news): (ExecutionId, News), ctx: &mut Self::Context) {
        match news {
            News::Exited(exit) => self.exited(peid, exit, ctx),
            News::Found(found) => self.revived(peid, found, ctx),
            News::Died => self.died(peid),
        }
    }

    fn finished(&mut self, _: &mut Self::Context) {}
}

impl Handler<Pass> for Shard {
    type Result = ();

    fn handle(&mut self, Pass { live, control }: Pass, _: &mut Self::Context) {
        let now = self.core.clock.now();
        let Some(resident) = self.residents.get_mut(&live.peid) else { return };
        match &resident.place {
            Place::Running { addr, .. } => deliver(addr, control),
            Place::Reviving => resident.wait(control),
            Place::Parked { due, lsn } => {
                tracing::debug!(peid = %live.peid, %due, %now, "a parked execution is asked for");
                let (key, since) = ((*due, live.peid), Since::Position(*lsn));
                resident.wait(control);
                self.parked.remove(&key);
                self.revive(live.peid, since);
            }
        }
    }
}

impl Handler<Revive> for Shard {
    type Result = ();

    fn handle(&mut self, Revive(lives, since): Revive, _: &mut Self::Context) {
        let mut found_by_start = Vec::new();
        for live in lives {
            let peid = live.peid;
            if let Entry::Vacant(place) = self.residents.entry(peid) {
                place.insert(Resident::new(live.clone()));
                match since {
                    Since::Start => found_by_start.push((live, self.news.messenger(peid))),
                    Since::Position(_) | Since::Now => self.revive(peid, since),
                }
            }
        }
        self.revive_all(found_by_start);
    }
}
