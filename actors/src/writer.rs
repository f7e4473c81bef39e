//! The storage writer actor: gives the write-behind its own arbiter, and reports its end.

use std::sync::{Arc, Weak};

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, WrapFuture};
use tokio::sync::{mpsc, oneshot};
use updraft_protocol::{Failure, FailureKind, Update};
use updraft_storage::write_behind::{Listener, Message, Notice, WriteBehind};

use crate::context::EngineContext;
use crate::control::Control;
use crate::entry::Lost;

pub(crate) struct Writer {
    /// Weak: the context holds the journal, which must end before the writer can.
    context: Weak<EngineContext>,
    work: Option<(WriteBehind, mpsc::Receiver<Message>)>,
    /// Sent when everything is stored; dropped unsent if the writer died.
    ended: Option<oneshot::Sender<()>>,
}

impl Writer {
    pub(crate) fn new(
        context: Weak<EngineContext>,
        write_behind: WriteBehind,
        receiver: mpsc::Receiver<Message>,
        ended: oneshot::Sender<()>,
    ) -> Self {
        Self { context, work: Some((write_behind, receiver)), ended: Some(ended) }
    }
}

/// Handles notices of the writer: an execution with a document that the store refuses for good is failed.
pub(crate) fn listener(context: Weak<EngineContext>) -> Listener {
    Arc::new(move |event| match event {
        Notice::Poison { update, reason } => {
            if let Some(context) = context.upgrade() {
                fail(&context, &update, reason);
            }
        }
        Notice::StoreFailing { reason } => tracing::warn!(reason, "the store takes no writes; they wait"),
        Notice::StoreWorking => tracing::info!("the store takes writes again"),
    })
}

fn fail(context: &Arc<EngineContext>, update: &Update, reason: String) {
    let (peid, failure) = (update.execution(), Failure::new(FailureKind::Store, reason));
    match context.registry.get(peid) {
        // During the replay, the start fails it before executions resume; later, it has ended.
        None => context.registry.poisoned.add(peid, failure),
        // Nothing of it is stored, and nothing of it runs.
        Some(entry) if entry.is_queued() => {
            context.lose(&entry, Lost::Engine(failure.message.clone().into()));
        }
        Some(entry) if entry.poison(failure.clone()) => {
            let context = context.clone();
            actix::spawn(async move { context.router.ask(&entry, Control::Fail(failure)).await });
        }
        Some(_) => {}
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
        // After the engine has shut down without it, its end is not awaited.
        let awaited = self.ended.as_ref().is_some_and(|ended| !ended.is_closed());
        if let (true, Some(context)) = (awaited, self.context.upgrade()) {
            context.fail("the storage writer died".to_owned());
        }
    }
}
