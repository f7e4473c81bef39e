//! The builder: the engine's configuration, typed and checked once.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use updraft_actors::{Clock, SystemClock};
use updraft_kernel::batch_limit::BatchLimit;
use updraft_kernel::pairing::Loss;
use updraft_kernel::plan::check_schema;
use updraft_protocol::limits::{
    COALESCER_BYTES, COALESCER_BYTES_MAX, COALESCER_DOCUMENTS, COALESCER_DOCUMENTS_MAX, CONFIGURATION_WAIT,
    EXECUTIONS_IN_FLIGHT, EXECUTIONS_IN_FLIGHT_OF_TENANT, FLUSH_DELAY, FLUSH_DELAY_MAX, SHARDS_MAX,
    SLOW_STORE_CALL, START_STANDSTILL, SUBMIT_TIMEOUT, TASKS_AT_ONCE, TASKS_AT_ONCE_MAX,
};
use updraft_protocol::secret::NoSecrets;
use updraft_protocol::{Catalogue, Integration, Name, SecretProvider};
use updraft_storage::journal::Durability;
use updraft_storage::{Store, StoreAddress};

use crate::error::StartError;
use crate::store_choice::StoreChoice;

/// Which unfinished executions go on when an engine starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Resume {
    /// All that the store has.
    #[default]
    All,
    /// None: they stay as they are. For an engine that only reads, or that runs something of its own.
    Nothing,
}

/// What an engine is started with. Every setting but the data directory has a default. A clone starts the same, where a
/// start has failed that is worth another try.
#[derive(Clone)]
pub struct Builder {
    pub(crate) data: Option<PathBuf>,
    pub(crate) store: StoreChoice,
    pub(crate) durability: Durability,
    pub(crate) shards: Option<usize>,
    pub(crate) integrations: BTreeMap<String, Arc<dyn Integration>>,
    pub(crate) tasks_at_once: usize,
    pub(crate) executions_in_flight: usize,
    pub(crate) executions_in_flight_of_tenant: Option<usize>,
    pub(crate) submit_timeout: Duration,
    /// None leaves it to what suits the store.
    pub(crate) batch_limit: Option<BatchLimit>,
    pub(crate) flush_delay: Duration,
    pub(crate) buffer_documents: usize,
    pub(crate) buffer_bytes: usize,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) resume: Resume,
    pub(crate) secrets: Arc<dyn SecretProvider>,
    pub(crate) configuration_wait: Duration,
    pub(crate) accepted_loss: Option<Loss>,
    pub(crate) start_standstill: Duration,
    pub(crate) slow_store_calls: Duration,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            data: None,
            store: StoreChoice::At(StoreAddress::Embedded),
            durability: Durability::Fsync,
            shards: None,
            integrations: BTreeMap::new(),
            tasks_at_once: TASKS_AT_ONCE,
            executions_in_flight: EXECUTIONS_IN_FLIGHT,
            executions_in_flight_of_tenant: None,
            submit_timeout: SUBMIT_TIMEOUT,
            batch_limit: None,
            flush_delay: FLUSH_DELAY,
            buffer_documents: COALESCER_DOCUMENTS,
            buffer_bytes: COALESCER_BYTES,
            clock: Arc::new(SystemClock),
            resume: Resume::All,
            secrets: Arc::new(NoSecrets),
            configuration_wait: CONFIGURATION_WAIT,
            accepted_loss: None,
            start_standstill: START_STANDSTILL,
            slow_store_calls: SLOW_STORE_CALL,
        }
    }
}

impl Builder {
    /// The directory of the journal and the embedded store; made where it is missing. One process at a
    /// time has it.
    #[must_use]
    pub fn data(mut self, directory: impl Into<PathBuf>) -> Self {
        self.data = Some(directory.into());
        self
    }

