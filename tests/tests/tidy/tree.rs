//! The tree: the files of the repository as a fresh clone has them. Reads them; judges nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

/// The repository, by paths from its root with `/` between folders.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// Files with their text; empty where it is not UTF-8.
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) folders: BTreeSet<String>,
    /// What builds and runs leave at the root: not in a clone, and rightly named by documents.
    left: BTreeSet<String>,
}

impl Tree {
    /// Reads the repository, but for what its `.gitignore` names.
    pub(crate) fn read() -> io::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let ignored = fs::read_to_string(root.join(".gitignore"))?;
        let left = ignored.lines().map(|line| line.trim_matches('/')).chain([".git"]);
        let mut tree = Self { left: left.map(str::to_owned).collect(), ..Self::default() };
        tree.walk(&root, "")?;
        Ok(tree)
    }

    fn walk(&mut self, folder: &Path, prefix: &str) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if self.left.contains(&path) {
                continue;
            }
            if entry.file_type()?.is_dir() {
                self.walk(&entry.path(), &format!("{path}/"))?;
                self.folders.insert(path);
            } else if let Some(bytes) = read_unless_gone(&entry.path())? {
                self.files.insert(path, String::from_utf8(bytes).unwrap_or_default());
            }
        }
        Ok(())
    }

    /// A tree of these empty files.
    pub(crate) fn of(paths: &[&str]) -> Self {
        let mut tree = Self { left: ["target".to_owned()].into(), ..Self::default() };
        for path in paths {
            tree.files.insert((*path).to_owned(), String::new());
            let ends = path.match_indices('/').map(|(end, _)| path[..end].to_owned());
            tree.folders.extend(ends);
        }
        tree
    }

    /// Whether a path is there, or will be once something was built or run.
    pub(crate) fn has(&self, path: &str) -> bool {
        let first = path.split('/').next().unwrap_or_default();
        self.files.contains_key(path) || self.folders.contains(path) || self.left.contains(first)
    }

    /// The Rust sources.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (&str, &str)> {
        self.with_ending(".rs")
    }

    /// The documents.
    pub(crate) fn documents(&self) -> impl Iterator<Item = (&str, &str)> {
        self.with_ending(".md")
    }

    fn with_ending(&self, ending: &'static str) -> impl Iterator<Item = (&str, &str)> {
        let files = self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()));
        files.filter(move |(path, _)| path.ends_with(ending))
    }
}

/// None where another program removed the file since its folder was listed.
fn read_unless_gone(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[test]
fn a_tree_knows_its_files_and_every_folder_above_them() {
    let tree = Tree::of(&["a/b/c.rs", "d.md"]);
    for path in ["a", "a/b", "a/b/c.rs", "d.md"] {
        assert!(tree.has(path), "{path}");
    }
    assert!(!tree.has("a/b/d.rs") && !tree.has("b"));
    assert!(tree.has("target/debug/updraft"));
    assert_eq!(tree.sources().count(), 1);
    assert_eq!(tree.documents().count(), 1);
}

#[test]
fn the_walk_finds_the_repository_and_leaves_out_what_is_built() {
    let tree = Tree::read().unwrap();
    for path in ["Cargo.toml", "kernel/src/lib.rs", "tests/tests/tidy/tree.rs", ".ci/run", "docs/adr"] {
        assert!(tree.has(path), "{path}");
    }
    assert!(tree.files["protocol/src/lib.rs"].contains("pub mod"));
    let built = |path: &&String| path.starts_with("target/") || path.starts_with(".git/");
    assert_eq!(tree.files.keys().find(built), None);
}
