//! The `Store` port: the operations that Updraft needs of a database, one trait for each noun. Every store runs the
//! same conformance suite.

mod audit;
mod bond;
mod containment;
mod dead_letter;
mod epoch;
mod error;
mod event;
mod execution;
mod health;
mod inbox;
mod overdue;
mod owner;
mod playbook;
mod query;
mod queue;
mod setting;

use async_trait::async_trait;
use updraft_kernel::batch_limit::BatchLimit;
pub use updraft_kernel::writer::WriteOutcome;

pub use audit::{AuditQuery, AuditStore};
pub use bond::{Bond, BondStore, Kept};
pub use containment::{ContainmentCursor, ContainmentQuery, ContainmentStore, ContainmentsOf};
pub use dead_letter::DeadLetterStore;
pub use epoch::EpochStore;
pub(crate) use epoch::followed;
pub use error::Error;
pub use event::{EventQuery, EventStore};
pub use execution::{Cursor, ExecutionStore, Resumable};
pub(crate) use execution::{count_outcomes, key_taken};
pub use health::{Health, PoolStatistics, Trouble};
pub(crate) use inbox::place;
pub use inbox::{Inbox, InboxCursor, InboxQuery};
pub use overdue::{OverdueTasks, OverdueTasksCursor, OverdueTasksQuery};
pub use owner::{Owner, OwnerStore};
pub use playbook::{PlaybookStore, PutOutcome};
pub use query::{Detail, ExecutionQuery, ExecutionsOf, PlaybookRuntime, QueryStore, SlowestQuery, TaskQuery};
pub use queue::{AlertQuery, QueueStore, QueuedQuery};
pub use setting::SettingStore;
pub(crate) use setting::{bounds as setting_bounds, fits as setting_fits};

/// A database of playbooks, executions and tasks.
///
/// Contract, beside that of each part: every read names its tenant and sees nothing of others, unless its description
/// says so. A list of documents ends early with the row that makes it
/// [`PAGE_BYTES`](updraft_protocol::limits::PAGE_BYTES) large; the next page begins after that row.
#[async_trait]
pub trait Store:
    ExecutionStore
    + QueryStore
    + QueueStore
    + EventStore
    + PlaybookStore
    + ContainmentStore
    + SettingStore
    + AuditStore
    + DeadLetterStore
    + EpochStore
    + BondStore
    + OwnerStore
{
    /// Whether the store answers.
    async fn ping(&self) -> Result<(), Error>;

    /// Its health.
    async fn health(&self) -> Health {
        let troubles = self.ping().await.err().iter().map(Trouble::of).collect();
        Health { troubles, pool: None }
    }

    /// Its name in logs and metrics.
    fn name(&self) -> &'static str {
        "other"
    }

    /// The default batch limit of its writer.
    fn batch_limit(&self) -> BatchLimit {
        BatchLimit::SERVER
    }
}
