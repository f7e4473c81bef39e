//! Files of a command: those that are named, and those in folders, by the endings of their names.

use std::path::{Path, PathBuf};

use updraft::limits::{TEST_FILES, TEST_FOLDER_DEPTH};

use crate::exit::Error;

/// The endings of test files.
pub(crate) const TEST_ENDINGS: [&str; 3] = [".test.yaml", ".test.yml", ".test.json"];

/// The test files that are meant, in the order of their names within a folder.
pub(crate) fn test_files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    for path in paths {
        let meta = std::fs::metadata(path).map_err(|error| Error::refused(path.display(), error))?;
        if !meta.is_dir() {
            found.push(path.clone());
            continue;
        }
        let inside = in_folder(path, &TEST_ENDINGS)?;
        if inside.is_empty() {
            let none = format!("no test case there: no file ends with {}", TEST_ENDINGS.join(", "));
            return Err(Error::refused(path.display(), none));
        }
        found.extend(inside);
        bounded(&found)?;
    }
    Ok(found)
}

/// The files in a folder whose names have one of these endings, in their order.
pub(crate) fn in_folder(path: &Path, endings: &[&str]) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    folder(path, endings, 0, &mut found)?;
    Ok(found)
}

/// Adds those of a folder. Hidden folders, and links to folders, are left out.
fn folder(path: &Path, endings: &[&str], depth: usize, found: &mut Vec<PathBuf>) -> Result<(), Error> {
    let refused = |error: std::io::Error| Error::refused(path.display(), error);
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(path).map_err(refused)? {
        let entry = entry.map_err(refused)?;
        entries.push((entry.path(), entry.file_type().map_err(refused)?));
        if entries.len() > TEST_FILES {
            return Err(Error::refused(
                path.display(),
                format!("more than {TEST_FILES} entries; name a folder below"),
            ));
        }
    }
    entries.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (path, kind) in entries {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if kind.is_dir() && !name.starts_with('.') && name != "target" && depth < TEST_FOLDER_DEPTH {
            folder(&path, endings, depth + 1, found)?;
        } else if !kind.is_dir() && endings.iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
    }
    bounded(found)
}

fn bounded(found: &[PathBuf]) -> Result<(), Error> {
    if found.len() > TEST_FILES {
        return Err(Error::Refused(format!("more than {TEST_FILES} files; name a folder below")));
    }
    Ok(())
}
