//! A lock on a file that keeps other processes out. Owns when it is given back; never waits for another holder.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::private;

/// A process that only checks the lock holds it for a moment: so it is tried this often, with pauses.
const ASKED: usize = 5;
const PAUSE: Duration = Duration::from_millis(10);

/// Whether a process holds the lock at this path. Creates no file; takes the lock for a moment if it is free.
pub fn is_held(path: &Path) -> bool {
    let Ok(file) = File::options().write(true).open(path) else { return false };
    matches!(file.try_lock(), Err(TryLockError::WouldBlock))
}

/// A lock that is held. The system gives it back when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct FileLock(File);

impl FileLock {
    /// Takes the lock, if it is free.
    pub(crate) fn take(path: &Path) -> Result<Self, TryLockError> {
        let file = private::options().create(true).truncate(false).write(true).open(path);
        let file = file.map_err(TryLockError::Error)?;
        ask(|| file.try_lock(), || thread::sleep(PAUSE))?;
        Ok(Self(file))
    }

    /// Gives it back.
    pub(crate) fn give_back(&self) -> io::Result<()> {
        self.0.unlock()
    }
}

/// Tries until it is taken, or until the holder is surely no mere check.
fn ask(
    mut once: impl FnMut() -> Result<(), TryLockError>,
    mut pause: impl FnMut(),
) -> Result<(), TryLockError> {
    for _ in 1..ASKED {
        match once() {
            Err(TryLockError::WouldBlock) => pause(),
            told => return told,
        }
    }
    once()
}

impl Drop for FileLock {
    /// Unlocked explicitly: a process that was just forked holds the file until it runs another program, and closing
    /// ours would leave the lock with it.
    fn drop(&mut self) {
        if let Err(error) = self.give_back() {
            tracing::warn!(%error, "a lock was not given back");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_free_when_it_is_dropped_although_a_copy_of_its_file_is_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let lock = FileLock::take(&path).unwrap();
        let copy = lock.0.try_clone().unwrap();
        assert!(matches!(FileLock::take(&path), Err(TryLockError::WouldBlock)));
        drop(lock);
        let next = FileLock::take(&path).unwrap();
        drop(copy);
        assert!(matches!(FileLock::take(&path), Err(TryLockError::WouldBlock)), "it is the next one's");
        drop(next);
    }

    #[test]
    fn who_only_looks_keeps_nobody_out_and_who_has_it_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let (held, file) = (FileLock::take(&path).unwrap(), File::options().write(true).open(&path).unwrap());
        let mut pauses = 0;
        assert!(matches!(ask(|| file.try_lock(), || pauses += 1), Err(TryLockError::WouldBlock)));
        assert_eq!(pauses, ASKED - 1);
        ask(|| file.try_lock(), || held.give_back().unwrap()).unwrap();
        assert!(is_held(&path));
    }

    #[test]
    fn a_lock_given_back_early_is_not_taken_from_the_next_when_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let lock = FileLock::take(&path).unwrap();
        lock.give_back().unwrap();
        let _next = FileLock::take(&path).unwrap();
        drop(lock);
        assert!(matches!(FileLock::take(&path), Err(TryLockError::WouldBlock)));
    }
}
