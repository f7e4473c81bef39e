//! The doctor: examines a data directory and its store without starting or changing anything, and reports faults and
//! remedies.

use std::path::Path;

use tokio::time::Instant;
use updraft_actors::timer::TimerThread;
use updraft_actors::{Clock, SystemClock};
use updraft_kernel::pairing::{Mismatch, PairVerdict, judge};
use updraft_protocol::limits::{
    JOURNAL_SEGMENT_BYTES, STORE_BEAT, STORE_LEASE, WATCH_CONTAINMENTS, WATCH_CONTAINMENTS_AHEAD,
};
use updraft_protocol::{ContainmentDocument, Timestamp};
use updraft_storage::journal::{Durability, Inspected, Torn};
use updraft_storage::sqlite::SqliteStore;
use updraft_storage::store::{Error as StoreError, Kept, OwnerStore};
use updraft_storage::{Store, StoreAddress, lock, private, room};
use uuid::Uuid;

use crate::diagnosis::{Diagnosis, Finding};
use crate::error::StartError;
use crate::journal_binding::{self, Asked, Extent, Note};
use crate::store_choice::noted;

/// Examines a data directory and the store that belongs to it.
///
/// # Errors
/// The machine has no more threads. Faults of the directory or the store are in the diagnosis.
pub async fn doctor(data: &Path, store: &StoreAddress) -> Result<Diagnosis, StartError> {
    let mut diagnosis = Diagnosis {
        data: data.display().to_string(),
        store: noted(store),
        findings: Vec::new(),
        journal: None,
        taken: None,
        free_bytes: None,
    };
    let of = data.to_owned();
    let looking = tokio::task::spawn_blocking(move || Looked::at(&of));
    let looked = looking.await.map_err(|error| StartError::Configuration(error.to_string()))?;
    diagnosis.free_bytes = looked.free_bytes;
    diagnosis.findings.extend(looked.findings);
    let Some(extent) = looked.journal else { return Ok(diagnosis) };
    diagnosis.journal = Some((extent.begins, extent.ends)).filter(|(begins, ends)| begins <= ends);
    let kept = match store.connect(true).await {
        Ok(None) => embedded(data).await,
        Ok(Some(server)) => on_server(&*server, looked.id, &mut diagnosis.findings).await?,
        Err(error) => Err(error.to_string()),
    };
    match kept {
        Ok((kept, overdue)) => {
            diagnosis.taken = kept.bond().map(|bond| bond.taken);
            diagnosis.findings.extend(pair(looked.note, noted(store), kept, extent));
            diagnosis.findings.extend(overdue);
        }
        Err(cause) => diagnosis.findings.push(Finding::Store { cause }),
    }
    Ok(diagnosis)
}

/// The findings in the files of a data directory.
struct Looked {
    findings: Vec<Finding>,
    free_bytes: Option<u64>,
    note: Option<Note>,
    /// The journal's id, if it is noted.
    id: Option<Uuid>,
    /// The extent of the journal; `None` if the examination ends here.
    journal: Option<Extent>,
}

impl Looked {
    fn at(data: &Path) -> Self {
        let mut looked = Self { findings: Vec::new(), free_bytes: None, note: None, id: None, journal: None };
        let others = match private::open_to_others(data) {
            Ok(_) if !data.is_dir() => {
                return looked.with(Finding::NoDirectory { cause: "it is a file".to_owned() });
            }
            Ok(others) => others,
            Err(error) => return looked.with(Finding::NoDirectory { cause: error.to_string() }),
        };
        looked.findings.extend(others.map(|mode| Finding::OpenToOthers { mode: format!("{mode:03o}") }));
        looked.free_bytes = room::free_bytes(data).ok().flatten();
        if let Some(free_bytes) = looked.free_bytes.filter(|free| *free < JOURNAL_SEGMENT_BYTES) {
            looked.findings.push(Finding::NoRoom { free_bytes, wanted_bytes: JOURNAL_SEGMENT_BYTES });
        }
        let locks = [data.join("updraft.lock"), data.join("journal").join("journal.lock")];
        if let Some(held) = locks.iter().find(|lock| lock::is_held(lock)) {
            return looked.with(Finding::InUse { lock: held.display().to_string() });
        }
        looked.note = match Note::read(data) {
            Ok(note) => note,
            Err(error) => {
                let cause = format!("{}: {error}", Note::path(data).display());
                return looked.with(Finding::Note { cause });
            }
        };
        match Inspected::of(&data.join("journal")) {
            Ok(found) => {
                let found = found.unwrap_or(Inspected { id: None, begins: 1, ends: 0, torn: None });
                let Inspected { id, begins, ends, torn } = found;
                let torn = torn.map(|Torn { segment, offset }| Finding::Torn { segment, offset });
                looked.findings.extend(torn);
                looked.id = id.or(looked.note.as_ref().and_then(Note::journal));
                let known = looked.id.unwrap_or_default();
                looked.journal = Some(Extent { id: known, begins, ends, there: id.is_some() });
                looked
            }
            Err(error) => looked.with(Finding::Journal { cause: error.to_string() }),
        }
    }

