//! What a rerun begins with: reads what the first execution did, and what has become of that since. Which of it counts is decided
//! by the kernel.

use std::collections::{BTreeMap, BTreeSet};

use updraft_actors::plans::Ready;
use updraft_kernel::rerun::{RerunPlan, Standing, containments_of, parents_of, standings};
use updraft_protocol::codec::encoded_bytes;
use updraft_protocol::limits::{PAGE_ROWS, RERUN_BYTES, RERUN_GENERATIONS, RERUN_READ_BYTES, RERUN_RESULTS};
use updraft_protocol::{
    ExecutionDocument, ExecutionId, Json, Playbook, PlaybookId, Revision, TaskDocument, TaskId, TaskUpdate,
    TenantCode, Update,
};

use updraft_storage::page;

use super::{Rerun, RerunError};
use crate::engine::Submitter;

/// The size of the id of the task that a result is taken from.
const TAKEN_BYTES: usize = 17;

impl Submitter {
    /// The results that a rerun takes over.
    pub(super) async fn results(
        &self,
        tenant: &TenantCode,
        first: &ExecutionDocument,
        (rerun, ready): (&Rerun, &Ready),
    ) -> Result<Vec<TaskDocument>, RerunError> {
        let tasks = self.tasks(tenant, first.peid).await?;
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
        let bytes = results.iter().map(written_bytes).sum();
        if results.len() > RERUN_RESULTS || bytes > RERUN_BYTES {
            return Err(RerunError::TooMuch { results: results.len(), bytes });
        }
        Ok(results)
    }

    /// All tasks of an execution, if they are not too many to be in memory.
    async fn tasks(&self, tenant: &TenantCode, peid: ExecutionId) -> Result<Vec<TaskDocument>, RerunError> {
        let (mut tasks, mut bytes) = (Vec::<TaskDocument>::new(), 0);
        loop {
            let after = tasks.last().map_or(0, |task| task.head.task_seq);
            let page = self.context.store.tasks(tenant, peid, after, PAGE_ROWS).await?;
            bytes += page.iter().map(TaskDocument::bytes).sum::<usize>();
            if bytes > RERUN_READ_BYTES {
                return Err(RerunError::TooLarge(peid));
            }
            let is_last = !page::is_full(&page, PAGE_ROWS);
            tasks.extend(page);
            if is_last {
                return Ok(tasks);
            }
        }
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
            let tasks = self.tasks(tenant, peid).await?;
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
            let below = self.tasks(tenant, ExecutionId::of_child(parent)).await?;
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

/// The size of a result as the new execution writes it, or a little more.
fn written_bytes(task: &TaskDocument) -> usize {
    let TaskDocument { task_request_id: task_id, head, state, epoch, seq } = task.clone();
    let (revision, head) = (Revision { epoch, seq }, Some(head));
    let update = Update::from(TaskUpdate {
        task_id,
        peid: task.head.peid,
        revision,
        head,
        state,
        positions: Default::default(),
    });
    // What cannot be encoded was never written.
    encoded_bytes(&update).unwrap_or(RERUN_BYTES) + TAKEN_BYTES
}
