//! The builder: the engine's configuration, typed and checked once.

mod files;
mod flow;
mod redis;
mod waits;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use updraft_actors::{Clock, SystemClock};
use updraft_connectors::Connectors;
use updraft_kernel::batch_limit::BatchLimit;
use updraft_kernel::machine::DefaultWaits;
use updraft_kernel::pairing::Loss;
use updraft_kernel::plan::check_schema;
use updraft_protocol::limits::{
    BACKLOG, COALESCER_BYTES, COALESCER_BYTES_MAX, COALESCER_DOCUMENTS, COALESCER_DOCUMENTS_MAX,
    CONFIGURATION_WAIT, EXECUTIONS_IN_FLIGHT, FLUSH_DELAY, FLUSH_DELAY_MAX, SHARDS_MAX, SLOW_STORE_CALL,
    START_STANDSTILL, SUBMIT_TIMEOUT, TASKS_AT_ONCE, TASKS_AT_ONCE_MAX, WATCH_EVERY,
};
use updraft_protocol::secret::NoSecrets;
use updraft_protocol::{
    BreakerPolicy, CallLimits, Catalogue, Guardrail, Integration, Name, Quota, SecretProvider, TenantCode,
};
use updraft_redis::RedisSettings;
use updraft_storage::files::FilePolicy;
use updraft_storage::journal::Durability;
use updraft_storage::{Store, StoreAddress};

use crate::error::StartError;
use crate::store_choice::StoreChoice;

/// The unfinished executions that an engine resumes when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Resume {
    /// All that are in the store.
    #[default]
    All,
    /// None: they stay as they are. For an engine that only reads, or that runs only new executions.
    Nothing,
}

/// The configuration of an engine. Every setting but the data directory has a default. A clone can be kept to retry a
/// failed start.
#[derive(Clone)]
pub struct Builder {
    pub(crate) data: Option<PathBuf>,
    pub(crate) store: StoreChoice,
    pub(crate) durability: Durability,
    pub(crate) shards: Option<usize>,
    pub(crate) integrations: BTreeMap<String, Arc<dyn Integration>>,
    /// Those that are not the newest version of their name.
    pub(crate) other_versions: BTreeMap<(String, u32), Arc<dyn Integration>>,
    pub(crate) tasks_at_once: usize,
    pub(crate) executions_in_flight: usize,
    pub(crate) executions_in_flight_of_tenant: Option<usize>,
    pub(crate) backlog: u64,
    pub(crate) quota: Quota,
    pub(crate) quotas: BTreeMap<TenantCode, Quota>,
    pub(crate) submit_timeout: Duration,
    /// `None` for the limit that suits the store.
    pub(crate) batch_limit: Option<BatchLimit>,
    pub(crate) flush_delay: Duration,
    pub(crate) buffer_documents: usize,
    pub(crate) buffer_bytes: usize,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) resume: Resume,
    pub(crate) secrets: Arc<dyn SecretProvider>,
    pub(crate) configuration_wait: Duration,
    pub(crate) waits: DefaultWaits,
    pub(crate) watch_every: Duration,
    pub(crate) accepted_loss: Option<Loss>,
    pub(crate) start_standstill: Duration,
    pub(crate) slow_store_calls: Duration,
    pub(crate) call_limits: BTreeMap<String, CallLimits>,
    /// The bound of the tools without limits.
    pub(crate) tool_bound: CallLimits,
    pub(crate) guardrails: Vec<Guardrail>,
    pub(crate) redis: Option<RedisSettings>,
    pub(crate) breakers: BTreeMap<String, BreakerPolicy>,
    pub(crate) files: FilePolicy,
    pub(crate) fires_triggers: bool,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            data: None,
            store: StoreChoice::At(StoreAddress::Embedded),
            durability: Durability::Fsync,
            shards: None,
            integrations: BTreeMap::new(),
            other_versions: BTreeMap::new(),
            tasks_at_once: TASKS_AT_ONCE,
            executions_in_flight: EXECUTIONS_IN_FLIGHT,
            executions_in_flight_of_tenant: None,
            backlog: BACKLOG,
            quota: Quota::default(),
            quotas: BTreeMap::new(),
            submit_timeout: SUBMIT_TIMEOUT,
            batch_limit: None,
            flush_delay: FLUSH_DELAY,
            buffer_documents: COALESCER_DOCUMENTS,
            buffer_bytes: COALESCER_BYTES,
            clock: Arc::new(SystemClock),
            resume: Resume::All,
            secrets: Arc::new(NoSecrets),
            configuration_wait: CONFIGURATION_WAIT,
            waits: DefaultWaits::default(),
            watch_every: WATCH_EVERY,
            accepted_loss: None,
            start_standstill: START_STANDSTILL,
            slow_store_calls: SLOW_STORE_CALL,
            call_limits: BTreeMap::new(),
            tool_bound: flow::tool_bound(),
            guardrails: Vec::new(),
            redis: None,
            breakers: BTreeMap::new(),
            files: FilePolicy::default(),
            fires_triggers: false,
        }
    }
}

