//! Tasks of accepted executions that wait for configuration that this engine lacks: for `health`, and a line in the log
//! for each. Decides nothing.

use dashmap::DashMap;
use serde::{Deserialize, Serialize};
use updraft_protocol::limits::MISSING_LISTED;
use updraft_protocol::{ExecutionId, StepId, TaskId, TenantCode, Timestamp};

/// The tasks that wait for configuration.
#[derive(Debug, Default)]
pub struct Missing(DashMap<TaskId, MissingOne>);

/// One task that waits for configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingOne {
    /// Its tenant.
    pub tenant: TenantCode,
    /// Its execution.
    pub peid: ExecutionId,
    /// Its step.
    pub step: StepId,
    /// The missing configuration: `missing here: secret `edr` of tenant acme: the tenant has no such secret`.
    pub what: String,
    /// When the wait began.
    pub since: Timestamp,
    /// When it fails, if the configuration is still missing.
    pub until: Timestamp,
}

impl Missing {
    /// Whether no task waits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tasks that wait, the longest wait first.
    pub fn all(&self) -> Vec<MissingOne> {
        let mut all: Vec<MissingOne> = self.0.iter().map(|entry| entry.value().clone()).collect();
        all.sort_by_key(|one| (one.since, one.peid));
        all
    }

    /// Adds a task. Over the limit, only its documents show that it waits.
    pub(crate) fn add(&self, task: TaskId, one: MissingOne) {
        if self.0.len() >= MISSING_LISTED && !self.0.contains_key(&task) {
            return;
        }
        let (what, until) = (one.what.clone(), one.until);
        if self.0.insert(task, one).is_none_or(|before| before.what != what) {
            tracing::warn!(%task, what, %until, "an execution waits for configuration");
        }
    }

    /// Removes a task that no longer waits.
    pub(crate) fn remove(&self, task: TaskId) {
        if !self.0.is_empty() {
            self.0.remove(&task);
        }
    }

    /// Removes all tasks of an execution.
    pub(crate) fn remove_all(&self, peid: ExecutionId) {
        if !self.0.is_empty() {
            self.0.retain(|_, one| one.peid != peid);
        }
    }
}
