//! The node: the threads of one engine. Starts the arbiters of shards and writer on a system of their own,
//! restarts shards that died, and ends it all.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Arbiter, ArbiterHandle, System};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use updraft_storage::journal::{self, Left};
use updraft_storage::write_behind::{Listener, Message, WriteBehind};

use crate::brood::Brood;
use crate::control::Control;
use crate::core::Core;
use crate::live::{Live, Lost};
use crate::revive::Since;
use crate::shard::{Drain, Launch, Link, Pass, Revive, Shard};
use crate::writer::{self, Writer};

/// How often ended executions that the store has are forgotten.
const SWEEP: Duration = Duration::from_millis(100);
/// The pause before a shard that died is started again.
const RESTART_PAUSE: Duration = Duration::from_millis(10);

/// How long the thread of a shard may take to notice that it is stopped.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// Why a node did not start.
#[derive(Debug, Error)]
pub enum Error {
    /// A thread or a runtime could not be made.
    #[error("a thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
    /// The node's thread ended while it started.
    #[error("the node's thread ended while it started")]
    Ended,
}

impl Error {
    /// Whether trying again can help: when the machine has threads to give again.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Thread(_))
    }
}

/// The wish to end.
struct Stop {
    /// How long the store may take for what is left.
    until: Instant,
    /// Told when everything has ended.
    left: oneshot::Sender<Result<Left, journal::Error>>,
}

/// The threads of one engine. Dropped without [`Node::shutdown`], they stop as in a crash: what is accepted is
/// in the journal.
pub struct Node {
    core: Arc<Core>,
    thread: Option<std::thread::JoinHandle<()>>,
    /// Ends it all; dropped unsaid, without waiting for the store.
    stop: Option<oneshot::Sender<Stop>>,
}

impl Node {
    /// Starts the threads: one for the node, one for the writer, one for each shard.
    ///
    /// # Errors
    /// The machine has no threads to give.
    pub async fn start(
        core: Arc<Core>,
        write_behind: WriteBehind,
        messages: mpsc::Receiver<Message>,
    ) -> Result<Self, Error> {
        let shards = core.shards.count();
        let mut runtimes = (0..shards + 2).map(|_| runtime()).collect::<Result<Vec<_>, _>>()?;
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = oneshot::channel();
        let (ended, written) = oneshot::channel();
        let own = core.clone();
        let thread = std::thread::Builder::new().name("updraft-node".into()).spawn(move || {
            let (Some(node), Some(writer)) = (runtimes.pop(), runtimes.pop()) else { return };
            let system = System::with_tokio_rt(move || node);
            system.block_on(async move {
                let writer_arbiter = Arbiter::with_tokio_rt(move || writer);
                let actor = Writer::new(Arc::downgrade(&own), write_behind, messages, ended);
                writer_arbiter.spawn_fn(move || {
                    actor.start();
                });
                let arbiters: Vec<Arbiter> =
                    runtimes.into_iter().map(|shard| Arbiter::with_tokio_rt(move || shard)).collect();
                let stop = run_shards(&own, arbiters, ready, stopped).await;
                close(own, stop, written).await;
                writer_arbiter.stop();
                let _ = tokio::task::spawn_blocking(move || writer_arbiter.join()).await;
            });
        })?;
        started.await.map_err(|_| Error::Ended)?;
        Ok(Self { core, thread: Some(thread), stop: Some(stop) })
    }

    /// Says that an execution is accepted and hands it to its shard. Called on the journal's thread; never waits.
    /// Where the shard is just being restarted, its successor finds the execution in the registry.
    pub fn launch(core: &Core, launch: Launch) {
        let shard = core.shards.of(core.shard_of(&launch.live.tenant));
        if let Some(link) = shard.launch(|| launch.live.accept(Ok(()))) {
            let _ = link.inbox.try_send(launch);
        }
    }

    /// What the write-behind tells its events to.
    pub fn store_listener(core: &Arc<Core>) -> Listener {
        writer::listener(Arc::downgrade(core))
    }

    /// Has executions go on that the store has as they were left.
    pub async fn revive(&self, lives: Vec<Arc<Live>>) {
        let mut by_shard: Vec<Vec<Arc<Live>>> = (0..self.core.shards.count()).map(|_| Vec::new()).collect();
        for live in lives {
            by_shard[self.core.shard_of(&live.tenant)].push(live);
        }
        for (shard, lives) in by_shard.into_iter().enumerate() {
            if let Some(link) = self.core.shards.of(shard).way() {
                let _ = link.addr.send(Revive(lives, Since::Start)).await;
            }
        }
    }

    /// Has an execution go on that the start had left, once the store has all that the journal has of it. Its shard is told
    /// at once; what is given waits until it has heard, and needs no node.
    pub fn take_up(&self, live: Arc<Live>) -> impl Future<Output = ()> + Send + use<> {
        let way = self.core.shards.of(self.core.shard_of(&live.tenant)).way();
        let told = way.map(|link| link.addr.send(Revive(vec![live], Since::Now)));
        async move {
            if let Some(told) = told {
                let _ = told.await;
            }
        }
    }

    /// Passes a control to an execution. The reply is dropped where it does not live here.
    pub async fn pass(core: &Core, live: Arc<Live>, control: Control) {
        if let Some(link) = core.shards.of(core.shard_of(&live.tenant)).way() {
            let _ = link.addr.send(Pass { live, control }).await;
        }
    }

