//! What is on the power-loss disk: files and folders by number, what may be asked of them, and what a loss of power leaves.
//! Knows no kernel and no connection.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::faults::{Ask, DiskFault, Faults};
use super::file::File;
use super::folder::Folder;

/// The number of the outermost folder.
pub(super) const ROOT: u64 = 1;

/// Why something was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Missing,
    Exists,
    NotEmpty,
    /// A file where a folder was meant, or the reverse.
    Other,
    Full,
    /// The disk could not.
    Failed,
}

#[derive(Debug, Clone)]
enum Node {
    File(File),
    Folder(Folder),
}

/// What a node is, and its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File(usize),
    Folder,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Image {
    nodes: BTreeMap<u64, Node>,
    next: u64,
    pub(super) faults: Faults,
    luck: StdRng,
    /// Files a write to which was cut short: the rest of it fails.
    cut_short: BTreeSet<u64>,
    /// Power has failed: who still comes is told so, and changes nothing.
    off: bool,
}

impl Image {
    pub(super) fn new(seed: u64) -> Self {
        let nodes = BTreeMap::from([(ROOT, Node::Folder(Folder::default()))]);
        Self::of(nodes, ROOT + 1, StdRng::seed_from_u64(seed))
    }

    fn of(nodes: BTreeMap<u64, Node>, next: u64, luck: StdRng) -> Self {
        Self { nodes, next, faults: Faults::default(), luck, cut_short: BTreeSet::new(), off: false }
    }

    /// Power fails: the image that is there when it comes back. Nothing that is asked of this one counts any more.
    pub(super) fn lose_power(&mut self) -> Self {
        self.sweep();
        let luck = &mut self.luck;
        let mut nodes: BTreeMap<u64, Node> = BTreeMap::new();
        for (number, node) in &self.nodes {
            let left = match node {
                Node::File(file) => Node::File(file.survivor(luck)),
                Node::Folder(folder) => Node::Folder(folder.survivor(luck)),
            };
            nodes.insert(*number, left);
        }
        self.off = true;
        let luck = StdRng::seed_from_u64(self.luck.random());
        let mut left = Self::of(nodes, self.next, luck);
        left.sweep();
        left
    }

    /// Forgets what nobody can come to any more. Nothing is open.
    pub(super) fn sweep(&mut self) {
        let (mut reached, mut ahead) = (BTreeSet::new(), vec![ROOT]);
        while let Some(number) = ahead.pop() {
            if reached.insert(number)
                && let Some(Node::Folder(folder)) = self.nodes.get(&number)
            {
                ahead.extend(folder.nodes());
            }
        }
        self.nodes.retain(|number, _| reached.contains(number));
    }

    /// Drops every fault that was not met, and what is left of those that were.
    pub(super) fn mend(&mut self) {
        self.faults.clear();
        self.cut_short.clear();
    }

    pub(super) fn find(&self, folder: u64, name: &str) -> Result<u64, Refusal> {
        self.folder(folder)?.now.get(name).copied().ok_or(Refusal::Missing)
    }

    pub(super) fn kind(&self, number: u64) -> Result<Kind, Refusal> {
        Ok(match self.nodes.get(&number).ok_or(Refusal::Missing)? {
            Node::File(file) => Kind::File(file.bytes().len()),
            Node::Folder(_) => Kind::Folder,
        })
    }

    pub(super) fn list(&self, folder: u64) -> Result<Vec<(String, u64)>, Refusal> {
        Ok(self.folder(folder)?.now.iter().map(|(name, number)| (name.clone(), *number)).collect())
    }

    pub(super) fn make(&mut self, folder: u64, name: &str, kind: Kind) -> Result<u64, Refusal> {
        self.powered()?;
        if self.folder(folder)?.now.contains_key(name) {
            return Err(Refusal::Exists);
        }
        let number = self.next;
        self.next += 1;
        let node = match kind {
            Kind::File(_) => Node::File(File::named(name)),
            Kind::Folder => Node::Folder(Folder::default()),
        };
        self.nodes.insert(number, node);
        self.folder_mut(folder)?.put(name, number);
        Ok(number)
    }

