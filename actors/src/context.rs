//! The engine's context: what the actors of one engine share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use updraft_kernel::machine::Terms;
use updraft_kernel::shard_epochs::ShardEpochs;
use updraft_kernel::shared::outcome::OutcomeCell;
use updraft_kernel::shared::permits::Permits;
use updraft_kernel::shared::watermark::DurableWatermark;
use updraft_protocol::{Integration, Name, TenantCode};
use updraft_storage::Store;
use updraft_storage::log::{self, Log};

use crate::admission::Admission;
use crate::clock::Clock;
use crate::entry::{Lost, RegistryEntry};
use crate::lease_check::LeaseCheck;
use crate::missing::Missing;
use crate::plans::Plans;
use crate::registry::Registry;
use crate::router::Router;
use crate::secrets::Secrets;
use crate::timer::TimerThread;

/// What the actors of one engine share.
pub struct EngineContext {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The limits of those who wait.
    pub timer: TimerThread,
    /// Where updates become durable.
    pub log: Arc<dyn Log>,
    /// Where they go then.
    pub store: Arc<dyn Store>,
    /// Everything below is in the store.
    pub stored: DurableWatermark,
    /// The tools, by name.
    pub integrations: BTreeMap<Name, Arc<dyn Integration>>,
    /// Where their secrets come from.
    pub secrets: Arc<Secrets>,
    /// Whether the store is still this engine's, where another may take it.
    pub lease_check: Option<Arc<LeaseCheck>>,
    /// What accepted executions wait for, as it is missing.
    pub missing: Missing,
    /// The checked plans.
    pub plans: Plans,
    /// The executions that run here.
    pub registry: Registry,
    /// The places for executions.
    pub admission: Admission,
    /// The places for parked ones.
    pub parked: Permits,
    /// The epochs that the store gave this engine.
    pub epochs: ShardEpochs,
    /// Tasks of an execution at once, where its playbook says nothing.
    pub tasks_at_once: usize,
    /// How long a task waits for what is missing.
    pub configuration_wait: Duration,
    /// Settled with the reason when the engine can no longer go on.
    pub failed: OutcomeCell<String>,
    /// The way to the shards.
    pub router: Router,
}

impl EngineContext {
    /// What the machine of a tenant's execution is given.
    pub fn terms(&self, tenant: &TenantCode) -> Terms {
        let (tasks_at_once, configuration_wait) = (self.tasks_at_once, self.configuration_wait);
        Terms { epoch: self.epochs.of(tenant), tasks_at_once, configuration_wait }
    }

    /// Waits until all that the log has at this moment is in the store.
    ///
    /// # Errors
    /// The engine has failed or is shut down.
    pub async fn flush(&self) -> Result<(), Lost> {
        self.log.flush().await.map_err(|error| match error {
            log::Error::Closed => Lost::ShutDown,
            error => Lost::Engine(error.to_string()),
        })
    }

    /// Ends everything that waits: the engine cannot go on.
    pub fn fail(&self, reason: String) {
        if self.failed.is_settled() {
            return;
        }
        tracing::error!(reason, "the engine has failed and stops accepting");
        metrics::counter!("updraft_engine_failures_total").increment(1);
        let _ = self.failed.settle(reason.clone());
        for entry in self.registry.unfinished(|_| true) {
            self.lose(&entry, Lost::Engine(reason.clone()));
        }
    }

    /// Ends everything that runs: another engine has the store, and runs the same. Nothing that runs here goes on from what it
    /// does now, because nothing of that becomes durable.
    pub fn replaced(&self, by: String) {
        self.log.stop(&by);
        self.fail(by);
    }

    /// Tells those who wait for an execution that its end will not be told here.
    pub fn lose(&self, entry: &RegistryEntry, why: Lost) {
        entry.accept(Err(why.clone()));
        let _ = entry.settle(Err(why));
        self.registry.remove(entry);
    }
}

impl std::fmt::Debug for EngineContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EngineContext").field("tasks_at_once", &self.tasks_at_once).finish_non_exhaustive()
    }
}
