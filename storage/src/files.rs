//! The files of executions in the data directory: `files/TENANT/PEID/ID`, each with what is known of it in `ID.json`. Owns their
//! names, which no answer and no alert makes, and that a file is there whole and durable, or not at all. Waits for the disk: it is
//! called on threads that may wait.

mod listed;
mod part;
mod removal;
mod shared;
mod usage;
mod write;

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use updraft_kernel::item_splitter::ItemForm;
use updraft_protocol::limits::{FILES_KEPT, FILES_OF_TENANT_BYTES};
use updraft_protocol::{
    ExecutionFile, ExecutionId, Failure, FailureKind, FileId, OpenFile, Span, TenantCode,
};

pub use listed::ListedFile;
use usage::Usages;
pub use write::DiskFile;

use crate::private;

/// The folder in the data directory.
const FOLDER: &str = "files";
/// The folder of files that are being written, which is no tenant's name.
const UNFINISHED: &str = "=unfinished";

/// The files of the executions of one engine.
#[derive(Debug, Clone)]
pub struct FileStore {
    root: PathBuf,
    policy: FilePolicy,
    usages: Arc<Usages>,
}

/// How many bytes files may have, and how long they stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilePolicy {
    /// How long those of an execution stay after its end.
    pub kept: Duration,
    /// The most that all files of one tenant have.
    pub of_tenant: u64,
}

impl Default for FilePolicy {
    fn default() -> Self {
        Self { kept: FILES_KEPT, of_tenant: FILES_OF_TENANT_BYTES }
    }
}

/// What is kept beside a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Known {
    #[serde(flatten)]
    file: ExecutionFile,
    form: Option<KnownForm>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KnownForm {
    Array,
    Lines,
}

impl From<ItemForm> for KnownForm {
    fn from(form: ItemForm) -> Self {
        match form {
            ItemForm::Array => Self::Array,
            ItemForm::Lines => Self::Lines,
        }
    }
}

impl From<KnownForm> for ItemForm {
    fn from(form: KnownForm) -> Self {
        match form {
            KnownForm::Array => Self::Array,
            KnownForm::Lines => Self::Lines,
        }
    }
}

impl FileStore {
    /// The files in this data directory. What an earlier process has not finished is removed: only one has the directory at a
    /// time.
    ///
    /// # Errors
    /// The disk.
    pub fn open(data: &Path) -> io::Result<Self> {
        let files = Self::at(data);
        match std::fs::remove_dir_all(files.unfinished()) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(files),
        }
    }

    /// The files in this data directory, for one who looks beside the process that has it.
    pub fn at(data: &Path) -> Self {
        Self { root: data.join(FOLDER), policy: FilePolicy::default(), usages: Arc::default() }
    }

    /// The same files under another policy.
    #[must_use]
    pub fn with(self, policy: FilePolicy) -> Self {
        Self { policy, ..self }
    }

    /// How long the files of an execution stay after its end.
    pub fn kept(&self) -> Duration {
        self.policy.kept
    }

    /// Begins a file of this media type.
    ///
    /// # Errors
    /// The disk.
    pub fn create(
        &self,
        (tenant, peid): (&TenantCode, ExecutionId),
        content_type: Option<&str>,
    ) -> Result<DiskFile, Failure> {
        let (of_tenant, folder) = (self.root.join(name_of(tenant)), self.folder(tenant, peid));
        let room = self.usages.room((tenant, peid), (&of_tenant, &folder), self.policy.of_tenant);
        let created = room.and_then(|room| DiskFile::create(self.unfinished(), (folder, room), content_type));
        created.map_err(|error| unkept(&error))
    }

    /// Opens a file of this execution.
    ///
    /// # Errors
    /// The execution has no such file, or the disk.
    pub fn read(&self, of: (&TenantCode, ExecutionId), id: FileId) -> Result<OpenFile, Failure> {
        let (content, known) = self.opened(of, id)?;
        let ExecutionFile { bytes, content_type, .. } = known.file;
        Ok(OpenFile { bytes, content_type, content: Box::new(content) })
    }

    fn opened(
        &self,
        (tenant, peid): (&TenantCode, ExecutionId),
        id: FileId,
    ) -> Result<(File, Known), Failure> {
        let folder = self.folder(tenant, peid);
        let missing = |error: io::Error| match error.kind() {
            ErrorKind::NotFound => {
                let kept = Span(self.policy.kept);
                let message = format!(
                    "this execution has no file {id}: it never had, or what ended more than {kept} ago had it"
                );
                Failure::new(FailureKind::InvalidArguments, message)
            }
            _ => Failure::new(FailureKind::Interrupted, format!("file {id} cannot be read: {error}"))
                .with_may_have_acted(false),
        };
        let content = File::open(folder.join(id.to_string())).map_err(missing)?;
        let known = std::fs::read(known_of(&folder, id)).map_err(missing)?;
        let known = serde_json::from_slice(&known).map_err(|error| missing(error.into()))?;
        Ok((content, known))
    }

    fn folder(&self, tenant: &TenantCode, peid: ExecutionId) -> PathBuf {
        self.root.join(name_of(tenant)).join(peid.to_string())
    }

    fn unfinished(&self) -> PathBuf {
        self.root.join(UNFINISHED)
    }
}

/// The name of a tenant's folder: a code that begins with a dot means something else to a file system.
fn name_of(tenant: &TenantCode) -> String {
    let code = tenant.as_str();
    if code.starts_with('.') { format!("={code}") } else { code.to_owned() }
}

fn known_of(folder: &Path, id: FileId) -> PathBuf {
    folder.join(format!("{id}.json"))
}

/// The failure of what could not be written.
fn unkept(error: &io::Error) -> Failure {
    let message = format!("the file of the execution cannot be written: {error}");
    Failure::new(FailureKind::Interrupted, message).with_may_have_acted(false)
}

/// Makes what is in a folder durable.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Makes a folder, and those above it down from `root`, each durable in the one that it is in.
fn make_folder(root: &Path, folder: &Path) -> io::Result<()> {
    private::make_folder(folder)?;
    let mut above = folder.parent();
    while let Some(parent) = above {
        sync_folder(parent)?;
        if root.starts_with(parent) {
            break;
        }
        above = parent.parent();
    }
    Ok(())
}

#[cfg(test)]
mod tests;
