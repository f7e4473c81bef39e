//! Which files are there, for who removes those that no task names. Opens none.

use std::fs::{DirEntry, Metadata, ReadDir};
use std::io::{self, ErrorKind};
use std::path::Path;

use updraft_protocol::limits::FILES_SWEPT;
use updraft_protocol::{ExecutionId, FileId, TenantCode};

use super::{FileStore, UNFINISHED};

/// A file of an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFile {
    /// Whose it is.
    pub tenant: TenantCode,
    /// Its execution.
    pub peid: ExecutionId,
    /// The file.
    pub id: FileId,
}

impl FileStore {
    /// The files that are there, those of one execution after the other, some of them twice; at most [`FILES_SWEPT`].
    ///
    /// # Errors
    /// The disk.
    pub fn listed(&self) -> io::Result<Vec<ListedFile>> {
        let mut files = Vec::new();
        for tenant in entries(&self.root)? {
            let Some(name) = name(&tenant?).filter(|name| name != UNFINISHED) else { continue };
            let Ok(code) = TenantCode::new(name.strip_prefix('=').unwrap_or(&name)) else { continue };
            for execution in entries(&self.root.join(&name))? {
                let Some(peid) = named::<ExecutionId>(&execution?) else { continue };
                for file in entries(&self.root.join(&name).join(peid.to_string()))? {
                    let Some(id) = named::<FileId>(&file?) else { continue };
                    files.push(ListedFile { tenant: code.clone(), peid, id });
                    if files.len() >= FILES_SWEPT {
                        return Ok(files);
                    }
                }
            }
        }
        Ok(files)
    }
}

/// The bytes of all that is in a folder, which need not be there: of each file so many.
pub(super) fn bytes(folder: &Path, of_file: &dyn Fn(&Metadata) -> u64) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in entries(folder)? {
        // One that has just been removed has none.
        bytes += entry?.metadata().map_or(0, |file| of_file(&file));
    }
    Ok(bytes)
}

pub(super) fn entries(folder: &Path) -> io::Result<impl Iterator<Item = io::Result<DirEntry>> + use<>> {
    let found: Option<ReadDir> = match std::fs::read_dir(folder) {
        Ok(found) => Some(found),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => None,
        Err(error) => return Err(error),
    };
    Ok(found.into_iter().flatten())
}

pub(super) fn name(entry: &DirEntry) -> Option<String> {
    entry.file_name().into_string().ok()
}

/// The id that an entry is named by.
pub(super) fn named<T: std::str::FromStr + std::fmt::Display>(entry: &DirEntry) -> Option<T> {
    let name = name(entry)?;
    // What is known of a file may have been left alone.
    let name = name.strip_suffix(".json").unwrap_or(&name);
    let id: T = name.parse().ok()?;
    (id.to_string() == name).then_some(id)
}
