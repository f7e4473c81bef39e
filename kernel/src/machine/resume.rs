//! Resuming: a machine is rebuilt from its documents by walking the steps again over the recorded tasks, which are
//! found by scope and step. Every decision from before the crash is in a task's document, and a step sees only tasks
//! that ended before it in its own scope, in those around it, and in the branches that these have joined. So the walk reaches the same steps.

use std::sync::Arc;

use thiserror::Error;
use updraft_protocol::{ExecutionDocument, ExecutionStatus, Revision, TaskDocument, TaskStatus, Timestamp};

use super::output::kept_bytes;
use super::scope::ScopeId;
use super::task::{Ending, Phase, Task};
use super::task_seq::TaskSeq;
use super::{Effects, Machine, Terms};
use crate::plan::{Plan, StepIndex};

/// Why documents cannot be resumed: they do not belong to one execution of this plan.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unfit {
    /// It has ended.
    #[error("the execution has ended")]
    Ended,
    /// A task is for a step that the plan does not have.
    #[error("task {task_seq} is for step \"{step_id}\", which the playbook does not have")]
    Step {
        /// The task's number.
        task_seq: u32,
        /// The step that it names.
        step_id: String,
    },
    /// A number is missing among the tasks, or two are for one step of one scope.
    #[error("task {task_seq} stands where task {expected} should")]
    Gap {
        /// The number found.
        task_seq: u32,
        /// The number due.
        expected: u32,
    },
    /// A task is for a step that its execution cannot have reached.
    #[error("task {task_seq} is for a step that its execution has not come to")]
    Unreached {
        /// The task's number.
        task_seq: u32,
    },
}

impl Unfit {
    /// Whether trying again can help: never, the documents stay what they are.
    pub fn retryable(&self) -> bool {
        false
    }
}

impl Machine {
    /// The machine of an unfinished execution, from its documents (`tasks` in order of `task_seq`), and the effects
    /// that follow. Tasks that were under way are run again under their key; `at_most_once` tasks become unknown.
    ///
    /// # Errors
    /// Documents that do not fit the plan or each other.
    pub fn resume(
        plan: Arc<Plan>,
        document: ExecutionDocument,
        tasks: Vec<TaskDocument>,
        terms: Terms,
        now: Timestamp,
    ) -> Result<(Self, Effects), Unfit> {
        if document.state.execution_status.ended() {
            return Err(Unfit::Ended);
        }
        let revision = Revision { epoch: document.epoch, seq: document.seq };
        let mut machine = Self::new(plan, document.peid, document.head, document.state, terms);
        machine.revision = revision;
        for task in tasks {
            machine.record(task)?;
        }
        let mut effects = Effects::default();
        if machine.deadline().is_some_and(|deadline| deadline <= now) {
            machine.time_out_recorded(now, &mut effects);
            return Ok((machine, effects));
        }
        machine.begin(now, &mut effects);
        if let Some(task) = machine.recorded.values().next()
            && !machine.ended()
        {
            return Err(Unfit::Unreached { task_seq: task.0 });
        }
        machine.recorded.clear();
        debug_assert_eq!(crate::invariant::machine(&machine), Ok(()));
        Ok((machine, effects))
    }

    fn record(&mut self, document: TaskDocument) -> Result<(), Unfit> {
        let task_seq = document.head.task_seq;
        let expected = self.tasks.next().0;
        let step = self.plan.index_of(&document.head.step_id);
        let step =
            step.ok_or_else(|| Unfit::Step { task_seq, step_id: document.head.step_id.to_string() })?;
        let place = (document.head.scope.clone(), step);
        if task_seq != expected || self.recorded.insert(place, TaskSeq(task_seq)).is_some() {
            return Err(Unfit::Gap { task_seq, expected });
        }
        self.output_bytes += kept_bytes(&document.state);
        self.tasks.push(Task {
            seq: TaskSeq(task_seq),
            id: document.task_request_id,
            step,
            scope: ScopeId::MAIN,
            path: document.head.scope.clone(),
            state: document.state,
            revision: Revision { epoch: document.epoch, seq: document.seq },
            phase: Phase::Recorded,
        });
        Ok(())
    }

    /// Ends an execution whose timeout passed before it was resumed: nothing of it is run again.
    fn time_out_recorded(&mut self, now: Timestamp, effects: &mut Effects) {
        self.recorded.clear();
        for task in self.tasks.iter_mut() {
            task.phase = match task.state.status {
                TaskStatus::Executing => Phase::Running,
                TaskStatus::Retrying | TaskStatus::Waiting => Phase::Ready,
                _ => Phase::Ended,
            };
        }
        self.stop(ExecutionStatus::TimedOut, None, now, effects);
        debug_assert_eq!(crate::invariant::machine(self), Ok(()));
    }

    /// The recorded task of a step that control reached; the task now belongs to that scope.
    pub(super) fn recall(&mut self, scope: ScopeId, step: StepIndex) -> Option<TaskSeq> {
        if self.recorded.is_empty() {
            return None;
        }
        let task = self.recorded.remove(&(self.scopes.path(scope).clone(), step))?;
        self.task_mut(task).scope = scope;
        Some(task)
    }

    /// A task with the ending in its document; `None` if it has not ended.
    pub(super) fn recorded_ending(&self, task: TaskSeq) -> Option<(TaskSeq, Ending)> {
        self.task(task).recorded_ending().map(|ending| (task, ending))
    }
}
