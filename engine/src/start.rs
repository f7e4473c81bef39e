//! The engine and its start: opens what survives, starts the threads, recovers.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use updraft_actors::core::Inboxes;
use updraft_actors::missing::Missing;
use updraft_actors::places::Places;
use updraft_actors::plans::Plans;
use updraft_actors::registry::Registry;
use updraft_actors::timer::Timer;
use updraft_actors::{Core, Live, Node, Secrets, node};
use updraft_kernel::coalescer::Limits;
use updraft_kernel::machine::Terms;
use updraft_kernel::shared::drain::DrainGate;
use updraft_kernel::shared::outcome::OutcomeCell;
use updraft_kernel::shared::permits::Permits;
use updraft_kernel::shared::watermark::DurableWatermark;
use updraft_protocol::Name;
use updraft_protocol::limits::{PARKED, PARKED_OF_TENANT};
use updraft_storage::journal::{self, Disk, FileDisk, Journal};
use updraft_storage::memory::{MemoryStore, Nowhere};
use updraft_storage::sqlite::SqliteStore;
use updraft_storage::write_behind::{self, Pending, WriteBehind};
use updraft_storage::{Store, StoreAddress};
use uuid::Uuid;

use crate::belonging;
use crate::builder::{Builder, Choice};
use crate::error::StartError;
use crate::handle::Handle;
#[cfg(unix)]
use crate::local::{Door, Host};
use crate::recovery::{self, Recovered};

/// An execution engine. `Send + Sync`; works from any tokio runtime, beside other engines of the process.
pub struct Engine {
    pub(crate) core: Arc<Core>,
    /// Taken by the shutdown.
    pub(crate) node: tokio::sync::Mutex<Option<Node>>,
    /// Closed when the engine shuts down; submissions pass through it.
    pub(crate) gate: DrainGate,
    /// Told when the gate is closed and no submission is under way.
    pub(crate) emptied: Arc<Notify>,
    /// The store, where the engine opened it itself: others may have the directory after the shutdown.
    pub(crate) embedded: Mutex<Option<Arc<SqliteStore>>>,
    /// Told when the gate is closed: submissions that wait for a place are refused.
    pub(crate) closing: Notify,
    pub(crate) submit_timeout: Duration,
    /// The local door, where there is a data directory; taken by the shutdown.
    #[cfg(unix)]
    pub(crate) door: Mutex<Option<Door>>,
    /// What may wait for the store, and what does.
    pub(crate) buffer: Limits,
    pub(crate) pending: watch::Receiver<Pending>,
    pub(crate) recovered: Recovered,
    /// Held by who takes up or cancels what the start left as it was.
    pub(crate) left: Arc<tokio::sync::Mutex<()>>,
    /// What the start resumed, until someone asks for it.
    resumed: Mutex<Vec<Arc<Live>>>,
}

impl Engine {
    /// What to start an engine with.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// What the start found and did.
    pub fn recovered(&self) -> &Recovered {
        &self.recovered
    }

    /// The handles of the executions that the start resumed, those that have ended since included. They are
    /// given once.
    pub fn take_resumed(&self) -> Vec<Handle> {
        let lives = std::mem::take(&mut *self.resumed.lock().unwrap_or_else(PoisonError::into_inner));
        lives.into_iter().map(|live| Handle::live(self.core.clone(), live)).collect()
    }

    pub(crate) async fn start(builder: Builder, shards: usize) -> Result<Self, StartError> {
        let data = match (&builder.data, &builder.store) {
            (_, Choice::Memory) => PathBuf::new(),
            (Some(data), _) => data.clone(),
            (None, _) => return Err(StartError::Configuration("data: a directory is needed".to_owned())),
        };
        let catalogue = builder.catalogue()?;
        let (store, embedded) = open_store(&builder, &data).await?;
        let stored = DurableWatermark::new(0);
        let (writer, messages) = WriteBehind::queue();
        let (journal, replay) = open_journal(&builder, &data, writer.clone(), stored.clone()).await?;
        claim(&builder, data, replay.frames() > 0).await?;
        // Only now: a start that is refused for what it found has changed nothing.
        let epoch = store.next_epoch().await?;
        let core = Arc::new(Core {
            clock: builder.clock.clone(),
            timer: Timer::start().map_err(node::Error::Thread)?,
            journal,
            store: store.clone(),
            stored: stored.clone(),
            integrations: named(&builder)?,
            secrets: Secrets::new(builder.secrets.clone()),
            missing: Missing::default(),
            plans: Plans::new(catalogue),
            registry: Registry::default(),
            places: Places::new(builder.executions_in_flight, builder.of_tenant()),
            parked: Permits::new(PARKED, PARKED_OF_TENANT),
            terms: terms(&builder, epoch),
            failed: OutcomeCell::new(),
            shards: Inboxes::new(shards, builder.executions_in_flight),
        });
        let buffer = Limits { documents: builder.buffer_documents, bytes: builder.buffer_bytes };
        let listener = Node::store_listener(&core);
        let write_behind = WriteBehind::new(writing(&builder, buffer), store, stored, listener);
        let pending = write_behind.pending();
        let node = Node::start(core.clone(), write_behind, messages).await?;
        let emptied = Arc::new(Notify::new());
        let mut engine = Self {
            core,
            node: tokio::sync::Mutex::new(None),
            gate: gate(emptied.clone()),
            emptied,
            embedded: Mutex::new(embedded),
            closing: Notify::new(),
            #[cfg(unix)]
            door: Mutex::default(),
            submit_timeout: builder.submit_timeout,
            buffer,
            pending,
            recovered: Recovered::default(),
            left: Arc::default(),
            resumed: Mutex::default(),
        };
        let recovering = recovery::recover(&engine.core, &node, replay, writer, builder.resume).await;
        engine.node = tokio::sync::Mutex::new(Some(node));
        match recovering {
            Ok((recovered, lives)) => {
                engine.recovered = recovered;
                engine.resumed = Mutex::new(lives);
                #[cfg(unix)]
                engine.open_door(&builder).await;
                Ok(engine)
            }
            Err(error) => {
                // The data directory is free when the error is told.
                let _ = engine.shutdown(Duration::ZERO).await;
                Err(error)
            }
        }
    }
}

