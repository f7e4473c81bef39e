//! Sub-playbooks in random playbooks.

use serde_json::{Value, json};
use updraft_protocol::{ExecutionStatus, TaskDocument, TaskId, WaitKind};

use super::super::world::World;
use super::Generator;
use crate::invariant;
use crate::plan::PlannedKind;

impl Generator {
    pub(super) fn child(&mut self, step: &mut Value, length: u64, depth: u64) {
        step["playbook"] = json!("other");
        step["with"] = json!({"n": "{{ input.n }}", "at": "{{ now }}"});
        step["timeout"] = json!(["20s", "3h"][self.draw(2) as usize]);
        if self.draw(4) == 0 {
            step["wait"] = json!(false);
        }
        for field in ["on_failure", "on_timeout", "on_unknown"] {
            self.handle(step, field, length, depth);
        }
        self.on_cancel(step, depth);
    }
}

/// A child that runs ends, if there is any.
pub(super) fn end_one(world: &mut World, choice: u8) -> bool {
    let running = world.children.iter().filter(|(_, end)| end.is_none()).map(|(task, _)| *task);
    let running: Vec<TaskId> = running.collect();
    let Some(task) = running.get(usize::from(choice) % running.len().max(1)) else { return false };
    let ends = [ExecutionStatus::Completed, ExecutionStatus::Failed, ExecutionStatus::TimedOut];
    world.end_child(*task, ends[usize::from(choice) % 3]);
    true
}

/// Every task that was to start a child has started one, and one that waits ended as its child did, not before it.
pub(super) fn are_heard(world: &World, tasks: &[TaskDocument]) -> Result<(), String> {
    for task in tasks {
        let child = world.children.get(&task.task_request_id);
        if let Some(wait) = task.state.wait.as_ref().filter(|wait| wait.kind == WaitKind::Child)
            && child.is_none()
        {
            return Err(format!("{wait:?} of a child that was never started"));
        }
        let Some(end) = child.filter(|_| waits(world, task)) else { continue };
        let end = end.ok_or_else(|| format!("{} has ended and its child goes on", task.head.step_id))?;
        invariant::ends_as_its_child(task, end).map_err(|violation| violation.to_string())?;
    }
    Ok(())
}

/// Whether the step of a task waits for its child.
fn waits(world: &World, task: &TaskDocument) -> bool {
    let plan = world.machine.plan();
    let step = plan.index_of(&task.head.step_id).map(|step| &plan.step(step).kind);
    matches!(step, Some(PlannedKind::SubPlaybook(child)) if child.waits)
}
