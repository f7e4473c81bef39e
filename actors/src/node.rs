//! The node: the threads of one engine. Starts the arbiters of shards and writer on a system of their own, restarts
//! shards that died, and ends all of them.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Arbiter, ArbiterHandle, System};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use updraft_kernel::shard::Since;
use updraft_storage::log::{self, CloseOutcome};
use updraft_storage::write_behind::{Listener, Message, WriteBehind};

use crate::backlog;
use crate::context::EngineContext;
use crate::entry::{Lost, RegistryEntry};
use crate::shard::Shard;
use crate::shard::address::{ShardAddress, ShardMessage};
use crate::shard::scope::ShardScope;
use crate::writer::{self, Writer};

/// How often ended executions are forgotten once the store has them.
const SWEEP: Duration = Duration::from_millis(100);
/// How often the metrics are told of circuits: they close and half-open by time alone.
const SHOW: Duration = Duration::from_secs(5);
/// The pause before a shard that died is restarted.
const RESTART_PAUSE: Duration = Duration::from_millis(10);

/// How long the thread of a shard may take to notice that it is stopped.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// Why a node did not start.
#[derive(Debug, Error)]
pub enum Error {
    /// A thread or a runtime could not be created.
    #[error("a thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
    /// The node's thread ended while it started.
    #[error("the node's thread ended while it started")]
    Ended,
}

impl Error {
    /// Whether trying again can help: once the machine has threads again.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Thread(_))
    }
}

/// A request to end.
struct Stop {
    /// How long the store may take for the remaining updates.
    until: Instant,
    /// Sent when everything has ended.
    outcome: oneshot::Sender<Result<CloseOutcome, log::Error>>,
}

/// The threads of one engine. Dropped without [`Node::shutdown`], they stop as in a crash: what is accepted is
/// in the journal.
pub struct Node {
    context: Arc<EngineContext>,
    thread: Option<std::thread::JoinHandle<()>>,
    /// Sent to end the threads; dropped unsent, they end without waiting for the store.
    stop: Option<oneshot::Sender<Stop>>,
}

impl Node {
    /// Starts the threads: one for the node, one for the writer, one for each shard.
    ///
    /// # Errors
    /// The machine has no more threads.
    pub async fn start(
        context: Arc<EngineContext>,
        write_behind: WriteBehind,
        messages: mpsc::Receiver<Message>,
    ) -> Result<Self, Error> {
        let shards = context.router.count();
        let mut runtimes = (0..shards + 2).map(|_| runtime()).collect::<Result<Vec<_>, _>>()?;
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = oneshot::channel();
        let (ended, written) = oneshot::channel();
        let own = context.clone();
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
        Ok(Self { context, thread: Some(thread), stop: Some(stop) })
    }

    /// The listener for the notices of the write-behind.
    pub fn store_listener(context: &Arc<EngineContext>) -> Listener {
        writer::listener(Arc::downgrade(context))
    }

    /// Resumes executions that the store has as the last engine left them. If the shard is just being restarted, its
    /// successor finds them in the registry.
    pub async fn load(&self, entries: Vec<Arc<RegistryEntry>>) {
        let mut by_shard: Vec<Vec<Arc<RegistryEntry>>> =
            (0..self.context.router.count()).map(|_| Vec::new()).collect();
        for entry in entries {
            by_shard[self.context.router.shard_of(&entry.tenant)].push(entry);
        }
        for (shard, entries) in by_shard.into_iter().enumerate() {
            let accept = || entries.iter().for_each(|entry| entry.accept(Ok(())));
            if let Some(shard_address) = self.context.router.to(shard).announce(accept) {
                let _ = shard_address.mailbox.send(ShardMessage::Load(entries, Since::Start)).await;
            }
        }
    }

    /// Resumes a registered execution that the start did not resume, once the store has everything that the journal has
    /// of it. The shard is informed at once, or its successor finds the execution in the registry. The returned future
    /// waits until the shard has the message, and does not borrow the node.
    pub fn take_up(&self, entry: Arc<RegistryEntry>) -> impl Future<Output = ()> + Send + use<> {
        let shard = self.context.router.to(self.context.router.shard_of(&entry.tenant));
        let told = shard
            .announce(|| entry.accept(Ok(())))
            .map(|shard_address| shard_address.mailbox.send(ShardMessage::Load(vec![entry], Since::Now)));
        async move {
            if let Some(told) = told {
                let _ = told.await;
            }
        }
    }

    /// Lets attempts end until `until`, stops the shards, closes the journal, and waits, again until `until`, until the
    /// store has everything.
    ///
    /// # Errors
    /// The journal had failed.
    pub async fn shutdown(self, until: Instant) -> Result<CloseOutcome, log::Error> {
        self.let_end(until).await;
        self.stop(until).await
    }

    /// Lets attempts end until `until`; nothing more begins.
    pub async fn let_end(&self, until: Instant) {
        let _ = self.context.timer.until(until, self.drain()).await;
    }

