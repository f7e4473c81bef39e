//! Reruns: an execution that has ended runs again as a new one, which takes over results of it. Owns what is asked for, and
//! the checks before the new one is submitted; which results count is decided by the kernel.

mod asked;
mod lock;
mod results;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use thiserror::Error;
use updraft_actors::plans::Ready;
use updraft_kernel::machine::{Effects, Machine, Terms};
use updraft_kernel::plan::Plan;
use updraft_kernel::rerun::{RerunRefusal, noted};
use updraft_protocol::limits::{RERUN_BYTES, RERUN_GENERATIONS, RERUN_RESULTS, RERUN_STORED};
use updraft_protocol::{
    Asked, ControlRefusal, Declaration, ExecutionDocument, ExecutionHead, ExecutionId, ExecutionStatus,
    FileId, Json, PlaybookId, RerunOf, Span, StepId, TaskDocument, TaskId, TenantCode, Value,
};
use updraft_storage::files::FileStore;

pub(crate) use asked::AskedRerun;

use crate::deadline::after;
use crate::engine::{Engine, Submitter};
use crate::error::{ReadError, Refusal};
use crate::handle::Handle;
use crate::idempotency::SubmissionKey;
use crate::submission::Submission;

pub(crate) use lock::Rerunning;

/// What of an execution runs again, and who asks for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Rerun {
    pub(crate) asked: Asked,
    pub(crate) id: Option<String>,
    from: Option<StepId>,
    input: Option<Value>,
    is_newest: bool,
    declared: BTreeMap<TaskId, Declaration>,
    /// Whether an execution that has been run again is refused, as in bulk.
    is_first: bool,
}

impl Rerun {
    /// What has failed, or was not reached, with the same input and the same version of the playbook.
    pub fn new(asked: Asked) -> Self {
        let declared = BTreeMap::new();
        Self { asked, id: None, from: None, input: None, is_newest: false, declared, is_first: false }
    }

    /// This step and all that follows it.
    #[must_use]
    pub fn from(mut self, step: StepId) -> Self {
        self.from = Some(step);
        self
    }

    /// With another input: what may have come of a field that differs runs again, and so does every approval.
    #[must_use]
    pub fn input(mut self, input: impl Into<Value>) -> Self {
        self.input = Some(input.into());
        self
    }

    /// With the newest version of the playbook: results are kept of steps that do the same there.
    #[must_use]
    pub fn newest(mut self) -> Self {
        self.is_newest = true;
        self
    }

    /// Whether a task acted, and that stands, of which nobody knows it.
    #[must_use]
    pub fn declare(mut self, task: TaskId, declared: Declaration) -> Self {
        self.declared.insert(task, declared);
        self
    }

    /// An id of the sender: the same one gives the same execution, however often it is sent.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Only of an execution that has not been run again, unless under the same id.
    pub(crate) fn unless_done(mut self) -> Self {
        self.is_first = true;
        self
    }

    /// The idempotency key of the rerun of an execution with this id.
    pub(crate) fn key(of: ExecutionId, id: &str) -> String {
        format!("rerun/{of}/{id}")
    }
}

/// The newest rerun of an execution, as its document tells.
pub(crate) fn rerun_of(first: &ExecutionDocument) -> Option<ExecutionId> {
    let controls = first.state.controls.as_deref()?;
    controls.newest.iter().rev().find_map(|record| record.execution)
}

impl Rerun {
    /// Whether it asks for nothing but what has failed.
    pub(crate) fn is_the_same(&self) -> bool {
        self.from.is_none() && self.input.is_none() && !self.is_newest
    }
}

