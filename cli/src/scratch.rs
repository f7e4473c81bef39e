//! Scratch: directories of `demo` and `stress` that go with the program, and what a killed one left of them and of files
//! that were just being written. Removes nothing that is younger than a day, that somebody holds, or that is not ours.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tempfile::TempDir;
use updraft::{Clock, SystemClock};

/// How the names begin of all that is ours.
const FOLDERS: [&str; 2] = ["updraft-demo-", "updraft-stress-"];
/// How the name begins of a list of what HTTP steps may reach, while it is written.
pub(crate) const LIST: &str = "updraft-allow-net-";
/// The file in a scratch directory that is locked as long as it is used.
const HELD: &str = "updraft.held";
/// What is older and held by nobody was left.
const LEFT: Duration = Duration::from_secs(24 * 3600);
/// Entries of a directory that are looked at: those of a temporary one that others fill are not all read.
const ENTRIES: usize = 100_000;

/// A directory that is removed when this is dropped.
pub(crate) struct Scratch {
    directory: TempDir,
    _held: File,
}

/// For what.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Use {
    Demo,
    Stress,
}

impl Scratch {
    /// A directory in this one, or where the system has its temporary ones. Removes first what was left there.
    pub(crate) fn new(of: Use, parent: Option<&Path>) -> io::Result<Self> {
        let temporary = std::env::temp_dir();
        let parent = parent.unwrap_or(&temporary);
        let prefix = match of {
            Use::Demo => FOLDERS[0],
            Use::Stress => FOLDERS[1],
        };
        let directory = tempfile::Builder::new().prefix(prefix).tempdir_in(parent)?;
        let held = File::create(directory.path().join(HELD))?;
        held.try_lock()?;
        sweep(parent, &fs::metadata(directory.path())?);
        Ok(Self { directory, _held: held })
    }

    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// Removes what killed programs of this user left in a directory; `ours` is something that this user made there. What
/// cannot be removed stays for the next.
pub(crate) fn sweep(parent: &Path, ours: &Metadata) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    let now = UNIX_EPOCH + Duration::from_millis(SystemClock.now().0);
    for entry in entries.take(ENTRIES).flatten() {
        let name = entry.file_name();
        let begins = |prefix: &str| name.to_str().is_some_and(|name| name.starts_with(prefix));
        let path = entry.path();
        let Ok(found) = fs::symlink_metadata(&path) else { continue };
        if !same_user(&found, ours) {
            continue;
        }
        // What cannot be removed stays.
        let _ = if found.is_dir() && FOLDERS.iter().any(|prefix| begins(prefix)) {
            remove(&path, &found, now)
        } else if found.is_file() && begins(LIST) && is_old(&found, now) {
            fs::remove_file(&path)
        } else {
            Ok(())
        };
    }
}

fn remove(folder: &Path, found: &Metadata, now: SystemTime) -> io::Result<()> {
    let held = match File::options().write(true).open(folder.join(OsStr::new(HELD))) {
        Ok(held) => Some(held),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let age = held.as_ref().map(File::metadata).transpose()?;
    if !is_old(age.as_ref().unwrap_or(found), now) {
        return Ok(());
    }
    match &held {
        Some(held) => {
            held.try_lock()?;
            fs::remove_dir_all(folder)
        }
        // One that was killed before it held anything is empty. What is not, somebody else has named so: a data
        // directory, say.
        None => fs::remove_dir(folder),
    }
}

fn is_old(found: &Metadata, now: SystemTime) -> bool {
    found.modified().is_ok_and(|changed| now.duration_since(changed).is_ok_and(|age| age > LEFT))
}

#[cfg(unix)]
fn same_user(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    one.uid() == other.uid()
}

#[cfg(not(unix))]
fn same_user(_: &Metadata, _: &Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As if it were two days old.
    fn age(path: &Path) {
        let before = UNIX_EPOCH + Duration::from_millis(SystemClock.now().0) - 2 * LEFT;
        File::open(path).unwrap().set_modified(before).unwrap();
    }

    /// What a program leaves that is killed.
    fn left(parent: &Path, of: Use) -> std::path::PathBuf {
        let Scratch { directory, _held } = Scratch::new(of, Some(parent)).unwrap();
        fs::write(directory.path().join("data"), "x").unwrap();
        directory.keep()
    }

    #[test]
    fn what_was_left_goes_after_a_day_and_what_is_held_or_young_or_anothers_stays() {
        let parent = tempfile::tempdir().unwrap();
        let (old, young) = (left(parent.path(), Use::Demo), left(parent.path(), Use::Stress));
        age(&old.join(HELD));
        let held = Scratch::new(Use::Stress, Some(parent.path())).unwrap();
        age(&held.path().join(HELD));
        let bare = parent.path().join("updraft-stress-bare");
        fs::create_dir(&bare).unwrap();
        age(&bare);
        let file = parent.path().join("updraft-allow-net-x");
        fs::write(&file, "").unwrap();
        age(&file);
        let others = ["updraft-data", "demo", "updraft-demolition", "updraft-demo-data"];
        let others = others.map(|name| parent.path().join(name));
        for other in &others {
            fs::create_dir(other).unwrap();
            fs::write(other.join("updraft.db"), "x").unwrap();
            age(other);
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(&others[0], parent.path().join("updraft-demo-link")).unwrap();
        let next = Scratch::new(Use::Demo, Some(parent.path())).unwrap();
        assert!(!old.exists() && !bare.exists() && !file.exists());
        assert!(young.exists() && held.path().exists() && next.path().exists());
        assert!(others.iter().all(|other| other.join("updraft.db").exists()));
        let kept = held.path().to_owned();
        drop(held);
        assert!(!kept.exists());
    }
}