impl Builder {
    /// The directory of the journal and the embedded store; created if missing. One process at a time can use it.
    #[must_use]
    pub fn data(mut self, directory: impl Into<PathBuf>) -> Self {
        self.data = Some(directory.into());
        self
    }

    /// Another store than the embedded one. The journal stays in the data directory, and belongs to the store: updates
    /// that the store does not have yet are in the journal. So a directory must be given the same store each time. A
    /// change between this store, one at an address, and the embedded one is detected and refused.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = StoreChoice::Given(store);
        self
    }

    /// The store at an address, opened at the start; by default the embedded one. The journal stays in the data
    /// directory. One engine at a time can use a database.
    #[must_use]
    pub fn store_at(mut self, address: StoreAddress) -> Self {
        self.store = StoreChoice::At(address);
        self
    }

    /// Keeps data only in this process: a store in memory, and no journal. For tests of backends, and to measure the
    /// engine without a disk. It needs no data directory, and ignores one that is set.
    #[must_use]
    pub fn in_memory(mut self) -> Self {
        self.store = StoreChoice::Memory;
        self
    }

    /// The faults that durable data survives; by default `Fsync`.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// The number of shards, each with a thread of its own; by default the number of cores.
    #[must_use]
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = Some(shards);
        self
    }

    /// An integration, under the name that playbooks use.
    #[must_use]
    pub fn integration(self, name: impl Into<String>, integration: impl Integration) -> Self {
        self.shared_integration(name, Arc::new(integration))
    }

    /// An integration that is shared with other engines.
    #[must_use]
    pub fn shared_integration(mut self, name: impl Into<String>, integration: Arc<dyn Integration>) -> Self {
        self.integrations.insert(name.into(), integration);
        self
    }

    /// Integrations that are declared in files, each under its own name. Limits that they declare hold unless
    /// [`Builder::call_limits`] declares others.
    ///
    /// Of several versions of one the newest counts. An execution keeps the version that it began with, also after a restart: if that
    /// is not there, its step waits for it as for a missing integration.
    ///
    /// ```
    /// use updraft::connectors::{Connector, Connectors};
    /// use updraft::integrations::HttpIntegration;
    ///
    /// let connector = Connector::parse(b"
    /// connector: reputation
    /// version: 1
    /// base_url: https://reputation.example
    /// actions: {address: {request: {path: /addresses}}}
    /// ")?;
    /// let connectors = Connectors::builder(HttpIntegration::builder()).connector(connector).build()?;
    /// let builder = updraft::Engine::builder().connectors(&connectors);
    /// # Ok::<(), updraft::connectors::Error>(())
    /// ```
    #[must_use]
    pub fn connectors(mut self, connectors: &Connectors) -> Self {
        for integration in connectors.newest() {
            let (name, limits) = (integration.connector().name().as_str(), integration.connector().limits());
            if let Some(limits) = limits {
                self.call_limits.entry(name.to_owned()).or_insert_with(|| limits.clone());
            }
            self.integrations.insert(name.to_owned(), Arc::new(integration.clone()));
        }
        for integration in connectors.all() {
            let connector = integration.connector();
            let key = (connector.name().to_string(), connector.version());
            self.other_versions.insert(key, Arc::new(integration.clone()));
        }
        self
    }

    /// The provider of the secrets that playbooks name; by default there are none. It is called in each attempt.
    #[must_use]
    pub fn secrets(mut self, provider: impl SecretProvider) -> Self {
        self.secrets = Arc::new(provider);
        self
    }

    /// How long an accepted execution waits for a secret, permission or integration that this engine lacks, before its
    /// step fails; by default 24 h.
    #[must_use]
    pub fn configuration_wait(mut self, wait: Duration) -> Self {
        self.configuration_wait = wait;
        self
    }

    /// How often the engine counts what is overdue, sets the gauges of it, and warns; by default once in a minute, at most once
    /// in a millisecond.
    #[must_use]
    pub fn watch_every(mut self, every: Duration) -> Self {
        self.watch_every = every.max(Duration::from_millis(1));
        self
    }

    /// How long `submit` waits for a permit where it does not queue, and for the answers of store and journal; by default 5 s. The answers have
    /// at least a second, which a busy disk may need.
    #[must_use]
    pub fn submit_timeout(mut self, timeout: Duration) -> Self {
        self.submit_timeout = timeout;
        self
    }

    /// How much is written to the store at once; by default what suits the store.
    #[must_use]
    pub fn batch_limit(mut self, batch_limit: BatchLimit) -> Self {
        self.batch_limit = Some(batch_limit);
        self
    }

    /// How long a change may wait for others to share its write to the store; by default 10 ms, at most 5 s. A change
    /// of a task or execution that is still running may wait three times as long, since the next change saves its
    /// write. The change is durable in the meantime; only queries of the store see it later.
    #[must_use]
    pub fn flush_delay(mut self, delay: Duration) -> Self {
        self.flush_delay = delay;
        self
    }

    /// How many documents may wait for the store, and how many bytes; by default 200,000 and 256 MiB. At either bound
    /// the journal waits, then executions, then `submit`.
    #[must_use]
    pub fn buffer(mut self, documents: usize, bytes: usize) -> Self {
        (self.buffer_documents, self.buffer_bytes) = (documents, bytes);
        self
    }

    /// Another clock than the system's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The unfinished executions to resume; by default all. The others stay as they are;
    /// [`Engine::resume`](crate::Engine::resume) resumes one of them later, [`Engine::cancel`](crate::Engine::cancel)
    /// ends one.
    #[must_use]
    pub fn resume(mut self, resume: Resume) -> Self {
        self.resume = resume;
        self
    }

    /// Starts although the journal and the store do not belong together, if the mismatch is this loss
    /// ([`StartError::Mismatch`]). Loss of the store: the journal's updates are applied to the store that is there.
    /// Loss of the journal: executions resume from the store. Data that only the lost one had is gone, as the log
    /// reports. A person decides this, for one start.
    #[must_use]
    pub fn accept_loss(mut self, loss: Loss) -> Self {
        self.accepted_loss = Some(loss);
        self
    }

    /// How long the start waits for a store that takes none of the journal's updates and gives a reason; by default 30
    /// s.
    #[must_use]
    pub fn start_standstill(mut self, longest: Duration) -> Self {
        self.start_standstill = longest;
        self
    }

    /// Store calls that take this long or longer are logged and counted as slow; by default 500 ms.
    #[must_use]
    pub fn slow_store_calls(mut self, threshold: Duration) -> Self {
        self.slow_store_calls = threshold;
        self
    }

    /// The integrations and actions that playbooks may name.
    ///
    /// # Errors
    /// An integration's name or the schema of its arguments is not valid.
    pub fn catalogue(&self) -> Result<Catalogue, StartError> {
        let mut catalogue = Catalogue::default();
        for (name, integration) in &self.integrations {
            let name =
                Name::new(name).map_err(|error| StartError::Configuration(format!("integration {error}")))?;
            for action in integration.actions() {
                if let Some(schema) = integration.spec(action).schema {
                    check_schema(&schema).map_err(|error| {
                        let place = format!("integration {name}: the schema of action {action}");
                        StartError::Configuration(format!("{place}: {error}"))
                    })?;
                }
            }
            let is_limited =
                self.call_limits.contains_key(name.as_str()) || integration.blocking_threads().is_some();
            catalogue.add_integration(name.clone(), integration.clone());
            if is_limited {
                catalogue.limit(&name);
            }
        }
        Ok(catalogue)
    }

    /// The number of shards of the engine.
    ///
    /// # Errors
    /// [`StartError::Configuration`] with the setting that is not valid.
    pub(crate) fn checked(&self) -> Result<usize, StartError> {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from).min(SHARDS_MAX);
        let shards = self.shards.unwrap_or_else(cores);
        self.check_quotas()?;
        let of_tenant = self.of_tenant();
        let bounds = [
            ("shards", shards, SHARDS_MAX),
            ("tasks_at_once", self.tasks_at_once, TASKS_AT_ONCE_MAX),
            ("executions_in_flight", self.executions_in_flight, tokio::sync::Semaphore::MAX_PERMITS),
            ("executions_in_flight_of_tenant", of_tenant, self.executions_in_flight),
            ("buffer: documents", self.buffer_documents, COALESCER_DOCUMENTS_MAX),
            ("buffer: bytes", self.buffer_bytes, COALESCER_BYTES_MAX),
        ];
        for (setting, value, most) in bounds {
            if value == 0 || value > most {
                let message = format!("{setting}: {value} is not within 1 to {most}");
                return Err(StartError::Configuration(message));
            }
        }
        if self.flush_delay > FLUSH_DELAY_MAX {
            let message = format!("flush_delay: {:?} is more than {FLUSH_DELAY_MAX:?}", self.flush_delay);
            return Err(StartError::Configuration(message));
        }
        self.batch_limit.map_or(Ok(()), BatchLimit::check).map_err(StartError::Configuration)?;
        Ok(shards)
    }
}
