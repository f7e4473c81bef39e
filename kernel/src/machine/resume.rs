//! Resuming: a machine rebuilt from its documents, by walking the paths again over the recorded tasks.
//! Every decision of the earlier life is in a task's document, and a step sees only what ended before it
//! on its own path, so the walk comes to the same steps.

use std::sync::Arc;

use thiserror::Error;
use updraft_protocol::{
    ExecutionDocument, ExecutionStatus, Failure, FailureKind, Revision, TaskDocument, TaskStatus, Timestamp,
};

use super::output::kept_bytes;
use super::path::{Go, PathId};
use super::task::{Ending, Phase, Task, TaskSeq};
use super::{Effects, Machine, Ready, Terms};
use crate::plan::{Plan, PlannedKind, StepIndex};

/// Why documents cannot be resumed: they are not those of one execution of this plan.
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
    /// A number is missing among the tasks, or is there twice.
    #[error("task {task_seq} stands where task {expected} should")]
    Gap {
        /// The number found.
        task_seq: u32,
        /// The number due.
        expected: u32,
    },
    /// A task is for a step that its execution cannot have come to.
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
    /// The machine of an unfinished execution, from its documents (`tasks` in order of `task_seq`), and
    /// what to do next. Tasks that were under way are run again under their key; `at_most_once` tasks become
    /// unknown.
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
        let expected = self.tasks.len() as u32 + 1;
        let step = self.plan.index_of(&document.head.step_id);
        let step =
            step.ok_or_else(|| Unfit::Step { task_seq, step_id: document.head.step_id.to_string() })?;
        if task_seq != expected || self.recorded.insert(step, TaskSeq(task_seq)).is_some() {
            return Err(Unfit::Gap { task_seq, expected });
        }
        self.output_bytes += kept_bytes(&document.state);
        self.tasks.push(Task {
            seq: TaskSeq(task_seq),
            step,
            path: PathId::MAIN,
            state: document.state,
            revision: Revision { epoch: document.epoch, seq: document.seq },
            phase: Phase::Recorded,
        });
        Ok(())
    }

    /// Ends an execution whose time was over before it was resumed: nothing is run again for it.
    fn time_out_recorded(&mut self, now: Timestamp, effects: &mut Effects) {
        self.recorded.clear();
        for task in &mut self.tasks {
            task.phase = match task.state.status {
                TaskStatus::Executing => Phase::Running,
                TaskStatus::Retrying => Phase::Ready,
                _ => Phase::Ended,
            };
        }
        self.stop(ExecutionStatus::TimedOut, None, now, effects);
        debug_assert_eq!(crate::invariant::machine(self), Ok(()));
    }

    /// The recorded task of a step that a path has come to, now on that path.
    pub(super) fn recall(&mut self, path: PathId, step: StepIndex) -> Option<TaskSeq> {
        let task = self.recorded.remove(&step)?;
        self.task_mut(task).path = path;
        Some(task)
    }

    /// Goes on with a recorded action where its earlier life left it.
    pub(super) fn recall_action(
        &mut self,
        task: TaskSeq,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Option<Go> {
        if let Some(ending) = self.task(task).recorded_ending() {
            return Some(self.follow(task, ending));
        }
        let plan = self.plan.clone();
        let PlannedKind::Action(action) = &plan.step(self.task(task).step).kind else { return None };
        let state = &self.task(task).state;
        match (state.status, &state.error) {
            // Another life may have what was missing.
            (TaskStatus::Retrying, Some(failure)) if failure.wait.is_some() => {
                self.wait(task, now, effects);
                None
            }
            (TaskStatus::Retrying, Some(failure)) => {
                let due = self.retry_due(task, action, failure, state.updated_date);
                self.wait(task, due, effects);
                None
            }
            _ if action.at_most_once => {
                let message = "the engine stopped while the tool was called; whether it acted is not known";
                let failure = Failure::new(FailureKind::UnknownOutcome, message);
                Some(self.end_task(task, Ending::Unknown(failure), now, effects))
            }
            _ => {
                self.task_mut(task).phase = Phase::Ready;
                self.ready.push_back(Ready::Again(task));
                None
            }
        }
    }
}
