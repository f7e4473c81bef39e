//! The Unix socket itself: its path, its permissions, and paths that are too long for a socket address. Reads and
//! writes no message.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// Its name in the data directory.
pub(super) const NAME: &str = "updraft.sock";
/// A folder for its owner only, in which it is made before other users can reach it.
const MAKING: &str = "updraft.sock.new";
/// The size of a Unix socket's address, including its end: 108 bytes on Linux, 104 elsewhere.
const ADDRESS_BYTES: usize = if cfg!(target_os = "linux") { 108 } else { 104 };

/// The identity of a socket: another may have been made under its name since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) owner: u32,
    /// Its device and inode number, which may be reused once it is gone, and when it was made.
    of: (u64, u64, i64, i64),
}

/// A data directory by a path that is short enough.
pub(super) struct Folder {
    path: PathBuf,
    /// Kept open, since the path leads through it.
    _open: Option<File>,
}

impl Folder {
    /// The data directory, for sockets in it.
    pub(super) fn of(data: &Path) -> io::Result<Self> {
        let longest = data.join(MAKING).join(NAME);
        if longest.as_os_str().len() < ADDRESS_BYTES || !cfg!(target_os = "linux") {
            return Ok(Self { path: data.to_owned(), _open: None });
        }
        use std::os::fd::AsRawFd;
        let open = File::open(data)?;
        Ok(Self { path: format!("/proc/self/fd/{}", open.as_raw_fd()).into(), _open: Some(open) })
    }

    /// The path of the socket.
    pub(super) fn socket(&self) -> PathBuf {
        self.path.join(NAME)
    }

    /// Makes the socket, in place of one left by a process that has ended: the caller has the directory's lock. At no
    /// moment can another user reach it, whatever the directory's permissions are.
    pub(super) fn listen(&self) -> io::Result<(UnixListener, Made)> {
        let (making, socket) = (self.path.join(MAKING), self.socket());
        match fs::symlink_metadata(&socket) {
            Ok(found) if !found.file_type().is_socket() => {
                return Err(io::Error::new(
                    ErrorKind::AlreadyExists,
                    format!("{NAME} is there, and no socket"),
                ));
            }
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        remove(&making)?;
        DirBuilder::new().mode(0o700).create(&making)?;
        let listener = UnixListener::bind(making.join(NAME))?;
        fs::set_permissions(making.join(NAME), Permissions::from_mode(0o600))?;
        let made = found(&making.join(NAME))?;
        // A connection at this moment finds the old socket or the new one.
        fs::rename(making.join(NAME), &socket)?;
        fs::remove_dir(&making)?;
        listener.set_nonblocking(true)?;
        Ok((listener, made))
    }

    /// Removes the socket, if it is still this one.
    pub(super) fn remove(&self, made: Made) -> io::Result<()> {
        match found(&self.socket()) {
            Ok(there) if there == made => fs::remove_file(self.socket()),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// The identity of the socket at a path.
fn found(path: &Path) -> io::Result<Made> {
    let found = fs::symlink_metadata(path)?;
    Ok(Made { owner: found.uid(), of: (found.dev(), found.ino(), found.mtime(), found.mtime_nsec()) })
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_path_may_be_longer_than_an_address_and_what_a_crash_left_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        for data in [dir.path().join("short"), dir.path().join("x".repeat(200)).join("y".repeat(200))] {
            fs::create_dir_all(data.join(MAKING)).unwrap();
            let folder = Folder::of(&data).unwrap();
            drop(folder.listen().unwrap());
            assert!(UnixStream::connect(folder.socket()).is_err(), "nobody listens");
            let (listener, made) = folder.listen().unwrap();
            UnixStream::connect(folder.socket()).unwrap();
            let mode = fs::metadata(data.join(NAME)).unwrap().mode();
            assert_eq!(mode & 0o777, 0o600);
            assert!(!data.join(MAKING).exists());
            folder.remove(made).unwrap();
            assert!(!data.join(NAME).exists());
            folder.remove(made).unwrap();
            drop(listener);
        }
    }

    #[test]
    fn a_door_that_closes_late_leaves_the_socket_of_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::of(dir.path()).unwrap();
        let (_late, first) = folder.listen().unwrap();
        let (_listener, next) = folder.listen().unwrap();
        folder.remove(first).unwrap();
        UnixStream::connect(folder.socket()).unwrap();
        folder.remove(next).unwrap();
        assert!(!folder.socket().exists());
    }

    #[test]
    fn what_is_no_socket_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(NAME), "mine").unwrap();
        assert!(Folder::of(dir.path()).unwrap().listen().is_err());
        assert_eq!(fs::read_to_string(dir.path().join(NAME)).unwrap(), "mine");
    }
}