    /// Stops the shards, closes the journal, and waits until `until` for the store to have everything.
    ///
    /// # Errors
    /// The journal had failed.
    pub async fn stop(mut self, until: Instant) -> Result<CloseOutcome, log::Error> {
        let (outcome, closed) = oneshot::channel();
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(Stop { until, outcome });
        }
        let outcome = closed.await.unwrap_or(Err(log::Error::Closed));
        if let Some(thread) = self.thread.take() {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
        outcome
    }

    async fn drain(&self) {
        let mut answers = Vec::new();
        for shard in 0..self.context.router.count() {
            let (answer, drained) = oneshot::channel();
            if let Some(shard_address) = self.context.router.to(shard).current() {
                let _ = shard_address.mailbox.send(ShardMessage::Drain(answer)).await;
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

/// Runs the shards until the node is stopped, and stops them.
async fn run_shards(
    context: &Arc<EngineContext>,
    arbiters: Vec<Arbiter>,
    ready: oneshot::Sender<()>,
    stopped: oneshot::Receiver<Stop>,
) -> Option<Stop> {
    let mut supervisors = Vec::new();
    for (index, arbiter) in arbiters.iter().enumerate() {
        let (up, is_up) = oneshot::channel();
        supervisors.push(actix::spawn(supervise(context.clone(), index, arbiter.handle(), up)));
        let _ = is_up.await;
    }
    let sweeper = actix::spawn(sweep(context.clone()));
    let backlog = actix::spawn(backlog::drive(context.clone()));
    let circuits = actix::spawn(show_circuits(context.clone()));
    let _ = ready.send(());
    let stop = stopped.await.ok();
    sweeper.abort();
    backlog.abort();
    circuits.abort();
    for (index, supervisor) in supervisors.iter().enumerate() {
        supervisor.abort();
        context.router.to(index).clear();
    }
    // An execution that is being accepted ends as lost when the journal refuses it, or has it and is closed.
    for entry in context.registry.unfinished(RegistryEntry::is_accepted) {
        context.lose(&entry, Lost::ShutDown);
    }
    end_shards(arbiters, stop.as_ref().map_or_else(Instant::now, |stop| stop.until)).await;
    stop
}

/// Stops the threads of the shards. A thread that a tool blocks is left running: it can no longer write.
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
    let deadline = until.max(Instant::now() + STOP_GRACE);
    if joining.is_err() || timeout_at(deadline, all_joined).await.is_err() {
        tracing::error!("a tool blocks the thread of a shard, which is left behind");
    }
}

/// Closes the journal, which ends the writer. If the store does not take the rest in time, the journal has it, and the
/// writer is not waited for.
async fn close(context: Arc<EngineContext>, stop: Option<Stop>, written: oneshot::Receiver<()>) {
    let until = stop.as_ref().map_or_else(Instant::now, |stop| stop.until);
    let outcome = context.log.close(until.saturating_duration_since(Instant::now())).await;
    for entry in context.registry.unfinished(|_| true) {
        context.lose(&entry, Lost::ShutDown);
    }
    drop(context);
    let _ = timeout_at(until, written).await;
    if let Some(stop) = stop {
        let _ = stop.outcome.send(outcome);
    }
}

async fn sweep(context: Arc<EngineContext>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        context.registry.sweep(context.stored.get());
    }
}

async fn show_circuits(context: Arc<EngineContext>) {
    loop {
        context.gates.show();
        tokio::time::sleep(SHOW).await;
    }
}

/// Keeps one shard running: a shard that died is replaced by another, which reads its executions back.
async fn supervise(
    context: Arc<EngineContext>,
    index: usize,
    arbiter: ArbiterHandle,
    up: oneshot::Sender<()>,
) {
    let mut up = Some(up);
    loop {
        let scope = ShardScope::new();
        let (died, death) = oneshot::channel::<()>();
        let (sender, receiver) = mpsc::channel(context.router.capacity);
        let (started, addr) = oneshot::channel();
        let (own, owner) = (context.clone(), scope.owner());
        arbiter.spawn_fn(move || {
            let _ = started.send(Shard::launch(own, index, receiver, owner, died));
        });
        if let Ok(addr) = addr.await {
            let mailbox = addr.recipient();
            let shard_address = Arc::new(ShardAddress { mailbox: mailbox.clone(), launches: sender });
            let left = context.router.to(index).take_over(shard_address, || {
                // An execution that is not accepted yet is launched into this shard when it is.
                context.registry.unfinished(|entry| {
                    entry.is_accepted()
                        && !entry.is_queued()
                        && context.router.shard_of(&entry.tenant) == index
                })
            });
            match up.take() {
                Some(up) => {
                    let _ = up.send(());
                }
                None => {
                    let _ = mailbox.send(ShardMessage::Load(left, Since::Now)).await;
                }
            }
            let _ = death.await;
            tracing::error!(shard = index, "a shard died and is restarted");
            metrics::counter!("updraft_shard_panics_total").increment(1);
            context.statistics.shard(index).died();
            context.router.to(index).clear();
            scope.finished().await;
        }
        tokio::time::sleep(RESTART_PAUSE).await;
    }
}
