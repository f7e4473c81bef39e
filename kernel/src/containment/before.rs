//! What was so before a task: whether another task contains it, and when that is known.

use updraft_protocol::limits::CONTAINMENT_LATE;
use updraft_protocol::{ContainmentDocument, TaskDocument, Timestamp};

/// Whether the hold of a task is registered too soon: what was so before may be so by another task that contains the target, whose
/// record is on its way to the store.
pub(super) fn waits_for_others(
    before: Option<&ContainmentDocument>,
    task: &TaskDocument,
    now: Timestamp,
) -> bool {
    let was_so = task.state.undo.as_ref().is_some_and(|undo| undo.was_so);
    // By a clock that was set back it is not waited for longer.
    let soon = now.after(CONTAINMENT_LATE);
    let is_early = task.state.registration_due.is_some_and(|due| due > now && due <= soon);
    was_so && is_early && before.is_none_or(|document| ended_before(document, task))
}

/// Whether a target was no longer contained when this task found that it was: by other hands, and so not ours to undo.
pub(super) fn ended_before(document: &ContainmentDocument, task: &TaskDocument) -> bool {
    let newest = document.details.history.last().map(|entry| entry.at);
    document.status.ended() && newest.is_none_or(|ended| ended < task.state.updated_date)
}
