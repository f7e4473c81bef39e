//! The engine and its start: opens what survives, starts the threads, recovers.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use updraft_actors::core::Inboxes;
use updraft_actors::missing::Missing;
use updraft_actors::places::Places;
use updraft_actors::plans::Plans;
use updraft_actors::registry::Registry;
use updraft_actors::{Core, Live, Node, Secrets};
use updraft_kernel::coalescer::Limits;
use updraft_kernel::machine::Terms;
use updraft_kernel::shared::drain::DrainGate;
use updraft_kernel::shared::outcome::OutcomeCell;
use updraft_kernel::shared::permits::Permits;
use updraft_protocol::Name;
use updraft_protocol::limits::{PARKED, PARKED_OF_TENANT};
use updraft_storage::sqlite::SqliteStore;
use updraft_storage::write_behind::{Pending, WriteBehind, WriterConfig};
use uuid::Uuid;

use crate::builder::{Builder, Choice};
use crate::error::StartError;
use crate::handle::Handle;
#[cfg(unix)]
use crate::local::{Door, Host};
use crate::opening::Opened;
use crate::ownership::Ownership;
use crate::recovery::{self, Recovered};
use crate::standstill::Patience;

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
    /// The lease of a store that other machines reach.
    pub(crate) ownership: Option<Ownership>,
    /// Told when the gate is closed: submissions that wait for a place are refused.
    pub(crate) closing: Notify,
    pub(crate) submit_timeout: Duration,
    /// The local door, where there is a data directory; taken by the shutdown.
    #[cfg(unix)]
    pub(crate) door: Mutex<Option<Door>>,
    /// What may wait for the store, and what does.
    pub(crate) buffer: Limits,
    pub(crate) pending: watch::Receiver<Pending>,
    /// Why the store does not take what waits, while it does not.
    pub(crate) trouble: watch::Receiver<Option<Arc<str>>>,
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
        let data = directory(&builder)?;
        let catalogue = builder.catalogue()?;
        let opened = Opened::open(&builder, &data).await?;
        let Opened { timer, store, embedded, journal, replay, bond, noted, stored, .. } = opened;
        let (writer, messages) = opened.queue;
        let core = Arc::new(Core {
            clock: builder.clock.clone(),
            timer,
            journal,
            store: store.clone(),
            stored: stored.clone(),
            integrations: named(&builder)?,
            secrets: Secrets::new(builder.secrets.clone()),
            tenure: opened.ownership.as_ref().map(Ownership::tenure),
            missing: Missing::default(),
            plans: Plans::new(catalogue),
            registry: Registry::default(),
            places: Places::new(builder.executions_in_flight, builder.of_tenant()),
            parked: Permits::new(PARKED, PARKED_OF_TENANT),
            terms: terms(&builder, opened.epoch),
            failed: OutcomeCell::new(),
            shards: Inboxes::new(shards, builder.executions_in_flight),
        });
        if let Some(ownership) = &opened.ownership {
            ownership.of(&core);
        }
        let (writer_of, listener) = (writer_of(&builder), Node::store_listener(&core));
        let buffer = writer_of.limits;
        let write_behind = WriteBehind::new(writer_of, store, stored, listener);
        let write_behind = match bond {
            Some(bond) => write_behind.noting(bond.journal, noted),
            None => write_behind,
        };
        let (pending, trouble) = (write_behind.pending(), write_behind.trouble());
        let node = Node::start(core.clone(), write_behind, messages).await?;
        let emptied = Arc::new(Notify::new());
        let mut engine = Self {
            core,
            node: tokio::sync::Mutex::new(None),
            gate: gate(emptied.clone()),
            emptied,
            embedded: Mutex::new(embedded),
            ownership: opened.ownership,
            closing: Notify::new(),
            #[cfg(unix)]
            door: Mutex::default(),
            submit_timeout: builder.submit_timeout,
            buffer,
            pending,
            trouble,
            recovered: Recovered::default(),
            left: Arc::default(),
            resumed: Mutex::default(),
        };
        let patience =
            Patience { core: &engine.core, trouble: &engine.trouble, longest: builder.start_standstill };
        let recovering =
            recovery::recover(&engine.core, &node, replay, writer, (builder.resume, patience)).await;
        engine.node = tokio::sync::Mutex::new(Some(node));
        engine.opened(recovering, &builder).await
    }

    /// The engine with what its start has resumed, open to others.
    async fn opened(
        mut self,
        recovering: Result<(Recovered, Vec<Arc<Live>>), StartError>,
        builder: &Builder,
    ) -> Result<Self, StartError> {
        match recovering {
            Ok((recovered, lives)) => (self.recovered, self.resumed) = (recovered, Mutex::new(lives)),
            Err(error) => {
                // The data directory is free when the error is told.
                let _ = self.shutdown(Duration::ZERO).await;
                return Err(error);
            }
        }
        #[cfg(unix)]
        self.open_door(builder).await;
        Ok(self)
    }
}

/// The data directory; none is needed where nothing is kept.
fn directory(builder: &Builder) -> Result<PathBuf, StartError> {
    match (&builder.data, &builder.store) {
        (_, Choice::Memory) => Ok(PathBuf::new()),
        (Some(data), _) => Ok(data.clone()),
        (None, _) => Err(StartError::Configuration("data: a directory is needed".to_owned())),
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
        let (pending, trouble) = (self.pending.clone(), self.trouble.clone());
        let host = Host { core, left, buffer: self.buffer, pending, trouble };
        let opening = tokio::task::spawn_blocking(move || Door::open(&data, host));
        match opening.await.map_err(std::io::Error::other).and_then(|opened| opened) {
            Ok(door) => self.door = Mutex::new(Some(door)),
            Err(error) => {
                tracing::warn!(%error, "there is no local socket: nobody can look at this engine beside it")
            }
        }
    }
}

/// How the store is written.
fn writer_of(builder: &Builder) -> WriterConfig {
    WriterConfig {
        batch_limit: builder.batch_limit,
        delay: builder.flush_delay,
        limits: Limits { documents: builder.buffer_documents, bytes: builder.buffer_bytes },
        seed: Uuid::now_v7().as_u64_pair().1,
        ..WriterConfig::default()
    }
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
