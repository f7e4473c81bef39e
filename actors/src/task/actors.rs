//! The task actors of one shard: one for each integration that is called there. Makes an actor at the first call that has to
//! wait, supervises it, and stops it when it was long unused or the shard ends. Polls no attempt.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use updraft_protocol::Name;
use updraft_protocol::limits::{TASK_ACTOR_IDLE, TASK_MAILBOX};

use super::actor::TaskActor;
use super::mailbox::TaskMailbox;
use crate::polling::ShardPolling;

/// The pause before an actor that died is started again.
const RESTART_PAUSE: Duration = Duration::from_millis(10);

/// The task actors of one shard.
pub(crate) struct TaskActors {
    mailboxes: RefCell<HashMap<Name, Rc<TaskMailbox>>>,
    /// How many of the mailboxes are full.
    full: Rc<Cell<usize>>,
    /// What the shard polls now.
    pub(super) polling: Arc<ShardPolling>,
    capacity: usize,
}

impl TaskActors {
    /// Those of a shard, of which none is made yet.
    pub(crate) fn new(polling: Arc<ShardPolling>) -> Rc<Self> {
        Self::with_capacity(polling, TASK_MAILBOX)
    }

    pub(super) fn with_capacity(polling: Arc<ShardPolling>, capacity: usize) -> Rc<Self> {
        Rc::new(Self { mailboxes: RefCell::default(), full: Rc::default(), polling, capacity })
    }

    /// The mailbox of this integration, if it has no room.
    pub(super) fn full(&self, integration: &Name) -> Option<Rc<TaskMailbox>> {
        if self.full.get() == 0 {
            return None;
        }
        let mailboxes = self.mailboxes.borrow();
        mailboxes.get(integration).filter(|mailbox| mailbox.is_full()).cloned()
    }

    /// The mailbox of the integration's actor, which is made if there is none.
    pub(super) fn of(self: &Rc<Self>, integration: &Name) -> Rc<TaskMailbox> {
        if let Some(mailbox) = self.mailboxes.borrow().get(integration) {
            return mailbox.clone();
        }
        let mailbox = TaskMailbox::new(self.capacity, self.full.clone());
        self.mailboxes.borrow_mut().insert(integration.clone(), mailbox.clone());
        let supervising =
            supervise(Rc::downgrade(self), integration.clone(), mailbox.clone(), TASK_ACTOR_IDLE);
        actix::spawn(supervising);
        mailbox
    }
}

impl Drop for TaskActors {
    fn drop(&mut self) {
        self.mailboxes.borrow().values().for_each(|mailbox| mailbox.close());
    }
}

/// Runs the actor of one integration, and starts it again when it has died. What it ran is interrupted then; what it had not
/// taken yet is taken by its successor.
async fn supervise(actors: Weak<TaskActors>, integration: Name, mailbox: Rc<TaskMailbox>, idle: Duration) {
    while !mailbox.is_closed() {
        let (died, death) = oneshot::channel();
        TaskActor::launch(mailbox.clone(), died);
        let mut death = pin!(death);
        loop {
            let before = mailbox.counted();
            tokio::select! {
                biased;
                _ = &mut death => break,
                () = tokio::time::sleep(idle) => {}
            }
            if mailbox.inside() == 0 && mailbox.counted() == before {
                if let Some(actors) = actors.upgrade() {
                    actors.mailboxes.borrow_mut().remove(&integration);
                }
                mailbox.close();
            }
        }
        if !mailbox.is_closed() {
            tracing::error!(%integration, "the actor of an integration's calls died and is started again");
            metrics::counter!("updraft_task_actor_panics_total").increment(1);
            tokio::time::sleep(RESTART_PAUSE).await;
        }
    }
}