    fn with(mut self, finding: Finding) -> Self {
        self.findings.push(finding);
        self
    }
}

/// The note in a store, and what is overdue there.
type Noted = (Kept, Option<Finding>);

/// The note in the embedded store, and what is overdue there.
async fn embedded(data: &Path) -> Result<Noted, String> {
    let (data, now) = (data.to_owned(), SystemClock.now());
    let looking = tokio::task::spawn_blocking(move || {
        let kept = SqliteStore::inspect(&data)?;
        let due = SqliteStore::inspect_due(&data, now.after(WATCH_CONTAINMENTS_AHEAD), WATCH_CONTAINMENTS)?;
        Ok((kept, overdue(&due, now)))
    });
    let looked = looking.await.map_err(|error| error.to_string())?;
    looked.map_err(|error: StoreError| error.to_string())
}

/// The containments that are past their end, as no engine runs that would undo them.
fn overdue(due: &[ContainmentDocument], now: Timestamp) -> Option<Finding> {
    // The next try of an undo that failed may be due later.
    let is_over =
        |found: &&ContainmentDocument| found.until <= now || found.due.is_some_and(|due| due <= now);
    let over: Vec<&ContainmentDocument> = due.iter().filter(is_over).collect();
    let since = over.iter().map(|found| found.until.min(now)).min()?;
    Some(Finding::Overdue { containments: over.len(), since })
}

/// The note in the store on a server, its owner, and what is overdue there.
async fn on_server(
    store: &dyn Store,
    own: Option<Uuid>,
    findings: &mut Vec<Finding>,
) -> Result<Result<Noted, String>, StartError> {
    let timer = TimerThread::start().map_err(updraft_actors::node::Error::Thread)?;
    let told = timer.until(Instant::now() + STORE_LEASE, store.health()).await.unwrap_or_default();
    findings.extend(told.troubles.iter().map(Finding::from));
    let owner = owner(store, own, &timer).await;
    let is_kept = matches!(owner, Some(Finding::Owned { lives: true, .. }));
    findings.extend(owner);
    let looked = async {
        let (kept, now) = (store.kept().await?, SystemClock.now());
        // An engine that lives undoes them itself, and warns where it does not.
        if is_kept || kept.bond().is_none() {
            return Ok((kept, None));
        }
        let due =
            store.due_containments(now.after(WATCH_CONTAINMENTS_AHEAD), None, WATCH_CONTAINMENTS).await?;
        Ok((kept, overdue(&due, now)))
    };
    Ok(looked.await.map_err(|error: StoreError| error.to_string()))
}

/// The owner of a store, if it is another engine, and whether it is alive.
async fn owner(store: &dyn OwnerStore, own: Option<Uuid>, timer: &TimerThread) -> Option<Finding> {
    let first = store.owner().await.ok().flatten()?;
    if first.released || Some(first.journal) == own {
        return None;
    }
    timer.pause(2 * STORE_BEAT).await;
    let lives = store.owner().await.ok().flatten().is_some_and(|second| second != first);
    Some(Finding::Owned { who: first.who, since: first.since, lives })
}

/// The mismatch of the two, if there is one.
fn pair(note: Option<Note>, place: String, kept: Kept, extent: Extent) -> Option<Finding> {
    let pending = extent.begins <= extent.ends;
    let other = note.as_ref().map(|note| note.place.clone()).filter(|noted| *noted != place);
    if kept == Kept::Nothing {
        return other.filter(|_| pending).map(|noted| Finding::OtherStore { noted });
    }
    let asked = Asked { place, durability: Durability::Fsync, accepted: None };
    let bond = kept.bond();
    match judge(journal_binding::side(note.as_ref(), &asked, extent, bond), bond.map(Into::into), None) {
        PairVerdict::Refuse(mismatch) => Some(match other.filter(|_| mismatch == Mismatch::OtherStore) {
            Some(noted) => Finding::OtherStore { noted },
            None => mismatch.into(),
        }),
        PairVerdict::Pair | PairVerdict::Bind | PairVerdict::Rebind | PairVerdict::GoOn(_) => None,
    }
}
