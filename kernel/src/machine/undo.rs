//! Undo records: decided when a task ends, and written with its end. Owns what a task that has acted registers; makes no
//! call.

use std::sync::Arc;

use updraft_protocol::{Failure, FailureKind, Json, TaskStatus, Timestamp, UndoRecord};

use super::Machine;
use super::scope::{Locals, ScopeId};
use super::task_seq::TaskSeq;
use crate::plan::{OUTPUT, PlannedAction, PlannedContainment};

impl Machine {
    /// How what a task did is taken back, now that it ends with this status. A step whose outcome is unknown is undone only
    /// where its author says that this is safe.
    pub(super) fn undo_at_end(
        &mut self,
        task: TaskSeq,
        status: TaskStatus,
        (response, error): (Option<&Json>, Option<&Failure>),
        now: Timestamp,
    ) -> Option<Arc<UndoRecord>> {
        let plan = self.plan.clone();
        let ended = self.task(task);
        let action = PlannedAction::of(plan.step(ended.step))?;
        if action.undoes.is_some() {
            return self.undos.told(status, error, now).map(Arc::new);
        }
        let undo = action.undo.as_ref()?;
        let acted = match status {
            TaskStatus::Completed => true,
            TaskStatus::Unknown => undo.safe_if_unknown,
            _ => false,
        };
        if !acted {
            return None;
        }
        let output = response.cloned().unwrap_or_else(Json::null);
        let locals = Locals::of_ended(OUTPUT, output);
        let view = self.view_with(ended.scope, self.began_of(task), Some(&locals));
        let contained = action.containment.as_ref().map(|containment| containment.decide(&view));
        let (hold, work) = match contained {
            Some((Ok(contained), work)) => (Some(PlannedContainment::hold(contained, now)), work),
            // Decided before the call, from the same values.
            Some((Err(_), work)) => (None, work),
            None => (None, 0),
        };
        let (record, spent) = undo.record(&view, hold, self.undos.next_number());
        self.turn.work += work + spent.work;
        let record = Arc::new(record);
        self.undos.register(&self.tasks[task], record.clone());
        Some(record)
    }

    /// Why a call may not be made: the target or the time of what it contains cannot be decided, or its undo could not be
    /// remembered.
    pub(super) fn cannot_be_undone(
        &mut self,
        action: &PlannedAction,
        scope: ScopeId,
        began: Timestamp,
    ) -> Option<Failure> {
        if action.undo.as_ref().is_some_and(|undo| undo.is_made_before_an_end())
            && let Some(reason) = self.undos.too_many()
        {
            return Some(Failure::new(FailureKind::TooLarge, reason));
        }
        let (contained, work) = action.containment.as_ref()?.decide(&self.view(scope, began));
        self.turn.work += work;
        contained.err()
    }
}
