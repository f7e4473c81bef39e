//! One execution of the reference, from its first document to its last. Keeps nothing between two changes of a
//! status but what the next write needs.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::Instant;
use updraft::{
    Call, CallPermit, Clock, ExecutionHead, ExecutionId, ExecutionState, ExecutionStatus, ExecutionUpdate,
    Failure, Json, Masking, Name, Revision, Sending, StepId, Store, SystemClock, TaskHead, TaskId, TaskState,
    TaskStatus, TaskUpdate, Update, WriteOutcome,
};

use uuid::Uuid;

use crate::error::Error;
use crate::options::LoadOptions;
use crate::random::Random;
use crate::reference::Counts;
use crate::workload::{ATTEMPTS, PAUSE, TIMEOUT, Workload};

/// Executes plainly.
pub(super) struct Plain {
    pub(super) work: Arc<Workload>,
    store: Arc<dyn Store>,
    epoch: u64,
    playbook: Name,
    /// The step of each task.
    steps: Vec<StepId>,
    random: Random,
}

/// What an execution counts, for itself and for all.
struct Tally<'a> {
    counts: &'a Counts,
    changes: u64,
}

/// A task under way.
struct Task {
    task_id: TaskId,
    head: Arc<TaskHead>,
    seq: u64,
    state: TaskState,
}

impl Plain {
    pub(super) fn new(
        options: &LoadOptions,
        work: Arc<Workload>,
        store: Arc<dyn Store>,
        epoch: u64,
    ) -> Result<Self, Error> {
        let tasks = usize::from(options.steps) * usize::from(options.width);
        let steps = (0..tasks).map(|number| StepId::new(format!("s{number}"))).collect::<Result<_, _>>();
        let (steps, playbook) = (
            steps.map_err(|error| Error::of("the reference", error))?,
            Name::new("stress").map_err(|error| Error::of("the reference", error))?,
        );
        Ok(Self { work, store, epoch, playbook, steps, random: Random::new(options.seed, 3) })
    }

    /// One execution of any tenant.
    pub(super) async fn execute(&self, counts: &Counts) -> Result<(), String> {
        let mut tally = Tally { counts, changes: 0 };
        let began = Instant::now();
        let now = SystemClock.now();
        // Ids in the order of time, as the engine's: the store's tables grow at their end.
        let peid = ExecutionId::from_bytes(Uuid::now_v7().into_bytes());
        let head = self.head();
        let mut state = ExecutionState {
            execution_status: ExecutionStatus::Executing,
            started_date: Some(now),
            updated_date: now,
            finished_date: None,
            playbook_runtime: None,
            output: None,
            error: None,
        };
        self.write(self.of_execution(peid, 1, Some(head.clone()), &state), &mut tally).await?;
        let mut end = ExecutionStatus::Completed;
        for (number, step) in (1..).zip(&self.steps) {
            if let Err(failure) =
                self.task(self.new_task(peid, &head, number, step), &head, &mut tally).await?
            {
                (end, state.error) = (ExecutionStatus::Failed, Some(failure));
                break;
            }
        }
        let ended = SystemClock.now();
        state.execution_status = end;
        state.started_date = None;
        state.updated_date = ended;
        state.finished_date = Some(ended);
        state.playbook_runtime = Some(ended.since(now));
        self.write(self.of_execution(peid, 2, None, &state), &mut tally).await?;
        counts.executions.fetch_add(1, Ordering::Relaxed);
        counts.status_changes_of_ended.fetch_add(tally.changes, Ordering::Relaxed);
        counts.execution.record(began.elapsed());
        Ok(())
    }

    /// One task to its end, with its retries.
    async fn task(
        &self,
        mut task: Task,
        head: &ExecutionHead,
        tally: &mut Tally<'_>,
    ) -> Result<Result<(), Failure>, String> {
        for attempt in 1..=ATTEMPTS {
            task.state.attempt = attempt;
            task.state.status = TaskStatus::Executing;
            self.write_task(&mut task, tally).await?;
            let failure = match self.work.kit.tool.call(self.call(&task, head, attempt)).await {
                Ok(answer) => {
                    task.state.response = Some(answer);
                    task.end(TaskStatus::Completed);
                    self.write_task(&mut task, tally).await?;
                    tally.counts.steps.fetch_add(1, Ordering::Relaxed);
                    return Ok(Ok(()));
                }
                Err(failure) => failure,
            };
            task.state.error = Some(failure.clone());
            if attempt == ATTEMPTS {
                task.end(TaskStatus::Failed);
                self.write_task(&mut task, tally).await?;
                return Ok(Err(failure));
            }
            task.state.status = TaskStatus::Retrying;
            self.write_task(&mut task, tally).await?;
            // As the engine does: twice as long each time, anywhere up to it.
            tokio::time::sleep(PAUSE.saturating_mul(1 << (attempt - 1)).mul_f64(self.random.share())).await;
        }
        Ok(Ok(()))
    }

