//! A snapshot: what the store has of an unfinished execution. Owns data alone.

use std::sync::Arc;

use updraft_kernel::plan::Plan;
use updraft_protocol::{ExecutionDocument, TaskDocument};

/// What the store has of an unfinished execution.
pub(crate) struct Snapshot {
    /// None where its playbook cannot be run: it is only to be failed.
    pub(crate) plan: Option<Arc<Plan>>,
    pub(crate) document: ExecutionDocument,
    pub(crate) tasks: Vec<TaskDocument>,
}
