//! Opening: the store, its lease and the journal, in the order that leaves nothing half bound, and the judgement whether they
//! belong together. Starts no thread of the engine and writes no update.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use updraft_actors::node;
use updraft_actors::timer::Timer;
use updraft_kernel::shared::watermark::DurableWatermark;
use updraft_protocol::limits::START_ANSWER;
use updraft_storage::bond::{Bond, Kept};
use updraft_storage::journal::{self, Disk, FileDisk, Journal};
use updraft_storage::memory::{MemoryStore, Nowhere};
use updraft_storage::sqlite::SqliteStore;
use updraft_storage::write_behind::{Message, WriteBehind};
use updraft_storage::{Store, StoreAddress};

use crate::belonging::{self, Asked, Extent};
use crate::builder::{Builder, Choice};
use crate::error::StartError;
use crate::ownership::Ownership;

/// What a start has opened.
pub(crate) struct Opened {
    pub(crate) timer: Timer,
    pub(crate) store: Arc<dyn Store>,
    /// The same, where it is the engine's own.
    pub(crate) embedded: Option<Arc<SqliteStore>>,
    pub(crate) journal: Journal,
    pub(crate) replay: journal::Replay,
    /// What the store keeps of the journal, if it keeps anything.
    pub(crate) bond: Option<Bond>,
    /// That of this engine: higher than every one that journal or store has.
    pub(crate) epoch: u64,
    /// The lease of the store, if it has one.
    pub(crate) ownership: Option<Ownership>,
    /// Below it the store has everything.
    pub(crate) stored: DurableWatermark,
    /// Below it the store has noted that: what the journal may drop.
    pub(crate) noted: DurableWatermark,
    /// Between journal and writer.
    pub(crate) queue: (mpsc::Sender<Message>, mpsc::Receiver<Message>),
}

impl Opened {
    /// Opens them and binds them to each other.
    ///
    /// # Errors
    /// What cannot be opened, who has it, or why they do not belong together.
    pub(crate) async fn open(builder: &Builder, data: &Path) -> Result<Self, StartError> {
        let timer = Timer::start().map_err(node::Error::Thread)?;
        let (store, embedded) = open_store(builder, data).await?;
        let keeps = answered(store.kept(), &timer).await? != Kept::Nothing;
        let stored = DurableWatermark::new(0);
        let noted = if keeps { DurableWatermark::new(0) } else { stored.clone() };
        let queue = WriteBehind::queue();
        let (journal, replay) = open_journal(builder, data, queue.0.clone(), noted.clone()).await?;
        let extent =
            Extent { id: replay.id(), there: replay.there(), begins: replay.begins(), ends: replay.ends() };
        let (ownership, bond, epoch) =
            match taken(builder, data, &store, (extent, replay.epoch()), &timer).await {
                Ok(taken) => taken,
                Err(error) => {
                    // The data directory is free when the error is told.
                    let _ = journal.close(Duration::ZERO).await;
                    return Err(error);
                }
            };
        if let Some(bond) = bond {
            let _ = noted.advance(bond.taken + 1);
        }
        Ok(Self { timer, store, embedded, journal, replay, bond, epoch, ownership, stored, noted, queue })
    }
}

/// Takes the store, binds it to the journal, which goes so far and has epochs up to this, and gives the engine's epoch.
async fn taken(
    builder: &Builder,
    data: &Path,
    store: &Arc<dyn Store>,
    (extent, of_journal): (Extent, u64),
    timer: &Timer,
) -> Result<(Option<Ownership>, Option<Bond>, u64), StartError> {
    let ownership = Ownership::take(store, extent.id, who(data), builder.clock.now(), timer).await?;
    let taken = async {
        let bond = bound(builder, data, store, extent, timer).await?;
        let epoch = numbered(builder, data, store, of_journal, timer).await?;
        if let Some(ownership) = &ownership {
            ownership.confirm(timer).await?;
        }
        Ok((bond, epoch))
    };
    match taken.await {
        Ok((bond, epoch)) => Ok((ownership, bond, epoch)),
        Err(error) => {
            if let Some(ownership) = ownership {
                // Whoever is asked to decide starts again soon, and need not wait for this one's lease.
                ownership.give_back(timer).await;
            }
            Err(error)
        }
    }
}

