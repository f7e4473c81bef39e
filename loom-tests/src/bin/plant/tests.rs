//! The table of patches against the sources: without loom, so that it is checked with everything else.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{copy, patch};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_patch_finds_its_text_exactly_once_and_changes_it() {
    for patch in patch::all() {
        assert_ne!(patch.find, patch.replace, "{}: changes nothing", patch.name);
    }
    for file in patch::all().map(|patch| patch.file).collect::<BTreeSet<_>>() {
        let text = fs::read_to_string(root().join(file)).unwrap();
        assert_eq!(patch::apply(file, text).err(), None);
    }
}

#[test]
fn a_patch_that_does_not_fit_is_named() {
    let file = "kernel/src/shared/revocable.rs";
    let text = fs::read_to_string(root().join(file)).unwrap();
    let refused = |text: String| patch::apply(file, text).unwrap_err();
    assert_eq!(refused(text.repeat(2)), format!("RevokeLooksOnly: its text is found 2 times in {file}"));
    assert_eq!(refused(String::new()), format!("RevokeLooksOnly: its text is found 0 times in {file}"));
}

#[test]
fn every_bug_is_in_a_patch_and_has_a_canary_and_the_code_that_ships_knows_none() {
    let table = fs::read_to_string(root().join("loom-tests/src/planted.rs")).unwrap();
    let (mut ships, mut canaries) = (String::new(), String::new());
    sources(&root().join("kernel/src"), &mut ships);
    sources(&root().join("loom-tests/tests"), &mut canaries);
    let patches: String = patch::all().map(|patch| patch.replace).collect();
    let listed = table.split("pub enum Bug {").nth(1).and_then(|rest| rest.split('}').next()).unwrap();
    let bugs: Vec<&str> = listed
        .lines()
        .map(str::trim)
        .filter_map(|line| line.strip_suffix(','))
        .filter(|line| !line.starts_with("//"))
        .collect();
    assert!(bugs.len() >= 20, "{bugs:?}");
    for bug in bugs {
        assert!(patches.contains(&format!("Bug::{bug}.is_planted()")), "{bug} is planted nowhere");
        let canary = format!("(Bug::{bug},");
        assert!(canaries.contains(&canary), "{bug} has no canary");
    }
    assert!(!ships.contains("planted"), "the kernel names planted bugs");
}

#[test]
fn the_copy_has_its_own_kernel_and_takes_the_other_crates_from_the_repository() {
    let text = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let copied = copy::manifest(&text, Path::new("/there"));
    for line in [
        r#"members = ["planted/kernel", "planted/loom-tests"]"#,
        r#"updraft-kernel = { path = "planted/kernel" }"#,
        r#"updraft-protocol = { path = "/there/protocol" }"#,
    ] {
        assert_eq!(copied.lines().filter(|copied| *copied == line).count(), 1, "{line}");
    }
    let paths = |text: &str| text.lines().filter(|line| line.contains("path = ")).count();
    let kept = |text: &str| text.lines().filter(|line| !line.contains("path = ")).count();
    let (copied, plain) = copied.split_at(copied.find("\n[profile.loom.package.").unwrap());
    assert_eq!((paths(copied), kept(copied)), (paths(&text), kept(&text)));
    assert_eq!(plain.matches("opt-level = 0").count(), 3);
}
