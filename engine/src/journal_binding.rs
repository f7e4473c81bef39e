//! The binding of a journal to its store: checks before anything runs whether a journal and a store belong together,
//! and binds them. A file in the data directory holds the journal's note of its store; it contains no credentials. The
//! decision from both notes is made in `kernel::pairing`.

#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use updraft_kernel::pairing::{JournalSide, Loss, Mismatch, PairVerdict, judge};
use updraft_storage::journal::Durability;
use updraft_storage::private;
use updraft_storage::store::{Bond, Kept};
use uuid::Uuid;

use crate::error::StartError;
use crate::store_choice::GIVEN;

/// The file in the data directory.
const FILE: &str = "store";

/// The request of a start.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// The note for the store.
    pub(crate) place: String,
    pub(crate) durability: Durability,
    /// The loss that a person accepts.
    pub(crate) accepted: Option<Loss>,
}

/// The journal's id in its segments, and its extent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    /// The id of the journal.
    pub(crate) id: Uuid,
    /// The number of its first group, or of the next.
    pub(crate) begins: u64,
    /// The number of the last group that it ever held.
    pub(crate) ends: u64,
    /// Whether a segment existed before this start.
    pub(crate) there: bool,
}

/// Checks the journal of a data directory against the requested store; then the journal notes the store. Returns the
/// note for the store, to be written before the journal is; `None` if the store keeps none.
///
/// # Errors
/// They do not belong together, or the disk failed.
pub(crate) fn claim(
    data: &Path,
    asked: &Asked,
    kept: Kept,
    journal: Extent,
) -> Result<Option<Bond>, StartError> {
    let failed = |source| StartError::Directory { path: Note::path(data).display().to_string(), source };
    let noted = Note::read(data).map_err(failed)?;
    if kept == Kept::Nothing {
        return by_place(data, asked, noted, journal.ends >= journal.begins).map(|()| None);
    }
    let bond = kept.bond();
    let side = side(noted.as_ref(), asked, journal, bond);
    match judge(side, bond.map(Into::into), asked.accepted) {
        PairVerdict::Pair | PairVerdict::Bind => {}
        PairVerdict::Rebind => tracing::info!(
            data = %data.display(),
            "the journal and the database belonged to others, all of which were closed in order: they belong together now"
        ),
        PairVerdict::GoOn(mismatch) => tracing::warn!(
            data = %data.display(), accepted = asked.accepted.is_some(), %mismatch,
            "the journal and the database do not belong together, and go on as they are"
        ),
        PairVerdict::Refuse(mismatch) => {
            if let Some(noted) = noted.as_ref().filter(|noted| !noted.synced && !journal.there) {
                // This start has made a segment, which the next one would take for the remainder of a power loss.
                Note { synced: true, ..noted.clone() }.write(data).map_err(failed)?;
            }
            return Err(refused(data, asked, noted, mismatch));
        }
    }
    let pair = judge(side, bond.map(Into::into), None) == PairVerdict::Pair;
    // Groups that were lost to power were numbered, and their numbers come again.
    let goes_on = |bond: &Bond| pair && (side.synced || bond.closed);
    let ids = noted.as_ref().and_then(|noted| noted.ids);
    let bond = Bond {
        store: bond.map(|bond| bond.store).or(ids.map(|(_, store)| store)).unwrap_or_else(Uuid::now_v7),
        journal: journal.id,
        // The groups in the journal must be applied, whatever was noted elsewhere.
        taken: bond.filter(|_| pair).map_or(journal.begins.saturating_sub(1), |bond| bond.taken),
        closed: false,
        generation: bond.map_or(0, |bond| bond.generation.saturating_add(u32::from(!goes_on(&bond)))),
    };
    let note = Note::of(asked, Some((bond.journal, bond.store)), noted.as_ref());
    if noted.as_ref() != Some(&note) {
        note.write(data).map_err(failed)?;
    }
    Ok(Some(bond))
}

/// The id of the journal in a data directory; a new one if none is noted.
///
/// # Errors
/// The error of the disk.
pub(crate) fn journal_of(data: &Path) -> Result<Uuid, StartError> {
    let failed = |source| StartError::Directory { path: Note::path(data).display().to_string(), source };
    let noted = Note::read(data).map_err(failed)?;
    Ok(noted.and_then(|noted| noted.ids).map_or_else(Uuid::now_v7, |(journal, _)| journal))
}

/// The journal's side of a pair, given its note and the store's.
pub(crate) fn side(noted: Option<&Note>, asked: &Asked, journal: Extent, store: Option<Bond>) -> JournalSide {
    let ids = ids(noted, journal, store);
    JournalSide {
        ids: ids.map(|(own, store)| (own.as_u128(), store.as_u128())),
        begins: journal.begins,
        ends: journal.ends,
        moved: noted.is_some_and(|noted| noted.place != asked.place),
        ran: noted.is_some_and(|noted| noted.epoch > 0),
        synced: noted.is_none_or(|noted| noted.synced),
        there: journal.there,
    }
}

