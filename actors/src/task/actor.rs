//! The task actor: the attempts of one integration on one shard, polled when they are woken. A mailbox, a lifetime and a panic
//! boundary: an attempt catches the panics of its integration itself. Begins no attempt.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix::{Actor, ActorContext, ActorFuture, AsyncContext};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::oneshot;
use updraft_protocol::limits::TASK_TURN;

use super::mailbox::{AttemptFuture, TaskMailbox};

/// The actor of one integration.
pub(super) struct TaskActor {
    mailbox: Rc<TaskMailbox>,
    /// Attempts under way. Dropped with the actor, each reports that it was interrupted.
    running: FuturesUnordered<AttemptFuture>,
    /// Dropped when the actor dies.
    _died: oneshot::Sender<()>,
}

impl TaskActor {
    /// Starts the actor that reads this mailbox; `died` is dropped when it ends.
    pub(super) fn launch(mailbox: Rc<TaskMailbox>, died: oneshot::Sender<()>) {
        Self { mailbox, running: FuturesUnordered::new(), _died: died }.start();
    }
}

impl Actor for TaskActor {
    type Context = actix::Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.spawn(Drive);
    }
}

impl Drop for TaskActor {
    fn drop(&mut self) {
        self.mailbox.abandoned();
    }
}

/// Takes attempts from the mailbox, and polls those that were woken.
struct Drive;

impl ActorFuture<TaskActor> for Drive {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        actor: &mut TaskActor,
        ctx: &mut actix::Context<TaskActor>,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        actor.running.extend(actor.mailbox.take(context));
        for _ in 0..TASK_TURN {
            match actor.running.poll_next_unpin(context) {
                Poll::Ready(Some(())) => actor.mailbox.left(),
                Poll::Ready(None) | Poll::Pending if actor.mailbox.is_closed() => {
                    ctx.stop();
                    return Poll::Ready(());
                }
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
        // Others on the shard run before the rest.
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
