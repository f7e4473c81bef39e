//! What becomes of the playbooks that others have published: each with the rules by which it is refused, those that warn of it, and the
//! actions that it calls where it is taken, of which a program without their integrations refuses all but `http`. They are no part of this repository: without `UPDRAFT_SHARED`, a folder that has them, nothing is looked at.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use updraft_cacao::{CacaoFinding, import, looks_like_cacao};
use updraft_protocol::Playbook;
use updraft_protocol::playbook::StepKind;

/// A file, the rules that refuse it, those that warn, and what it calls.
type Row = (&'static str, &'static [&'static str], &'static [&'static str], &'static [&'static str]);

const FILES: &[Row] = &[
    ("misp-malware-triage.json", &[], &["open-vocabulary", "timestamp-precision"], &["jupyter.run"]),
    ("oasis-basic-example-1.json", &["command-without-address"], &[], &[]),
    // Actions without commands and agents, and a switch without what it compares.
    ("oasis-layout-switch.json", &["missing-property"], &["extension", "unknown-property"], &[]),
    ("oasis-locky-bart-mbc-examples.json", &["target-undefined"], &["open-vocabulary"], &[]),
    ("oasis-spec-3.1-example.json", &[], &[], &[]),
    // The agent has no address.
    (
        "soarca-fin-playbook.json",
        &["missing-property"],
        &["identifier-form", "modified-order", "open-vocabulary"],
        &[],
    ),
    (
        "soarca-http-playbook.json",
        &[],
        &["agent-type", "http-start-line-form", "open-vocabulary", "timestamp-precision"],
        &["http.request"],
    ),
    ("soarca-manual-playbook.json", &[], &["agent-type", "open-vocabulary"], &[]),
    (
        "soarca-openc2-playbook.json",
        &[],
        &["agent-type", "open-vocabulary", "timestamp-precision"],
        &["openc2.run"],
    ),
    ("soarca-powershell-playbook.json", &[], &["agent-type", "open-vocabulary"], &["powershell.run"]),
    (
        "soarca-ssh-playbook.json",
        &["authentication"],
        &["agent-type", "literal-secret", "open-vocabulary", "timestamp-precision"],
        &[],
    ),
    // The workflow is a list.
    ("soarca-test-changed-playbook.json", &["property-type"], &["timestamp-precision"], &[]),
    (
        "soarca-test-infinite_playbook.json",
        &["cycle", "pointer-to-nothing", "start-step"],
        &["http-start-line-form", "timestamp-precision", "unknown-property"],
        &[],
    ),
    (
        "soarca-test-invalid_email_playbook.json",
        &["address-value", "pointer-to-nothing", "start-step"],
        &["http-start-line-form", "timestamp-precision", "unknown-property"],
        &[],
    ),
    (
        "soarca-test-invalid_playbook.json",
        &["object-type", "pointer-to-nothing", "start-step"],
        &["http-start-line-form", "open-vocabulary", "timestamp-precision"],
        &[],
    ),
    (
        "soarca-test-missing_step_playbook.json",
        &["pointer-to-nothing", "start-step"],
        &["http-start-line-form", "timestamp-precision", "unknown-property"],
        &[],
    ),
    (
        "soarca-test-parallels_playbook.json",
        &["pointer-missing", "pointer-to-nothing", "start-step"],
        &["http-start-line-form", "timestamp-precision", "unknown-property"],
        &[],
    ),
    (
        "soarca-test-playbook.json",
        &["address-value", "pointer-to-nothing", "start-step"],
        &["http-start-line-form", "timestamp-precision", "unknown-property"],
        &[],
    ),
];

fn folder() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("UPDRAFT_SHARED")?).join("cacao/playbooks");
    folder.is_dir().then_some(folder)
}

fn rules(findings: &[CacaoFinding]) -> BTreeSet<&'static str> {
    findings.iter().map(|finding| finding.rule.name()).collect()
}

/// The actions that a playbook calls.
fn calls(playbook: &Playbook) -> BTreeSet<String> {
    let called = playbook.walk().into_iter().filter_map(|walked| match &walked.step.kind {
        StepKind::Action(action) => Some(format!("{}.{}", action.integration, action.action)),
        _ => None,
    });
    called.collect()
}

#[test]
fn each_published_playbook_is_taken_or_refused_by_the_rules_of_the_table() {
    let Some(folder) = folder() else {
        return eprintln!("not looked at: UPDRAFT_SHARED names no folder with `cacao/playbooks`");
    };
    let mut wrong = BTreeMap::new();
    for (name, refused, warned, called) in FILES {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        assert!(looks_like_cacao(&bytes), "{name}");
        let found = match import(&bytes) {
            Ok(imported) => (BTreeSet::new(), rules(&imported.warnings), calls(&imported.playbook)),
            Err(mistakes) => (rules(&mistakes.refused), rules(&mistakes.warned), BTreeSet::new()),
        };
        let called = called.iter().map(|call| (*call).to_owned()).collect();
        let expected = (refused.iter().copied().collect(), warned.iter().copied().collect(), called);
        if found != expected {
            wrong.insert(*name, found);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let files =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(files.collect::<BTreeSet<_>>(), FILES.iter().map(|(name, ..)| (*name).to_owned()).collect());
}
