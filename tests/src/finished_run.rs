//! An execution that was run to its end, with what the invariants say of it.

use serde_json::Value;
use updraft::playbook::StepKind;
use updraft::{
    Catalogue, Engine, ExecutionDocument, ExecutionStatus, Failure, Handle, Json, Plan, Playbook,
    TaskDocument, TaskStatus, invariant,
};

use crate::timeouts::soon;
use crate::tool::Tool;

/// An execution and its tasks after its end.
#[derive(Debug)]
pub struct FinishedRun {
    /// The execution.
    pub execution: ExecutionDocument,
    /// Its tasks, in order.
    pub tasks: Vec<TaskDocument>,
}

impl FinishedRun {
    /// Waits for the end of an execution and checks every invariant on what is told and what is stored.
    pub async fn to_end(
        engine: &Engine,
        handle: &Handle,
        playbook: &Playbook,
        catalogue: &Catalogue,
        tool: &Tool,
    ) -> Self {
        let execution = soon(handle.wait()).await.unwrap();
        let told = handle.inspect().await.unwrap();
        assert_eq!(*told.execution, execution, "what is told after the end is the end");
        engine.flush().await.unwrap();
        let stored = engine.execution(handle.tenant(), handle.peid()).await.unwrap().unwrap();
        assert_eq!(stored, told, "what is stored is what was told");
        let finished = Self { execution, tasks: stored.tasks };
        finished.check(playbook, catalogue, tool);
        finished
    }

    /// Checks the invariants on what is stored, and on what the tool was asked.
    pub fn check(&self, playbook: &Playbook, catalogue: &Catalogue, tool: &Tool) {
        let plan = Plan::check(playbook, catalogue).unwrap();
        let walk = playbook.walk();
        invariant::ended_whole(&self.execution, &self.tasks).unwrap();
        invariant::steps_in_order(&plan, &self.tasks).unwrap();
        invariant::undone_before_the_end(&plan, &self.execution, &self.tasks).unwrap();
        for task in self.tasks.iter().filter(|task| task.head.integration.as_str() == "tool") {
            let keys = tool.keys(task.head.peid, &task.head.step_id);
            // An undo is no step of the playbook.
            let Some(step) = walk.iter().find(|walked| walked.id == task.head.step_id) else { continue };
            let step = step.step;
            let at_most_once = matches!(&step.kind, StepKind::Action(action) if action.at_most_once);
            if task.state.status == TaskStatus::Completed || at_most_once {
                let acts = tool.acts(task.head.peid, &task.head.step_id);
                invariant::acted_as_asked(at_most_once, task.task_request_id, &acts).unwrap();
                let denied = at_most_once && task.state.status == TaskStatus::Failed && !acts.is_empty();
                assert!(!denied, "{} may have acted and is failed", task.head.step_id);
            }
            assert!(keys.iter().all(|key| *key == task.task_request_id), "one key for one task");
        }
    }

    /// The task of a step.
    pub fn task(&self, step: &str) -> &TaskDocument {
        let task = self.tasks.iter().find(|task| task.head.step_id.as_str() == step);
        task.unwrap_or_else(|| panic!("no task of step {step}: {:?}", self.steps()))
    }

    /// The steps that were run, in order.
    pub fn steps(&self) -> Vec<&str> {
        self.tasks.iter().map(|task| task.head.step_id.as_str()).collect()
    }

    /// Where a step's task stands.
    pub fn status_of(&self, step: &str) -> TaskStatus {
        self.task(step).state.status
    }

    /// What a step gave.
    pub fn response_of(&self, step: &str) -> Value {
        self.task(step).state.response.as_ref().map_or(Value::Null, tree)
    }

    /// Why a step failed.
    pub fn error_of(&self, step: &str) -> &Failure {
        self.task(step).state.error.as_ref().unwrap()
    }

    /// How the execution ended.
    pub fn status(&self) -> ExecutionStatus {
        self.execution.state.execution_status
    }

    /// What the execution gave.
    pub fn output(&self) -> Value {
        self.execution.state.output.as_ref().map_or(Value::Null, tree)
    }

    /// Why the execution failed.
    pub fn error(&self) -> &Failure {
        self.execution.state.error.as_ref().unwrap()
    }
}

/// The tree of a value whose numbers serde_json holds.
fn tree(json: &Json) -> Value {
    json.value().try_into().unwrap()
}
