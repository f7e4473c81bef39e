//! The journal's disk: the few things it asks of a file system, and the real one. Tests inject failures here;
//! nothing else of the journal names `std::fs`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use crate::lock::FileLock;

/// A file system as the journal uses it.
pub trait Disk: Send + Sync + 'static {
    /// Makes the folder, and those above it, where they are missing.
    fn make_folder(&self, folder: &Path) -> io::Result<()>;

    /// Keeps other processes out of the folder while the value lives; `WouldBlock` where another has it.
    fn lock(&self, folder: &Path) -> io::Result<Box<dyn Send>>;

    /// The names of the files in the folder, in any order.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;

    /// A new file to append to; fails where it exists.
    fn create(&self, path: &Path) -> io::Result<Box<dyn JournalFile>>;

    /// A file to append to, as it is.
    fn open(&self, path: &Path) -> io::Result<Box<dyn JournalFile>>;

    /// A file to read from its beginning.
    fn read(&self, path: &Path) -> io::Result<Box<dyn Read + Send>>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes durable which files the folder has.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
}

/// A file that the journal writes.
pub trait JournalFile: Send {
    /// Writes all of the bytes at the end. After an error some of them may be there.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes durable what was written, and the length.
    fn sync(&mut self) -> io::Result<()>;

    /// Cuts the file to `bytes`.
    fn cut(&mut self, bytes: u64) -> io::Result<()>;
}

/// The file system of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileDisk;

impl Disk for FileDisk {
    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        let missing: Vec<_> = folder.ancestors().take_while(|above| !above.exists()).collect();
        fs::create_dir_all(folder)?;
        // The entries of new folders must survive with what will be in them.
        for made in missing {
            match made.parent() {
                Some(above) if !above.as_os_str().is_empty() => sync_folder(above)?,
                Some(_) | None => sync_folder(Path::new("."))?,
            }
        }
        Ok(())
    }

    fn lock(&self, folder: &Path) -> io::Result<Box<dyn Send>> {
        Ok(Box::new(FileLock::take(&folder.join("journal.lock"))?))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder)? {
            // A name that is no text is no name of ours.
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn JournalFile>> {
        Ok(Box::new(OpenOptions::new().append(true).create_new(true).open(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn JournalFile>> {
        Ok(Box::new(OpenOptions::new().append(true).open(path)?))
    }

    fn read(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(File::open(path)?))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        sync_folder(folder)
    }
}

impl JournalFile for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        self.set_len(bytes)
    }
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Elsewhere a folder cannot be opened as a file, and its entries are made durable with the files.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
