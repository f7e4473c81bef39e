//! The note in the first execution that it was run again. Owns the update: one more control in a document that has ended, and
//! nothing else of it changes.

use std::sync::Arc;

use updraft_protocol::{
    Asked, ControlHistory, ControlKind, ControlRecord, ExecutionDocument, ExecutionId, ExecutionState,
    ExecutionUpdate, Revision, Timestamp, Update,
};

/// The update by which an execution that has ended tells who asked for its rerun, and which execution that is. It is made durable
/// with the beginning of the rerun.
pub fn noted(
    first: &ExecutionDocument,
    rerun: ExecutionId,
    asked: Asked,
    epoch: u64,
    now: Timestamp,
) -> Update {
    let history = first.state.controls.as_deref().cloned();
    let record =
        ControlRecord { execution: Some(rerun), ..ControlRecord::new(ControlKind::Rerun, now, asked) };
    let controls: ControlHistory = history.unwrap_or_default().with(record);
    let unchanged = ExecutionState::change(first.state.execution_status, now);
    Update::from(ExecutionUpdate {
        peid: first.peid,
        revision: Revision { epoch, seq: first.seq + 1 },
        head: None,
        state: ExecutionState { controls: Some(Arc::new(controls)), ..unchanged },
        positions: Default::default(),
    })
}
