//! The end of a run: the properties that must hold once no event is left. Every accepted execution has ended, and the
//! store shows the newest state of every document.

use std::collections::BTreeMap;
use std::sync::Arc;

use updraft_kernel::invariant::{self, Violation};
use updraft_kernel::plan::{Plan, PlannedKind};
use updraft_protocol::{
    ControlKind, DocumentId, ExecutionDocument, ExecutionId, ExecutionStatus, FailureKind, TaskDocument,
    TaskId,
};

use super::reruns::differs_by_reruns;
use super::{Oracle, broken};
use crate::execution::Verdict;
use crate::store::SimulatedStore;

impl Oracle {
    /// Checks all properties of the end; `plan_of` gives the plan of an execution.
    pub fn at_the_end(
        &self,
        store: &SimulatedStore,
        plan_of: impl Fn(&ExecutionDocument) -> Option<Arc<Plan>>,
    ) -> Result<(), Violation> {
        for (order, accepted) in &self.accepted {
            if let Some(lost) = accepted.iter().find(|peid| !store.executions.contains_key(peid)) {
                return broken("accepted is durable", format!("{lost} of order {order} is not in the store"));
            }
        }
        self.one_for_each_key(store)?;
        Self::one_for_each_task(store)?;
        self.answered_with_their_own(store)?;
        self.containments_are_over(store)?;
        for document in store.executions.values() {
            let tasks = store.tasks_of(document.peid);
            let Some(plan) = plan_of(document) else { continue };
            self.execution_is_whole(document, &tasks, &plan, store)?;
        }
        for (cancel, (peid, verdict)) in &self.cancels {
            let status = store.executions.get(peid).map(|document| document.state.execution_status);
            let kept = match verdict {
                Verdict::Cancelled => status == Some(ExecutionStatus::Cancelled),
                Verdict::AlreadyEnded(told) => status == Some(*told),
            };
            if !kept {
                return broken(
                    "one end",
                    format!("cancel {cancel} was told {verdict:?}, the end is {status:?}"),
                );
            }
        }
        Ok(())
    }

    fn one_for_each_key(&self, store: &SimulatedStore) -> Result<(), Violation> {
        let mut keys: BTreeMap<(&str, &str, &str), ExecutionId> = BTreeMap::new();
        for document in store.executions.values() {
            let head = &document.head;
            let Some(key) = head.idempotency_key.as_deref() else { continue };
            let whole = (head.tenant_code.as_str(), head.playbook_name.as_str(), key);
            if let Some(first) = keys.insert(whole, document.peid) {
                return broken(
                    "one execution for a key",
                    format!("{first} and {} under {key}", document.peid),
                );
            }
        }
        Ok(())
    }

    /// Every submission was answered with an execution of its own playbook: each order has its own.
    fn answered_with_their_own(&self, store: &SimulatedStore) -> Result<(), Violation> {
        for (order, accepted) in &self.accepted {
            let wanted = format!("playbook-{order}");
            for document in accepted.iter().filter_map(|peid| store.executions.get(peid)) {
                let given = document.head.playbook_name.as_str();
                if given != wanted {
                    let what = format!("order {order} was given {}, which runs {given}", document.peid);
                    return broken("a key belongs to a playbook", what);
                }
            }
        }
        Ok(())
    }