/// Judges whether journal and store belong together, and binds them.
async fn bound(
    builder: &Builder,
    data: &Path,
    store: &Arc<dyn Store>,
    extent: Extent,
    timer: &Timer,
) -> Result<Option<Bond>, StartError> {
    // Read when the store is this engine's: an owner that is gone may have written until then.
    let kept = answered(store.kept(), timer).await?;
    let bond = claim(builder, data, kept, extent).await?;
    if let Some(bond) = bond
        && !answered(store.bind(bond, kept.bond()), timer).await?
    {
        let why = "another engine has bound the database to its journal in the meantime";
        return Err(updraft_storage::Error::Unavailable(why.to_owned()).into());
    }
    Ok(bond)
}

/// The epoch of this engine, noted in the data directory. Only now: a start that is refused for what it found has changed
/// nothing.
async fn numbered(
    builder: &Builder,
    data: &Path,
    store: &Arc<dyn Store>,
    of_journal: u64,
    timer: &Timer,
) -> Result<u64, StartError> {
    if belonging::place(&builder.store).is_none() {
        return Ok(answered(store.next_epoch(of_journal), timer).await?);
    }
    let noted = on_disk(data, belonging::epoch_of).await?;
    let epoch = answered(store.next_epoch(noted.max(of_journal)), timer).await?;
    on_disk(data, move |data| belonging::note_epoch(data, epoch)).await?;
    Ok(epoch)
}

/// What the disk says, for which it is waited on another thread.
async fn on_disk<T: Send + 'static>(
    data: &Path,
    ask: impl FnOnce(&Path) -> Result<T, StartError> + Send + 'static,
) -> Result<T, StartError> {
    let data = data.to_owned();
    let asked = tokio::task::spawn_blocking(move || ask(&data)).await;
    asked.map_err(|error| StartError::Configuration(error.to_string()))?
}

/// This process, for people who find that it has a store.
fn who(data: &Path) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "a machine without a name" } else { host.trim() };
    format!("process {} on {host}, data directory {}", std::process::id(), data.display())
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

/// What the store answers, in its time.
pub(crate) async fn answered<T>(
    asked: impl Future<Output = Result<T, updraft_storage::Error>>,
    timer: &Timer,
) -> Result<T, updraft_storage::Error> {
    let answered = timer.until(Instant::now() + START_ANSWER, asked).await;
    answered.unwrap_or_else(|_| {
        let seconds = START_ANSWER.as_secs();
        Err(updraft_storage::Error::Unavailable(format!("no answer within {seconds} s")))
    })
}

/// Keeps the journal with its store; gives the bond that the store is to keep.
async fn claim(
    builder: &Builder,
    data: &Path,
    kept: Kept,
    extent: Extent,
) -> Result<Option<Bond>, StartError> {
    let Some(place) = belonging::place(&builder.store) else { return Ok(None) };
    let (durability, accepted) = (builder.durability, builder.accepted_loss);
    let asked = Asked { place, durability, accepted };
    on_disk(data, move |data| belonging::claim(data, &asked, kept, extent)).await
}

async fn open_journal(
    builder: &Builder,
    data: &Path,
    writer: mpsc::Sender<updraft_storage::write_behind::Message>,
    stored: DurableWatermark,
) -> Result<(Journal, journal::Replay), StartError> {
    let folder = data.join("journal");
    let id = on_disk(data, belonging::journal_of).await?;
    let config = journal::Config { id, durability: builder.durability, ..journal::Config::default() };
    let disk: Arc<dyn Disk> = match &builder.store {
        Choice::Memory => Arc::new(Nowhere),
        Choice::At(_) | Choice::Given(_) => Arc::new(FileDisk),
    };
    let opening = tokio::task::spawn_blocking(move || Journal::open(&folder, config, disk, writer, stored));
    Ok(opening.await.map_err(|error| StartError::Configuration(error.to_string()))??)
}
