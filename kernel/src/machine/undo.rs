//! Undo records: decided when a task ends, and written with its end. Owns what a task that has acted registers; makes no
//! call.

use std::sync::Arc;

use updraft_protocol::{Failure, FailureKind, Json, TaskStatus, Timestamp, UndoRecord};

use super::Machine;
use super::scope::{Locals, ScopeId};
use super::task_seq::TaskSeq;
use crate::plan::{OUTPUT, PlannedAction, PlannedContainment, RESULT, StepIndex};

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
        let (scope, began) = (ended.scope, self.began_of(task));
        let (was_so, asked) = self.was_so_before(action, scope, began);
        self.turn.work += asked;
        // Decided before the call, from the same values.
        let was_so = was_so.unwrap_or(false);
        if was_so && action.containment.is_none() {
            return None;
        }
        let output = response.cloned().unwrap_or_else(Json::null);
        let locals = Locals::of_ended(OUTPUT, output);
        let view = self.view_with(scope, began, Some(&locals));
        let contained = action.containment.as_ref().map(|containment| containment.decide(&view));
        let (hold, work) = match contained {
            Some((Ok(contained), work)) => (Some(PlannedContainment::hold(contained, now)), work),
            // Decided before the call, from the same values.
            Some((Err(_), work)) => (None, work),
            None => (None, 0),
        };
        let (record, spent) = undo.record(&view, (hold, was_so), self.undos.next_number());
        self.turn.work += work + spent.work;
        let record = Arc::new(record);
        self.undos.register(&self.tasks[task], record.clone());
        Some(record)
    }

    /// Why a call may not be made: it cannot be decided whether what it does was so before, or the target or the time of what it
    /// contains; or its undo could not be remembered.
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
        let (was_so, work) = self.was_so_before(action, scope, began);
        self.turn.work += work;
        if let Err(failure) = was_so {
            let message = format!("already.if: {}", failure.message);
            return Some(Failure::new(FailureKind::Template, message));
        }
        let (contained, work) = action.containment.as_ref()?.decide(&self.view(scope, began));
        self.turn.work += work;
        contained.err()
    }

    /// What an action contains, if it does.
    pub(super) fn contained_by(
        &mut self,
        action: &PlannedAction,
        scope: ScopeId,
        began: Timestamp,
    ) -> Option<Arc<str>> {
        let (contained, work) = action.containment.as_ref()?.decide(&self.view(scope, began));
        self.turn.work += work;
        contained.ok().map(|(target, _)| target)
    }

    /// Whether what an action does was so before it, as the call says that asked; and the work.
    fn was_so_before(
        &self,
        action: &PlannedAction,
        scope: ScopeId,
        began: Timestamp,
    ) -> (Result<bool, Failure>, u64) {
        let Some(already) = &action.already else { return (Ok(false), 0) };
        let locals = Locals::of_ended(RESULT, self.output_of(scope, already.asking));
        let (decided, spent) = already.holds.decide_metered(&self.view_with(scope, began, Some(&locals)));
        (decided, spent.work)
    }

    /// What a step has given that ended in this scope; `null` if it has given nothing.
    pub(super) fn output_of(&self, scope: ScopeId, step: StepIndex) -> Json {
        let task = self.scopes.get(scope).and_then(|scope| scope.ended(step));
        let output = task.and_then(|task| self.tasks.get(task)?.state.response.clone());
        output.unwrap_or_else(Json::null)
    }
}
