//! How many bytes the files have, of each tenant and of each execution that writes some. Owns the bounds of both: room is taken before
//! a byte is written, so that those who write at once do not exceed one together. Writes nothing.

use std::collections::HashMap;
use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use updraft_protocol::limits::EXECUTION_FILES_BYTES;
use updraft_protocol::{ExecutionId, Failure, FailureKind, TenantCode};

use super::listed::{self, entries};

/// What the files of each tenant have, as far as one of its executions has written in this process.
#[derive(Debug, Default)]
pub(super) struct Usages(Mutex<HashMap<TenantCode, Arc<Mutex<Usage>>>>);

/// What the files of one tenant have.
#[derive(Debug, Default)]
pub(super) struct Usage {
    /// Of all its executions, what is being written included; `None` until it was looked at.
    bytes: Option<u64>,
    writing: HashMap<ExecutionId, Writing>,
}

/// What the files of an execution have that writes some.
#[derive(Debug)]
struct Writing {
    bytes: u64,
    files: usize,
}

/// The room of one file that is being written. Dropped, what it has taken is given back.
#[derive(Debug)]
pub(super) struct Room {
    usage: Arc<Mutex<Usage>>,
    peid: ExecutionId,
    of_tenant: u64,
    taken: u64,
}

impl Usages {
    pub(super) fn of(&self, tenant: &TenantCode) -> Arc<Mutex<Usage>> {
        let mut usages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        usages.entry(tenant.clone()).or_default().clone()
    }

    /// Room for a file of this execution, whose folder is in that of its tenant, which may have so many bytes in all.
    pub(super) fn room(
        &self,
        (tenant, peid): (&TenantCode, ExecutionId),
        (of_all, folder): (&Path, &Path),
        of_tenant: u64,
    ) -> io::Result<Room> {
        let usage = self.of(tenant);
        let mut locked = lock(&usage);
        if locked.bytes.is_none() {
            locked.bytes = Some(bytes_of_tenant(of_all)?);
        }
        match locked.writing.get_mut(&peid) {
            Some(writing) => writing.files += 1,
            None => {
                let bytes = listed::bytes(folder, &Metadata::len)?;
                locked.writing.insert(peid, Writing { bytes, files: 1 });
            }
        }
        drop(locked);
        Ok(Room { usage, peid, of_tenant, taken: 0 })
    }
}

pub(super) fn lock(usage: &Mutex<Usage>) -> MutexGuard<'_, Usage> {
    usage.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Usage {
    /// A file of this execution is there that was not written: of its bytes so many are beside those of others.
    pub(super) fn shared(&mut self, peid: ExecutionId, (bytes, beside): (u64, u64)) {
        self.bytes = self.bytes.map(|all| all.saturating_add(beside));
        if let Some(writing) = self.writing.get_mut(&peid) {
            writing.bytes = writing.bytes.saturating_add(bytes);
        }
    }

    /// A file of this execution is gone.
    pub(super) fn removed(&mut self, peid: ExecutionId, was: &Metadata) {
        self.bytes = self.bytes.map(|all| all.saturating_sub(if is_last(was) { was.len() } else { 0 }));
        if let Some(writing) = self.writing.get_mut(&peid) {
            writing.bytes = writing.bytes.saturating_sub(was.len());
        }
    }
}

impl Room {
    /// Takes room for so many further bytes.
    ///
    /// # Errors
    /// The execution, or its tenant, has as many as it may.
    pub(super) fn take(&mut self, bytes: u64) -> Result<(), Failure> {
        let mut usage = lock(&self.usage);
        let of_execution = usage.writing.get(&self.peid).map_or(0, |writing| writing.bytes);
        let left = EXECUTION_FILES_BYTES.saturating_sub(of_execution);
        if bytes > left {
            let whole = left + self.taken;
            return Err(too_large(format!(
                "the files of this execution leave {whole} bytes for another one"
            )));
        }
        let left = self.of_tenant.saturating_sub(usage.bytes.unwrap_or_default());
        if bytes > left {
            let (most, whole) = (self.of_tenant, left + self.taken);
            let message = format!(
                "the files of this tenant leave {whole} bytes for another one: together they have at most {most}"
            );
            return Err(too_large(message));
        }
        usage.shared(self.peid, (bytes, bytes));
        self.taken += bytes;
        Ok(())
    }

    /// The file is there, with so many bytes beside it. They stay when this is dropped.
    pub(super) fn keep(&mut self, beside: u64) {
        lock(&self.usage).shared(self.peid, (beside, beside));
        self.taken = 0;
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut usage = lock(&self.usage);
        usage.bytes = usage.bytes.map(|all| all.saturating_sub(self.taken));
        if let Some(writing) = usage.writing.get_mut(&self.peid) {
            writing.bytes = writing.bytes.saturating_sub(self.taken);
            writing.files -= 1;
            if writing.files == 0 {
                usage.writing.remove(&self.peid);
            }
        }
    }
}

fn too_large(message: String) -> Failure {
    Failure::new(FailureKind::TooLarge, message)
}

/// The bytes of all files of a tenant. One that several executions have counts once.
fn bytes_of_tenant(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for execution in entries(folder)? {
        bytes += listed::bytes(&execution?.path(), &|file| file.len() / names(file))?;
    }
    Ok(bytes)
}

/// By how many names a file is known.
#[cfg(unix)]
fn names(file: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(file).max(1)
}

#[cfg(not(unix))]
fn names(_: &Metadata) -> u64 {
    1
}

/// Whether a file is gone with this name.
fn is_last(file: &Metadata) -> bool {
    names(file) == 1
}
