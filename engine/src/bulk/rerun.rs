//! Reruns in bulk: each as [`Engine::rerun`], through the ordinary admission: where the engine has no place, the next one waits for
//! it. What has been run again already is left out, and so are reruns of the same request that have failed again.

use updraft_actors::EngineContext;
use updraft_protocol::limits::BULK_PAUSE;
use updraft_protocol::{ControlRefusal, ExecutionDocument, ExecutionId, ExecutionStatus};

use super::{Bulk, BulkError, Counted, ExecutionFilter, counted};
use crate::engine::Engine;
use crate::error::ReadError;
use crate::handle::Handle;
use crate::rerun::{Rerun, RerunError, rerun_of};

/// The statuses of executions that have ended.
const ENDED: [ExecutionStatus; 4] = [
    ExecutionStatus::Failed,
    ExecutionStatus::TimedOut,
    ExecutionStatus::Cancelled,
    ExecutionStatus::Completed,
];

/// As [`Engine::count_reruns`], once the store has what is known now.
pub(crate) async fn count_reruns(
    context: &EngineContext,
    stored: impl Future<Output = Result<(), ReadError>>,
    filter: ExecutionFilter,
    rerun: Rerun,
) -> Result<Counted<Rerun>, BulkError> {
    if !rerun.asked.is_sound() {
        return Err(BulkError::Asker(ControlRefusal::NotAsker));
    }
    let Some(id) = rerun.id.clone() else { return Err(BulkError::NoId) };
    if filter.status == Some(ExecutionStatus::Completed) && rerun.is_the_same() {
        return Err(BulkError::NothingFailed);
    }
    let possible = if filter.status.is_some() { &ENDED[..] } else { &ENDED[..3] };
    let statuses = filter.statuses(possible)?;
    let is_left_out =
        |document: &ExecutionDocument| rerun_of(document).is_some() || is_of_this_request(document, &id);
    stored.await?;
    counted(context, filter, &statuses, rerun.unless_done(), is_left_out).await
}

impl Engine {
    /// Counts the executions that have ended and fit the filter, for [`Engine::rerun_all`]: those that did not complete, unless
    /// it asks for others. What has been run again is left out, so that the same request, known by the id of the rerun, goes on
    /// where it was interrupted.
    ///
    /// # Errors
    /// It is not said who asks for it, the rerun has no id, the filter asks for executions that have not ended, there are too
    /// many, or the engine cannot tell.
    pub async fn count_reruns(
        &self,
        filter: ExecutionFilter,
        rerun: Rerun,
    ) -> Result<Counted<Rerun>, BulkError> {
        count_reruns(&self.context, self.flush(), filter, rerun).await
    }

    /// Runs again what was counted, as far as [`Bulk::next`] is asked for.
    pub fn rerun_all(&self, counted: Counted<Rerun>) -> Bulk<'_, Rerun> {
        Bulk { engine: self, counted }
    }
}

impl Bulk<'_, Rerun> {
    /// Runs the next execution again, and tells what became of that; `None` if all have been. Waits as long as the engine, or the
    /// tenant, has no place for a further execution.
    pub async fn next(&mut self) -> Option<(ExecutionId, Result<Handle, RerunError>)> {
        let peid = *self.counted.found.front()?;
        let tenant = self.counted.tenant.clone();
        let begun = loop {
            let begun = self.engine.rerun(&tenant, peid, self.counted.work.clone()).await;
            match &begun {
                Err(error) if error.has_no_place() => self.engine.context.timer.pause(BULK_PAUSE).await,
                _ => break begun,
            }
        };
        self.counted.found.pop_front();
        Some((peid, begun))
    }
}

/// Whether an execution is a rerun that has this id.
fn is_of_this_request(document: &ExecutionDocument, id: &str) -> bool {
    let key = document.head.idempotency_key.as_deref();
    let of = document.head.rerun_of.as_ref().map(|rerun_of| rerun_of.peid);
    of.is_some_and(|of| key == Some(&*Rerun::key(of, id)))
}
