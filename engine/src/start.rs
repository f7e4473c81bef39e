//! The start of an engine: opens journal and store, starts the threads, recovers. Decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use updraft_actors::admission::Admission;
use updraft_actors::answers::AnswerCache;
use updraft_actors::gates::Gates;
use updraft_actors::missing::Missing;
use updraft_actors::pauses::Pauses;
use updraft_actors::polling::Polling;
use updraft_actors::registry::Registry;
use updraft_actors::router::Router;
use updraft_actors::statistics::EngineStatistics;
use updraft_actors::target_locks::HeldTargetLocks;
use updraft_actors::timer::TimerThread;
use updraft_actors::tools::EngineTools;
use updraft_actors::{EngineContext, Node, RegistryEntry, Secrets};
use updraft_kernel::coalescer::Limits;
use updraft_kernel::shared::DurableWatermark;
use updraft_kernel::shared::drain::DrainGate;
use updraft_kernel::shared::outcome::OutcomeCell;
use updraft_kernel::shared::permits::Permits;
use updraft_protocol::limits::{PARKED, PARKED_OF_TENANT};
use updraft_protocol::{BreakerPolicy, CallLimits, Catalogue, Name};
use updraft_storage::Store;
use updraft_storage::files::ListedFile;
use updraft_storage::store::Bond;
use updraft_storage::write_behind::{WriteBehind, WriterConfig};
use uuid::Uuid;

use crate::builder::Builder;
use crate::caches;
use crate::containments::ReconcilerThread;
use crate::dashboard::Dashboard;
use crate::deduplication::Alerts;
use crate::engine::{Engine, Submitter};
use crate::error::StartError;
use crate::files;
#[cfg(unix)]
use crate::local::{LocalContext, LocalServer};
use crate::open::Opened;
use crate::ownership::Ownership;
use crate::reader::Reader;
use crate::recovery::{self, Recovered};
use crate::rerun::Rerunning;
use crate::standstill::StoreWait;
use crate::store_choice::StoreChoice;
use crate::store_watch::StoreWatch;
use crate::tool_versions;
use crate::triggers::TriggerThread;
use crate::watchdog::Watchdog;

impl Engine {
    /// The configuration for a new engine.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl Builder {
    /// Starts the engine: opens journal and store, recovers, resumes what is unfinished.
    ///
    /// Works in any tokio runtime; the engine's own work runs on threads of its own.
    ///
    /// # Errors
    /// A configuration that is not valid, a data directory in use, a store or journal that cannot be read, or an
    /// unfinished execution whose playbook this version cannot run. An execution whose integration is missing waits for
    /// it.
    pub async fn start(self) -> Result<Engine, StartError> {
        let shards = self.checked()?;
        Engine::start(self, shards).await
    }
}

impl Engine {
    async fn start(builder: Builder, shards: usize) -> Result<Self, StartError> {
        let data = directory(&builder)?;
        let (catalogue, declared) = (catalogue(&builder, &data)?, DeclaredFlow::of(&builder)?);
        let (tools, statistics) = tools(&builder, shards)?;
        let opened = Opened::open(&builder, &data).await?;
        let Opened { timer, store, embedded, journal, replay, bond, noted, stored, .. } = opened;
        let (writer, messages) = opened.queue;
        let (files, listed) = files::open(&data, builder.files).await?;
        let caches = caches::open(&builder, bond.as_ref()).await?;
        let context = Arc::new(EngineContext {
            clock: builder.clock.clone(),
            log: Arc::new(journal),
            store: store.clone(),
            stored: stored.clone(),
            tools,
            secrets: Secrets::new(builder.secrets.clone()),
            lease_check: opened.ownership.as_ref().map(Ownership::lease_check),
            missing: Missing::default(),
            plans: tool_versions::plans(store.as_ref(), &builder, (catalogue, caches.clone())).await?,
            answers: AnswerCache::new(caches.clone()),
            caches,
            registry: Registry::default(),
            gates: gates(declared, &timer, (&store, &builder), &statistics),
            statistics,
            timer,
            polling: Polling::new(shards),
            target_locks: HeldTargetLocks::default(),
            files,
            guardrails: builder.enforced(&store)?,
            admission: Admission::new(builder.executions_in_flight, builder.of_tenant(), builder.queued()),
            quotas: builder.all_quotas(),
            pauses: Pauses::default(),
            parked: Permits::new(PARKED, PARKED_OF_TENANT),
            epochs: opened.epochs,
            tasks_at_once: builder.tasks_at_once,
            configuration_wait: builder.configuration_wait,
            waits: builder.waits,
            failed: OutcomeCell::new(),
            unresumed: Arc::default(),
            router: Router::new(shards, builder.executions_in_flight),
        });
        opened.ownership.iter().for_each(|ownership| ownership.of(&context));
        let unbound = WriteBehind::new(writer_of(&builder), store, stored, Node::store_listener(&context));
        let write_behind = bound(unbound.positioned(opened.positions), bond, noted);
        let writing = StoreWatch::of(&write_behind, buffer_of(&builder));
        let node = Node::start(context.clone(), write_behind, messages).await?;
        let (submitter, emptied) = submitter(&context, builder.submit_timeout);
        let mut engine = Self {
            dashboard: Dashboard::new(Reader::new(context.store.clone()), &context.caches),
            context,
            node: tokio::sync::Mutex::new(None),
            submitter,
            reconciler: Mutex::default(),
            watchdog: Mutex::default(),
            triggers: Mutex::default(),
            emptied,
            embedded: Mutex::new(embedded),
            ownership: opened.ownership,
            #[cfg(unix)]
            local: Mutex::default(),
            writing,
            recovered: Recovered::default(),
            resumed: Mutex::default(),
        };
        let wait = engine.wait_of_start(builder.start_standstill);
        let recovering =
            recovery::recover(&engine.context, &node, replay, writer, (builder.resume, wait)).await;
        engine.node = tokio::sync::Mutex::new(Some(node));
        engine.opened(recovering, &builder, listed).await
    }