/// Why an execution does not run again.
#[derive(Debug, Error)]
pub enum RerunError {
    /// The tenant has no such execution.
    #[error("the tenant has no execution {0}")]
    NoExecution(ExecutionId),
    /// It has not ended.
    #[error("the execution is {0}: only one that has ended runs again")]
    NotEnded(ExecutionStatus),
    /// Nothing of it failed, and nothing else is asked for.
    #[error("the execution has completed: say from which step it shall run again")]
    NothingFailed,
    /// It has been run again already, which in bulk is not done twice.
    #[error("the execution has been run again as {0}")]
    AlreadyRerun(ExecutionId),
    /// It is not said who asks for it, or the texts are too long.
    #[error(transparent)]
    Asker(ControlRefusal),
    /// What is asked for does not fit what the execution did.
    #[error(transparent)]
    Unfit(#[from] RerunRefusal),
    /// It has more results than a new execution begins with.
    #[error(
        "{results} results of {bytes} bytes are to be kept; at most {RERUN_RESULTS}, of {RERUN_BYTES} bytes, may be"
    )]
    TooMuch {
        /// How many.
        results: usize,
        /// Their size.
        bytes: usize,
    },
    /// It has more tasks, or larger ones, than are looked through.
    #[error("execution {0} has done too much to be looked through: submit the playbook anew")]
    TooLarge(ExecutionId),
    /// It is the rerun of a rerun, and so on, more often than is followed.
    #[error("at most {RERUN_GENERATIONS} reruns may follow each other: submit the playbook anew")]
    TooManyGenerations,
    /// The new execution is not accepted.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store did not answer, or the engine has failed or is shut down.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl RerunError {
    /// Whether the same call can succeed later.
    pub fn retryable(&self) -> bool {
        match self {
            Self::NotEnded(_) => true,
            Self::Refused(refusal) => refusal.retryable(),
            Self::Read(error) => error.retryable(),
            Self::NoExecution(_)
            | Self::NothingFailed
            | Self::AlreadyRerun(_)
            | Self::Asker(_)
            | Self::Unfit(_)
            | Self::TooMuch { .. }
            | Self::TooLarge(_)
            | Self::TooManyGenerations => false,
        }
    }
}

impl RerunError {
    /// Whether there was no place for a further execution, which there will be.
    pub(crate) fn has_no_place(&self) -> bool {
        let Self::Refused(refusal) = self else { return false };
        matches!(refusal, Refusal::EngineFull | Refusal::TenantFull | Refusal::JournalFull)
    }
}

impl From<updraft_storage::Error> for RerunError {
    fn from(error: updraft_storage::Error) -> Self {
        Self::Read(error.into())
    }
}

/// What a new execution begins with in place of nothing.
pub(crate) struct Earlier {
    /// The execution that is run again, as it is stored.
    first: ExecutionDocument,
    pub(crate) rerun_of: Arc<RerunOf>,
    results: Vec<TaskDocument>,
    pub(crate) variables: Json,
}

impl Earlier {
    /// Gives the files that its results name to the new execution. Where that does not come to be, the next start removes them.
    pub(crate) async fn share_files(
        &self,
        files: Option<&Arc<FileStore>>,
        peid: ExecutionId,
    ) -> io::Result<()> {
        let outputs = self.results.iter().filter_map(|task| task.state.response.as_ref());
        let named: BTreeSet<FileId> = outputs.flat_map(|output| FileId::all_in(output.as_str())).collect();
        let Some(files) = files.cloned().filter(|_| !named.is_empty()) else { return Ok(()) };
        let (tenant, first) = (self.first.head.tenant_code.clone(), self.first.peid);
        let sharing = tokio::task::spawn_blocking(move || files.share(&tenant, (first, peid), &named));
        sharing.await.map_err(io::Error::other)?
    }

    /// The new execution, with the note in the first one.
    pub(crate) fn begin(
        self,
        plan: Arc<Plan>,
        peid: ExecutionId,
        head: Arc<ExecutionHead>,
        terms: Terms,
    ) -> Result<(Machine, Effects), RerunRefusal> {
        let (epoch, now) = (terms.epoch, head.createddate);
        let (machine, mut effects) = Machine::rerun(plan, peid, head, self.results, terms, now)?;
        effects.writes.push(noted(&self.first, peid, self.rerun_of.asked.clone(), epoch, now));
        Ok((machine, effects))
    }
}

impl Engine {
    /// Runs an execution again that has ended, as a new one, whose head names it (`rerun_of`); the first one has it among its
    /// controls. The new one takes over results of steps with a written id that completed, or whose failure their playbook
    /// handled, as far as they were not undone and nothing before them runs again. Undos stay with the first execution.
    ///
    /// # Errors
    /// The execution has not ended, it is not known whether a task acted or whether that stands and nothing is declared of that,
    /// the new one is not accepted, or the engine cannot tell.
    pub async fn rerun(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
        rerun: Rerun,
    ) -> Result<Handle, RerunError> {
        self.submitter.rerun(tenant, peid, rerun).await
    }
}

