//! Cancels in bulk: each as [`Engine::cancel`], of executions that have not ended.

use updraft_actors::{CancelVerdict, EngineContext};
use updraft_protocol::{Asked, ControlRefusal, ExecutionId, ExecutionStatus};

use super::{Bulk, BulkError, Counted, ExecutionFilter, counted};
use crate::engine::Engine;
use crate::error::{ControlError, ReadError};

/// The statuses of executions that have not ended: one that is paused or resumed meanwhile is found in one of them.
const RUNNING: [ExecutionStatus; 4] =
    [ExecutionStatus::Queued, ExecutionStatus::Paused, ExecutionStatus::Executing, ExecutionStatus::Paused];

/// As [`Engine::count_cancels`], once the store has what is known now.
pub(crate) async fn count_cancels(
    context: &EngineContext,
    stored: impl Future<Output = Result<(), ReadError>>,
    filter: ExecutionFilter,
    asked: Asked,
) -> Result<Counted<Asked>, BulkError> {
    if !asked.is_sound() {
        return Err(BulkError::Asker(ControlRefusal::NotAsker));
    }
    let statuses = filter.statuses(&RUNNING)?;
    stored.await?;
    counted(context, filter, &statuses, asked, |_| false).await
}

impl Engine {
    /// Counts the executions that have not ended and fit the filter, for [`Engine::cancel_all`].
    ///
    /// # Errors
    /// It is not said who asks for it, the filter asks for executions that have ended, there are too many, or the engine cannot
    /// tell.
    pub async fn count_cancels(
        &self,
        filter: ExecutionFilter,
        asked: Asked,
    ) -> Result<Counted<Asked>, BulkError> {
        count_cancels(&self.context, self.flush(), filter, asked).await
    }

    /// Cancels what was counted, as far as [`Bulk::next`] is asked for.
    pub fn cancel_all(&self, counted: Counted<Asked>) -> Bulk<'_, Asked> {
        Bulk { engine: self, counted }
    }
}

impl Bulk<'_, Asked> {
    /// Cancels the next execution, and tells what became of it; `None` if all have been asked.
    pub async fn next(&mut self) -> Option<(ExecutionId, Result<CancelVerdict, ControlError>)> {
        let peid = *self.counted.found.front()?;
        let (tenant, asked) = (&self.counted.tenant, self.counted.work.clone());
        let cancelled = match self.engine.cancel(tenant, peid, asked).await {
            Ok(verdict) => verdict.ok_or(ControlError::NoExecution(peid)),
            Err(error) => Err(error),
        };
        self.counted.found.pop_front();
        Some((peid, cancelled))
    }
}