/// The ids of a journal and of its store, as far as they are known. The segments are authoritative; the notes beside
/// them may be of others that were there before.
fn ids(noted: Option<&Note>, journal: Extent, store: Option<Bond>) -> Option<(Uuid, Uuid)> {
    let noted = noted.and_then(|noted| noted.ids);
    if !journal.there || noted.is_some_and(|(own, _)| own == journal.id) {
        return noted;
    }
    match store {
        Some(bond) if bond.journal == journal.id => Some((journal.id, bond.store)),
        // Made by a start that was cut short, or refused.
        _ if noted.is_none() && journal.ends == 0 => None,
        _ => Some((journal.id, Uuid::nil())),
    }
}

/// For a store that keeps no note, only its place is known.
fn by_place(data: &Path, asked: &Asked, noted: Option<Note>, pending: bool) -> Result<(), StartError> {
    let failed = |source| StartError::Directory { path: Note::path(data).display().to_string(), source };
    let other = noted.as_ref().is_some_and(|noted| noted.place != asked.place);
    if other && pending {
        return Err(refused(data, asked, noted, Mismatch::OtherStore));
    }
    let note = Note::of(asked, None, noted.as_ref());
    if noted.as_ref() == Some(&note) { Ok(()) } else { note.write(data).map_err(failed) }
}

/// The highest epoch under which an engine may have written to the journal, as noted; 0 if none has run.
///
/// # Errors
/// The error of the disk.
pub(crate) fn epoch_of(data: &Path) -> Result<u64, StartError> {
    let failed = |source| StartError::Directory { path: data.join(FILE).display().to_string(), source };
    Ok(Note::read(data).map_err(failed)?.map_or(0, |noted| noted.epoch))
}

/// Notes the epoch of the engine that starts, before anything is written under it: a store that is lost forgets the
/// epochs that it gave, and none of them may be used again.
///
/// # Errors
/// The error of the disk.
pub(crate) fn note_epoch(data: &Path, epoch: u64) -> Result<(), StartError> {
    let failed = |source| StartError::Directory { path: data.join(FILE).display().to_string(), source };
    let Some(noted) = Note::read(data).map_err(failed)? else { return Ok(()) };
    Note { epoch, ..noted }.write(data).map_err(failed)
}

fn refused(data: &Path, asked: &Asked, noted: Option<Note>, mismatch: Mismatch) -> StartError {
    let data = data.display().to_string();
    match (mismatch, noted) {
        (Mismatch::OtherStore, Some(Note { place, .. })) if place != asked.place => {
            let noted = if place == GIVEN { "given to the builder".to_owned() } else { place };
            StartError::OtherStore { data, noted, asked: asked.place.clone() }
        }
        (mismatch, _) => StartError::Mismatch { data, mismatch },
    }
}

/// The journal's note of its store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) place: String,
    /// The journal's id and the store's; `None` for a store that keeps no note.
    ids: Option<(Uuid, Uuid)>,
    synced: bool,
    /// The highest epoch of its engines; 0 before the first has started.
    epoch: u64,
}

impl Note {
    fn of(asked: &Asked, ids: Option<(Uuid, Uuid)>, before: Option<&Self>) -> Self {
        let epoch = before.map_or(0, |before| before.epoch);
        Self { place: asked.place.clone(), ids, synced: asked.durability == Durability::Fsync, epoch }
    }

    /// The path of the note.
    pub(crate) fn path(data: &Path) -> PathBuf {
        data.join(FILE)
    }

    /// The note, if there is one.
    ///
    /// # Errors
    /// The error of the disk.
    pub(crate) fn read(data: &Path) -> io::Result<Option<Self>> {
        match fs::read_to_string(Self::path(data)) {
            Ok(text) => Ok(Some(Self::parse(&text))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The journal's id, if it is noted.
    pub(crate) fn journal(&self) -> Option<Uuid> {
        self.ids.map(|(journal, _)| journal)
    }

    fn parse(text: &str) -> Self {
        let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
        let id = |key| value(key).and_then(|value| Uuid::try_parse(value).ok());
        Self {
            place: text.lines().next().unwrap_or_default().to_owned(),
            ids: id("journal").zip(id("database")),
            synced: value("synced") != Some("no"),
            epoch: value("epoch").and_then(|value| value.parse().ok()).unwrap_or(0),
        }
    }

    /// Writes the note as durably as the journal.
    fn write(&self, data: &Path) -> io::Result<()> {
        let new = data.join(format!("{FILE}.new"));
        let mut file = private::options().write(true).create(true).truncate(true).open(&new)?;
        writeln!(file, "{}", self.place)?;
        if let Some((journal, store)) = self.ids {
            writeln!(file, "journal {journal}\ndatabase {store}")?;
        }
        writeln!(file, "synced {}", if self.synced { "yes" } else { "no" })?;
        if self.epoch > 0 {
            writeln!(file, "epoch {}", self.epoch)?;
        }
        file.sync_all()?;
        fs::rename(&new, Self::path(data))?;
        #[cfg(unix)]
        File::open(data)?.sync_all()?;
        Ok(())
    }
}