fn terms(builder: &Builder, epoch: u64) -> Terms {
    Terms { epoch, tasks_at_once: builder.tasks_at_once, configuration_wait: builder.configuration_wait }
}

#[cfg(unix)]
impl Engine {
    /// Opens the local door in the data directory. The engine works without it: some file systems have no sockets.
    async fn open_door(&mut self, builder: &Builder) {
        let (Some(data), Choice::At(_) | Choice::Given(_)) = (builder.data.clone(), &builder.store) else {
            return;
        };
        let (core, left) = (self.core.clone(), self.left.clone());
        let host = Host { core, left, buffer: self.buffer, pending: self.pending.clone() };
        let opening = tokio::task::spawn_blocking(move || Door::open(&data, host));
        match opening.await.map_err(std::io::Error::other).and_then(|opened| opened) {
            Ok(door) => self.door = Mutex::new(Some(door)),
            Err(error) => {
                tracing::warn!(%error, "there is no local socket: nobody can look at this engine beside it")
            }
        }
    }
}

/// How the store is written to.
fn writing(builder: &Builder, limits: Limits) -> write_behind::Config {
    let (pace, delay, seed) = (builder.pace, builder.flush_delay, Uuid::now_v7().as_u64_pair().1);
    write_behind::Config { pace, delay, limits, seed, ..write_behind::Config::default() }
}

/// Tells when the last submission has left.
fn gate(emptied: Arc<Notify>) -> DrainGate {
    DrainGate::with_drained_hook(Arc::new(move || emptied.notify_one()))
}

fn named(
    builder: &Builder,
) -> Result<std::collections::BTreeMap<Name, Arc<dyn updraft_protocol::Integration>>, StartError> {
    let named = builder.integrations.iter().map(|(name, integration)| {
        let name =
            Name::new(name).map_err(|error| StartError::Configuration(format!("integration {error}")))?;
        Ok((name, integration.clone()))
    });
    named.collect()
}

/// The store, and the same where it is the engine's own.
async fn open_store(
    builder: &Builder,
    data: &Path,
) -> Result<(Arc<dyn Store>, Option<Arc<SqliteStore>>), StartError> {
    match &builder.store {
        Choice::Given(store) => return Ok((store.clone(), None)),
        Choice::Memory => return Ok((Arc::new(MemoryStore::new()), None)),
        Choice::At(StoreAddress::MongoDb(address)) => return Ok((Arc::new(address.connect().await?), None)),
        Choice::At(StoreAddress::Embedded) => {}
    }
    let (data, durability) = (data.to_owned(), builder.durability);
    let opening = tokio::task::spawn_blocking(move || SqliteStore::open(&data, durability));
    let store = opening.await.map_err(|error| StartError::Configuration(error.to_string()))??;
    let store = Arc::new(store);
    Ok((store.clone(), Some(store)))
}

/// Keeps the journal with its store.
async fn claim(builder: &Builder, data: PathBuf, pending: bool) -> Result<(), StartError> {
    let Some(asked) = belonging::place(&builder.store) else { return Ok(()) };
    let claiming = tokio::task::spawn_blocking(move || belonging::claim(&data, asked, pending));
    claiming.await.map_err(|error| StartError::Configuration(error.to_string()))?
}

async fn open_journal(
    builder: &Builder,
    data: &Path,
    writer: mpsc::Sender<updraft_storage::write_behind::Message>,
    stored: DurableWatermark,
) -> Result<(Journal, journal::Recovered), StartError> {
    let folder = data.join("journal");
    let config = journal::Config { durability: builder.durability, ..journal::Config::default() };
    let disk: Arc<dyn Disk> = match &builder.store {
        Choice::Memory => Arc::new(Nowhere),
        Choice::At(_) | Choice::Given(_) => Arc::new(FileDisk),
    };
    let opening = tokio::task::spawn_blocking(move || Journal::open(&folder, config, disk, writer, stored));
    Ok(opening.await.map_err(|error| StartError::Configuration(error.to_string()))??)
}
