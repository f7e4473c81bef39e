//! Helpers of the tests of the journal and of the writer: updates, and a disk in memory that fails on demand and
//! forgets bytes that were not synced.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use updraft_protocol::{
    ExecutionId, Json, Revision, TaskId, TaskState, TaskStatus, TaskUpdate, Timestamp, Update,
};
use uuid::Uuid;

use super::disk::{Disk, JournalFile};

/// An update of an ended task, whose content follows from its numbers.
pub(crate) fn update(document: u64, seq: u64) -> Update {
    sized_update(document, seq, 8)
}

/// An update of a task that is running.
pub(crate) fn open_update(document: u64, seq: u64) -> Update {
    status_update(document, seq, 8, TaskStatus::Executing)
}

/// An update of an ended task, whose response has about so many bytes.
pub(crate) fn sized_update(document: u64, seq: u64, bytes: usize) -> Update {
    status_update(document, seq, bytes, TaskStatus::Completed)
}

/// An update of a task with this status, whose response has about so many bytes.
pub(crate) fn status_update(document: u64, seq: u64, bytes: usize, status: TaskStatus) -> Update {
    Update::from(TaskUpdate {
        task_id: TaskId::new(Uuid::from_u128(u128::from(document) + 1)),
        peid: ExecutionId::new(Uuid::from_u128(1)),
        revision: Revision { epoch: 1, seq },
        head: None,
        state: TaskState {
            response: Some(Json::from(serde_json::Value::from("r".repeat(bytes)))),
            ..TaskState::change(status, 1, Timestamp(seq))
        },
        positions: Default::default(),
    })
}

/// The next fault.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// A write puts this many bytes down and fails.
    Write { after: usize, kind: io::ErrorKind },
    /// A sync fails.
    Sync,
    /// A removal fails.
    Remove,
    /// A cut fails.
    Cut,
}

#[derive(Default)]
struct Files {
    files: BTreeMap<PathBuf, Contents>,
    fault: Option<Fault>,
    syncs: usize,
    locked: bool,
    /// The most bytes of all files together.
    capacity: Option<usize>,
    /// Called before the next sync.
    at_sync: Option<Box<dyn FnOnce() + Send>>,
}

impl Files {
    fn used(&self) -> usize {
        self.files.values().map(|contents| contents.bytes.len()).sum()
    }
}

#[derive(Default, Clone)]
struct Contents {
    bytes: Vec<u8>,
    /// The bytes that survive a power loss: those at the last sync; `None` if the folder was not synced since.
    durable: Option<Vec<u8>>,
    synced: Vec<u8>,
}

/// A disk in memory; clones are the same disk.
#[derive(Clone, Default)]
pub(crate) struct MemoryDisk(Arc<Mutex<Files>>);

impl MemoryDisk {
    pub(crate) fn fail(&self, fault: Fault) {
        self.files().fault = Some(fault);
    }

    /// Sets a hook for the next sync of a file.
    pub(crate) fn at_sync(&self, hook: impl FnOnce() + Send + 'static) {
        self.files().at_sync = Some(Box::new(hook));
    }

    /// Lets the files grow by so many bytes; `None` for no limit.
    pub(crate) fn limit_space(&self, bytes: Option<usize>) {
        let mut files = self.files();
        files.capacity = bytes.map(|bytes| files.used() + bytes);
    }

    pub(crate) fn syncs(&self) -> usize {
        self.files().syncs
    }

    pub(crate) fn segments(&self) -> Vec<PathBuf> {
        self.files().files.keys().cloned().collect()
    }

    pub(crate) fn bytes(&self, path: &Path) -> Vec<u8> {
        self.files().files[path].bytes.clone()
    }

    pub(crate) fn set_bytes(&self, path: &Path, bytes: Vec<u8>) {
        self.files().files.insert(path.to_owned(), Contents { bytes, ..Contents::default() });
    }

    /// The disk after a kill now: all written bytes are there.
    pub(crate) fn after_kill(&self) -> Self {
        let files = self.files().files.clone();
        Self(Arc::new(Mutex::new(Files { files, ..Files::default() })))
    }

    /// The disk after a power loss now: bytes that were not synced are lost.
    pub(crate) fn after_power_loss(&self) -> Self {
        let durable = |contents: &Contents| {
            let bytes = contents.durable.clone()?;
            Some(Contents { bytes: bytes.clone(), durable: Some(bytes.clone()), synced: bytes })
        };
        let files =
            self.files().files.iter().filter_map(|(path, c)| Some((path.clone(), durable(c)?))).collect();
        Self(Arc::new(Mutex::new(Files { files, ..Files::default() })))
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        self.0.lock().unwrap()
    }
}

