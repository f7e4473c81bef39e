//! The journal's disk: the file system calls that it needs, and the real one. Tests inject failures here; no other file
//! of the journal names `std::fs`.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::lock::FileLock;
use crate::private;

/// A file system as the journal uses it.
pub trait Disk: Send + Sync + 'static {
    /// Creates the folder, and those above it, if they are missing.
    fn make_folder(&self, folder: &Path) -> io::Result<()>;

    /// Keeps other processes out of the folder while the value lives; `WouldBlock` if another has it.
    fn lock(&self, folder: &Path) -> io::Result<Box<dyn Send>>;

    /// The names of the files in the folder, in any order.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;

    /// A new file to append to; fails if it exists.
    fn create(&self, path: &Path) -> io::Result<Box<dyn JournalFile>>;

    /// An existing file to append to.
    fn open(&self, path: &Path) -> io::Result<Box<dyn JournalFile>>;

    /// A file to read from its beginning.
    fn read(&self, path: &Path) -> io::Result<Box<dyn Read + Send>>;

    /// Renames a file, replacing a file with the new name.
    fn rename(&self, path: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in the folder durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
}

/// A file that the journal writes.
pub trait JournalFile: Send {
    /// Writes all bytes at the end. After an error some of them may be written.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Writes zeros after the end, which does not move: an append over them does not change the file's length, so that
    /// a sync has less to write. After an error there may be fewer zeros.
    fn reserve(&mut self, bytes: usize) -> io::Result<()>;

    /// Makes all written bytes and the length durable.
    fn sync(&mut self) -> io::Result<()>;

    /// Cuts the file to `bytes`, its new end.
    fn cut(&mut self, bytes: u64) -> io::Result<()>;
}

/// The file system of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileDisk;

impl Disk for FileDisk {
    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        let missing: Vec<_> = folder.ancestors().take_while(|above| !above.exists()).collect();
        private::make_folder(folder)?;
        // The entries of new folders must be as durable as their content.
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
            // A name that is not UTF-8 is not the journal's.
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn JournalFile>> {
        Ok(Box::new(Appended::at_end(private::options().write(true).create_new(true).open(path)?)?))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn JournalFile>> {
        Ok(Box::new(Appended::at_end(File::options().write(true).open(path)?)?))
    }

    fn read(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(File::open(path)?))
    }

    fn rename(&self, path: &Path, to: &Path) -> io::Result<()> {
        fs::rename(path, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        sync_folder(folder)
    }
}

/// A file with its end, after which there may be zeros. It has no other writer, since the folder is locked.
struct Appended {
    file: File,
    end: u64,
    /// Whether the file position may not be at the end.
    moved: bool,
}

impl Appended {
    fn at_end(mut file: File) -> io::Result<Self> {
        let end = file.seek(SeekFrom::End(0))?;
        Ok(Self { file, end, moved: false })
    }
}

impl JournalFile for Appended {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.moved {
            self.file.seek(SeekFrom::Start(self.end))?;
            self.moved = false;
        }
        self.file.write_all(bytes)?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    fn reserve(&mut self, bytes: usize) -> io::Result<()> {
        if self.moved {
            self.file.seek(SeekFrom::Start(self.end))?;
        }
        self.moved = true;
        let written = io::copy(&mut io::repeat(0).take(bytes as u64), &mut self.file);
        if written.is_err() {
            // On a full disk, other files need the space.
            let _ = self.file.set_len(self.end);
        }
        written.map(drop)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        self.file.set_len(bytes)?;
        (self.end, self.moved) = (bytes, true);
        Ok(())
    }
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// On other systems a folder cannot be opened as a file, and its entries become durable with the files.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