    fn execution_is_whole(
        &self,
        document: &ExecutionDocument,
        tasks: &[TaskDocument],
        plan: &Plan,
        store: &SimulatedStore,
    ) -> Result<(), Violation> {
        let peid = document.peid;
        let tainted = store.tainted.contains(&peid);
        if !document.state.execution_status.ended() {
            return broken("everything ends", format!("{peid} is {}", document.state.execution_status));
        }
        if let Some(told) = self.told.get(&peid) {
            invariant::one_end(told)?;
            if told.last() != Some(&document.state.execution_status) {
                return broken("one end", format!("{peid} was told {told:?}"));
            }
        }
        for task in tasks {
            let Some(index) = plan.index_of(&task.head.step_id) else { continue };
            // What a rerun has taken over was done elsewhere.
            if task.head.taken_from.is_some() {
                continue;
            }
            match &plan.step(index).kind {
                PlannedKind::Action(action) => {
                    self.task_is_true(action, task, tainted)?;
                    self.gave_up_rightly(action, task)?;
                }
                PlannedKind::Repeat(repeat) => Self::is_verified(repeat, task, tasks)?,
                _ if self.skipped.contains(&task.task_request_id) => {}
                _ if self.ends.contains_key(&task.task_request_id) => self.end_is_kept(task)?,
                PlannedKind::Delay(delay) => Self::delay_is_kept(task, delay.duration)?,
                PlannedKind::SubPlaybook(child) => self.child_is_true(child, (document, task), store)?,
                PlannedKind::WaitFor(_) => Self::wait_is_kept(task)?,
                PlannedKind::WaitUntil(_) => Self::instant_is_kept(task)?,
                _ => {}
            }
        }
        if tainted {
            return Ok(());
        }
        invariant::ended_whole(document, tasks)?;
        invariant::steps_in_order(plan, tasks)?;
        self.signals_are_there(document, tasks)?;
        self.controls_are_recorded(document, tasks)?;
        invariant::answered_as_asked(plan, tasks)?;
        invariant::bodies_end_with_their_wait(plan, tasks)?;
        self.answers_are_there(tasks)?;
        invariant::items_are_counted(plan, tasks)?;
        invariant::counters_count_on(plan, tasks)?;
        // An execution that cannot continue is ended from its documents alone; an error that was decided before stays.
        let kind = document.state.error.as_ref().map(|error| error.kind);
        let is_abandoned = self.was_abandoned(document)
            || matches!(kind, Some(FailureKind::Playbook | FailureKind::Supervision | FailureKind::Store));
        if !is_abandoned {
            invariant::undo_is_registered(plan, tasks)?;
            invariant::cleaned_up(plan, tasks)?;
            invariant::paused_before_it_failed(plan, document, tasks)?;
        }
        invariant::undone_before_the_end(plan, document, tasks)?;
        self.rerun_is_true((document, tasks), plan, store)?;
        self.nothing_lost(document, tasks)
    }

    /// Whether an execution was ended from its documents. One that was run again has been written since, under another epoch.
    fn was_abandoned(&self, document: &ExecutionDocument) -> bool {
        let (peid, epoch) = (document.peid, document.epoch);
        let was_rerun =
            document.state.controls.as_ref().is_some_and(|controls| {
                controls.newest.iter().any(|record| record.kind == ControlKind::Rerun)
            });
        self.abandoned.iter().any(|(known, under)| *known == peid && (*under == epoch || was_rerun))
    }

    /// The store shows the newest state of every document.
    fn nothing_lost(&self, document: &ExecutionDocument, tasks: &[TaskDocument]) -> Result<(), Violation> {
        let behind = tasks.iter().find(|task| {
            let id = DocumentId::Task(task.task_request_id);
            self.newest_durable(id).is_some_and(|newest| (task.epoch, task.seq) < (newest.epoch, newest.seq))
        });
        if let Some(task) = behind {
            return broken(
                "nothing lost",
                format!("{} is older in the store than on disk", task.head.step_id),
            );
        }
        let Some((end, last)) = self.finals.get(&document.peid) else { return Ok(()) };
        let is_the_end = end == document || differs_by_reruns(&end.state, &document.state);
        if !is_the_end {
            return broken("nothing lost", format!("the store has {document:?}, the end was {end:?}"));
        }
        let stored: BTreeMap<TaskId, &TaskDocument> =
            tasks.iter().map(|task| (task.task_request_id, task)).collect();
        // But for the mark of a registered hold.
        let is_same = |task: &TaskDocument| {
            stored.get(&task.task_request_id).is_some_and(|stored| {
                let mut task = task.clone();
                task.state.registration_due = stored.state.registration_due.and(task.state.registration_due);
                task == **stored
            })
        };
        let other = last.iter().find(|task| !is_same(task));
        if let Some(last) = other {
            let stored = stored.get(&last.task_request_id);
            return broken("nothing lost", format!("the store has {stored:?}, the end was {last:?}"));
        }
        // Tasks of ended items are not in memory at the end.
        let undecided =
            |task: &&TaskDocument| !self.decided.contains_key(&DocumentId::Task(task.task_request_id));
        match tasks.iter().find(undecided) {
            Some(task) => broken("nothing lost", format!("nothing decided {task:?}, which is stored")),
            None => Ok(()),
        }
    }
}
