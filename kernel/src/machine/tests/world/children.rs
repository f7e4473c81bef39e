//! The children of a world: how they end, and what is reported of them.

use serde_json::Value;
use updraft_protocol::{ExecutionStatus, Parent, TaskId};

use super::World;
use crate::machine::{ChildReport, DefaultWaits, MachineEvent, StartChild};

impl World {
    /// Begins as a sub-playbook.
    pub(in super::super) fn begin_below(playbook: &Value, input: Value, parent: Parent) -> Self {
        Self::begin_as(playbook, input, (DefaultWaits::default(), Some(parent)))
    }

    pub(super) fn start_child(&mut self, start: StartChild) {
        let task = start.parent.task;
        // It is there already, and has ended.
        if self.children.entry(task).or_default().is_some() || !start.parent.waits {
            self.reports.push(task);
        }
        self.started.push(start);
    }

    pub(super) fn stop_child(&mut self, task: TaskId) {
        self.stopped.push(task);
        self.end_child(task, ExecutionStatus::Cancelled);
    }

    /// A child ends, if it has not; its report is on its way.
    pub(in super::super) fn end_child(&mut self, task: TaskId, status: ExecutionStatus) {
        self.children.entry(task).or_default().get_or_insert(status);
        if !self.reports.contains(&task) {
            self.reports.push(task);
        }
    }

    /// The next report of a child comes.
    pub(in super::super) fn report(&mut self) {
        let task = self.reports.remove(0);
        let report = match self.children[&task] {
            Some(status) => ChildReport::Ended { status, output: None, error: None },
            None => ChildReport::Started,
        };
        self.apply(MachineEvent::Child { task, report });
    }

    /// The task of a step.
    pub(in super::super) fn task_of(&self, step: &str) -> TaskId {
        let tasks = self.tasks();
        let task = tasks.iter().find(|task| task.head.step_id.as_str() == step);
        task.unwrap_or_else(|| panic!("no task of {step}")).task_request_id
    }
}
