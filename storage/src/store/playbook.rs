//! The port for playbooks: versions that never change once they are stored, and the catalogue of a tenant.

use async_trait::async_trait;
use updraft_protocol::{Json, Name, PlaybookDocument, PlaybookId, PlaybookStatus, TenantCode};

use super::Error;

/// The result of storing a playbook.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub enum PutOutcome {
    /// It is new.
    Created,
    /// The same definition is stored under this id.
    Unchanged(PlaybookId),
    /// Another definition is stored under this name and version; nothing changed.
    Conflict(PlaybookId),
}

impl PutOutcome {
    /// The result for a playbook whose name and version are already stored as `known`, with this definition.
    pub fn of_known(known: PlaybookId, definition: &Json, playbook: &PlaybookDocument) -> Self {
        if definition.same_value(&playbook.definition) {
            Self::Unchanged(known)
        } else {
            Self::Conflict(known)
        }
    }
}

/// Playbook versions.
#[async_trait]
pub trait PlaybookStore: Send + Sync + 'static {
    /// Adds a playbook version, durably.
    async fn put_playbook(&self, playbook: PlaybookDocument) -> Result<PutOutcome, Error>;

    /// A playbook version by its id.
    async fn playbook(&self, tenant: &TenantCode, pid: PlaybookId)
    -> Result<Option<PlaybookDocument>, Error>;

    /// A playbook by its name: the version, or the newest.
    async fn playbook_named(
        &self,
        tenant: &TenantCode,
        name: &Name,
        version: Option<u32>,
    ) -> Result<Option<PlaybookDocument>, Error>;

    /// A tenant's catalogue in one status, by name and version, after `after` (name, version); at most `limit` rows.
    async fn playbooks(
        &self,
        tenant: &TenantCode,
        status: PlaybookStatus,
        category_id: Option<&str>,
        after: Option<(Name, u32)>,
        limit: usize,
    ) -> Result<Vec<PlaybookDocument>, Error>;
}
