//! Replacing the text of a file: at once, whatever happens on the way, and for the same people. Knows nothing of what is written.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Error, Write};
use std::path::Path;

use crate::input;

/// Replaces what a file has by a text, if it still has what was read.
///
/// # Errors
/// The file stays as it is.
pub(super) fn replace(path: &Path, read: &[u8], text: &str) -> io::Result<()> {
    // A link leads to the same file afterwards.
    let path = fs::canonicalize(path)?;
    let folder = path.parent().ok_or_else(|| Error::other("it is in no folder"))?;
    // Who may not write a file could still replace it.
    let there = OpenOptions::new().write(true).open(&path)?;
    if !there.metadata()?.is_file() {
        return Err(Error::other("only a file can be replaced"));
    }
    let mut new = tempfile::Builder::new().prefix(".updraft-fmt-").tempfile_in(folder)?;
    new.write_all(text.as_bytes())?;
    for_the_same(&there, new.as_file())?;
    new.as_file().sync_all()?;
    if input::bytes(&path, read.len()).ok().as_deref() != Some(read) {
        return Err(Error::other("it was changed meanwhile, and stays as it is"));
    }
    new.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

/// Gives a file the owner and the permissions of another.
fn for_the_same(there: &File, new: &File) -> io::Result<()> {
    let meta = there.metadata()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let own = new.metadata()?;
        if (own.uid(), own.gid()) != (meta.uid(), meta.gid()) {
            let kept = std::os::unix::fs::fchown(new, Some(meta.uid()), Some(meta.gid()));
            kept.map_err(|error| Error::other(format!("its owner cannot be kept: {error}")))?;
        }
    }
    new.set_permissions(meta.permissions())
}
