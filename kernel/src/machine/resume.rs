//! Resuming: a machine is rebuilt from its documents by walking the steps again over the recorded tasks, which are
//! found by scope and step. Every decision from before the crash is in a task's document, and a step sees only tasks
//! that ended before it in its own scope, in those around it, and in the branches that these have joined. So the walk reaches the same steps.

use std::sync::Arc;

use thiserror::Error;
use updraft_protocol::{ExecutionDocument, ExecutionStatus, Revision, TaskDocument, TaskStatus, Timestamp};

use super::recorded::Recorded;
use super::scope::ScopeId;
use super::task::Phase;
use super::task_seq::TaskSeq;
use super::{Effects, Machine, Terms};
use crate::plan::{Plan, PlannedAction};

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
    /// that follow. One that was queued begins. Tasks that were under way are run again under their key; `at_most_once` tasks become unknown.
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
        let mut machine = Self::queued(plan, document, terms);
        for task in tasks {
            machine.record(task)?;
        }
        machine.undos.sort();
        let mut effects = Effects::default();
        if machine.status() == ExecutionStatus::Queued {
            let begun = Self::begun(now);
            machine.state.merge(begun.clone());
            machine.write_execution(begun, false, &mut effects);
        }
        machine.recall_ending();
        if machine.deadline().is_some_and(|deadline| deadline <= now) {
            if machine.plan.steps.iter().all(|step| step.cleanup.is_none()) && !machine.plan.takes_back() {
                machine.time_out_recorded(now, &mut effects);
                return Ok((machine, effects));
            }
            machine.let_nothing_begin();
        }
        machine.begin(now, &mut effects);
        if let Some(task_seq) = machine.recorded.left()
            && !machine.ended()
        {
            return Err(Unfit::Unreached { task_seq });
        }
        machine.recorded = Recorded::default();
        debug_assert_eq!(crate::invariant::machine(&machine), Ok(()));
        Ok((machine, effects))
    }

    /// The machine of an unfinished execution, of which nothing has begun.
    pub fn queued(plan: Arc<Plan>, document: ExecutionDocument, terms: Terms) -> Self {
        let revision = Revision { epoch: document.epoch, seq: document.seq };
        let mut machine = Self::new(plan, document.peid, document.head, document.state, terms);
        machine.revision = revision;
        machine
    }

    fn record(&mut self, document: TaskDocument) -> Result<(), Unfit> {
        let task_seq = document.head.task_seq;
        let expected = self.tasks.next().0;
        let step = self.plan.index_of(&document.head.step_id);
        let step =
            step.ok_or_else(|| Unfit::Step { task_seq, step_id: document.head.step_id.to_string() })?;
        self.tasks.take_up_to(TaskSeq(task_seq));
        self.undos.recall(step, &document);
        let is_undo = PlannedAction::of(self.plan.step(step)).is_some_and(|action| action.undoes.is_some());
        let is_new = if is_undo { self.undos.record(document) } else { self.recorded.add(step, document) };
        if task_seq != expected || !is_new {
            return Err(Unfit::Gap { task_seq, expected });
        }
        Ok(())
    }

    /// Ends an execution whose timeout passed before it was resumed: nothing of it is run again.
    fn time_out_recorded(&mut self, now: Timestamp, effects: &mut Effects) {
        for (step, document) in self.recorded.take_all() {
            let phase = match document.state.status {
                TaskStatus::Executing => Phase::Running,
                TaskStatus::Retrying | TaskStatus::Waiting => Phase::Ready,
                _ => Phase::Ended,
            };
            self.take_over(document, step, ScopeId::MAIN, phase);
        }
        self.stop(ExecutionStatus::TimedOut, None, now, effects);
        debug_assert_eq!(crate::invariant::machine(self), Ok(()));
    }
}
