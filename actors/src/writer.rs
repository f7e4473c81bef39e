//! The storage writer actor: gives the write-behind its own arbiter, and says when it has ended.

use std::sync::{Arc, Weak};

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, WrapFuture};
use tokio::sync::{mpsc, oneshot};
use updraft_protocol::{Failure, FailureKind, Update};
use updraft_storage::write_behind::{Event, Listener, Message, WriteBehind};

use crate::control::Control;
use crate::core::Core;
use crate::node::Node;

pub(crate) struct Writer {
    /// Weak: the core holds the journal, which must end before the writer can.
    core: Weak<Core>,
    work: Option<(WriteBehind, mpsc::Receiver<Message>)>,
    /// Told when everything is stored; dropped unsaid when the writer died.
    ended: Option<oneshot::Sender<()>>,
}

impl Writer {
    pub(crate) fn new(
        core: Weak<Core>,
        write_behind: WriteBehind,
        receiver: mpsc::Receiver<Message>,
        ended: oneshot::Sender<()>,
    ) -> Self {
        Self { core, work: Some((write_behind, receiver)), ended: Some(ended) }
    }
}

/// Hears what becomes of writes: an execution whose document the store will never take is failed.
pub(crate) fn listener(core: Weak<Core>) -> Listener {
    Arc::new(move |event| match event {
        Event::Poison { update, reason } => {
            if let Some(core) = core.upgrade() {
                fail(core, &update, reason);
            }
        }
        Event::StoreFailing { reason } => tracing::warn!(reason, "the store takes no writes; they wait"),
        Event::StoreWorking => tracing::info!("the store takes writes again"),
    })
}

fn fail(core: Arc<Core>, update: &Update, reason: String) {
    let peid = match update {
        Update::Execution(update) => Some(update.peid),
        Update::Task(update) => update.head.as_ref().map(|head| head.peid),
    };
    tracing::error!(document = ?update.document(), reason, "the store will never take an update");
    if let Some(live) = peid.and_then(|peid| core.registry.get(peid)) {
        let failure = Failure::new(FailureKind::Store, reason);
        actix::spawn(async move { Node::pass(&core, live, Control::Fail(failure)).await });
    }
}

impl Actor for Writer {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let Some((write_behind, receiver)) = self.work.take() else { return ctx.stop() };
        let running = write_behind.run(receiver).into_actor(self);
        ctx.spawn(running.map(|_, writer, ctx| {
            if let Some(ended) = writer.ended.take() {
                let _ = ended.send(());
            }
            ctx.stop();
        }));
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Nobody waits for its end where the engine has shut down without it.
        let awaited = self.ended.as_ref().is_some_and(|ended| !ended.is_closed());
        if let (true, Some(core)) = (awaited, self.core.upgrade()) {
            core.fail("the storage writer died".to_owned());
        }
    }
}
