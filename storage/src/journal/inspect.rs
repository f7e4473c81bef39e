//! The inspection of a journal that is not open: its content, verified as at an opening, and left unchanged.

use std::io::{self, ErrorKind, Read};
use std::path::Path;

use uuid::Uuid;

use super::disk::{Disk, FileDisk, JournalFile};
use super::error::Error;
use super::recovery::{self, Scan, Torn};

/// The content of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// Its id; `None` if it has no segment.
    pub id: Option<Uuid>,
    /// The number of the first frame; of the next one, if there is none.
    pub begins: u64,
    /// The number of the last frame that it ever held; 0 if it never held any.
    pub ends: u64,
    /// An incomplete write, which the next opening cuts off.
    pub torn: Option<Torn>,
}

impl Inspected {
    /// Inspects the journal in a folder; `None` if there is no folder. It blocks on the disk.
    ///
    /// # Errors
    /// As [`super::Journal::open`], except that it may be in use.
    pub fn of(folder: &Path) -> Result<Option<Self>, Error> {
        match recovery::scan(&Looking, folder) {
            Ok(Scan { id, begins, next, torn, .. }) => {
                Ok(Some(Self { id, begins, ends: next.saturating_sub(1), torn }))
            }
            Err(_) if matches!(folder.try_exists(), Ok(false)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The file system of the machine, read-only: repairs are not made.
struct Looking;

impl Disk for Looking {
    fn make_folder(&self, _: &Path) -> io::Result<()> {
        Err(ErrorKind::ReadOnlyFilesystem.into())
    }

    fn lock(&self, _: &Path) -> io::Result<Box<dyn Send>> {
        Err(ErrorKind::ReadOnlyFilesystem.into())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        FileDisk.list(folder)
    }

    fn create(&self, _: &Path) -> io::Result<Box<dyn JournalFile>> {
        Ok(Box::new(Unchanged))
    }

    fn open(&self, _: &Path) -> io::Result<Box<dyn JournalFile>> {
        Ok(Box::new(Unchanged))
    }

    fn read(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        FileDisk.read(path)
    }

    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

/// A file that is not repaired, or not created.
struct Unchanged;

impl JournalFile for Unchanged {
    fn append(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn reserve(&mut self, _: usize) -> io::Result<()> {
        Err(ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn cut(&mut self, _: u64) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::mpsc;
    use updraft_kernel::shared::DurableWatermark;

    use super::super::testing::update;
    use super::super::{Config, Journal};
    use super::*;
    use crate::log::{Append, Log, Need};

    #[test]
    fn a_torn_journal_is_told_of_and_left_as_it_is() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("journal");
        assert_eq!(Inspected::of(&folder).unwrap(), None);
        let (writer, _queue) = mpsc::channel(100);
        let stored = DurableWatermark::new(0);
        let (journal, _) =
            Journal::open(&folder, Config::default(), Arc::new(FileDisk), writer, stored).unwrap();
        for seq in 1..=3 {
            let (told, durable) = crossbeam_channel::bounded(1);
            let done = Box::new(move |outcome| told.send(outcome).unwrap());
            journal.append(Append::new(vec![update(1, seq)], Need::Durable, done)).unwrap();
            durable.recv().unwrap().unwrap();
        }
        let segment = folder.join("00000000000000000001.journal");
        let mut bytes = std::fs::read(&segment).unwrap();
        bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).unwrap());
        std::fs::write(&segment, &bytes).unwrap();
        let seen = Inspected::of(&folder).unwrap().unwrap();
        assert_eq!((seen.begins, seen.ends), (1, 2));
        assert!(seen.torn.is_some());
        assert_eq!(std::fs::read(&segment).unwrap(), bytes);
    }
}
