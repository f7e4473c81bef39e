//! A folder of the power-loss disk: which names it has, which a sync has made durable, and what was changed since. A loss of
//! power undoes changes from the newest backwards, as a file system with a log of them does.

use std::collections::BTreeMap;

use rand::RngExt;
use rand::rngs::StdRng;

/// A change of names that is whole or not at all.
#[derive(Debug, Clone)]
enum Edit {
    Put(String, u64),
    Remove(String),
    Rename(String, String, u64),
}

/// A folder.
#[derive(Debug, Clone, Default)]
pub(super) struct Folder {
    pub(super) now: BTreeMap<String, u64>,
    kept: BTreeMap<String, u64>,
    since: Vec<Edit>,
}

impl Folder {
    pub(super) fn put(&mut self, name: &str, node: u64) {
        self.edit(Edit::Put(name.to_owned(), node));
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.edit(Edit::Remove(name.to_owned()));
    }

    pub(super) fn rename(&mut self, from: &str, to: &str, node: u64) {
        self.edit(Edit::Rename(from.to_owned(), to.to_owned(), node));
    }

    pub(super) fn sync(&mut self) {
        self.kept = self.now.clone();
        self.since.clear();
    }

    /// The folder as power that fails now leaves it.
    pub(super) fn survivor(&self, luck: &mut StdRng) -> Self {
        let mut left = self.kept.clone();
        let done = luck.random_range(0..=self.since.len());
        self.since[..done].iter().for_each(|edit| edit.apply(&mut left));
        Self { now: left.clone(), kept: left, since: Vec::new() }
    }

    /// All that it may still lead to.
    pub(super) fn nodes(&self) -> impl Iterator<Item = u64> {
        let since = self.since.iter().filter_map(|edit| match edit {
            Edit::Put(_, node) | Edit::Rename(_, _, node) => Some(*node),
            Edit::Remove(_) => None,
        });
        self.now.values().chain(self.kept.values()).copied().chain(since)
    }

    fn edit(&mut self, edit: Edit) {
        edit.apply(&mut self.now);
        self.since.push(edit);
    }
}

impl Edit {
    fn apply(&self, names: &mut BTreeMap<String, u64>) {
        match self {
            Self::Put(name, node) => drop(names.insert(name.clone(), *node)),
            Self::Remove(name) => drop(names.remove(name)),
            Self::Rename(from, to, node) => {
                names.remove(from);
                names.insert(to.clone(), *node);
            }
        }
    }
}
