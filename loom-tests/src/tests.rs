//! The table of planted bugs against the sources: without loom, so that it is checked with everything else.

use std::fs;
use std::path::Path;

fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && path.file_name().is_some_and(|name| name != "planted.rs")
        {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_bug_that_can_be_planted_is_in_the_code_that_ships_and_has_a_canary() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let kernel = here.join("../kernel/src");
    let table = fs::read_to_string(kernel.join("shared/planted.rs")).unwrap();
    let (mut ships, mut canaries) = (String::new(), String::new());
    sources(&kernel, &mut ships);
    sources(&here.join("tests"), &mut canaries);
    let listed = table.split("pub enum Bug {").nth(1).and_then(|rest| rest.split('}').next()).unwrap();
    let bugs: Vec<&str> = listed
        .lines()
        .map(str::trim)
        .filter_map(|line| line.strip_suffix(','))
        .filter(|line| !line.starts_with("//"))
        .collect();
    assert!(bugs.len() >= 20, "{bugs:?}");
    let planted = |text: &str, bug: &str| {
        text.split(&format!("Bug::{bug}")).skip(1).any(|after| !after.starts_with(char::is_alphanumeric))
    };
    for bug in bugs {
        assert!(planted(&ships, bug), "{bug} is planted nowhere in the kernel");
        assert!(planted(&canaries, bug), "{bug} has no canary");
    }
}
