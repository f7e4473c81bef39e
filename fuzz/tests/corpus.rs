//! The corpus: what fuzzing found and what it begins with, run as an ordinary test through the same functions. A
//! finding is a file here, named for what it found.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use updraft_fuzz::{TARGETS, Target};

/// A file is small: what is large is made by a test, not kept.
const FILE_BYTES: u64 = 64 << 10;

/// The files of a target by their names.
fn files(target: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            assert!(entry.metadata().unwrap().len() <= FILE_BYTES, "{target}/{name} is too large to be kept");
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}

/// Runs every file of a target, and names those with which it fails.
fn holds(name: &str) {
    let run = TARGETS.iter().find(|(target, _)| *target == name).unwrap().1;
    let files = files(name);
    assert!(files.len() >= 10, "{name}: {} files are no corpus", files.len());
    let fails = |bytes: &[u8]| catch_unwind(AssertUnwindSafe(|| run(bytes))).is_err();
    let failed: Vec<_> = files.iter().filter(|(_, bytes)| fails(bytes)).map(|(name, _)| name).collect();
    assert!(failed.is_empty(), "{name} does not hold for {failed:?}");
}

#[test]
fn playbooks_are_read_or_refused_with_their_place() {
    holds("playbook");
}

#[test]
fn journals_are_recovered_or_refused_with_their_place() {
    holds("journal");
}

#[test]
fn frames_are_updates_or_are_refused() {
    holds("frames");
}

#[test]
fn templates_are_rendered_within_their_bounds_or_fail_without_data() {
    holds("template");
}

#[test]
fn conditions_are_decided_or_fail_without_data() {
    holds("condition");
}

#[test]
fn answers_become_values_or_failures_without_secrets() {
    holds("http");
}

#[test]
fn cacao_playbooks_are_read_or_refused_without_credentials() {
    holds("cacao");
}

#[test]
fn every_target_has_a_corpus_a_program_and_no_others_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names = |folder: &str| {
        let entries = fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path());
        let mut names: Vec<_> =
            entries.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
        names.sort_unstable();
        names
    };
    let mut targets: Vec<_> = TARGETS.iter().map(|(name, _): &(&str, Target)| (*name).to_owned()).collect();
    targets.sort_unstable();
    assert_eq!(names("corpus"), targets);
    assert_eq!(names("fuzz_targets"), targets);
}
