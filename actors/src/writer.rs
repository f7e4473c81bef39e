//! The storage writer actor: gives the write-behind its own arbiter, and says when it has ended.

use std::sync::{Arc, Weak};
use std::time::Duration;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, WrapFuture};
use tokio::sync::{mpsc, oneshot};
use updraft_protocol::{Failure, FailureKind, Update};
use updraft_storage::write_behind::{Listener, Message, Notice, WriteBehind};

use crate::control::Control;
use crate::core::Core;
use crate::live::Live;
use crate::node::Node;

/// The pause before an execution that must fail is told so again.
const AGAIN: Duration = Duration::from_millis(500);

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

/// Hears what becomes of writes: an execution of which the store will never take a document is failed.
pub(crate) fn listener(core: Weak<Core>) -> Listener {
    Arc::new(move |event| match event {
        Notice::Poison { update, reason } => {
            if let Some(core) = core.upgrade() {
                fail(&core, &update, reason);
            }
        }
        Notice::StoreFailing { reason } => tracing::warn!(reason, "the store takes no writes; they wait"),
        Notice::StoreWorking => tracing::info!("the store takes writes again"),
    })
}

fn fail(core: &Arc<Core>, update: &Update, reason: String) {
    let (peid, failure) = (update.execution(), Failure::new(FailureKind::Store, reason));
    match core.registry.get(peid) {
        // The start has it fail before anything goes on; later, it has ended.
        None => core.registry.doomed.add(peid, failure),
        Some(live) if live.doom(failure.clone()) => {
            actix::spawn(insist(Arc::downgrade(core), live, failure));
        }
        Some(_) => {}
    }
}

/// Fails an execution, however often its shard has to be asked: while it is launched, read back or restarted,
/// the shard may drop what it is told.
async fn insist(core: Weak<Core>, live: Arc<Live>, failure: Failure) {
    while live.outcome().is_none() {
        let Some(core) = core.upgrade() else { return };
        Node::pass(&core, live.clone(), Control::Fail(failure.clone())).await;
        drop(core);
        // However this ends, the execution is looked at.
        let _ = tokio::time::timeout(AGAIN, live.ended()).await;
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
