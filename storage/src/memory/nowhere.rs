//! Nowhere: the disk of a journal that is not kept. Its writes are discarded at once; nothing fails.

use std::io::{self, Read};
use std::path::Path;

use crate::journal::{Disk, JournalFile};

/// For a store in memory: a journal that outlived its store would be of no use.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nowhere;

impl Disk for Nowhere {
    fn make_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self, _: &Path) -> io::Result<Box<dyn Send>> {
        Ok(Box::new(()))
    }

    fn list(&self, _: &Path) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn create(&self, _: &Path) -> io::Result<Box<dyn JournalFile>> {
        Ok(Box::new(Self))
    }

    fn open(&self, _: &Path) -> io::Result<Box<dyn JournalFile>> {
        Ok(Box::new(Self))
    }

    fn read(&self, _: &Path) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(io::empty()))
    }

    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

impl JournalFile for Nowhere {
    fn append(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn reserve(&mut self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn cut(&mut self, _: u64) -> io::Result<()> {
        Ok(())
    }
}
