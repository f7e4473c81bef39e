//! `updraft dead-letters`: what the store would never take, as operators see it.

use std::path::Path;

use serde_json::json;
use updraft::{
    DeadLetter, DeadLetterStore, Durability, ExecutionId, ExecutionState, ExecutionStatus, ExecutionUpdate,
    Revision, SqliteStore, Timestamp, Update,
};

use crate::ended::ended;
use crate::given::{files, playbook};

const END: &str = "  - {id: done, end: ok}\n";

/// Has the store of a data directory keep what it would not take of an execution.
fn keep_dead_letters(data: &Path, peid: ExecutionId, reasons: &[&str]) {
    let letter = |(seq, reason): (u64, &&str)| {
        let state = ExecutionState::change(ExecutionStatus::Completed, Timestamp(1_760_000_000_000));
        let update = ExecutionUpdate {
            peid,
            revision: Revision { epoch: 9, seq },
            head: None,
            state,
            positions: Default::default(),
        };
        DeadLetter::of(&Update::from(update), (*reason).to_owned())
    };
    let store = SqliteStore::open(data, Durability::Os).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(store.keep_dead_letters((1..).zip(reasons).map(letter).collect())).unwrap();
}

#[test]
fn what_the_store_would_not_take_is_listed_with_the_reason() {
    let dir = files(&[("p.yaml", &playbook(END))]);
    let run = ended(dir.path(), &["run", "p.yaml", "--tenant", "acme", "--json"]).json();
    let peid: ExecutionId = run["execution"]["peid"].as_str().unwrap().parse().unwrap();
    let letters = |arguments: &[&str]| {
        let all = [&["dead-letters", "--json"][..], arguments].concat();
        ended(dir.path(), &all).json()
    };
    assert_eq!(letters(&[]), json!([]));
    keep_dead_letters(&dir.path().join("updraft-data"), peid, &["it is\n\u{1b}[2Jtoo large", "nobody knows"]);
    keep_dead_letters(
        &dir.path().join("updraft-data"),
        ExecutionId::from_bytes([7; 16]),
        &["no such document"],
    );

    let of_tenant = letters(&["--tenant", "acme"]);
    assert_eq!(of_tenant.as_array().unwrap().len(), 2, "{of_tenant}");
    for letter in of_tenant.as_array().unwrap() {
        assert_eq!(letter["peid"], json!(peid), "{letter}");
        assert_eq!(letter["update"]["Execution"]["state"]["execution_status"], "completed");
    }
    assert_eq!(letters(&["--tenant", "umbrella"]), json!([]));
    assert_eq!(letters(&[]).as_array().unwrap().len(), 3, "the operator sees all");
    assert_eq!(letters(&["--limit", "1"]).as_array().unwrap().len(), 1);

    let table = ended(dir.path(), &["dead-letters"]).out;
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 4, "{table}");
    assert!(lines[0].starts_with("UPDATED") && lines[0].ends_with("REASON"), "{table}");
    let of_acme = lines.iter().filter(|line| line.contains("acme") && line.contains(&peid.to_string()));
    assert_eq!(of_acme.count(), 2, "{table}");
    assert!(
        table.contains("execution  it is \\u{1b}[2Jtoo large"),
        "a terminal obeys nothing of it: {table}"
    );
    assert!(table.contains("  ?  "), "whose the third one is nobody knows: {table}");
}
