//! Commits of one shard: executions hand over their writes, and are notified when the log has them as durably as
//! needed. [`CommitQueue`] decides which writes are appended together.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::oneshot;
use updraft_kernel::shard::CommitQueue;
use updraft_protocol::Update;
use updraft_storage::log::{Append, Done, Need};

use crate::context::EngineContext;
use crate::execution::message::Receipt;
use crate::gauge::ShardGauge;
use crate::inbox::Inbox;
use crate::shard::message::ShardReport;
use crate::shard::scope::ScopeMember;
use crate::statistics::{ShardFigure, ShardStatistics};

/// The receiver of a commit's position in the log; dropped if the log refuses the commit.
enum CommitWaiter {
    /// An execution.
    Execution(Receipt),
    /// The shard itself.
    Shard(oneshot::Sender<u64>),
}

impl CommitWaiter {
    fn notify(self, lsn: u64) {
        match self {
            Self::Execution(receipt) => receipt.give(lsn),
            // An actor that no longer waits needs no notice.
            Self::Shard(sender) => drop(sender.send(lsn)),
        }
    }
}

pub(crate) struct Commits {
    context: Arc<EngineContext>,
    of: Arc<ShardStatistics>,
    /// The number of commits that wait.
    depth: ShardGauge,
    queue: RefCell<CommitQueue<CommitWaiter>>,
    /// The messages of the shard.
    shard: Rc<Inbox<ShardReport>>,
    /// Makes a successor of the shard wait until the commits of this shard are in the journal.
    _member: ScopeMember,
}

impl Commits {
    pub(crate) fn new(
        context: Arc<EngineContext>,
        index: usize,
        (member, shard): (ScopeMember, Rc<Inbox<ShardReport>>),
    ) -> Rc<Self> {
        let of = context.statistics.shard(index);
        let depth = ShardGauge::new(of.clone(), ShardFigure::Commits, index);
        Rc::new(Self { context, of, depth, queue: RefCell::default(), shard, _member: member })
    }

    /// Appends updates of an execution, all or none; notifies its receipt.
    pub(crate) fn commit(self: &Rc<Self>, updates: Vec<Update>, need: Need, receipt: Receipt) {
        self.hand_over(updates, need, CommitWaiter::Execution(receipt));
    }

    /// The same for an execution that has no actor.
    pub(crate) fn commit_for_shard(
        self: &Rc<Self>,
        updates: Vec<Update>,
        need: Need,
    ) -> oneshot::Receiver<u64> {
        let (sender, receiver) = oneshot::channel();
        self.hand_over(updates, need, CommitWaiter::Shard(sender));
        receiver
    }

    fn hand_over(self: &Rc<Self>, updates: Vec<Update>, need: Need, waiter: CommitWaiter) {
        if self.queue.borrow_mut().push(updates, need, waiter) {
            actix::spawn(self.clone().send_all());
        }
    }

    /// Completes when everything that was handed over before is in the log, for example by an execution that died.
    pub(crate) fn settled(self: &Rc<Self>) -> oneshot::Receiver<u64> {
        self.commit_for_shard(Vec::new(), Need::Behind)
    }

    async fn send_all(self: Rc<Self>) {
        let mut death = CommitsDeath(Some(self.shard.clone()));
        while let Some((updates, need, waiters)) = self.next_group() {
            match append(&self.context, updates, need).await {
                Ok(lsn) => waiters.into_iter().for_each(|waiter| waiter.notify(lsn)),
                Err(reason) => self.context.fail(reason),
            }
        }
        death.0 = None;
    }

    fn next_group(&self) -> Option<(Vec<Update>, Need, Vec<CommitWaiter>)> {
        let mut queue = self.queue.borrow_mut();
        self.depth.set(queue.waiting());
        self.of.turned(self.context.clock.now());
        queue.next_group()
    }
}

/// Tells the shard that the task that makes its commits has died, unless that has ended before this is dropped.
struct CommitsDeath(Option<Rc<Inbox<ShardReport>>>);

impl Drop for CommitsDeath {
    fn drop(&mut self) {
        if let Some(shard) = self.0.take() {
            shard.put(ShardReport::CommitsDied);
        }
    }
}

/// Appends updates, all or none; returns their position in the log once they are as durable as needed.
pub(crate) async fn append(context: &EngineContext, updates: Vec<Update>, need: Need) -> Result<u64, String> {
    if updates.is_empty() && need == Need::Behind {
        return Ok(0);
    }
    let (done, result) = oneshot::channel();
    let done: Done = Box::new(move |result| {
        let _ = done.send(result);
    });
    let appending = context.log.append_waiting(Append::new(updates, need, done));
    appending.await.map_err(|refused| refused.error.to_string())?;
    match result.await {
        Ok(Ok(lsn)) => Ok(lsn),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("the log is closed".to_owned()),
    }
}
