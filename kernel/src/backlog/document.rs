//! The documents of queued executions: how they are queued, and what may be changed of them. Writes nothing itself.

use std::sync::Arc;

use updraft_protocol::{
    Asked, ControlHistory, ControlKind, ControlRecord, ExecutionDocument, ExecutionHead, ExecutionId,
    ExecutionState, ExecutionStatus, ExecutionUpdate, Priority, Revision, Timestamp, Update,
};

use super::Queued;

/// The first update of an execution that is queued.
pub fn enqueued(peid: ExecutionId, head: Arc<ExecutionHead>, epoch: u64) -> Update {
    let state = ExecutionState {
        queue_position: Some(Queued::position(head.createddate, head.priority)),
        ..ExecutionState::change(ExecutionStatus::Queued, head.createddate)
    };
    Update::from(ExecutionUpdate {
        peid,
        revision: Revision { epoch, seq: 1 },
        head: Some(head),
        state,
        positions: Default::default(),
    })
}

/// Gives a queued execution another priority, for a person.
pub fn reprioritised(
    document: &ExecutionDocument,
    priority: Priority,
    asked: Asked,
    epoch: u64,
    now: Timestamp,
) -> Update {
    let history = document.state.controls.as_deref().cloned().unwrap_or_default();
    let record = ControlRecord::new(ControlKind::Reprioritise, now, asked);
    let controls: ControlHistory = history.with(record);
    let state = ExecutionState {
        queue_position: Some(Queued::position(document.head.createddate, priority)),
        reprioritised: Some(priority),
        controls: Some(Arc::new(controls)),
        ..ExecutionState::change(document.state.execution_status, now)
    };
    let revision = Revision { epoch, seq: document.seq + 1 };
    Update::from(ExecutionUpdate {
        peid: document.peid,
        revision,
        head: None,
        state,
        positions: Default::default(),
    })
}
