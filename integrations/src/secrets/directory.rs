//! Secrets in files, as orchestrators mount them: one file for each secret, read again each time.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use secrecy::zeroize::Zeroizing;
use updraft_protocol::limits::SECRET_BYTES;
use updraft_protocol::secret::{Error, Found, InvalidSecret, Secret, SecretProvider};
use updraft_protocol::{Name, TenantCode};

/// The suffix of a file whose secret may be short.
const SHORT: &str = ".short";

/// A directory of files, each a secret under its name: `edr-token`, or `pin.short` for one of fewer than six bytes.
/// Read in each attempt, so that a replaced file is used at once; a line break at the end is not part of the secret.
#[derive(Debug, Clone)]
pub struct SecretDirectory {
    path: PathBuf,
    by_tenant: bool,
}

impl SecretDirectory {
    /// The same files for every tenant: for a process with a single operator.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), by_tenant: false }
    }

    /// A directory for each tenant, under its code; one tenant's names lead only to its own files.
    pub fn by_tenant(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), by_tenant: true }
    }

    fn file(&self, tenant: &TenantCode, name: &Name) -> Result<PathBuf, Error> {
        // `..` is a name too; and names that mounts use for themselves begin with a dot.
        let part = |text: &str| match text.starts_with('.') || text.contains(['/', '\\', '\0']) {
            true => Err(Error::Unknown),
            false => Ok(text.to_owned()),
        };
        let name = part(name.as_str())?;
        Ok(match self.by_tenant {
            true => self.path.join(part(tenant.as_str())?).join(name),
            false => self.path.join(name),
        })
    }
}

impl SecretProvider for SecretDirectory {
    fn secret<'a>(&'a self, tenant: &'a TenantCode, name: &'a Name) -> Found<'a> {
        Box::pin(async move {
            let file = self.file(tenant, name)?;
            let read = tokio::task::spawn_blocking(move || find(&file)).await;
            read.unwrap_or(Err(Error::Unavailable))
        })
    }
}

fn find(file: &Path) -> Result<Secret, Error> {
    if let Some(text) = read(file)? {
        return Ok(Secret::new(text.as_str())?);
    }
    let mut short = file.as_os_str().to_owned();
    short.push(SHORT);
    match read(Path::new(&short))? {
        Some(text) => Ok(Secret::short(text.as_str())?),
        None => Err(Error::Unknown),
    }
}

/// The text of a file; `None` if there is no file.
fn read(path: &Path) -> Result<Option<Zeroizing<String>>, Error> {
    let unread = |error: std::io::Error| match error.kind() {
        ErrorKind::PermissionDenied => InvalidSecret::Unreadable.into(),
        _ => Error::Unavailable,
    };
    match std::fs::metadata(path) {
        // Opening a pipe to look at it would wait for its writer.
        Ok(found) if !found.is_file() => return Err(InvalidSecret::NoFile.into()),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        // The path's parent is no directory.
        Err(error) if error.kind() == ErrorKind::NotADirectory => return Err(InvalidSecret::NoFile.into()),
        Err(error) => return Err(unread(error)),
    }
    let file = File::open(path).map_err(unread)?;
    // Allocated at once: a buffer that grows would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(SECRET_BYTES + 3));
    let limit = SECRET_BYTES as u64 + 3;
    file.take(limit).read_to_end(&mut bytes).map_err(|_| Error::Unavailable)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| InvalidSecret::NoText)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    Ok(Some(Zeroizing::new(text.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn found(directory: &SecretDirectory, tenant: &str, name: &str) -> Result<String, Error> {
        let (tenant, name) = (TenantCode::new(tenant).unwrap(), Name::new(name).unwrap());
        directory.secret(&tenant, &name).await.map(|secret| secret.expose().to_owned())
    }

    #[tokio::test]
    async fn a_file_is_a_secret_and_what_replaces_it_is_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
        let directory = SecretDirectory::new(folder.path());
        write("edr-token", b"first-token\n");
        assert_eq!(found(&directory, "acme", "edr-token").await.unwrap(), "first-token");
        write("edr-token", "\u{feff}second-token\r\n".as_bytes());
        assert_eq!(found(&directory, "acme", "edr-token").await.unwrap(), "second-token");
        write("two-lines", b"line 1\nline 2\n");
        assert_eq!(found(&directory, "acme", "two-lines").await.unwrap(), "line 1\nline 2");
        write("pin.short", b"1234");
        assert_eq!(found(&directory, "acme", "pin").await.unwrap(), "1234");
        write("tiny", b"1234");
        assert_eq!(found(&directory, "acme", "tiny").await, Err(InvalidSecret::Short.into()));
        write("bytes", b"\xff\xfe\xfd\xfc\xfb\xfa");
        assert_eq!(found(&directory, "acme", "bytes").await, Err(InvalidSecret::NoText.into()));
        write("long", &vec![b'x'; SECRET_BYTES + 1]);
        assert_eq!(found(&directory, "acme", "long").await, Err(InvalidSecret::Long.into()));
        assert_eq!(found(&directory, "acme", "none").await, Err(Error::Unknown));
        std::fs::create_dir(folder.path().join("folder")).unwrap();
        assert_eq!(found(&directory, "acme", "folder").await, Err(InvalidSecret::NoFile.into()));
        let file = SecretDirectory::new(folder.path().join("edr-token"));
        assert_eq!(found(&file, "acme", "edr-token").await, Err(InvalidSecret::NoFile.into()));
    }

    #[tokio::test]
    async fn no_name_leads_out_of_the_directory_or_to_another_tenant() {
        let folder = tempfile::tempdir().unwrap();
        for tenant in ["acme", "other"] {
            std::fs::create_dir(folder.path().join(tenant)).unwrap();
        }
        std::fs::write(folder.path().join("other/key"), "of the other").unwrap();
        std::fs::write(folder.path().join("key"), "of everybody").unwrap();
        let directory = SecretDirectory::by_tenant(folder.path());
        assert_eq!(found(&directory, "other", "key").await.unwrap(), "of the other");
        assert_eq!(found(&directory, "acme", "key").await, Err(Error::Unknown));
        for name in ["..", ".", "..key", ".hidden"] {
            if let Ok(name) = Name::new(name) {
                let tenant = TenantCode::new("acme").unwrap();
                assert_eq!(directory.secret(&tenant, &name).await, Err(Error::Unknown));
            }
        }
        if let Ok(tenant) = TenantCode::new("..") {
            assert_eq!(directory.secret(&tenant, &Name::new("key").unwrap()).await, Err(Error::Unknown));
        }
    }
}