    pub(super) fn remove(&mut self, folder: u64, name: &str) -> Result<(), Refusal> {
        self.powered()?;
        if let Some(Node::Folder(inner)) = self.nodes.get(&self.find(folder, name)?)
            && !inner.now.is_empty()
        {
            return Err(Refusal::NotEmpty);
        }
        if self.faults.draw(Ask::Remove, name).is_some() {
            return Err(Refusal::Failed);
        }
        self.folder_mut(folder)?.remove(name);
        Ok(())
    }

    /// Within one folder: nothing here moves between two.
    pub(super) fn rename(&mut self, folder: u64, from: &str, to: &str) -> Result<(), Refusal> {
        self.powered()?;
        let number = self.find(folder, from)?;
        self.folder_mut(folder)?.rename(from, to, number);
        Ok(())
    }

    pub(super) fn read(&self, number: u64, at: usize, length: usize) -> Result<&[u8], Refusal> {
        let Some(Node::File(file)) = self.nodes.get(&number) else { return Err(Refusal::Other) };
        let bytes = file.bytes();
        let from = at.min(bytes.len());
        Ok(&bytes[from..from.saturating_add(length).min(bytes.len())])
    }

    /// Says how many of the bytes were written.
    pub(super) fn write(&mut self, number: u64, at: usize, bytes: &[u8]) -> Result<usize, Refusal> {
        self.powered()?;
        if self.cut_short.remove(&number) {
            return Err(Refusal::Failed);
        }
        let Some(Node::File(file)) = self.nodes.get_mut(&number) else { return Err(Refusal::Other) };
        if self.faults.full && at + bytes.len() > file.bytes().len() {
            return Err(Refusal::Full);
        }
        let take = match self.faults.draw(Ask::Write, &file.name) {
            Some(DiskFault::Write(most)) if most < bytes.len() => {
                self.cut_short.insert(number);
                most
            }
            Some(_) => 0,
            None => bytes.len(),
        };
        if take == 0 && !bytes.is_empty() {
            // The system may ask in parts for what the program writes at once: where it has a part already, it tells of a short
            // write and not of this, and the program writes on.
            self.cut_short.insert(number);
            return Err(Refusal::Failed);
        }
        file.write(at, &bytes[..take]);
        Ok(take)
    }

    pub(super) fn set_length(&mut self, number: u64, length: usize) -> Result<(), Refusal> {
        self.powered()?;
        let Some(Node::File(file)) = self.nodes.get_mut(&number) else { return Err(Refusal::Other) };
        file.set_length(length);
        Ok(())
    }

    pub(super) fn sync(&mut self, number: u64) -> Result<(), Refusal> {
        self.powered()?;
        match self.nodes.get_mut(&number).ok_or(Refusal::Missing)? {
            Node::Folder(folder) => {
                if self.faults.draw(Ask::SyncFolder, "").is_some() {
                    return Err(Refusal::Failed);
                }
                folder.sync();
            }
            Node::File(file) => {
                if file.failed {
                    self.faults.synced_again.push(file.name.clone());
                }
                if self.faults.draw(Ask::Sync, &file.name).is_some() {
                    file.fail_sync(&mut self.luck);
                    return Err(Refusal::Failed);
                }
                file.sync();
            }
        }
        Ok(())
    }

    fn powered(&self) -> Result<(), Refusal> {
        if self.off { Err(Refusal::Failed) } else { Ok(()) }
    }

    fn folder(&self, number: u64) -> Result<&Folder, Refusal> {
        match self.nodes.get(&number) {
            Some(Node::Folder(folder)) => Ok(folder),
            Some(Node::File(_)) => Err(Refusal::Other),
            None => Err(Refusal::Missing),
        }
    }

    fn folder_mut(&mut self, number: u64) -> Result<&mut Folder, Refusal> {
        match self.nodes.get_mut(&number) {
            Some(Node::Folder(folder)) => Ok(folder),
            Some(Node::File(_)) => Err(Refusal::Other),
            None => Err(Refusal::Missing),
        }
    }
}