    /// Lets what runs end until `until` has come, stops the shards, closes the journal, and waits, again
    /// until `until`, until the store has everything.
    ///
    /// # Errors
    /// The journal had failed.
    pub async fn shutdown(self, until: Instant) -> Result<Left, journal::Error> {
        self.let_end(until).await;
        self.stop(until).await
    }

    /// Lets what runs end until `until` has come; nothing more begins.
    pub async fn let_end(&self, until: Instant) {
        let _ = self.core.timer.until(until, self.drain()).await;
    }

    /// Stops the shards, closes the journal, and waits until `until` until the store has everything.
    ///
    /// # Errors
    /// The journal had failed.
    pub async fn stop(mut self, until: Instant) -> Result<Left, journal::Error> {
        let (left, told) = oneshot::channel();
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(Stop { until, left });
        }
        let left = told.await.unwrap_or(Err(journal::Error::Closed));
        if let Some(thread) = self.thread.take() {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
        left
    }

    async fn drain(&self) {
        let mut answers = Vec::new();
        for shard in 0..self.core.shards.count() {
            let (answer, drained) = oneshot::channel();
            if let Some(link) = self.core.shards.of(shard).way() {
                let _ = link.addr.send(Drain(answer)).await;
                answers.push(drained);
            }
        }
        for drained in answers {
            let _ = drained.await;
        }
    }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Runs the shards until the end is wished for, and stops them.
async fn run_shards(
    core: &Arc<Core>,
    arbiters: Vec<Arbiter>,
    ready: oneshot::Sender<()>,
    stopped: oneshot::Receiver<Stop>,
) -> Option<Stop> {
    let mut supervisors = Vec::new();
    for (index, arbiter) in arbiters.iter().enumerate() {
        let (up, is_up) = oneshot::channel();
        supervisors.push(actix::spawn(supervise(core.clone(), index, arbiter.handle(), up)));
        let _ = is_up.await;
    }
    let sweeper = actix::spawn(sweep(core.clone()));
    let _ = ready.send(());
    let stop = stopped.await.ok();
    sweeper.abort();
    for (index, supervisor) in supervisors.iter().enumerate() {
        supervisor.abort();
        core.shards.of(index).vacate();
    }
    // One that is being accepted is lost when the journal has refused it, or has it and is closed.
    for live in core.registry.unfinished(Live::is_accepted) {
        core.lose(&live, Lost::ShutDown);
    }
    end_shards(arbiters, stop.as_ref().map_or_else(Instant::now, |stop| stop.until)).await;
    stop
}

/// Stops the threads of the shards. One that a tool blocks is left behind: what it runs can write no more.
async fn end_shards(arbiters: Vec<Arbiter>, until: Instant) {
    let (joined, all_joined) = oneshot::channel();
    // Not a thread of the runtime, which would wait for it at its own end.
    let joining = std::thread::Builder::new().name("updraft-join".into()).spawn(move || {
        for arbiter in &arbiters {
            arbiter.stop();
        }
        for arbiter in arbiters {
            let _ = arbiter.join();
        }
        let _ = joined.send(());
    });
    let patience = until.max(Instant::now() + STOP_GRACE);
    if joining.is_err() || timeout_at(patience, all_joined).await.is_err() {
        tracing::error!("a tool blocks the thread of a shard, which is left behind");
    }
}

/// Closes the journal, which ends the writer. Where the store does not take the rest in time, the journal has it,
/// and the writer is not waited for.
async fn close(core: Arc<Core>, stop: Option<Stop>, written: oneshot::Receiver<()>) {
    let until = stop.as_ref().map_or_else(Instant::now, |stop| stop.until);
    let left = core.journal.clone().close(until.saturating_duration_since(Instant::now())).await;
    for live in core.registry.unfinished(|_| true) {
        core.lose(&live, Lost::ShutDown);
    }
    drop(core);
    let _ = timeout_at(until, written).await;
    if let Some(stop) = stop {
        let _ = stop.left.send(left);
    }
}

async fn sweep(core: Arc<Core>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        core.registry.sweep(core.stored.get());
    }
}

/// Keeps one shard running: a shard that died is followed by another, which reads its executions back.
async fn supervise(core: Arc<Core>, index: usize, arbiter: ArbiterHandle, up: oneshot::Sender<()>) {
    let mut up = Some(up);
    loop {
        let brood = Brood::new();
        let (died, death) = oneshot::channel::<()>();
        let (sender, receiver) = mpsc::channel(core.shards.capacity);
        let (started, addr) = oneshot::channel();
        let (own, parent) = (core.clone(), brood.parent());
        arbiter.spawn_fn(move || {
            let _ = started.send(Shard::launch(own, index, receiver, parent, died));
        });
        if let Ok(addr) = addr.await {
            let link = Link { addr: addr.clone(), inbox: sender };
            let left = core.shards.of(index).succeed(link, || {
                // One that is not accepted yet is launched when it is, into this shard.
                core.registry.unfinished(|live| live.is_accepted() && core.shard_of(&live.tenant) == index)
            });
            match up.take() {
                Some(up) => {
                    let _ = up.send(());
                }
                None => {
                    let _ = addr.send(Revive(left, Since::Now)).await;
                }
            }
            let _ = death.await;
            tracing::error!(shard = index, "a shard died and is restarted");
            metrics::counter!("updraft_shard_panics_total").increment(1);
            core.shards.of(index).vacate();
            brood.gone().await;
        }
        tokio::time::sleep(RESTART_PAUSE).await;
    }
}
