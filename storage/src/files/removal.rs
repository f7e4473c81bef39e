//! Removal of files: of one that nothing names, and of all of an execution that ended long ago. Says which executions have files that
//! are old enough; decides no age.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::UNIX_EPOCH;

use updraft_protocol::limits::FILES_SWEPT;
use updraft_protocol::{ExecutionId, FileId, TenantCode, Timestamp};

use super::listed::{entries, name, named};
use super::usage::{Usage, lock};
use super::{FileStore, UNFINISHED, known_of};

impl FileStore {
    /// Removes a file of this execution, if it is there.
    ///
    /// # Errors
    /// The disk.
    pub fn remove(&self, (tenant, peid): (&TenantCode, ExecutionId), id: FileId) -> io::Result<()> {
        let (folder, usage) = (self.folder(tenant, peid), self.usages.of(tenant));
        let mut usage = lock(&usage);
        for path in [folder.join(id.to_string()), known_of(&folder, id)] {
            remove(&mut usage, peid, &path)?;
        }
        // One that has others stays.
        let _ = std::fs::remove_dir(&folder);
        Ok(())
    }

    /// Removes all files of this execution.
    ///
    /// # Errors
    /// The disk.
    pub fn remove_all(&self, (tenant, peid): (&TenantCode, ExecutionId)) -> io::Result<()> {
        let (folder, usage) = (self.folder(tenant, peid), self.usages.of(tenant));
        for file in entries(&folder)? {
            remove(&mut lock(&usage), peid, &file?.path())?;
        }
        let _ = std::fs::remove_dir(&folder);
        Ok(())
    }

    /// The executions whose files are no younger than this; at most [`FILES_SWEPT`].
    ///
    /// # Errors
    /// The disk.
    pub fn executions_before(&self, instant: Timestamp) -> io::Result<Vec<(TenantCode, ExecutionId)>> {
        let mut found = Vec::new();
        for tenant in entries(&self.root)? {
            let Some(name) = name(&tenant?).filter(|name| name != UNFINISHED) else { continue };
            let Ok(code) = TenantCode::new(name.strip_prefix('=').unwrap_or(&name)) else { continue };
            for execution in entries(&self.root.join(&name))? {
                let execution = execution?;
                let Some(peid) = named::<ExecutionId>(&execution) else { continue };
                // It changes with each file that comes, or goes.
                let changed = execution.metadata().and_then(|folder| folder.modified());
                let changed = changed.ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
                if changed.is_some_and(|at| at.as_millis() > u128::from(instant.0)) {
                    continue;
                }
                found.push((code.clone(), peid));
                if found.len() >= FILES_SWEPT {
                    return Ok(found);
                }
            }
        }
        Ok(found)
    }
}

fn remove(usage: &mut Usage, peid: ExecutionId, path: &Path) -> io::Result<()> {
    let removed = path.symlink_metadata().and_then(|was| std::fs::remove_file(path).map(|()| was));
    match removed {
        Ok(was) => usage.removed(peid, &was),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(())
}
