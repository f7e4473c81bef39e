//! How much room a disk has. Frees none.

use std::io;
use std::path::Path;

/// Bytes that this process may still write where `path` is; none where the system does not say.
///
/// # Errors
/// What the system says.
#[cfg(unix)]
pub fn free_bytes(path: &Path) -> io::Result<Option<u64>> {
    let found = rustix::fs::statvfs(path)?;
    Ok(Some(found.f_bavail.saturating_mul(found.f_frsize)))
}

/// Elsewhere it is not asked for.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn free_bytes(_: &Path) -> io::Result<Option<u64>> {
    Ok(None)
}
