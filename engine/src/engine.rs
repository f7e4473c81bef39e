//! The engine as its embedder holds it: the struct, what the start found, and the ways to look at it. Starts, stops and
//! submits nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use updraft_actors::{EngineContext, Inspection, Node, RegistryEntry};
use updraft_kernel::coalescer::Limits;
use updraft_kernel::shared::drain::DrainGate;
use updraft_protocol::limits::FLUSH_STANDSTILL;
use updraft_protocol::{ExecutionId, TenantCode};
use updraft_storage::sqlite::SqliteStore;
use updraft_storage::write_behind::Pending;

use crate::error::ReadError;
use crate::handle::Handle;
use crate::health::{self, EngineHealth};
#[cfg(unix)]
use crate::local::LocalServer;
use crate::ownership::Ownership;
use crate::reader::Reader;
use crate::recovery::Recovered;
use crate::standstill::StoreWait;

/// An execution engine. `Send + Sync`; works from any tokio runtime, beside other engines of the process.
pub struct Engine {
    pub(crate) context: Arc<EngineContext>,
    /// Taken by the shutdown.
    pub(crate) node: tokio::sync::Mutex<Option<Node>>,
    /// Closed when the engine shuts down; submissions pass through it.
    pub(crate) gate: DrainGate,
    /// Told when the gate is closed and no submission is under way.
    pub(crate) emptied: Arc<Notify>,
    /// The store, where the engine opened it itself: others may have the directory after the shutdown.
    pub(crate) embedded: Mutex<Option<Arc<SqliteStore>>>,
    /// The lease of a store that other machines reach.
    pub(crate) ownership: Option<Ownership>,
    /// Told when the gate is closed: submissions that wait for a place are refused.
    pub(crate) closing: Notify,
    pub(crate) submit_timeout: Duration,
    /// The server of the local socket, where there is a data directory; taken by the shutdown.
    #[cfg(unix)]
    pub(crate) local: Mutex<Option<LocalServer>>,
    /// What may wait for the store, and what does.
    pub(crate) buffer: Limits,
    pub(crate) pending: watch::Receiver<Pending>,
    /// Why the store does not take what waits, while it does not.
    pub(crate) trouble: watch::Receiver<Option<Arc<str>>>,
    pub(crate) recovered: Recovered,
    /// Held while an execution that the start left as it was is resumed or cancelled: one at a time.
    pub(crate) unresumed: Arc<tokio::sync::Mutex<()>>,
    /// What the start resumed, until someone asks for it.
    pub(crate) resumed: Mutex<Vec<Arc<RegistryEntry>>>,
}

impl Engine {
    /// What the start found and did.
    pub fn recovered(&self) -> &Recovered {
        &self.recovered
    }

    /// The handle of an execution of a tenant, live or ended.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn handle(&self, tenant: &TenantCode, peid: ExecutionId) -> Result<Option<Handle>, ReadError> {
        let handle = Handle::stored(self.context.clone(), tenant.clone(), peid);
        if handle.entry.is_some() {
            return Ok(Some(handle));
        }
        Ok(self.context.store.execution(tenant, peid).await?.map(|_| handle))
    }

    /// An execution of a tenant with its tasks, at one durable moment.
    ///
    /// # Errors
    /// The store did not answer, or the engine has failed.
    pub async fn execution(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
    ) -> Result<Option<Inspection>, ReadError> {
        match self.handle(tenant, peid).await? {
            Some(handle) => Ok(Some(handle.inspect().await?)),
            None => Ok(None),
        }
    }

    /// The handles of the executions that the start resumed, those that have ended since included. They are
    /// given once.
    pub fn take_resumed(&self) -> Vec<Handle> {
        let entries = std::mem::take(&mut *self.resumed.lock().unwrap_or_else(PoisonError::into_inner));
        entries.into_iter().map(|entry| Handle::registered(self.context.clone(), entry)).collect()
    }

    /// The handles of the executions that this engine runs at the moment, those it resumed included.
    pub fn unfinished(&self) -> Vec<Handle> {
        let entries = self.context.registry.unfinished(RegistryEntry::is_accepted);
        entries.into_iter().map(|entry| Handle::registered(self.context.clone(), entry)).collect()
    }

    /// A reader of what is stored. It does not ask live executions.
    pub fn reader(&self) -> Reader {
        Reader { store: self.context.store.clone() }
    }

    /// How the engine and its store fare. Asks the store, for ten seconds at most; never fails.
    pub async fn health(&self) -> EngineHealth {
        let pending = *self.pending.borrow();
        let trouble = self.trouble.borrow().clone();
        health::of(&self.context, pending, trouble, self.buffer).await
    }

    /// Waits until everything that is durable at this moment is in the store, for lists that must not lag. A store that is
    /// full or away is waited for, for ten minutes in which it takes nothing.
    ///
    /// # Errors
    /// The engine has failed or is shut down, or [`ReadError::Standstill`] with why the store takes nothing.
    pub async fn flush(&self) -> Result<(), ReadError> {
        let wait = StoreWait { context: &self.context, trouble: &self.trouble, longest: FLUSH_STANDSTILL };
        Ok(wait.within(self.context.flush()).await??)
    }
}
