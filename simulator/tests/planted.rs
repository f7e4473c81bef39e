//! The table of planted bugs, checked against the sources without building them: `.ci/mutants` does the rest.

use std::collections::BTreeSet;
use std::path::Path;

use updraft_simulator::mutant;

#[test]
fn every_planted_bug_finds_its_text_exactly_once() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for bug in mutant::all() {
        let text = std::fs::read_to_string(root.join(bug.file)).unwrap();
        let planted = bug.plant(&text);
        assert!(planted.is_ok(), "{}: its text is found {planted:?} times in {}", bug.name, bug.file);
        assert_ne!(planted, Ok(text), "{} changes nothing", bug.name);
    }
}

#[test]
fn planted_bugs_have_names_of_their_own_and_are_enough() {
    let names: BTreeSet<&str> = mutant::all().map(|bug| bug.name).collect();
    assert_eq!(names.len(), mutant::all().count());
    assert!(mutant::KERNEL.len() >= 18, "most bugs are in the code that ships");
}
