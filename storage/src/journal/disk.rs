//! The journal's disk: the few things it asks of a file system, and the real one. Tests inject failures here;
//! nothing else of the journal names `std::fs`.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::lock::FileLock;
use crate::private;

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

    /// Gives a file another name, under which no other is then found.
    fn rename(&self, path: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes durable which files the folder has.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
}

/// A file that the journal writes.
pub trait JournalFile: Send {
    /// Writes all of the bytes at the end. After an error some of them may be there.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Writes zeros behind the end, which stays where it is: what is appended over them changes no length, so that
    /// a sync has less to write. After an error there may be fewer of them.
    fn reserve(&mut self, bytes: usize) -> io::Result<()>;

    /// Makes durable what was written, and the length.
    fn sync(&mut self) -> io::Result<()>;

    /// Cuts the file to `bytes`, which is its end from then on.
    fn cut(&mut self, bytes: u64) -> io::Result<()>;
}

/// The file system of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileDisk;

impl Disk for FileDisk {
    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        let missing: Vec<_> = folder.ancestors().take_while(|above| !above.exists()).collect();
        private::make_folder(folder)?;
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

/// A file with its end, behind which zeros may stand. Nobody else writes it: the folder is locked.
struct Appended {
    file: File,
    end: u64,
    /// Whether the file may stand elsewhere than at its end.
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
            // Others need the last of a full disk.
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

/// Elsewhere a folder cannot be opened as a file, and its entries are made durable with the files.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
