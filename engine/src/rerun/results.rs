//! What a rerun begins with: reads what the first execution did, and what has become of that since. Which of it counts is decided
//! by the kernel.

use std::collections::{BTreeMap, BTreeSet};

use updraft_actors::plans::Ready;
use updraft_kernel::rerun::{RerunPlan, Standing, containments_of, parents_of, standings};
use updraft_protocol::limits::{RERUN_BYTES, RERUN_GENERATIONS, RERUN_RESULTS};
use updraft_protocol::{
    ExecutionDocument, ExecutionId, Json, Playbook, PlaybookId, TaskDocument, TaskId, TenantCode,
};

use super::{Rerun, RerunError};
use crate::engine::Submitter;

impl Submitter {
    /// The results that a rerun takes over.
    pub(super) async fn results(
        &self,
        tenant: &TenantCode,
        first: &ExecutionDocument,
        (rerun, ready): (&Rerun, &Ready),
    ) -> Result<Vec<TaskDocument>, RerunError> {
        let tasks = self.context.store.all_tasks(tenant, first.peid).await?;
        let pid = first.head.pid;
        let playbooks = if ready.pid == pid {
            None
        } else {
            self.parsed(tenant, pid).await?.zip(self.parsed(tenant, ready.pid).await?)
        };
        let input = rerun.input.as_ref().map(Json::from);
        let asked = RerunPlan {
            plan: &ready.plan,
            playbooks: playbooks.as_ref().map(|(before, now)| (before, now)),
            inputs: input.as_ref().map(|input| (&first.head.input, input)),
            from: rerun.from.as_ref(),
            standings: &self.standings(tenant, first, &tasks).await?,
            declared: &rerun.declared,
        };
        let results = asked.results(tasks)?;
        let bytes = results.iter().map(bytes_of).sum();
        if results.len() > RERUN_RESULTS || bytes > RERUN_BYTES {
            return Err(RerunError::TooMuch { results: results.len(), bytes });
        }
        Ok(results)
    }

    async fn parsed(&self, tenant: &TenantCode, pid: PlaybookId) -> Result<Option<Playbook>, RerunError> {
        let stored = self.context.store.playbook(tenant, pid).await?;
        Ok(stored.and_then(|stored| Playbook::parse(stored.definition.as_str().as_bytes()).ok()))
    }

    /// The tasks whose effect does not stand for certain. What a task has taken over stands as long as it does where it was done.
    async fn standings(
        &self,
        tenant: &TenantCode,
        first: &ExecutionDocument,
        tasks: &[TaskDocument],
    ) -> Result<BTreeMap<TaskId, Standing>, RerunError> {
        let mut earlier = Vec::new();
        let mut next = first.head.rerun_of.as_ref().map(|rerun_of| rerun_of.peid);
        while let Some(peid) = next.filter(|_| takes_over(tasks)) {
            if earlier.len() == RERUN_GENERATIONS {
                return Err(RerunError::TooManyGenerations);
            }
            earlier.push(peid);
            let document = self.context.store.execution(tenant, peid).await?;
            next = document.and_then(|document| document.head.rerun_of.as_ref().map(|of| of.peid));
        }
        let mut before = BTreeMap::new();
        for peid in earlier.into_iter().rev() {
            let tasks = self.context.store.all_tasks(tenant, peid).await?;
            before = self.standing_after(tenant, &tasks, &before).await?;
        }
        self.standing_after(tenant, tasks, &before).await
    }

    /// The same, where so much is known of the executions before. What a sub-playbook did, its task did.
    async fn standing_after(
        &self,
        tenant: &TenantCode,
        tasks: &[TaskDocument],
        before: &BTreeMap<TaskId, Standing>,
    ) -> Result<BTreeMap<TaskId, Standing>, RerunError> {
        let mut found = self.judged(tenant, tasks).await?;
        let taken = tasks.iter().filter_map(|task| Some((task.task_request_id, task.head.taken_from?)));
        found.extend(taken.filter_map(|(task, from)| Some((task, *before.get(&from)?))));
        let mut parents: Vec<(TaskId, TaskId)> = parents_of(tasks).map(|task| (task, task)).collect();
        while let Some((of, parent)) = parents.pop() {
            let below = self.context.store.all_tasks(tenant, ExecutionId::of_child(parent)).await?;
            if let Some(worst) = self.judged(tenant, &below).await?.into_values().max() {
                let standing = found.entry(of).or_insert(worst);
                *standing = worst.max(*standing);
            }
            parents.extend(parents_of(&below).map(|parent| (of, parent)));
        }
        Ok(found)
    }

    async fn judged(
        &self,
        tenant: &TenantCode,
        tasks: &[TaskDocument],
    ) -> Result<BTreeMap<TaskId, Standing>, RerunError> {
        let mut containments = BTreeMap::new();
        for id in containments_of(tasks).collect::<BTreeSet<_>>() {
            let containment = self.context.store.containment(tenant, id).await?;
            containments.extend(containment.map(|containment| (id, containment)));
        }
        Ok(standings(tasks, &containments, self.context.clock.now()))
    }
}

/// Whether some of them have the result of another execution.
fn takes_over(tasks: &[TaskDocument]) -> bool {
    tasks.iter().any(|task| task.head.taken_from.is_some())
}

/// The size of a result, approximately.
fn bytes_of(task: &TaskDocument) -> usize {
    let state = &task.state;
    let response = state.response.as_ref().map_or(0, |response| response.as_str().len());
    let error = state.error.as_ref().map_or(0, |error| error.message.len());
    response + error + state.call.as_ref().map_or(0, |call| call.bytes())
}
