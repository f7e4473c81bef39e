//! Playbooks: storing, reading and listing a tenant's catalogue.

use std::sync::Arc;

use updraft_actors::EngineContext;
use updraft_protocol::limits::SECRET_WAIT;
use updraft_protocol::{Json, Name, Playbook, PlaybookDocument, PlaybookId, PlaybookStatus, TenantCode};
use updraft_storage::store::PutOutcome;
use uuid::Uuid;

use crate::deadline::after;
use crate::engine::Engine;
use crate::error::{PutError, ReadError};
use crate::requirements::{Asked, ask};

/// The catalogue of playbooks.
pub struct Playbooks {
    context: Arc<EngineContext>,
}

impl Engine {
    /// The catalogue of playbooks.
    pub fn playbooks(&self) -> Playbooks {
        Playbooks::of(self.context.clone())
    }
}

impl Playbooks {
    pub(crate) fn of(context: Arc<EngineContext>) -> Self {
        Self { context }
    }

    /// Checks a playbook and stores it in a tenant's catalogue, durably. Storing the same playbook again returns the
    /// same id; a version never changes.
    ///
    /// # Errors
    /// Its mistakes and missing requirements, another definition under its name and version, or a store that does not
    /// answer.
    pub async fn put(&self, tenant: &TenantCode, playbook: Playbook) -> Result<PlaybookId, PutError> {
        let (plan, playbook) = self.context.plans.check(playbook).await.map_err(PutError::Invalid)?;
        let asked = (&*self.context.secrets, &self.context.timer);
        let Asked { missing, .. } = ask(asked, tenant, &plan, after(SECRET_WAIT)).await;
        if !missing.is_empty() {
            return Err(PutError::Invalid(missing));
        }
        // As text: a tree of serde_json would round numbers.
        let definition = serde_json::to_string(&playbook)
            .and_then(|text| Json::parse(&text))
            .map_err(|error| updraft_storage::Error::Refused(error.to_string()))?;
        let (pid, now) = (PlaybookId::new(Uuid::now_v7()), self.context.clock.now());
        let document = PlaybookDocument {
            pid,
            tenant_code: tenant.clone(),
            name: playbook.name.clone(),
            version: playbook.version,
            status: PlaybookStatus::Active,
            category_id: playbook.category_id.clone(),
            definition,
            createddate: now,
            updated_date: now,
        };
        let put = self.context.store.put_playbook(document).await;
        // Also where it is not known whether it was stored.
        self.context.plans.changed(tenant, &playbook.name).await;
        match put? {
            PutOutcome::Created => Ok(pid),
            PutOutcome::Unchanged(pid) => Ok(pid),
            PutOutcome::Conflict(pid) => {
                Err(PutError::Conflict { name: playbook.name, version: playbook.version, pid })
            }
        }
    }

    /// A playbook version by its id.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn get(
        &self,
        tenant: &TenantCode,
        pid: PlaybookId,
    ) -> Result<Option<PlaybookDocument>, ReadError> {
        Ok(self.context.store.playbook(tenant, pid).await?)
    }

    /// A playbook by its name: the version, or the newest.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn named(
        &self,
        tenant: &TenantCode,
        name: &Name,
        version: Option<u32>,
    ) -> Result<Option<PlaybookDocument>, ReadError> {
        Ok(self.context.store.playbook_named(tenant, name, version).await?)
    }

    /// A tenant's catalogue in one status, by name and version, after `after`; at most `limit` rows. A page may have
    /// fewer: it ends with the row that makes it [`PAGE_BYTES`](crate::limits::PAGE_BYTES) large. The catalogue has
    /// ended if a page is empty.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn list(
        &self,
        tenant: &TenantCode,
        status: PlaybookStatus,
        category_id: Option<&str>,
        after: Option<(Name, u32)>,
        limit: usize,
    ) -> Result<Vec<PlaybookDocument>, ReadError> {
        Ok(self.context.store.playbooks(tenant, status, category_id, after, limit).await?)
    }
}