    /// The engine with the executions that it resumed, ready for submissions.
    async fn opened(
        mut self,
        recovering: Result<(Recovered, Vec<Arc<RegistryEntry>>), StartError>,
        builder: &Builder,
        listed: Vec<ListedFile>,
    ) -> Result<Self, StartError> {
        match recovering {
            Ok((recovered, entries)) => (self.recovered, self.resumed) = (recovered, Mutex::new(entries)),
            Err(error) => {
                // The data directory is free when the error is returned.
                let _ = self.shutdown(Duration::ZERO).await;
                return Err(error);
            }
        }
        if let Err(error) = self.start_threads(builder) {
            let _ = self.shutdown(Duration::ZERO).await;
            return Err(StartError::Thread(error));
        }
        if let Err(error) = self.hold_all().await {
            let _ = self.shutdown(Duration::ZERO).await;
            return Err(error);
        }
        if let Err(error) = self.start_triggers(builder) {
            let _ = self.shutdown(Duration::ZERO).await;
            return Err(StartError::Thread(error));
        }
        files::remove_unnamed(&self.context, listed);
        #[cfg(unix)]
        self.open_local(builder).await;
        Ok(self)
    }
}

impl Engine {
    fn wait_of_start(&self, longest: Duration) -> StoreWait<'_> {
        StoreWait { context: &self.context, trouble: &self.writing.trouble, longest }
    }

    /// Starts the threads beside those of the node.
    fn start_threads(&mut self, builder: &Builder) -> std::io::Result<()> {
        self.reconciler = Mutex::new(Some(ReconcilerThread::start(self.submitter.clone(), builder.resume)?));
        self.watchdog = Mutex::new(Some(Watchdog::start(self.context.clone(), builder.watch_every)?));
        Ok(())
    }
}

impl Engine {
    /// Starts the thread that fires triggers, last of all: what it submits finds everything as it was.
    fn start_triggers(&mut self, builder: &Builder) -> std::io::Result<()> {
        if builder.fires_triggers {
            self.submitter.triggers.begin_to_fire();
            self.triggers = Mutex::new(Some(TriggerThread::start(self.submitter.clone(), self.events())?));
        }
        Ok(())
    }
}

/// What playbooks may name: nothing that needs files, where there is no directory for them.
fn catalogue(builder: &Builder, data: &Path) -> Result<Catalogue, StartError> {
    let mut catalogue = builder.catalogue()?;
    if data.as_os_str().is_empty() {
        catalogue.lack_files();
    }
    Ok(catalogue)
}

/// The data directory; not needed if nothing is kept.
fn directory(builder: &Builder) -> Result<PathBuf, StartError> {
    match (&builder.data, &builder.store) {
        (_, StoreChoice::Memory) => Ok(PathBuf::new()),
        (Some(data), _) => Ok(data.clone()),
        (None, _) => Err(StartError::Configuration("data: a directory is needed".to_owned())),
    }
}

