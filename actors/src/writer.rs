//! The storage writer actor: gives the write-behind its own arbiter, and says when it has ended.

use std::sync::Arc;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, WrapFuture};
use tokio::sync::{mpsc, oneshot};
use updraft_storage::write_behind::{Message, WriteBehind};

use crate::core::Core;

pub(crate) struct Writer {
    core: Arc<Core>,
    work: Option<(WriteBehind, mpsc::Receiver<Message>)>,
    /// Told when everything is stored; dropped unsaid when the writer died.
    ended: Option<oneshot::Sender<()>>,
}

impl Writer {
    pub(crate) fn new(
        core: Arc<Core>,
        write_behind: WriteBehind,
        receiver: mpsc::Receiver<Message>,
        ended: oneshot::Sender<()>,
    ) -> Self {
        Self { core, work: Some((write_behind, receiver)), ended: Some(ended) }
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
        if self.ended.is_some() {
            self.core.fail("the storage writer died".to_owned());
        }
    }
}
