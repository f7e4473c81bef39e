//! Bulk work of the local client: the engine counts, and is asked for each of the counted executions alone, as one message could
//! neither be bounded nor tell what is done. Owns the waiting for a place.

use updraft_actors::CancelVerdict;
use updraft_protocol::limits::BULK_PAUSE;
use updraft_protocol::{Asked, ExecutionId, TenantCode};

use super::client::{Client, Error};
use super::message::{Answer, Ask};
use crate::bulk::{Bulk, Counted, ExecutionFilter};
use crate::rerun::Rerun;

impl Client {
    /// Counts the executions for [`Client::rerun_all`]; as [`Engine::count_reruns`](crate::Engine::count_reruns).
    ///
    /// # Errors
    /// The count is refused, no engine runs there, or it does not answer.
    pub async fn count_reruns(&self, filter: ExecutionFilter, rerun: Rerun) -> Result<Counted<Rerun>, Error> {
        let tenant = filter.tenant.clone();
        let ask = Ask::CountReruns { filter: Box::new(filter), rerun: Box::new(rerun.clone().into()) };
        self.counted(ask, tenant, rerun.unless_done()).await
    }

    /// Runs again what was counted, as far as [`Bulk::next`] is asked for.
    pub fn rerun_all(&self, counted: Counted<Rerun>) -> Bulk<'_, Rerun, Self> {
        Bulk { engine: self, counted }
    }

    /// Counts the executions for [`Client::cancel_all`]; as [`Engine::count_cancels`](crate::Engine::count_cancels).
    ///
    /// # Errors
    /// The count is refused, no engine runs there, or it does not answer.
    pub async fn count_cancels(
        &self,
        filter: ExecutionFilter,
        asked: Asked,
    ) -> Result<Counted<Asked>, Error> {
        let tenant = filter.tenant.clone();
        let ask = Ask::CountCancels { filter: Box::new(filter), asked: asked.clone() };
        self.counted(ask, tenant, asked).await
    }

    /// Cancels what was counted, as far as [`Bulk::next`] is asked for.
    pub fn cancel_all(&self, counted: Counted<Asked>) -> Bulk<'_, Asked, Self> {
        Bulk { engine: self, counted }
    }

    async fn counted<W>(&self, ask: Ask, tenant: TenantCode, work: W) -> Result<Counted<W>, Error> {
        match self.ask(ask).await?.next().await? {
            Answer::Counted(found) => Ok(Counted { tenant, found, work }),
            other => Err(self.beside(&other)),
        }
    }
}

impl Bulk<'_, Rerun, Client> {
    /// Runs the next execution again, and tells what became of that; `None` if all have been. Waits as long as the engine, or the
    /// tenant, has no place for a further execution.
    pub async fn next(&mut self) -> Option<(ExecutionId, Result<ExecutionId, Error>)> {
        let peid = *self.counted.found.front()?;
        let tenant = self.counted.tenant.clone();
        let begun = loop {
            match self.engine.rerun(&tenant, peid, self.counted.work.clone()).await {
                Err(Error::NoPlace { .. }) => tokio::time::sleep(BULK_PAUSE).await,
                begun => break begun,
            }
        };
        self.counted.found.pop_front();
        Some((peid, begun))
    }
}

impl Bulk<'_, Asked, Client> {
    /// Cancels the next execution, and tells what became of it, which is nothing where the tenant has none of that id; `None` if all
    /// have been asked.
    pub async fn next(&mut self) -> Option<(ExecutionId, Result<Option<CancelVerdict>, Error>)> {
        let peid = *self.counted.found.front()?;
        let cancelled = self.engine.cancel(&self.counted.tenant, peid, self.counted.work.clone()).await;
        self.counted.found.pop_front();
        Some((peid, cancelled))
    }
}