    /// One change of a status: one write, which is waited for.
    async fn write(&self, update: Update, tally: &mut Tally<'_>) -> Result<(), String> {
        let outcomes = self.store.write(vec![update]).await.map_err(|error| error.to_string())?;
        match outcomes.into_iter().next() {
            Some(WriteOutcome::Written) => {
                tally.counts.status_changes.fetch_add(1, Ordering::Relaxed);
                tally.changes += 1;
                Ok(())
            }
            Some(other) => Err(format!("the store did not take a status: {other:?}")),
            None => Err("the store did not say what became of a status".to_owned()),
        }
    }

    async fn write_task(&self, task: &mut Task, tally: &mut Tally<'_>) -> Result<(), String> {
        task.seq += 1;
        task.state.updated_date = SystemClock.now();
        let update = TaskUpdate {
            task_id: task.task_id,
            peid: task.head.peid,
            revision: Revision { epoch: self.epoch, seq: task.seq },
            head: (task.seq == 1).then(|| task.head.clone()),
            state: task.state.clone(),
        };
        self.write(Update::from(update), tally).await
    }

    fn of_execution(
        &self,
        peid: ExecutionId,
        seq: u64,
        head: Option<Arc<ExecutionHead>>,
        state: &ExecutionState,
    ) -> Update {
        let revision = Revision { epoch: self.epoch, seq };
        Update::from(ExecutionUpdate { peid, revision, head, state: state.clone() })
    }

    fn head(&self) -> Arc<ExecutionHead> {
        let (tenant_code, pid) = self.work.playbook(self.work.anyone());
        Arc::new(ExecutionHead {
            tenant_code: tenant_code.clone(),
            pid: *pid,
            playbook_name: self.playbook.clone(),
            playbook_version: 1,
            uid: None,
            alert_id: None,
            priority: 0,
            createddate: SystemClock.now(),
            input: Json::null(),
            variables: Json::null(),
            idempotency_key: None,
            input_hash: None,
        })
    }

    fn call(&self, task: &Task, head: &ExecutionHead, attempt: u32) -> Call {
        Call {
            tenant: head.tenant_code.clone(),
            peid: task.head.peid,
            task_id: task.task_id,
            step_id: task.head.step_id.clone(),
            action: task.head.action.clone(),
            attempt,
            arguments: self.work.kit.arguments.clone().into(),
            secrets: Vec::new(),
            masking: Masking::default(),
            timeout: TIMEOUT,
            sending: Sending::default(),
            permit: CallPermit::default(),
        }
    }

    fn new_task(&self, peid: ExecutionId, head: &ExecutionHead, number: u32, step: &StepId) -> Task {
        let now = SystemClock.now();
        let state = TaskState {
            status: TaskStatus::Executing,
            attempt: 1,
            response: None,
            error: None,
            started_date: Some(now),
            updated_date: now,
            runtime: None,
            wait: None,
            call: None,
        };
        let head = Arc::new(TaskHead {
            peid,
            task_seq: number,
            step_id: step.clone(),
            scope: updraft::ScopePath::MAIN,
            tenant_code: head.tenant_code.clone(),
            alert_id: None,
            integration: self.work.kit.integration.clone(),
            action: self.work.kit.action.clone(),
        });
        Task { task_id: TaskId::derive(peid, &updraft::ScopePath::MAIN, &head.step_id), head, seq: 0, state }
    }
}

impl Task {
    fn end(&mut self, status: TaskStatus) {
        self.state.status = status;
        let started = self.state.started_date.unwrap_or(self.state.updated_date);
        self.state.runtime = Some(SystemClock.now().since(started));
    }
}
