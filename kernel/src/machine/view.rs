//! The values that the steps of one scope can see: the execution's own data, and the tasks that ended in that scope and
//! in the scopes around it.

use std::sync::Arc;

use updraft_protocol::{Json, StepId, TaskState, TaskStatus, Timestamp};

use super::Machine;
use super::scope::{Locals, Scope, ScopeId, VariableValue};
use super::task_seq::TaskSeq;
use crate::outline::Outline;
use crate::plan::StepIndex;
use crate::visible::{StepView, Visible};

pub(super) struct View<'a> {
    machine: &'a Machine,
    scope: ScopeId,
    now: Timestamp,
    /// Names that a round would read which has not begun.
    locals: Option<&'a Locals>,
}

impl Machine {
    /// The view of a task that began at `now`.
    pub(super) fn view(&self, scope: ScopeId, now: Timestamp) -> View<'_> {
        self.view_with(scope, now, None)
    }

    /// The same, with the names that a round would read.
    pub(super) fn view_with<'a>(
        &'a self,
        scope: ScopeId,
        now: Timestamp,
        locals: Option<&'a Locals>,
    ) -> View<'a> {
        View { machine: self, scope, now, locals }
    }

    /// When a task began.
    pub(super) fn began_of(&self, task: TaskSeq) -> Timestamp {
        self.task(task).state.started_date.unwrap_or_default()
    }

    /// When a recorded task began; `now` for one that begins.
    pub(super) fn began(&self, task: Option<TaskSeq>, now: Timestamp) -> Timestamp {
        task.and_then(|task| self.tasks.get(task)).and_then(|task| task.state.started_date).unwrap_or(now)
    }
}

impl View<'_> {
    /// The task of a step that has ended in a scope.
    fn ended(&self, scope: &Scope, step: StepIndex) -> Option<&TaskState> {
        scope.ended(step).and_then(|task| self.machine.tasks.get(task)).map(|task| &task.state)
    }
}

impl Visible for View<'_> {
    fn input(&self) -> &Json {
        &self.machine.head.input
    }

    fn variables(&self) -> &Json {
        &self.machine.head.variables
    }

    fn constants(&self) -> &Json {
        &self.machine.plan.constants_json
    }

    fn set_variables(&self) -> Vec<VariableValue> {
        let first = self.machine.scopes.get(self.scope);
        let outer = |scope: &&Scope| scope.opener.and_then(|(outer, _)| self.machine.scopes.get(outer));
        let around = std::iter::successors(first, outer);
        around.flat_map(|scope| scope.variables.iter().cloned()).collect()
    }

    fn outline(&self, text: &Json) -> Option<Arc<Outline>> {
        self.machine.outlines.get(text)
    }

    fn now(&self) -> Timestamp {
        self.now
    }

    fn local(&self, name: &str) -> Option<&Json> {
        if let Some(value) = self.locals.and_then(|locals| locals.get(name)) {
            return Some(value);
        }
        let mut scope = self.machine.scopes.get(self.scope);
        while let Some(here) = scope {
            if let Some(value) = here.locals.as_ref().and_then(|locals| locals.get(name)) {
                return Some(value);
            }
            scope = here.opener.and_then(|(outer, _)| self.machine.scopes.get(outer));
        }
        None
    }

    fn step(&self, id: &str) -> Option<StepView<'_>> {
        let step = self.machine.plan.index_of(&StepId::new(id).ok()?)?;
        let mut scope = self.machine.scopes.get(self.scope);
        while let Some(here) = scope {
            if let Some(task) = self.ended(here, step) {
                // What a `verify` did not show has failed, whatever its action says of itself.
                let verify = self.machine.plan.verify_of(step).and_then(|verify| self.ended(here, verify));
                let unverified = verify.filter(|verify| verify.status != TaskStatus::Completed);
                let ended = unverified.unwrap_or(task);
                return Some(StepView {
                    status: ended.status,
                    output: task.response.as_ref(),
                    // The failure of an earlier attempt is not the error of a step that completed.
                    error: ended.error.as_deref().filter(|_| ended.status != TaskStatus::Completed),
                });
            }
            scope = here.opener.and_then(|(outer, _)| self.machine.scopes.get(outer));
        }
        None
    }
}