#[cfg(unix)]
impl Engine {
    /// Opens the local socket in the data directory. The engine works without it, since some file systems have no
    /// sockets.
    async fn open_local(&mut self, builder: &Builder) {
        let (Some(data), StoreChoice::At(_) | StoreChoice::Given(_)) = (builder.data.clone(), &builder.store)
        else {
            return;
        };
        let engine = self.context.clone();
        let submitter = self.submitter.clone();
        let context = LocalContext { engine, submitter, writing: self.writing.clone() };
        let opening = tokio::task::spawn_blocking(move || LocalServer::open(&data, context));
        match opening.await.map_err(std::io::Error::other).and_then(|opened| opened) {
            Ok(server) => self.local = Mutex::new(Some(server)),
            Err(error) => {
                tracing::warn!(%error, "there is no local socket: this engine cannot be inspected beside its process")
            }
        }
    }
}

/// The configuration of the writer.
fn writer_of(builder: &Builder) -> WriterConfig {
    WriterConfig {
        batch_limit: builder.batch_limit,
        delay: builder.flush_delay,
        limits: buffer_of(builder),
        seed: Uuid::now_v7().as_u64_pair().1,
        ..WriterConfig::default()
    }
}

fn buffer_of(builder: &Builder) -> Limits {
    Limits { documents: builder.buffer_documents, bytes: builder.buffer_bytes }
}

/// The writer, which notes how far it has come with its journal, if there is one to be replayed.
fn bound(unbound: WriteBehind, bond: Option<Bond>, noted: DurableWatermark) -> WriteBehind {
    match bond {
        Some(bond) => unbound.noting(bond.journal, noted),
        None => unbound,
    }
}

/// The limits and breakers of tools, and those that have the bound of all others.
struct DeclaredFlow {
    limits: BTreeMap<Name, CallLimits>,
    breakers: BTreeMap<Name, BreakerPolicy>,
    bulkheads: BTreeSet<Name>,
}

impl DeclaredFlow {
    fn of(builder: &Builder) -> Result<Self, StartError> {
        let (limits, breakers) = (builder.limits()?, builder.breaker_policies()?);
        Ok(Self { limits, breakers, bulkheads: builder.bulkheads()? })
    }
}

/// The gates of tools, and of tenants that may have so many tasks at once.
fn gates(
    DeclaredFlow { limits, breakers, bulkheads }: DeclaredFlow,
    timer: &TimerThread,
    (store, builder): (&Arc<dyn Store>, &Builder),
    statistics: &Arc<EngineStatistics>,
) -> Arc<Gates> {
    let kept = (store.clone(), builder.clock.clone());
    let gates = Gates::new((limits, breakers), builder.quota.tasks_at_once, timer, kept, statistics.clone());
    Arc::new(gates.with_bulkheads(bulkheads, builder.tool_bound.clone()))
}

/// The way in, and what its gate notifies when the last submission has left.
fn submitter(context: &Arc<EngineContext>, submit_timeout: Duration) -> (Arc<Submitter>, Arc<Notify>) {
    let emptied = Arc::new(Notify::new());
    let notified = emptied.clone();
    let submitter = Submitter {
        context: context.clone(),
        gate: DrainGate::with_drained_hook(Arc::new(move || notified.notify_one())),
        closing: Notify::new(),
        submit_timeout,
        rerunning: Rerunning::default(),
        alerts: Alerts::default(),
        triggers: Arc::default(),
        publications: Arc::default(),
    };
    (Arc::new(submitter), emptied)
}

/// The tools, and what counts their calls.
fn tools(builder: &Builder, shards: usize) -> Result<(EngineTools, Arc<EngineStatistics>), StartError> {
    let name = |name: &String| {
        Name::new(name).map_err(|error| StartError::Configuration(format!("integration {error}")))
    };
    let newest = builder.integrations.iter().map(|(of, tool)| Ok((name(of)?, tool.clone())));
    let others =
        builder.other_versions.iter().map(|((of, version), tool)| Ok(((name(of)?, *version), tool.clone())));
    let tools = EngineTools::new(
        newest.collect::<Result<_, StartError>>()?,
        others.collect::<Result<_, StartError>>()?,
    );
    let statistics = Arc::new(EngineStatistics::new(tools.names(), shards));
    Ok((tools, statistics))
}
