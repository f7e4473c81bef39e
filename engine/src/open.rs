//! Opening: the store, its lease and the journal, in an order that leaves nothing half bound, and the check that they
//! belong together. Starts no thread of the engine and writes no update.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use updraft_actors::node;
use updraft_actors::timer::TimerThread;
use updraft_kernel::event_positions::EventPositions;
use updraft_kernel::shard_epochs::ShardEpochs;
use updraft_kernel::shared::watermark::DurableWatermark;
use updraft_kernel::virtual_shard::VirtualShard;
use updraft_storage::Log as _;
use updraft_storage::journal::{self, Disk, FileDisk, Journal};
use updraft_storage::memory::{MemoryStore, Nowhere};
use updraft_storage::sqlite::SqliteStore;
use updraft_storage::store::{Bond, Kept};
use updraft_storage::write_behind::{Message, WriteBehind};
use updraft_storage::{Store, TimedStore};
use uuid::Uuid;

use crate::builder::Builder;
use crate::deadline::answered;
use crate::error::StartError;
use crate::journal_binding::{self, Asked, Extent};
use crate::ownership::Ownership;
use crate::store_choice::StoreChoice;

/// The result of opening.
pub(crate) struct Opened {
    pub(crate) timer: TimerThread,
    pub(crate) store: Arc<dyn Store>,
    /// The same store, if it is the embedded one.
    pub(crate) embedded: Option<Arc<SqliteStore>>,
    pub(crate) journal: Journal,
    pub(crate) replay: journal::Replay,
    /// The store's note of the journal, if it keeps one.
    pub(crate) bond: Option<Bond>,
    /// The positions of the events that the journal's groups tell.
    pub(crate) positions: EventPositions,
    /// The epochs of this engine: each higher than every epoch of its virtual shard in the journal or the store.
    pub(crate) epochs: ShardEpochs,
    /// The lease of the store, if it has one.
    pub(crate) ownership: Option<Ownership>,
    /// The number below which the store has everything.
    pub(crate) stored: DurableWatermark,
    /// The number below which the store has noted that it has everything: groups that the journal may drop.
    pub(crate) noted: DurableWatermark,
    /// The queue between journal and writer.
    pub(crate) queue: (mpsc::Sender<Message>, mpsc::Receiver<Message>),
}

impl Opened {
    /// Opens them and binds them to each other.
    ///
    /// # Errors
    /// The part that cannot be opened, the other owner, or the mismatch.
    pub(crate) async fn open(builder: &Builder, data: &Path) -> Result<Self, StartError> {
        let timer = TimerThread::start().map_err(node::Error::Thread)?;
        let (store, embedded) = open_store(builder, data).await?;
        let keeps = answered(store.kept(), &timer).await? != Kept::Nothing;
        let stored = DurableWatermark::new(0);
        let noted = if keeps { DurableWatermark::new(0) } else { stored.clone() };
        let queue = WriteBehind::queue();
        let (journal, replay) = open_journal(builder, data, queue.0.clone(), noted.clone()).await?;
        let extent =
            Extent { id: replay.id(), there: replay.there(), begins: replay.begins(), ends: replay.ends() };
        let (ownership, (bond, positions), epochs) =
            match taken(builder, data, &store, (extent, replay.epoch()), &timer).await {
                Ok(taken) => taken,
                Err(error) => {
                    // The data directory is free when the error is returned.
                    let _ = journal.close(Duration::ZERO).await;
                    return Err(error);
                }
            };
        // Groups leave the journal once the store has them.
        let _ = stored.advance(extent.begins);
        if let Some(bond) = bond {
            let _ = noted.advance(bond.taken + 1);
        }
        Ok(Self {
            timer,
            store,
            embedded,
            journal,
            replay,
            bond,
            positions,
            epochs,
            ownership,
            stored,
            noted,
            queue,
        })
    }
}

/// Takes the store, binds it to the journal with this extent and highest epoch, and returns the engine's epochs.
async fn taken(
    builder: &Builder,
    data: &Path,
    store: &Arc<dyn Store>,
    (extent, of_journal): (Extent, u64),
    timer: &TimerThread,
) -> Result<(Option<Ownership>, (Option<Bond>, EventPositions), ShardEpochs), StartError> {
    let ownership = Ownership::take(store.clone(), extent.id, who(data), builder.clock.now(), timer).await?;
    let taken = async {
        let bond = bound(builder, data, store, extent, timer).await?;
        let owner = ownership.as_ref().map_or_else(Uuid::now_v7, Ownership::incarnation);
        let epochs = claimed(builder, data, store, (owner, of_journal), timer).await?;
        if let Some(ownership) = &ownership {
            ownership.confirm(timer).await?;
        }
        Ok((bond, epochs))
    };
    match taken.await {
        Ok((bond, epochs)) => Ok((ownership, bond, epochs)),
        Err(error) => {
            if let Some(ownership) = ownership {
                // A person who decides on the mismatch starts again soon, and need not wait for the lease of this
                // start.
                ownership.give_back(timer).await;
            }
            Err(error)
        }
    }
}

