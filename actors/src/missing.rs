//! What accepted executions wait for because this engine has not been given it: for `health`, and one line of the log for
//! each. Decides nothing.

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
    /// Whose it is.
    pub tenant: TenantCode,
    /// Its execution.
    pub peid: ExecutionId,
    /// Its step.
    pub step: StepId,
    /// What is missing: `missing here: secret `edr` of tenant acme: the tenant has no such secret`.
    pub what: String,
    /// Since when it waits.
    pub since: Timestamp,
    /// When it fails, where nobody gives what is missing.
    pub until: Timestamp,
}

impl Missing {
    /// Whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that wait, those that wait longest first.
    pub fn all(&self) -> Vec<MissingOne> {
        let mut all: Vec<MissingOne> = self.0.iter().map(|entry| entry.value().clone()).collect();
        all.sort_by_key(|one| (one.since, one.peid));
        all
    }

    /// This task waits. Beyond a bound it is told in its documents alone.
    pub(crate) fn add(&self, task: TaskId, one: MissingOne) {
        if self.0.len() >= MISSING_LISTED && !self.0.contains_key(&task) {
            return;
        }
        let (what, until) = (one.what.clone(), one.until);
        if self.0.insert(task, one).is_none_or(|before| before.what != what) {
            tracing::warn!(%task, what, %until, "an execution waits for configuration");
        }
    }

    /// This task waits no more.
    pub(crate) fn remove(&self, task: TaskId) {
        if !self.0.is_empty() {
            self.0.remove(&task);
        }
    }

    /// Nothing of this execution waits any more.
    pub(crate) fn remove_all(&self, peid: ExecutionId) {
        if !self.0.is_empty() {
            self.0.retain(|_, one| one.peid != peid);
        }
    }
}
