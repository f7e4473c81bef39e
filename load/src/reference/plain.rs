//! One execution of the reference, from its first document to its last. Keeps nothing between two changes of a
//! status but what the next write needs.

use std::sync::Arc;

use metrics::counter;
use tokio::time::Instant;
use updraft::{
    Call, CallFiles, CallPermit, Clock, ExecutionHead, ExecutionId, ExecutionState, ExecutionStatus,
    ExecutionUpdate, Failure, Json, Masking, Name, Priority, Revision, ScopePath, Sending, StepId, Store,
    SystemClock, TaskHead, TaskId, TaskState, TaskStatus, TaskUpdate, Update, WriteOutcome,
};
use uuid::Uuid;

use crate::error::Error;
use crate::latencies::Meter;
use crate::options::LoadOptions;
use crate::random::Random;
use crate::workload::{ATTEMPTS, PAUSE, TIMEOUT, Workload};

/// Executes plainly.
pub(super) struct Plain {
    work: Arc<Workload>,
    store: Arc<dyn Store>,
    epoch: u64,
    playbook: Name,
    /// The step of each task.
    steps: Vec<StepId>,
    random: Random,
    meter: Arc<Meter>,
}

impl Plain {
    pub(super) fn new(
        options: &LoadOptions,
        work: Arc<Workload>,
        store: Arc<dyn Store>,
        epoch: u64,
        meter: Arc<Meter>,
    ) -> Result<Self, Error> {
        let failed = |error| Error::of("the reference", error);
        let tasks = usize::from(options.steps) * usize::from(options.width);
        let steps = (0..tasks).map(|number| StepId::new(format!("s{number}"))).collect::<Result<_, _>>();
        let (steps, playbook) = (steps.map_err(failed)?, Name::new("stress").map_err(failed)?);
        Ok(Self { work, store, epoch, playbook, steps, random: Random::new(options.seed, 3), meter })
    }

    /// One execution of any tenant.
    pub(super) async fn execute(&self) -> Result<(), String> {
        let (began, now) = (Instant::now(), SystemClock.now());
        let head = self.head();
        let mut execution = ExecutionUpdate {
            // Ids in the order of time, as the engine's: the store's tables grow at their end.
            peid: ExecutionId::from_bytes(Uuid::now_v7().into_bytes()),
            revision: Revision { epoch: self.epoch, seq: 1 },
            head: Some(head.clone()),
            state: ExecutionState {
                started_date: Some(now),
                ..ExecutionState::change(ExecutionStatus::Executing, now)
            },
            positions: Default::default(),
        };
        self.write(execution.clone()).await?;
        let mut end = ExecutionStatus::Completed;
        for (number, step) in (1..).zip(&self.steps) {
            if let Some(failure) = self.task(execution.peid, &head, (number, step)).await? {
                (end, execution.state.error) = (ExecutionStatus::Failed, Some(failure.into()));
                break;
            }
        }
        let ended = SystemClock.now();
        (execution.revision.seq, execution.head) = (2, None);
        execution.state.execution_status = end;
        execution.state.started_date = None;
        execution.state.updated_date = ended;
        execution.state.finished_date = Some(ended);
        execution.state.playbook_runtime = Some(ended.since(now));
        self.write(execution).await?;
        counter!("load_completed").increment(1);
        self.meter.execution.record(began.elapsed());
        Ok(())
    }

    /// One task to its end, with its retries; why it failed, where it did.
    async fn task(
        &self,
        peid: ExecutionId,
        of: &ExecutionHead,
        (number, step): (u32, &StepId),
    ) -> Result<Option<Failure>, String> {
        let head = Arc::new(TaskHead {
            peid,
            task_seq: number,
            step_id: step.clone(),
            scope: ScopePath::MAIN,
            tenant_code: of.tenant_code.clone(),
            alert_id: None,
            integration: self.work.kit.integration.clone(),
            action: self.work.kit.action.clone(),
            taken_from: None,
        });
        let now = SystemClock.now();
        let mut task = TaskUpdate {
            task_id: TaskId::derive(peid, &ScopePath::MAIN, step),
            peid,
            revision: Revision { epoch: self.epoch, seq: 0 },
            head: Some(head.clone()),
            state: TaskState { started_date: Some(now), ..TaskState::change(TaskStatus::Executing, 0, now) },
            positions: Default::default(),
        };
        loop {
            task.state.status = TaskStatus::Executing;
            task.state.attempt += 1;
            self.write_task(&mut task).await?;
            let failure = match self.work.kit.tool.call(self.call(&task, &head)).await {
                Ok(answer) => {
                    task.state.response = Some(answer);
                    counter!("load_steps").increment(1);
                    None
                }
                Err(failure) => Some(failure),
            };
            task.state.error = failure.clone().map(Into::into);
            task.state.status = match failure {
                None => TaskStatus::Completed,
                Some(_) if task.state.attempt < ATTEMPTS => TaskStatus::Retrying,
                Some(_) => TaskStatus::Failed,
            };
            let retries = task.state.status == TaskStatus::Retrying;
            task.state.runtime = (!retries).then(|| SystemClock.now().since(now));
            self.write_task(&mut task).await?;
            if !retries {
                return Ok(failure);
            }
            // As the engine does: twice as long each time, anywhere up to it.
            let longest = PAUSE.saturating_mul(1 << (task.state.attempt - 1));
            tokio::time::sleep(longest.mul_f64(self.random.share())).await;
        }
    }

    async fn write_task(&self, task: &mut TaskUpdate) -> Result<(), String> {
        task.revision.seq += 1;
        task.state.updated_date = SystemClock.now();
        self.write(task.clone()).await?;
        task.head = None;
        Ok(())
    }

    /// One change of a status: one write, which is waited for.
    async fn write(&self, update: impl Into<Update>) -> Result<(), String> {
        let outcomes = self.store.write(vec![update.into()]).await.map_err(|error| error.to_string())?;
        if outcomes.first().is_none_or(|outcome| !matches!(outcome, WriteOutcome::Written)) {
            return Err(format!("the store did not take a status: {outcomes:?}"));
        }
        counter!("load_status_changes").increment(1);
        Ok(())
    }

    fn head(&self) -> Arc<ExecutionHead> {
        let (tenant_code, pid) = self.work.playbook(self.work.anyone(false));
        Arc::new(ExecutionHead {
            tenant_code: tenant_code.clone(),
            pid: *pid,
            playbook_name: self.playbook.clone(),
            playbook_version: 1,
            uid: None,
            alert_id: None,
            priority: Priority::Normal,
            createddate: SystemClock.now(),
            input: Json::null(),
            variables: Json::null(),
            idempotency_key: None,
            input_hash: None,
            parent: None,
            rerun_of: None,
            cache: updraft::CacheMode::Use,
        })
    }

    fn call(&self, task: &TaskUpdate, head: &TaskHead) -> Call {
        Call {
            tenant: head.tenant_code.clone(),
            peid: head.peid,
            task_id: task.task_id,
            step_id: head.step_id.clone(),
            action: head.action.clone(),
            attempt: task.state.attempt,
            arguments: self.work.kit.arguments.clone().into(),
            secrets: Vec::new(),
            masking: Masking::default(),
            timeout: TIMEOUT,
            sending: Sending::default(),
            permit: CallPermit::default(),
            files: CallFiles::default(),
        }
    }
}
