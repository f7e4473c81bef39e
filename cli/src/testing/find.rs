//! Test files: those that are named, and those in folders, by their ending.

use std::path::{Path, PathBuf};

use updraft::limits::{TEST_FILES, TEST_FOLDER_DEPTH};

use crate::exit::Error;

/// The endings of test files.
const ENDINGS: [&str; 3] = [".test.yaml", ".test.yml", ".test.json"];

/// The test files that are meant, in the order of their names within a folder.
pub(super) fn test_files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    for path in paths {
        let meta = std::fs::metadata(path).map_err(|error| Error::refused(path.display(), error))?;
        if !meta.is_dir() {
            found.push(path.clone());
            continue;
        }
        let before = found.len();
        folder(path, 0, &mut found)?;
        if found.len() == before {
            let none = format!("no test case there: no file ends with {}", ENDINGS.join(", "));
            return Err(Error::refused(path.display(), none));
        }
    }
    Ok(found)
}

/// Adds those of a folder. Hidden folders, and links to folders, are left out.
fn folder(path: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), Error> {
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
            folder(&path, depth + 1, found)?;
        } else if !kind.is_dir() && ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
    }
    if found.len() > TEST_FILES {
        return Err(Error::Refused(format!("more than {TEST_FILES} test files; name a folder below")));
    }
    Ok(())
}
