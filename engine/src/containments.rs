//! Containments: what is contained, until when, by whom; and what people ask of it. Every change is stored on condition that
//! the containment is as it was read.

mod reconciler;

use std::sync::Arc;

use updraft_actors::EngineContext;
use updraft_kernel::containment::{ContainmentEvent, applied, apply};
use updraft_protocol::limits::CONTAINMENT_TRIES;
use updraft_protocol::{
    ContainmentApplied, ContainmentAsk, ContainmentDocument, ContainmentId, TenantCode, Timestamp,
};
use updraft_storage::store::{ContainmentCursor, ContainmentQuery, Store};

use crate::engine::Engine;
use crate::error::{ContainmentError, ReadError};
pub(crate) use reconciler::ReconcilerThread;

/// The containments of all tenants.
pub struct Containments {
    context: Arc<EngineContext>,
}

impl Engine {
    /// The containments.
    pub fn containments(&self) -> Containments {
        Containments::of(self.context.clone())
    }

    /// Registers at once what the tasks in the store contain, so that it is listed. What was so before its task may wait for
    /// others.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn register_containments(&self) -> Result<(), ReadError> {
        reconciler::register_stored(&self.submitter).await
    }
}

impl Containments {
    pub(crate) fn of(context: Arc<EngineContext>) -> Self {
        Self { context }
    }

    /// A page of a tenant's containments, and the cursor of the next page. One that has just begun is listed within seconds of
    /// the end of its step.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn list(
        &self,
        query: ContainmentQuery,
    ) -> Result<(Vec<ContainmentDocument>, Option<ContainmentCursor>), ReadError> {
        let page = self.context.store.containments(query).await?;
        let next = page.last().map(ContainmentCursor::of);
        Ok((page, next))
    }

    /// The containments of all tenants for which an engine has to do something by an instant, the most urgent first, at most
    /// `limit`: their undo begins, begins again, or is looked at.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn due(&self, by: Timestamp, limit: usize) -> Result<Vec<ContainmentDocument>, ReadError> {
        Ok(self.context.store.due_containments(by, None, limit).await?)
    }

    /// A containment.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn get(
        &self,
        tenant: &TenantCode,
        id: ContainmentId,
    ) -> Result<Option<ContainmentDocument>, ReadError> {
        Ok(self.context.store.containment(tenant, id).await?)
    }

    /// A person lets it last until `until`, which is later than it does now.
    ///
    /// # Errors
    /// It refuses, the tenant has no such containment, or the store did not answer.
    pub async fn extend(
        &self,
        tenant: &TenantCode,
        id: ContainmentId,
        (uid, reason): (&str, &str),
        until: Timestamp,
    ) -> Result<ContainmentApplied, ContainmentError> {
        self.ask(tenant, id, (uid, reason), ContainmentAsk::Extend(until)).await
    }

    /// A person ends it, and the target stays as it is.
    ///
    /// # Errors
    /// As [`Containments::extend`].
    pub async fn keep(
        &self,
        tenant: &TenantCode,
        id: ContainmentId,
        (uid, reason): (&str, &str),
    ) -> Result<ContainmentApplied, ContainmentError> {
        self.ask(tenant, id, (uid, reason), ContainmentAsk::Keep).await
    }

    /// A person lets it be undone at once, whoever else holds it.
    ///
    /// # Errors
    /// As [`Containments::extend`].
    pub async fn undo(
        &self,
        tenant: &TenantCode,
        id: ContainmentId,
        (uid, reason): (&str, &str),
    ) -> Result<ContainmentApplied, ContainmentError> {
        self.ask(tenant, id, (uid, reason), ContainmentAsk::Undo).await
    }

    /// A person asks for one of these. What is so already stays so, and is not refused.
    ///
    /// # Errors
    /// As [`Containments::extend`].
    pub async fn ask(
        &self,
        tenant: &TenantCode,
        id: ContainmentId,
        (uid, reason): (&str, &str),
        ask: ContainmentAsk,
    ) -> Result<ContainmentApplied, ContainmentError> {
        let event = ContainmentEvent::Asked { uid: uid.into(), ask, reason: reason.into() };
        let now = self.context.clock.now();
        change(&*self.context.store, tenant, id, |before| {
            let before = before.ok_or(ContainmentError::NoContainment(id))?;
            let after = apply(before, event.clone(), now)?;
            Ok((applied(&after), after))
        })
        .await
    }
}

/// Stores what `decide` makes of a containment, again if another change came first; returns what it told with that.
async fn change<T>(
    store: &dyn Store,
    tenant: &TenantCode,
    id: ContainmentId,
    decide: impl Fn(Option<&ContainmentDocument>) -> Result<(T, Option<ContainmentDocument>), ContainmentError>,
) -> Result<T, ContainmentError> {
    for _ in 0..CONTAINMENT_TRIES {
        let before = store.containment(tenant, id).await.map_err(ReadError::from)?;
        let (told, after) = decide(before.as_ref())?;
        let Some(after) = after else { return Ok(told) };
        let revision = before.map(|before| before.revision);
        if store.put_containment(after, revision).await.map_err(ReadError::from)? {
            return Ok(told);
        }
    }
    Err(ContainmentError::Busy(id))
}
