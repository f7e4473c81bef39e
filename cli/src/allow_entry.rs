//! An allow-net entry: one line in a data directory's list of what HTTP steps may reach, there as long as somebody
//! serves at that address. Never touches the operator's own lines.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::network::FILE;
use crate::scratch;

/// A line that goes when this is dropped. One that a crash left is taken over by the next entry of the
/// same address.
pub(crate) struct AllowEntry {
    path: PathBuf,
    line: String,
}

impl AllowEntry {
    /// Allows the address in this data directory, which is made where it is missing.
    pub(crate) fn new(data: &Path, address: SocketAddr) -> io::Result<Self> {
        private(data)?;
        let entry = Self { path: data.join(FILE), line: format!("{address}  # updraft demo --serve") };
        scratch::sweep(data, &fs::metadata(data)?);
        entry.rewrite(true)?;
        Ok(entry)
    }

    fn rewrite(&self, granted: bool) -> io::Result<()> {
        let text = match fs::read_to_string(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            read => read?,
        };
        let mut lines: Vec<&str> = text.lines().filter(|line| *line != self.line).collect();
        lines.extend(granted.then_some(self.line.as_str()));
        if lines.is_empty() {
            return fs::remove_file(&self.path);
        }
        // Whoever reads the list meanwhile sees all of the old one or all of the new one.
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new().prefix(scratch::LIST).tempfile_in(folder)?;
        for line in lines {
            writeln!(file, "{line}")?;
        }
        if let Ok(found) = fs::metadata(&self.path) {
            file.as_file().set_permissions(found.permissions())?;
        }
        file.persist(&self.path)?;
        Ok(())
    }
}

/// Makes a data directory that is its owner's alone, where there is none.
fn private(data: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(data)
}

impl Drop for AllowEntry {
    fn drop(&mut self) {
        // What cannot be taken back leads to a port of this machine where nobody serves.
        let _ = self.rewrite(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_goes_and_leaves_the_lines_of_others() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(FILE);
        let address: SocketAddr = "127.0.0.1:7780".parse().unwrap();
        fs::write(&file, "# mine\n127.0.0.1:7780").unwrap();
        let entry = AllowEntry::new(dir.path(), address).unwrap();
        let with = fs::read_to_string(&file).unwrap();
        assert_eq!(with, "# mine\n127.0.0.1:7780\n127.0.0.1:7780  # updraft demo --serve\n");
        drop(entry);
        assert_eq!(fs::read_to_string(&file).unwrap(), "# mine\n127.0.0.1:7780\n");
    }

    #[test]
    fn what_a_crash_left_goes_with_the_next_entry_and_an_empty_file_too() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("new");
        let address: SocketAddr = "127.0.0.1:1".parse().unwrap();
        std::mem::forget(AllowEntry::new(&data, address).unwrap());
        drop(AllowEntry::new(&data, address).unwrap());
        assert!(data.exists() && !data.join(FILE).exists());
    }
}
