//! A disk in memory for the journal's recovery: what it holds can be looked at, and nothing on it fails.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use updraft_storage::journal::{Disk, JournalFile};

/// Files by their paths.
pub(crate) type Files = BTreeMap<PathBuf, Vec<u8>>;

/// A disk; clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct MemoryDisk(Arc<Mutex<Files>>);

impl MemoryDisk {
    pub(crate) fn of(files: Files) -> Self {
        Self(Arc::new(Mutex::new(files)))
    }

    /// What it holds.
    pub(crate) fn files(&self) -> MutexGuard<'_, Files> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk for MemoryDisk {
    fn make_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self, _: &Path) -> io::Result<Box<dyn Send>> {
        Ok(Box::new(()))
    }

    fn list(&self, _: &Path) -> io::Result<Vec<String>> {
        let name = |path: &PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned());
        Ok(self.files().keys().filter_map(name).collect())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn JournalFile>> {
        self.files().insert(path.to_owned(), Vec::new());
        self.open(path)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn JournalFile>> {
        Ok(Box::new(MemoryFile { disk: self.clone(), path: path.to_owned() }))
    }

    fn read(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        let bytes = self.files().get(path).cloned().ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(Cursor::new(bytes)))
    }

    fn rename(&self, path: &Path, to: &Path) -> io::Result<()> {
        let mut files = self.files();
        let bytes = files.remove(path).ok_or(io::ErrorKind::NotFound)?;
        files.insert(to.to_owned(), bytes);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.files().remove(path).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

struct MemoryFile {
    disk: MemoryDisk,
    path: PathBuf,
}

impl JournalFile for MemoryFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.disk.files().entry(self.path.clone()).or_default().extend_from_slice(bytes);
        Ok(())
    }

    fn reserve(&mut self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        self.disk.files().entry(self.path.clone()).or_default().truncate(bytes);
        Ok(())
    }
}
