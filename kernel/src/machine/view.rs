//! The values that the steps of one scope can see: the execution's own data, and the tasks that ended in that scope and
//! in the scopes around it.

use updraft_protocol::{Json, StepId, TaskStatus, Timestamp};

use super::Machine;
use super::scope::ScopeId;
use super::task_seq::TaskSeq;
use crate::visible::{StepView, Visible};

pub(super) struct View<'a> {
    machine: &'a Machine,
    scope: ScopeId,
    now: Timestamp,
}

impl Machine {
    /// The view of a task that began at `now`.
    pub(super) fn view(&self, scope: ScopeId, now: Timestamp) -> View<'_> {
        View { machine: self, scope, now }
    }

    /// When a recorded task began; `now` for one that begins.
    pub(super) fn began(&self, task: Option<TaskSeq>, now: Timestamp) -> Timestamp {
        task.and_then(|task| self.tasks.get(task)).and_then(|task| task.state.started_date).unwrap_or(now)
    }
}

impl Visible for View<'_> {
    fn input(&self) -> &Json {
        &self.machine.head.input
    }

    fn variables(&self) -> &Json {
        &self.machine.head.variables
    }

    fn now(&self) -> Timestamp {
        self.now
    }

    fn step(&self, id: &str) -> Option<StepView<'_>> {
        let step = self.machine.plan.index_of(&StepId::new(id).ok()?)?;
        let mut scope = self.machine.scopes.get(self.scope);
        while let Some(here) = scope {
            if let Some(task) = here.ended(step).and_then(|task| self.machine.tasks.get(task)) {
                return Some(StepView {
                    status: task.state.status,
                    output: task.state.response.as_ref(),
                    // The failure of an earlier attempt is not the error of a step that completed.
                    error: task.state.error.as_deref().filter(|_| task.state.status != TaskStatus::Completed),
                });
            }
            scope = here.opener.and_then(|(outer, _)| self.machine.scopes.get(outer));
        }
        None
    }
}