    /// Another store than the embedded one. The journal stays in the data directory, and belongs to it: what
    /// the one has not got yet is in the other. So a directory is given the same store each time; that it is one
    /// at an address, or the embedded one, is noticed and refused.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = StoreChoice::Given(store);
        self
    }

    /// The store at an address, opened at the start: the embedded one unless it is named. The journal stays in
    /// the data directory. One engine at a time has a database.
    #[must_use]
    pub fn store_at(mut self, address: StoreAddress) -> Self {
        self.store = StoreChoice::At(address);
        self
    }

    /// Keeps nothing beyond this process: a store in memory, and no journal. For tests of backends, and to measure
    /// the engine without a disk. It needs no data directory, and uses none that is named.
    #[must_use]
    pub fn in_memory(mut self) -> Self {
        self.store = StoreChoice::Memory;
        self
    }

    /// What "durable" survives: `Fsync` unless it is named.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// How many shards, each a thread of its own; as many as the machine has cores unless it is named.
    #[must_use]
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = Some(shards);
        self
    }

    /// A security tool under the name that playbooks call it by.
    #[must_use]
    pub fn integration(self, name: impl Into<String>, integration: impl Integration) -> Self {
        self.shared_integration(name, Arc::new(integration))
    }

    /// A security tool that others share.
    #[must_use]
    pub fn shared_integration(mut self, name: impl Into<String>, integration: Arc<dyn Integration>) -> Self {
        self.integrations.insert(name.into(), integration);
        self
    }

    /// Where the secrets come from that playbooks name: none unless it is named. It is asked in each attempt.
    #[must_use]
    pub fn secrets(mut self, provider: impl SecretProvider) -> Self {
        self.secrets = Arc::new(provider);
        self
    }

    /// How long an accepted execution waits for a secret, permission or integration that this engine has not been given:
    /// 24 h unless it is named. Then its step fails.
    #[must_use]
    pub fn configuration_wait(mut self, wait: Duration) -> Self {
        self.configuration_wait = wait;
        self
    }

    /// Tasks at once in one execution, where its playbook does not say: 10 unless it is named.
    #[must_use]
    pub fn tasks_at_once(mut self, tasks: usize) -> Self {
        self.tasks_at_once = tasks;
        self
    }

    /// Executions in flight, all tenants together: 100,000 unless it is named.
    #[must_use]
    pub fn executions_in_flight(mut self, executions: usize) -> Self {
        self.executions_in_flight = executions;
        self
    }

    /// Executions in flight of one tenant: 50,000, and at most all, unless it is named.
    #[must_use]
    pub fn executions_in_flight_of_tenant(mut self, executions: usize) -> Self {
        self.executions_in_flight_of_tenant = Some(executions);
        self
    }

    /// How long `submit` waits for a place, and for the answers of store and journal: 5 s unless it is named. The
    /// answers have a second at least, which is what a busy disk may take.
    #[must_use]
    pub fn submit_timeout(mut self, timeout: Duration) -> Self {
        self.submit_timeout = timeout;
        self
    }

    /// How much is written to the store at once: what suits the store unless it is named.
    #[must_use]
    pub fn batch_limit(mut self, batch_limit: BatchLimit) -> Self {
        self.batch_limit = Some(batch_limit);
        self
    }

    /// How long a change may wait for company on its way to the store: 10 ms unless it is named, 5 s at most. Where
    /// the execution or task goes on it may wait three times as long, as the next change saves its write. It is durable
    /// all the while; it is queries of the store that see it later.
    #[must_use]
    pub fn flush_delay(mut self, delay: Duration) -> Self {
        self.flush_delay = delay;
        self
    }

    /// How many documents may wait for the store, and how many bytes: 200,000 and 256 MiB unless it is named. At
    /// either bound the journal waits, then executions, then `submit`.
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

    /// Which unfinished executions go on: all unless it is said. Those that do not stay as they are;
    /// [`Engine::resume`](crate::Engine::resume) has one of them go on later, [`Engine::cancel`](crate::Engine::cancel) ends one.
    #[must_use]
    pub fn resume(mut self, resume: Resume) -> Self {
        self.resume = resume;
        self
    }

    /// Starts although the journal and the store do not belong together, where it is this loss that was met
    /// ([`StartError::Mismatch`]): of the store, and what the journal has is brought to the store that is there; or of the
    /// journal, and executions go on from what the store has. What only the lost one had is gone, which the log says. A
    /// person decides that, for one start.
    #[must_use]
    pub fn accept_loss(mut self, loss: Loss) -> Self {
        self.accepted_loss = Some(loss);
        self
    }

    /// How long the start waits for a store that says why it takes nothing of what the journal has for it: 30 s unless it is
    /// named.
    #[must_use]
    pub fn start_standstill(mut self, longest: Duration) -> Self {
        self.start_standstill = longest;
        self
    }

    /// Calls of the store that take as long or longer are logged and counted as slow: 500 ms unless it is named.
    #[must_use]
    pub fn slow_store_calls(mut self, threshold: Duration) -> Self {
        self.slow_store_calls = threshold;
        self
    }

    /// The integrations and actions that playbooks may name.
    ///
    /// # Errors
    /// An integration's name that is no name, or a schema of its arguments that is none.
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
            catalogue.add_integration(name, integration.clone());
        }
        Ok(catalogue)
    }

    /// How many shards the engine has.
    ///
    /// # Errors
    /// [`StartError::Configuration`] with the setting that makes no sense.
    pub(crate) fn checked(&self) -> Result<usize, StartError> {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from).min(SHARDS_MAX);
        let shards = self.shards.unwrap_or_else(cores);
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

    pub(crate) fn of_tenant(&self) -> usize {
        let default = EXECUTIONS_IN_FLIGHT_OF_TENANT.min(self.executions_in_flight);
        self.executions_in_flight_of_tenant.unwrap_or(default)
    }
}
