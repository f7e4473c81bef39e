//! The files that one attempt writes and reads: those of its execution, without the secrets of its tenant. Owns what becomes of a
//! file when the attempt ends: it stays only where the output names it. Waits for the disk on threads that may wait.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use updraft_masking::StreamMasker;
use updraft_protocol::{
    ExecutionFile, ExecutionId, Failure, FailureKind, FileId, FileWriter, FilesOfExecution, Json, OpenFile,
    TenantCode,
};
use updraft_storage::files::{DiskFile, FileStore};

use crate::secrets::Secrets;

/// The files of one attempt.
pub(crate) struct AttemptFiles {
    store: Arc<FileStore>,
    tenant: TenantCode,
    peid: ExecutionId,
    secrets: Arc<Secrets>,
    written: Mutex<Written>,
}

/// What the attempt has written.
#[derive(Default)]
struct Written {
    files: Vec<FileId>,
    /// Whether the attempt is over: what is finished later is not named by anything.
    is_over: bool,
}

/// A file that is being written.
struct MaskedFile {
    file: Box<DiskFile>,
    masker: StreamMasker,
    of: Arc<AttemptFiles>,
}

/// The same files, as an integration gets them.
pub(crate) struct SharedFiles(pub(crate) Arc<AttemptFiles>);

impl AttemptFiles {
    pub(crate) fn new(
        store: &Arc<FileStore>,
        (tenant, peid): (&TenantCode, ExecutionId),
        secrets: &Arc<Secrets>,
    ) -> Arc<Self> {
        let (store, tenant, secrets) = (store.clone(), tenant.clone(), secrets.clone());
        Arc::new(Self { store, tenant, peid, secrets, written: Mutex::default() })
    }

    /// The attempt is over, with this output or none. The files that it does not name are removed.
    pub(crate) fn over(self: &Arc<Self>, output: Option<&Json>) {
        let mut written = self.written();
        written.is_over = true;
        let is_named = |id: &FileId| output.is_some_and(|output| output.as_str().contains(&id.to_string()));
        let gone: Vec<FileId> =
            std::mem::take(&mut written.files).into_iter().filter(|id| !is_named(id)).collect();
        drop(written);
        if gone.is_empty() {
            return;
        }
        let files = self.clone();
        let remove = move || gone.into_iter().for_each(|id| files.remove(id));
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(remove)),
            Err(_) => remove(),
        }
    }

    fn remove(&self, id: FileId) {
        if let Err(error) = self.store.remove((&self.tenant, self.peid), id) {
            tracing::warn!(peid = %self.peid, file = %id, %error, "a file that nothing names cannot be removed");
        }
    }

    /// A file is durable. Where the attempt is over, nothing will name it.
    fn finished(&self, file: ExecutionFile) -> Result<ExecutionFile, Failure> {
        let mut written = self.written();
        if written.is_over {
            drop(written);
            self.remove(file.id);
            return Err(Failure::new(FailureKind::Interrupted, "the attempt is over"));
        }
        written.files.push(file.id);
        Ok(file)
    }

    fn written(&self) -> std::sync::MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FilesOfExecution for SharedFiles {
    fn create(&self, content_type: Option<&str>) -> Result<Box<dyn FileWriter>, Failure> {
        let of = &self.0;
        let file = Box::new(of.store.create((&of.tenant, of.peid), content_type)?);
        let masker = StreamMasker::new(of.secrets.masker(&of.tenant));
        Ok(Box::new(MaskedFile { file, masker, of: of.clone() }))
    }

    fn open(&self, file: FileId) -> Result<OpenFile, Failure> {
        let of = &self.0;
        of.store.read((&of.tenant, of.peid), file)
    }
}

impl FileWriter for MaskedFile {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self.masker.push(bytes) {
            masked if masked.is_empty() => Ok(()),
            masked => self.file.write(&masked),
        }
    }

    fn finish(self: Box<Self>) -> Result<ExecutionFile, Failure> {
        let Self { mut file, masker, of } = *self;
        file.write(&masker.end())?;
        of.finished(file.finish()?)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use updraft_protocol::secret::Found;
    use updraft_protocol::{Name, Secret, SecretProvider};

    use super::*;

    struct Nothing;

    impl SecretProvider for Nothing {
        fn secret<'a>(&'a self, _: &'a TenantCode, _: &'a Name) -> Found<'a> {
            Box::pin(std::future::ready(Err(updraft_protocol::secret::Error::Unknown)))
        }
    }

    fn files(data: &tempfile::TempDir) -> (Arc<FileStore>, Arc<AttemptFiles>) {
        let store = Arc::new(FileStore::open(data.path()).unwrap());
        let secrets = Secrets::new(Arc::new(Nothing));
        let acme = TenantCode::new("acme").unwrap();
        secrets.masking(&acme).hide(&Secret::new("the-secret-of-acme").unwrap());
        let of = (&acme, ExecutionId::from_bytes([1; 16]));
        (store.clone(), AttemptFiles::new(&store, of, &secrets))
    }

    fn write(of: &Arc<AttemptFiles>, text: &str) -> Result<ExecutionFile, Failure> {
        let mut file = SharedFiles(of.clone()).create(None)?;
        text.as_bytes().chunks(4).try_for_each(|piece| file.write(piece))?;
        file.finish()
    }

    #[test]
    fn a_file_has_no_secret_and_stays_where_the_output_names_it() {
        let data = tempfile::tempdir().unwrap();
        let (store, of) = files(&data);
        let named = write(&of, "token: the-secret-of-acme.").unwrap();
        let unnamed = write(&of, "x").unwrap();
        let mut text = String::new();
        SharedFiles(of.clone()).open(named.id).unwrap().content.read_to_string(&mut text).unwrap();
        assert_eq!(text, "token: ***.");
        of.over(Some(&named.json()));
        let left = store.listed().unwrap();
        assert!(left.iter().all(|found| found.id == named.id) && !left.is_empty(), "{left:?}, {unnamed:?}");
    }

    #[test]
    fn what_is_finished_after_its_attempt_is_over_does_not_stay() {
        let data = tempfile::tempdir().unwrap();
        let (store, of) = files(&data);
        let first = write(&of, "x").unwrap();
        of.over(None);
        assert!(write(&of, "y").is_err() && store.listed().unwrap().is_empty(), "{first:?}");
    }
}
