//! The engine's context: the state that the actors of one engine share.

use std::sync::Arc;
use std::time::Duration;

use updraft_cache::Caches;
use updraft_kernel::item_files::ItemFiles;
use updraft_kernel::machine::{DefaultWaits, Terms};
use updraft_kernel::shard_epochs::ShardEpochs;
use updraft_kernel::shared::outcome::OutcomeCell;
use updraft_kernel::shared::permits::Permits;
use updraft_kernel::shared::watermark::DurableWatermark;
use updraft_protocol::{Asked, PauseScope, TenantCode};
use updraft_storage::Store;
use updraft_storage::files::FileStore;
use updraft_storage::log::{self, Log};

use crate::admission::Admission;
use crate::answers::AnswerCache;
use crate::clock::Clock;
use crate::entry::{Lost, RegistryEntry};
use crate::gates::Gates;
use crate::guardrails::EnforcedGuardrails;
use crate::lease_check::LeaseCheck;
use crate::missing::Missing;
use crate::pauses::Pauses;
use crate::plans::Plans;
use crate::polling::Polling;
use crate::quotas::Quotas;
use crate::registry::Registry;
use crate::router::Router;
use crate::secrets::Secrets;
use crate::statistics::EngineStatistics;
use crate::target_locks::HeldTargetLocks;
use crate::timer::TimerThread;
use crate::tools::EngineTools;

/// The state that the actors of one engine share.
pub struct EngineContext {
    /// The source of time.
    pub clock: Arc<dyn Clock>,
    /// Limits the waits of callers.
    pub timer: TimerThread,
    /// The log that makes updates durable.
    pub log: Arc<dyn Log>,
    /// The store that they are then written to.
    pub store: Arc<dyn Store>,
    /// The position below which the store has everything.
    pub stored: DurableWatermark,
    /// The tools.
    pub tools: EngineTools,
    /// The provider of their secrets, with the masks.
    pub secrets: Arc<Secrets>,
    /// Whether the store is still owned by this engine, for a store that another engine may take.
    pub lease_check: Option<Arc<LeaseCheck>>,
    /// The tasks that wait for missing configuration.
    pub missing: Missing,
    /// The checked plans.
    pub plans: Plans,
    /// What is loaded once: what has to be forgotten is invalidated here.
    pub caches: Arc<Caches>,
    /// The answers of tools that are kept.
    pub answers: AnswerCache,
    /// The executions that run here.
    pub registry: Registry,
    /// What was counted of the calls of each tool.
    pub statistics: Arc<EngineStatistics>,
    /// The gates at which calls wait for the limits of their tools.
    pub gates: Arc<Gates>,
    /// The files of executions; `None` without a data directory.
    pub files: Option<Arc<FileStore>>,
    /// What the operator lets playbooks do.
    pub guardrails: EnforcedGuardrails,
    /// What each shard polls now.
    pub polling: Polling,
    /// The locks of targets that tasks have.
    pub target_locks: HeldTargetLocks,
    /// The permits for executions in flight.
    pub admission: Admission,
    /// The quotas of tenants.
    pub quotas: Quotas,
    /// What is paused as a whole.
    pub pauses: Pauses,
    /// The permits for parked executions.
    pub parked: Permits,
    /// The epochs that the store gave this engine.
    pub epochs: ShardEpochs,
    /// Tasks of an execution at once, unless its playbook sets it.
    pub tasks_at_once: usize,
    /// How long a task waits for missing configuration.
    pub configuration_wait: Duration,
    /// How long steps wait that do not say it.
    pub waits: DefaultWaits,
    /// Settled with the reason when the engine has failed.
    pub failed: OutcomeCell<String>,
    /// Held while an execution that the start did not resume is resumed or cancelled: one at a time.
    pub unresumed: Arc<tokio::sync::Mutex<()>>,
    /// The router to the shards.
    pub router: Router,
}

impl EngineContext {
    /// The settings for the machine of a tenant's execution.
    pub fn terms(&self, tenant: &TenantCode) -> Terms {
        let (tasks_at_once, configuration_wait) = (self.tasks_at_once, self.configuration_wait);
        let guardrails = self.guardrails.current();
        Terms {
            epoch: self.epochs.of(tenant),
            tasks_at_once,
            configuration_wait,
            waits: self.waits,
            guardrails,
            gated: self.gates.gated().clone(),
            files: self.files.clone().map(|files| -> Arc<dyn ItemFiles> { files }),
        }
    }

    /// Has the quotas of a tenant hold that are known now.
    pub fn apply_quota(&self, tenant: &TenantCode) {
        let quota = self.quotas.of(tenant);
        self.admission.set_share(tenant, (quota.in_flight, quota.weight.unwrap_or(1)));
        self.gates.set_tasks(tenant, quota.tasks_at_once);
    }

    /// Nothing of a scope begins from now on, or it does again. What runs of it goes on.
    pub fn pause(&self, scope: &PauseScope, asked: Option<Asked>) {
        let is_paused = asked.is_some();
        self.pauses.set(scope, asked);
        self.admission.pause(&scope.tenant, scope.playbook.is_none().then_some(is_paused));
    }

    /// Waits until everything that is in the log now is in the store.
    ///
    /// # Errors
    /// The engine has failed or is shut down.
    pub async fn flush(&self) -> Result<(), Lost> {
        self.log.flush().await.map_err(|error| match error {
            log::Error::Closed => Lost::ShutDown,
            error => Lost::Engine(error.to_string().into()),
        })
    }

    /// Ends every wait: the engine has failed.
    pub fn fail(&self, reason: String) {
        if self.failed.is_settled() {
            return;
        }
        tracing::error!(reason, "the engine has failed and stops accepting");
        metrics::counter!("updraft_engine_failures_total").increment(1);
        let _ = self.failed.settle(reason.clone());
        for entry in self.registry.unfinished(|_| true) {
            self.lose(&entry, Lost::Engine(reason.clone().into()));
        }
    }

    /// Ends everything that runs: another engine owns the store, and runs the same executions. The work of this engine
    /// no longer has an effect, because nothing of it becomes durable.
    pub fn replaced(&self, by: String) {
        self.log.stop(&by);
        self.fail(by);
    }

    /// Reports to the callers that wait for an execution that this engine will not see its end.
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
