//! What the steps of one path can see: the execution's own data, and what ended before them on that path.

use updraft_protocol::{Json, StepId, TaskStatus};

use super::Machine;
use super::path::PathId;
use crate::visible::{StepView, Visible};

pub(super) struct View<'a> {
    machine: &'a Machine,
    path: PathId,
}

impl Machine {
    pub(super) fn view(&self, path: PathId) -> View<'_> {
        View { machine: self, path }
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
        let mut path = Some(self.path);
        while let Some(id) = path {
            let path_here = self.machine.path(id);
            let newest = path_here.ended.iter().rev().map(|seq| self.machine.task(*seq));
            if let Some(task) = newest.into_iter().find(|task| task.step == step) {
                return Some(StepView {
                    status: task.state.status,
                    output: task.state.response.as_ref(),
                    // What an earlier attempt failed of is no error of a step that came through.
                    error: task.state.error.as_ref().filter(|_| task.state.status != TaskStatus::Completed),
                });
            }
            path = path_here.parent.map(|(parent, _)| parent);
        }
        None
    }
}
