//! The copy: a workspace of the kernel and its models, patched, which takes all other crates from where they are. Owns
//! the folder that it is written to, and leaves files alone that have the right text: cargo builds what is new.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use crate::patch;

/// The crates of the copy.
const CRATES: [&str; 2] = ["kernel", "loom-tests"];
/// The folder of these crates in the copy. Cargo tells crates apart by their paths from the root of their workspace: as
/// `kernel`, the patched kernel would be taken for the kernel that ships wherever both share compiled dependencies.
const FOLDER: &str = "planted";
/// Packages that are not optimised in the copy: canaries end after few iterations, in less time than optimising takes. The
/// other packages are those of the code that ships, compiled already.
const PLAIN: [&str; 3] = ["updraft-protocol", "updraft-kernel", "updraft-loom-tests"];
/// This program, which the copy has no use for.
const PLANT: &str = "loom-tests/src/bin";
/// The module of planted bugs, as the models have it and as the patched kernel has it.
const MODULE: [&str; 2] = ["loom-tests/src/planted.rs", "kernel/src/shared/planted.rs"];

/// Writes the copy of the repository at `root`.
///
/// # Errors
/// Says which patch does not fit, or which file cannot be read or written.
pub(crate) fn write(root: &Path, copy: &Path) -> io::Result<()> {
    let root = root.canonicalize()?;
    let mut written = BTreeSet::new();
    for name in CRATES {
        write_folder(&root, copy, name, &mut written)?;
    }
    let [from, to] = MODULE;
    write_file(copy, &format!("{FOLDER}/{to}"), &fs::read(root.join(from))?)?;
    written.insert(to.to_owned());
    for name in CRATES {
        remove_others(copy, name, &written)?;
    }
    write_file(copy, "Cargo.lock", &fs::read(root.join("Cargo.lock"))?)?;
    write_file(copy, "Cargo.toml", manifest(&fs::read_to_string(root.join("Cargo.toml"))?, &root).as_bytes())
}

/// The workspace's manifest, with the crates of the copy as its members, all others by their whole paths, and what is compiled for
/// the copy alone not optimised.
pub(crate) fn manifest(text: &str, root: &Path) -> String {
    let line = |line: &str| {
        if line.starts_with("members = ") {
            return format!("members = {:?}\n", CRATES.map(|name| format!("{FOLDER}/{name}")));
        }
        let Some((before, after)) = line.split_once("path = \"") else { return format!("{line}\n") };
        let name = after.split('"').next().unwrap_or_default();
        let folder = if CRATES.contains(&name) { Path::new(FOLDER) } else { root };
        format!("{before}path = \"{}/{after}\n", folder.display())
    };
    let plain = PLAIN.map(|package| format!("\n[profile.loom.package.{package}]\nopt-level = 0\n"));
    text.lines().map(line).chain(plain).collect()
}

fn write_folder(root: &Path, copy: &Path, folder: &str, written: &mut BTreeSet<String>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if path == PLANT {
            continue;
        }
        if entry.file_type()?.is_dir() {
            write_folder(root, copy, &path, written)?;
            continue;
        }
        let mut bytes = fs::read(entry.path())?;
        if path.ends_with(".rs") {
            let text = String::from_utf8(bytes).map_err(io::Error::other)?;
            bytes = patch::apply(&path, text).map_err(io::Error::other)?.into_bytes();
        }
        write_file(copy, &format!("{FOLDER}/{path}"), &bytes)?;
        written.insert(path);
    }
    Ok(())
}

fn write_file(copy: &Path, path: &str, bytes: &[u8]) -> io::Result<()> {
    let file = copy.join(path);
    if fs::read(&file).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(file, bytes)
}

/// Removes files of an earlier copy that the repository has no more.
fn remove_others(copy: &Path, folder: &str, written: &BTreeSet<String>) -> io::Result<()> {
    for entry in fs::read_dir(copy.join(FOLDER).join(folder))? {
        let entry = entry?;
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            remove_others(copy, &path, written)?;
        } else if !written.contains(&path) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
