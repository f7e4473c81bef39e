//! The free space of a disk. Frees none.

use std::io;
use std::path::Path;

/// Bytes that this process may still write at `path`; `None` if the system does not report it.
///
/// # Errors
/// The error of the system.
#[cfg(unix)]
pub fn free_bytes(path: &Path) -> io::Result<Option<u64>> {
    let found = rustix::fs::statvfs(path)?;
    Ok(Some(found.f_bavail.saturating_mul(found.f_frsize)))
}

/// Not available on other systems.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn free_bytes(_: &Path) -> io::Result<Option<u64>> {
    Ok(None)
}
