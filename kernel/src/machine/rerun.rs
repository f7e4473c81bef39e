//! Reruns: a new execution that takes over results of another one. They are walked as what is recorded of an execution is
//! after a crash; a result that the walk does not come to, since something before it runs again, is not taken over.

use std::sync::Arc;

use updraft_protocol::limits::RERUN_WORK;
use updraft_protocol::{
    ExecutionHead, ExecutionId, Revision, TaskDocument, TaskHead, TaskId, TaskUpdate, Timestamp, Update,
};

use super::{Effects, Machine, Terms};
use crate::plan::{Plan, StepIndex};
use crate::rerun::RerunRefusal;

impl Machine {
    /// A new execution that takes over these results, in the order of their tasks (`crate::rerun`).
    ///
    /// # Errors
    /// The walk over them takes more than [`RERUN_WORK`].
    pub fn rerun(
        plan: Arc<Plan>,
        peid: ExecutionId,
        head: Arc<ExecutionHead>,
        results: Vec<TaskDocument>,
        terms: Terms,
        now: Timestamp,
    ) -> Result<(Self, Effects), RerunRefusal> {
        Self::rerun_within(RERUN_WORK, plan, (peid, head), results, terms, now)
    }

    /// The same, with another bound of the walk.
    pub(super) fn rerun_within(
        work: u64,
        plan: Arc<Plan>,
        (peid, head): (ExecutionId, Arc<ExecutionHead>),
        results: Vec<TaskDocument>,
        terms: Terms,
        now: Timestamp,
    ) -> Result<(Self, Effects), RerunRefusal> {
        let mut results: Vec<(StepIndex, TaskDocument)> =
            results.into_iter().filter_map(|task| Some((plan.index_of(&task.head.step_id)?, task))).collect();
        loop {
            let mut machine = Self::new(plan.clone(), peid, head.clone(), Self::begun(now), terms.clone());
            let mut effects = Effects::default();
            machine.write_execution(machine.state.clone(), true, &mut effects);
            for (step, task) in &results {
                machine.offer_result(*step, task);
            }
            // An ordinary turn could end before the walk has come to all results. What is new after them waits for the next one.
            machine.turn.results_work = Some(work);
            machine.taken = Some(Vec::new());
            machine.begin(now, &mut effects);
            machine.turn.results_work = None;
            effects.writes.extend(machine.taken.take().into_iter().flatten());
            if machine.recorded.is_empty() {
                debug_assert_eq!(crate::invariant::machine(&machine), Ok(()));
                return Ok((machine, effects));
            }
            // What is left may lie behind a step that runs again, or only behind the bound: nobody knows which.
            if machine.turn.work >= work {
                return Err(RerunRefusal::TooMuchWork);
            }
            let left = std::mem::take(&mut machine.recorded);
            results.retain(|(step, task)| !left.has(&task.head.scope, *step));
        }
    }

    /// A result waits for the walk to come to it.
    fn offer_result(&mut self, step: StepIndex, result: &TaskDocument) {
        let planned = self.plan.step(step);
        let head = Arc::new(TaskHead {
            peid: self.peid,
            task_seq: 0,
            step_id: planned.id.clone(),
            scope: result.head.scope.clone(),
            tenant_code: self.head.tenant_code.clone(),
            alert_id: self.head.alert_id.clone(),
            integration: planned.integration.clone(),
            action: planned.action.clone(),
            taken_from: Some(result.task_request_id),
        });
        let task_request_id = TaskId::derive(self.peid, &head.scope, &head.step_id);
        let (state, epoch, seq) = (result.state.clone(), self.epoch, 1);
        self.recorded.add(step, TaskDocument { task_request_id, head, state, epoch, seq });
    }

    /// The walk has come to a result: it is a task of this execution, with the next number, as if it had ended here.
    pub(super) fn take_result(&mut self, result: TaskDocument) -> TaskDocument {
        let task_seq = self.tasks.next().0;
        let peid = self.peid;
        let Some(taken) = &mut self.taken else { return result };
        let TaskDocument { task_request_id: task_id, head, state, epoch, seq } = result;
        let head = Arc::new(TaskHead { task_seq, ..TaskHead::clone(&head) });
        let revision = Revision { epoch, seq };
        let written = Some(head.clone());
        taken.push(Update::from(TaskUpdate {
            task_id,
            peid,
            revision,
            head: written,
            state: state.clone(),
            positions: Default::default(),
        }));
        TaskDocument { task_request_id: task_id, head, state, epoch, seq }
    }
}
