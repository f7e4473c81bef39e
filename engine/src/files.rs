//! The files of executions in the data directory: opened at the start, read by backends, and removed where a crash left one that
//! no task names, or where they have been kept long enough. Writes none.

mod sweep;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use updraft_actors::EngineContext;
use updraft_protocol::limits::PAGE_ROWS;
use updraft_protocol::{ExecutionId, Failure, FailureKind, FileId, OpenFile, Span, TenantCode};
use updraft_storage::files::{FilePolicy, FileStore, ListedFile};

pub(crate) use sweep::keep_sweeping;

use crate::engine::Engine;
use crate::error::{ReadError, StartError};

/// Why a file of an execution is not read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FileError {
    /// The execution has no such file.
    #[error("this execution has no file {0}")]
    Missing(FileId),
    /// The execution ended long ago: its files are not kept any more.
    #[error("file {file} is removed: files stay {} after the end of their execution", Span(*kept))]
    Removed {
        /// The file.
        file: FileId,
        /// How long it stayed.
        kept: Duration,
    },
    /// The engine has no data directory.
    #[error("there is no data directory, and no file of any execution")]
    NoDirectory,
    /// The disk.
    #[error("{0}")]
    Disk(String),
}

impl FileError {
    /// Whether trying again can help.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Disk(_))
    }

    fn of(failure: Failure, file: FileId) -> Self {
        match failure.kind {
            FailureKind::InvalidArguments => Self::Missing(file),
            _ => Self::Disk(failure.message),
        }
    }
}

impl Engine {
    /// Opens a file of an execution, as the output of one of its tasks names it: its bytes are read on a thread that may wait for
    /// the disk. Files are in the data directory of the engine that ran the execution, whatever its store is.
    ///
    /// # Errors
    /// The tenant's execution has no such file here, or none any more; or the disk.
    pub async fn execution_file(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
        file: FileId,
    ) -> Result<OpenFile, FileError> {
        let Some(files) = self.context.files.clone() else { return Err(FileError::NoDirectory) };
        let (of, kept) = (tenant.clone(), files.kept());
        let opening = tokio::task::spawn_blocking(move || files.read((&of, peid), file));
        let opened = opening.await.map_err(|error| FileError::Disk(error.to_string()))?;
        match opened.map_err(|failure| FileError::of(failure, file)) {
            Err(FileError::Missing(file)) => {
                let execution = self.context.store.execution(tenant, peid).await;
                let execution = execution.map_err(|error| FileError::Disk(error.to_string()))?;
                let now = self.context.clock.now();
                let is_over = execution.is_some_and(|execution| sweep::are_over(&execution, kept, now));
                Err(if is_over { FileError::Removed { file, kept } } else { FileError::Missing(file) })
            }
            opened => opened,
        }
    }
}

/// Opens a file of an execution in this data directory, also beside an engine that has it: a file never changes. Waits for the disk.
///
/// # Errors
/// See [`Engine::execution_file`].
pub fn file_in(
    data: &Path,
    tenant: &TenantCode,
    peid: ExecutionId,
    file: FileId,
) -> Result<OpenFile, FileError> {
    FileStore::at(data).read((tenant, peid), file).map_err(|failure| FileError::of(failure, file))
}

/// The files in a data directory, with those that are there before anything runs; none without a directory.
pub(crate) async fn open(
    data: &Path,
    policy: FilePolicy,
) -> Result<(Option<Arc<FileStore>>, Vec<ListedFile>), StartError> {
    if data.as_os_str().is_empty() {
        return Ok((None, Vec::new()));
    }
    let (folder, path) = (data.to_owned(), data.display().to_string());
    let opening = tokio::task::spawn_blocking(move || {
        let files = FileStore::open(&folder)?.with(policy);
        let listed = files.listed()?;
        Ok((Some(Arc::new(files)), listed))
    });
    let opened = opening.await.map_err(std::io::Error::other).and_then(|opened| opened);
    opened.map_err(|source| StartError::Directory { path, source })
}

/// Removes those of these files that no task names, which a crash has left. What the journal had is in the store. Runs beside
/// what the engine does: what is written from now on is not among them.
pub(crate) fn remove_unnamed(context: &Arc<EngineContext>, listed: Vec<ListedFile>) {
    let Some(files) = context.files.clone().filter(|_| !listed.is_empty()) else { return };
    let context = context.clone();
    let mut of_executions: BTreeMap<(TenantCode, ExecutionId), Vec<FileId>> = BTreeMap::new();
    for ListedFile { tenant, peid, id } in listed {
        of_executions.entry((tenant, peid)).or_default().push(id);
    }
    context.clone().timer.handle().spawn(async move {
        for ((tenant, peid), mut ids) in of_executions {
            if let Err(error) = keep_unnamed(&context, (&tenant, peid), &mut ids).await {
                // They are looked at again at the next start.
                tracing::warn!(%peid, %error, "whether tasks name the files of an execution is not known");
                continue;
            }
            let files = files.clone();
            let remove = move || ids.iter().try_for_each(|id| files.remove((&tenant, peid), *id));
            match tokio::task::spawn_blocking(remove).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(%peid, %error, "a file that no task names cannot be removed")
                }
                Err(_) => return,
            }
        }
    });
}

/// Keeps of these ids those that no task of the execution names in its output.
async fn keep_unnamed(
    context: &EngineContext,
    (tenant, peid): (&TenantCode, ExecutionId),
    ids: &mut Vec<FileId>,
) -> Result<(), ReadError> {
    let mut after = 0;
    while !ids.is_empty() {
        let page = context.store.tasks(tenant, peid, after, PAGE_ROWS).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.head.task_seq;
        for output in page.iter().filter_map(|task| task.state.response.as_ref()) {
            ids.retain(|id| !output.as_str().contains(&id.to_string()));
        }
    }
    Ok(())
}
