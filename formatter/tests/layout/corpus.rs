//! The texts of this repository: playbooks in YAML and JSON, test cases, CACAO, and what fuzzing begins with.

use std::fs;
use std::path::{Path, PathBuf};

use updraft_formatter::{Error, format};
use updraft_protocol::{Value, parse};

use crate::{MOST, laid_out};

fn files(folder: &str) -> Vec<PathBuf> {
    let (mut found, mut folders) =
        (Vec::new(), vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// Lays out a file, if it can be read; whether it can.
fn keeps_its_value(path: &Path) -> bool {
    let bytes = fs::read(path).unwrap();
    match format(&bytes, MOST) {
        Ok(text) => {
            let value = |bytes: &[u8]| parse::document::<Value>(bytes, MOST).unwrap();
            assert_eq!(value(&bytes), value(text.as_bytes()), "{}", path.display());
            assert_eq!(laid_out(&text), text, "{}", path.display());
            true
        }
        Err(Error::Unread(_) | Error::NoFields) => false,
        Err(error) => panic!("{}: {error}", path.display()),
    }
}

#[test]
fn every_playbook_of_the_repository_keeps_its_value() {
    for folder in ["examples", "cacao/tests/playbooks", "fuzz/corpus/playbook", "fuzz/corpus/cacao"] {
        let laid_out = files(folder).iter().filter(|path| keeps_its_value(path)).count();
        assert!(laid_out >= 6, "{folder}: {laid_out}");
    }
}

#[test]
fn every_playbook_in_the_documents_keeps_its_value() {
    let mut laid_out = 0;
    for path in files("docs").iter().filter(|path| path.extension().is_some_and(|ending| ending == "md")) {
        let page = fs::read_to_string(path).unwrap();
        for block in page.split("```yaml\n").skip(1) {
            let text = block.split("```").next().unwrap();
            match format(text.as_bytes(), MOST) {
                Ok(formatted) => {
                    laid_out += 1;
                    assert_eq!(crate::laid_out(&formatted), formatted);
                }
                // Many are a part of a playbook: a list of steps.
                Err(Error::NoFields | Error::Unread(_)) => {
                    let inside: String = text.lines().map(|line| format!("  {line}\n")).collect();
                    laid_out += usize::from(format(format!("steps:\n{inside}").as_bytes(), MOST).is_ok());
                }
                Err(error) => panic!("{}: {error}: {text}", path.display()),
            }
        }
    }
    assert!(laid_out >= 25, "{laid_out}");
}
