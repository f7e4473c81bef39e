//! Commits of one shard: executions hand over their writes, and are told when the log has them as they need. [`CommitQueue`]
//! decides which writes are appended together.

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
use crate::shard::scope::ScopeMember;

/// Told with the position in the log, or dropped when the log will not have it.
enum Told {
    /// An execution.
    Execution(Receipt),
    /// The shard itself.
    Shard(oneshot::Sender<u64>),
}

impl Told {
    fn of(self, lsn: u64) {
        match self {
            Self::Execution(receipt) => receipt.give(lsn),
            // An actor that no longer waits need not be told.
            Self::Shard(told) => drop(told.send(lsn)),
        }
    }
}

pub(crate) struct Commits {
    context: Arc<EngineContext>,
    /// How many commits wait.
    depth: ShardGauge,
    queue: RefCell<CommitQueue<Told>>,
    /// Has a successor of the shard wait until what was handed over here is in the journal.
    _member: ScopeMember,
}

impl Commits {
    pub(crate) fn new(context: Arc<EngineContext>, shard: usize, member: ScopeMember) -> Rc<Self> {
        let depth = ShardGauge::new("updraft_shard_commits_waiting", shard);
        Rc::new(Self { context, depth, queue: RefCell::default(), _member: member })
    }

    /// Appends updates of an execution, all or none; its receipt says so.
    pub(crate) fn commit(self: &Rc<Self>, updates: Vec<Update>, need: Need, receipt: Receipt) {
        self.hand_over(updates, need, Told::Execution(receipt));
    }

    /// The same for an execution that has no actor.
    pub(crate) fn commit_for_shard(
        self: &Rc<Self>,
        updates: Vec<Update>,
        need: Need,
    ) -> oneshot::Receiver<u64> {
        let (told, receiver) = oneshot::channel();
        self.hand_over(updates, need, Told::Shard(told));
        receiver
    }

    fn hand_over(self: &Rc<Self>, updates: Vec<Update>, need: Need, told: Told) {
        if self.queue.borrow_mut().push(updates, need, told) {
            actix::spawn(self.clone().send_all());
        }
    }

    /// Told when all that was handed over before is in the log: by an execution that died, say.
    pub(crate) fn settled(self: &Rc<Self>) -> oneshot::Receiver<u64> {
        self.commit_for_shard(Vec::new(), Need::Behind)
    }

    async fn send_all(self: Rc<Self>) {
        while let Some((updates, need, told)) = self.next_group() {
            match append(&self.context, updates, need).await {
                Ok(lsn) => told.into_iter().for_each(|one| one.of(lsn)),
                Err(reason) => self.context.fail(reason),
            }
        }
    }

    fn next_group(&self) -> Option<(Vec<Update>, Need, Vec<Told>)> {
        let mut queue = self.queue.borrow_mut();
        self.depth.set(queue.waiting());
        queue.next_group()
    }
}

/// Appends updates, all or none; gives where they stand in the log, as they need.
pub(crate) async fn append(context: &EngineContext, updates: Vec<Update>, need: Need) -> Result<u64, String> {
    if updates.is_empty() && need == Need::Behind {
        return Ok(0);
    }
    let (done, told) = oneshot::channel();
    let done: Done = Box::new(move |result| {
        let _ = done.send(result);
    });
    let appending = context.log.append_waiting(Append::new(updates, need, done));
    appending.await.map_err(|refused| refused.error.to_string())?;
    match told.await {
        Ok(Ok(lsn)) => Ok(lsn),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("the log is closed".to_owned()),
    }
}