impl Submitter {
    /// As [`Engine::rerun`].
    pub(crate) async fn rerun(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
        rerun: Rerun,
    ) -> Result<Handle, RerunError> {
        if !rerun.asked.is_sound() {
            return Err(RerunError::Asker(ControlRefusal::NotAsker));
        }
        let lease = self.rerunning.of(peid);
        let _one_at_a_time = lease.alone().await;
        let first = self.first(tenant, peid).await?;
        let pid = self.version_for(tenant, &first, &rerun).await?;
        let ready = self.ready_of(tenant, pid).await?;
        let submission = submission(&first, pid, &rerun);
        if let Some(key) = SubmissionKey::of(&submission, &ready.plan.name)
            && let Some(known) = key.stored(&self.context).await?
        {
            return Ok(known);
        }
        let status = first.state.execution_status;
        if !status.ended() {
            return Err(RerunError::NotEnded(status));
        }
        if status == ExecutionStatus::Completed && rerun.is_the_same() {
            return Err(RerunError::NothingFailed);
        }
        if let Some(rerun) = rerun_of(&first).filter(|_| rerun.is_first) {
            return Err(RerunError::AlreadyRerun(rerun));
        }
        let earlier = Earlier {
            rerun_of: Arc::new(RerunOf { peid, from: rerun.from.clone(), asked: rerun.asked.clone() }),
            results: self.results(tenant, &first, (&rerun, &ready)).await?,
            variables: self.variables(tenant, &first, &ready).await?,
            first,
        };
        self.submit_again(&submission, earlier).await.map_err(|refusal| match refusal {
            Refusal::Results(refusal) => refusal.into(),
            refusal => refusal.into(),
        })
    }

    /// The execution that is run again. Where it has ended, the store has all that came before its end.
    async fn first(&self, tenant: &TenantCode, peid: ExecutionId) -> Result<ExecutionDocument, RerunError> {
        let ended = |found: &ExecutionDocument| found.state.execution_status.ended();
        let mut saw_end = self.context.store.execution(tenant, peid).await?.as_ref().is_some_and(ended);
        loop {
            self.stored().await?;
            let found = self.context.store.execution(tenant, peid).await?;
            let found = found.ok_or(RerunError::NoExecution(peid))?;
            // Documents are written in no order: an end that came meanwhile may be there before its tasks.
            if saw_end || !ended(&found) {
                return Ok(found);
            }
            saw_end = true;
        }
    }

    /// Waits until the store has what is known now.
    pub(crate) async fn stored(&self) -> Result<(), ReadError> {
        match self.context.timer.until(after(RERUN_STORED), self.context.flush()).await {
            Ok(flushed) => Ok(flushed?),
            Err(_) => {
                let lags = format!("it does not have after {} what is known", Span(RERUN_STORED));
                Err(updraft_storage::Error::Unavailable(lags).into())
            }
        }
    }

    async fn version_for(
        &self,
        tenant: &TenantCode,
        first: &ExecutionDocument,
        rerun: &Rerun,
    ) -> Result<PlaybookId, RerunError> {
        let head = &first.head;
        if !rerun.is_newest {
            return Ok(head.pid);
        }
        let newest = self.context.store.playbook_named(tenant, &head.playbook_name, None).await?;
        let none = || Refusal::NoPlaybook { name: head.playbook_name.clone(), version: None };
        Ok(newest.ok_or_else(none)?.pid)
    }

    async fn ready_of(&self, tenant: &TenantCode, pid: PlaybookId) -> Result<Arc<Ready>, RerunError> {
        let store = self.context.store.as_ref();
        Ok(self.context.plans.get(store, tenant, pid).await.map_err(Refusal::from)?)
    }

    /// The variables that the execution was given stay, as far as the playbook has them still; the others are the playbook's.
    async fn variables(
        &self,
        tenant: &TenantCode,
        first: &ExecutionDocument,
        ready: &Ready,
    ) -> Result<Json, RerunError> {
        let head = &first.head;
        if ready.pid == head.pid {
            return Ok(head.variables.clone());
        }
        let before = self.ready_of(tenant, head.pid).await?;
        let mut variables = ready.variables.clone();
        if let Value::Object(had) = head.variables.value() {
            let given = had.into_iter().filter(|(name, value)| before.variables.get(name) != Some(value));
            for (name, value) in given {
                if let Some(own) = variables.get_mut(&name) {
                    *own = value;
                }
            }
        }
        Ok(Json::from(&Value::Object(variables.into_iter().collect())))
    }
}

/// The submission of the new execution: as that of the first, but for what is asked for.
fn submission(first: &ExecutionDocument, pid: PlaybookId, rerun: &Rerun) -> Submission {
    let head = &first.head;
    let input = rerun.input.clone().unwrap_or_else(|| head.input.value());
    let mut submission = Submission::new(head.tenant_code.clone(), pid).input(input).priority(head.priority);
    submission = submission.uid(&*rerun.asked.uid);
    submission.cache = head.cache;
    if let Some(alert_id) = &head.alert_id {
        submission = submission.alert_id(&**alert_id);
    }
    if let Some(id) = &rerun.id {
        submission = submission.idempotency_key(Rerun::key(first.peid, id));
    }
    submission
}
