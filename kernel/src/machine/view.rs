//! The values that the steps of one scope can see: the execution's own data, and the tasks that ended in that scope and
//! in the scopes around it.

use updraft_protocol::{Json, StepId, TaskStatus};

use super::Machine;
use super::scope::ScopeId;
use crate::visible::{StepView, Visible};

pub(super) struct View<'a> {
    machine: &'a Machine,
    scope: ScopeId,
}

impl Machine {
    pub(super) fn view(&self, scope: ScopeId) -> View<'_> {
        View { machine: self, scope }
    }
}

impl Visible for View<'_> {
    fn input(&self) -> &Json {
        &self.machine.head.input
    }

    fn variables(&self) -> &Json {
        &self.machine.head.variables
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
