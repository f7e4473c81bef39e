//! A snapshot: the documents of an unfinished execution in the store. Owns data only.

use std::sync::Arc;

use updraft_kernel::plan::Plan;
use updraft_protocol::{ExecutionDocument, TaskDocument};

/// The documents of an unfinished execution in the store.
pub(crate) struct Snapshot {
    /// `None` if its playbook cannot be run: it can only be failed.
    pub(crate) plan: Option<Arc<Plan>>,
    pub(crate) document: ExecutionDocument,
    pub(crate) tasks: Vec<TaskDocument>,
    /// Its parent, which waited for it, has ended.
    pub(crate) is_orphan: bool,
}
