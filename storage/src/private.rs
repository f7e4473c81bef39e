//! Files and folders that only their owner may open, whatever the umask: they hold alerts, answers of tools and the
//! names of secrets. An existing file keeps its permissions: they may be intended, for example for a backup's group.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::path::Path;

/// The options for opening a file that is created if missing.
pub fn options() -> OpenOptions {
    owned(File::options())
}

/// Creates a folder, and the missing ones above it.
///
/// # Errors
/// The error of the system.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    builder().recursive(true).create(folder)
}

#[cfg(unix)]
fn owned(mut options: OpenOptions) -> OpenOptions {
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(unix)]
fn builder() -> DirBuilder {
    let mut builder = DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// On other systems a file inherits its permissions from its folder.
#[cfg(not(unix))]
fn owned(options: OpenOptions) -> OpenOptions {
    options
}

#[cfg(not(unix))]
fn builder() -> DirBuilder {
    DirBuilder::new()
}

/// The permissions of a file or folder for others than its owner, if there are any: `drwxr-x---` is `050`.
///
/// # Errors
/// It does not exist, or the system fails.
pub fn open_to_others(path: &Path) -> io::Result<Option<u32>> {
    let permissions = path.metadata()?.permissions();
    Ok(Some(of_others(&permissions)).filter(|others| *others != 0))
}

#[cfg(unix)]
fn of_others(permissions: &Permissions) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(permissions) & 0o077
}

/// Other systems have no such permissions.
#[cfg(not(unix))]
fn of_others(_: &Permissions) -> u32 {
    0
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_made_is_its_owners_alone_and_what_is_there_is_left() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("a/b");
        make_folder(&folder).unwrap();
        let file = folder.join("file");
        options().write(true).create(true).truncate(false).open(&file).unwrap();
        assert_eq!((mode(&folder), mode(&place.path().join("a")), mode(&file)), (0o700, 0o700, 0o600));
        assert_eq!(open_to_others(&folder).unwrap(), None);
        std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o750)).unwrap();
        make_folder(&folder).unwrap();
        assert_eq!((mode(&folder), open_to_others(&folder).unwrap()), (0o750, Some(0o050)));
        assert!(open_to_others(&folder.join("none")).is_err());
    }
}
