//! Commits of one shard: executions hand over their writes, and are told when the journal has them. What goes together is
//! decided by [`CommitQueue`].

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::oneshot;
use updraft_kernel::shard::CommitQueue;
use updraft_protocol::Update;
use updraft_storage::journal::{Append, Done};

use crate::context::EngineContext;
use crate::execution::Receipt;
use crate::gauge::ShardGauge;
use crate::shard::scope::ScopeMember;

/// Told with the position in the journal, or dropped when the journal will not have it.
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
            // One that no longer waits need not be told.
            Self::Shard(told) => drop(told.send(lsn)),
        }
    }
}

pub(crate) struct Commits {
    context: Arc<EngineContext>,
    /// How many wait.
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

    /// Makes updates of an execution durable, all or none; its receipt says so.
    pub(crate) fn commit(self: &Rc<Self>, updates: Vec<Update>, receipt: Receipt) {
        self.hand_over(updates, Told::Execution(receipt));
    }

    /// The same for an execution that has no actor.
    pub(crate) fn commit_for_shard(self: &Rc<Self>, updates: Vec<Update>) -> oneshot::Receiver<u64> {
        let (told, receiver) = oneshot::channel();
        self.hand_over(updates, Told::Shard(told));
        receiver
    }

    fn hand_over(self: &Rc<Self>, updates: Vec<Update>, told: Told) {
        if self.queue.borrow_mut().push(updates, told) {
            actix::spawn(self.clone().send_all());
        }
    }

    /// Told when all that was handed over before is in the journal: by an execution that died, say.
    pub(crate) fn settled(self: &Rc<Self>) -> oneshot::Receiver<u64> {
        self.commit_for_shard(Vec::new())
    }

    async fn send_all(self: Rc<Self>) {
        while let Some((updates, told)) = self.next_group() {
            match append(&self.context, updates).await {
                Ok(lsn) => told.into_iter().for_each(|one| one.of(lsn)),
                Err(reason) => self.context.fail(reason),
            }
        }
    }

    fn next_group(&self) -> Option<(Vec<Update>, Vec<Told>)> {
        let mut queue = self.queue.borrow_mut();
        self.depth.set(queue.waiting());
        queue.next_group()
    }
}

/// Makes updates durable, all or none; gives where they stand in the journal.
pub(crate) async fn append(context: &EngineContext, updates: Vec<Update>) -> Result<u64, String> {
    if updates.is_empty() {
        return Ok(0);
    }
    let (done, told) = oneshot::channel();
    let done: Done<u64> = Box::new(move |result| {
        let _ = done.send(result);
    });
    let append = Append::new(updates, done).map_err(|error| error.to_string())?;
    context.journal.append_waiting(append).await.map_err(|refused| refused.error.to_string())?;
    match told.await {
        Ok(Ok(lsn)) => Ok(lsn),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("the journal is closed".to_owned()),
    }
}