impl Disk for MemoryDisk {
    fn make_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self, _: &Path) -> io::Result<Box<dyn Send>> {
        let mut files = self.files();
        if files.locked {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        files.locked = true;
        Ok(Box::new(Unlock(self.clone())))
    }

    fn list(&self, _: &Path) -> io::Result<Vec<String>> {
        let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        Ok(self.files().files.keys().map(name).collect())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn JournalFile>> {
        let mut files = self.files();
        if files.files.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        files.files.insert(path.to_owned(), Contents::default());
        Ok(Box::new(MemoryFile { disk: self.clone(), path: path.to_owned(), end: 0 }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn JournalFile>> {
        let end = self.files().files[path].bytes.len();
        Ok(Box::new(MemoryFile { disk: self.clone(), path: path.to_owned(), end }))
    }

    fn read(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(io::Cursor::new(self.bytes(path))))
    }

    fn rename(&self, path: &Path, to: &Path) -> io::Result<()> {
        let mut files = self.files();
        let mut moved = files.files.remove(path).ok_or(io::ErrorKind::NotFound)?;
        // Until the folder is synced, a power loss leaves the old file.
        moved.durable = files.files.get(to).and_then(|before| before.durable.clone());
        files.files.insert(to.to_owned(), moved);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut files = self.files();
        if let Some(Fault::Remove) = files.fault {
            files.fault = None;
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        files.files.remove(path).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        for contents in self.files().files.values_mut() {
            contents.durable = Some(contents.synced.clone());
        }
        Ok(())
    }
}

struct Unlock(MemoryDisk);

impl Drop for Unlock {
    fn drop(&mut self) {
        self.0.files().locked = false;
    }
}

struct MemoryFile {
    disk: MemoryDisk,
    path: PathBuf,
    end: usize,
}

impl MemoryFile {
    /// Writes at the end, which does not move; returns how much was written.
    fn write(&mut self, bytes: &[u8]) -> (usize, io::Result<()>) {
        let mut files = self.disk.files();
        let (mut take, mut failure) = (bytes.len(), None);
        if let Some(Fault::Write { after, kind }) = files.fault {
            files.fault = None;
            (take, failure) = (after.min(take), Some(kind));
        }
        // Bytes that exist already need no new space.
        let here = files.files[&self.path].bytes.len();
        let free = files.capacity.map_or(usize::MAX, |capacity| capacity.saturating_sub(files.used()));
        let fits = here.saturating_sub(self.end).saturating_add(free);
        if fits < take {
            (take, failure) = (fits, Some(io::ErrorKind::StorageFull));
        }
        let written = &mut files.files.get_mut(&self.path).unwrap().bytes;
        written.resize(written.len().max(self.end + take), 0);
        written[self.end..self.end + take].copy_from_slice(&bytes[..take]);
        (take, failure.map_or(Ok(()), |kind| Err(kind.into())))
    }
}

impl JournalFile for MemoryFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (taken, written) = self.write(bytes);
        self.end += taken;
        written
    }

    fn reserve(&mut self, bytes: usize) -> io::Result<()> {
        let written = self.write(&vec![0; bytes]).1;
        if written.is_err() {
            self.disk.files().files.get_mut(&self.path).unwrap().bytes.truncate(self.end);
        }
        written
    }

    fn sync(&mut self) -> io::Result<()> {
        let hook = self.disk.files().at_sync.take();
        if let Some(hook) = hook {
            hook();
        }
        let mut files = self.disk.files();
        files.syncs += 1;
        if let Some(Fault::Sync) = files.fault {
            files.fault = None;
            return Err(io::Error::other("input/output error"));
        }
        let contents = files.files.get_mut(&self.path).unwrap();
        contents.synced = contents.bytes.clone();
        if contents.durable.is_some() {
            contents.durable = Some(contents.bytes.clone());
        }
        Ok(())
    }

    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        let mut files = self.disk.files();
        if let Some(Fault::Cut) = files.fault {
            files.fault = None;
            return Err(io::Error::other("input/output error"));
        }
        drop(files);
        self.end = bytes as usize;
        self.disk.files().files.get_mut(&self.path).unwrap().bytes.resize(self.end, 0);
        Ok(())
    }
}