/// Checks whether journal and store belong together, and binds them; with the positions of the journal's groups.
async fn bound(
    builder: &Builder,
    data: &Path,
    store: &Arc<dyn Store>,
    extent: Extent,
    timer: &TimerThread,
) -> Result<(Option<Bond>, EventPositions), StartError> {
    // Read once this engine owns the store: an earlier owner may have written until then.
    let kept = answered(store.kept(), timer).await?;
    let bond = claim(builder, data, kept, extent).await?;
    if let Some(bond) = bond
        && !answered(store.bind(bond, kept.bond()), timer).await?
    {
        let why = "another engine has bound the database to its journal in the meantime";
        return Err(updraft_storage::Error::Unavailable(why.to_owned()).into());
    }
    let generation = bond.map_or(0, |bond| bond.generation);
    let before = kept.bond().map_or(generation, |kept| kept.generation);
    Ok((bond, EventPositions::new((before, generation), extent.ends + 1)))
}

/// Claims the epochs of this engine, and notes the highest in the data directory. Last, so that a start that is refused
/// for a finding has changed nothing.
async fn claimed(
    builder: &Builder,
    data: &Path,
    store: &Arc<dyn Store>,
    (owner, of_journal): (Uuid, u64),
    timer: &TimerThread,
) -> Result<ShardEpochs, StartError> {
    if builder.store.noted().is_none() {
        return Ok(answered(store.claim_epochs(&VirtualShard::ALL, owner, of_journal), timer).await?);
    }
    let noted = on_disk(data, journal_binding::epoch_of).await?;
    let above = noted.max(of_journal);
    let epochs = answered(store.claim_epochs(&VirtualShard::ALL, owner, above), timer).await?;
    let highest = epochs.highest();
    on_disk(data, move |data| journal_binding::note_epoch(data, highest)).await?;
    Ok(epochs)
}

/// The result of a disk operation, which runs on another thread.
async fn on_disk<T: Send + 'static>(
    data: &Path,
    ask: impl FnOnce(&Path) -> Result<T, StartError> + Send + 'static,
) -> Result<T, StartError> {
    let data = data.to_owned();
    let asked = tokio::task::spawn_blocking(move || ask(&data)).await;
    asked.map_err(|error| StartError::Configuration(error.to_string()))?
}

/// This process, as shown to people who find that it owns a store.
fn who(data: &Path) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "a machine without a name" } else { host.trim() };
    format!("process {} on {host}, data directory {}", std::process::id(), data.display())
}

/// The store; the second is the same store if it is the embedded one.
async fn open_store(
    builder: &Builder,
    data: &Path,
) -> Result<(Arc<dyn Store>, Option<Arc<SqliteStore>>), StartError> {
    let timed = |store: Arc<dyn Store>| -> Arc<dyn Store> {
        Arc::new(TimedStore::new(store, builder.slow_store_calls))
    };
    let other: Option<Arc<dyn Store>> = match &builder.store {
        StoreChoice::Given(store) => Some(store.clone()),
        StoreChoice::Memory => Some(Arc::new(MemoryStore::new())),
        StoreChoice::At(address) => address.connect(false).await?,
    };
    if let Some(store) = other {
        return Ok((timed(store), None));
    }
    let (data, durability) = (data.to_owned(), builder.durability);
    let opening = tokio::task::spawn_blocking(move || SqliteStore::open(&data, durability));
    let store = opening.await.map_err(|error| StartError::Configuration(error.to_string()))??;
    let store = Arc::new(store);
    Ok((timed(store.clone()), Some(store)))
}

/// Binds the journal to its store; returns the note that the store is to keep.
async fn claim(
    builder: &Builder,
    data: &Path,
    kept: Kept,
    extent: Extent,
) -> Result<Option<Bond>, StartError> {
    let Some(place) = builder.store.noted() else { return Ok(None) };
    let (durability, accepted) = (builder.durability, builder.accepted_loss);
    let asked = Asked { place, durability, accepted };
    on_disk(data, move |data| journal_binding::claim(data, &asked, kept, extent)).await
}

async fn open_journal(
    builder: &Builder,
    data: &Path,
    writer: mpsc::Sender<updraft_storage::write_behind::Message>,
    stored: DurableWatermark,
) -> Result<(Journal, journal::Replay), StartError> {
    let folder = data.join("journal");
    let id = on_disk(data, journal_binding::journal_of).await?;
    let config = journal::Config { id, durability: builder.durability, ..journal::Config::default() };
    let disk: Arc<dyn Disk> = match &builder.store {
        StoreChoice::Memory => Arc::new(Nowhere),
        StoreChoice::At(_) | StoreChoice::Given(_) => Arc::new(FileDisk),
    };
    let opening = tokio::task::spawn_blocking(move || Journal::open(&folder, config, disk, writer, stored));
    Ok(opening.await.map_err(|error| StartError::Configuration(error.to_string()))??)
}
