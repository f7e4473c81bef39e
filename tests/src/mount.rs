//! A small file system of its own, to be filled. Needs a system that lets the tests mount one.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// A mounted file system; gone when it is dropped.
pub struct Mount {
    place: TempDir,
}

impl Mount {
    /// Mounts one of so many MiB; none, with the reason, where this process may not.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(mib: usize) -> Result<Self, String> {
        let place = tempfile::tempdir().unwrap();
        mount(&["-t", "tmpfs", "-o", &format!("size={mib}m"), "updraft-test"], place.path())?;
        Ok(Self { place })
    }

    /// Gives it another size.
    pub fn resize(&self, mib: usize) {
        mount(&["-o", &format!("remount,size={mib}m")], self.path()).unwrap();
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.place.path()
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: an engine that failed may still hold a file.
        let _ = Command::new("umount").arg("-l").arg(self.place.path()).status();
    }
}

fn mount(arguments: &[&str], place: &Path) -> Result<(), String> {
    let finished =
        Command::new("mount").args(arguments).arg(place).output().map_err(|error| error.to_string())?;
    if finished.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&finished.stderr).trim().to_owned())
    }
}
