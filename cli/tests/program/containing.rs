//! Containments of a program that is not there when they end: who is told of them, and that `recover` has them undone.

use std::path::Path;

use crate::ended::{Ended, ended};
use crate::given::{files, playbook};
use crate::tools::Tools;

/// Isolates a host for a while; `undo` are further fields of its undo.
fn isolate(host: &str, expires: &str, undo: &str) -> String {
    format!(
        "  - id: isolate_{host}
    action: http.request
    arguments: {{method: POST, url: '{{{{ variables.tools }}}}/edr/hosts/{host}/isolate', json: {{}}}}
    expires: {expires}
    target: {host}
    undo: {{action: http.request, arguments: {{method: POST, url: '{{{{ variables.tools }}}}/edr/hosts/{host}/release', json: {{}}}}{undo}}}
"
    )
}

fn run(dir: &Path, tools: &Tools) -> Ended {
    ended(dir, &["run", "p.yaml", "--endpoint", &tools.place(), "--durability", "os"])
}

/// What is contained, by target and status.
fn contained(dir: &Path) -> Vec<(String, String)> {
    let listed = ended(dir, &["containments", "--json"]).json();
    let text = |row: &serde_json::Value, field: &str| row[field].as_str().unwrap().to_owned();
    let mut rows: Vec<_> =
        listed.as_array().unwrap().iter().map(|row| (text(row, "target"), text(row, "status"))).collect();
    rows.sort();
    rows
}

/// Waits until something is contained that is past its end, as `doctor` says; what it says then.
fn until_overdue(dir: &Path) -> Ended {
    for _ in 0..600 {
        let told = ended(dir, &["doctor"]);
        if told.code != 0 {
            return told;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("nothing is overdue")
}

#[test]
fn recover_undoes_what_is_due_and_says_what_is_due_later() {
    let steps = isolate("ws-1", "1s", "") + &isolate("ws-2", "4h", "");
    let dir = files(&[("p.yaml", &playbook(&steps))]);
    let (tools, dir) = (Tools::serve(dir.path()), dir.path());
    let run = run(dir, &tools);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(
        run.err.contains("containments that stay: ") && run.err.contains("updraft recover"),
        "{}",
        run.err
    );
    let ill = until_overdue(dir);
    assert_eq!(ill.code, 1, "{}", ill.out);
    assert!(
        ill.out.contains("containments past their end that are not undone: 1, the first since"),
        "{}",
        ill.out
    );
    assert!(
        ill.out.contains("does not stop a start; start an engine here, or run `updraft recover`"),
        "{}",
        ill.out
    );
    let recovered = ended(dir, &["recover"]);
    assert_eq!(recovered.code, 0, "{}{}", recovered.out, recovered.err);
    assert!(recovered.out.ends_with("  default  ws-1  undone\n"), "{}", recovered.out);
    for told in [
        "containments that are due, and are undone now: 1",
        "containments that are due later: 1, the first at",
    ] {
        assert!(recovered.err.contains(told), "{}", recovered.err);
    }
    assert_eq!(contained(dir), [("ws-2".to_owned(), "active".to_owned())]);
    assert_eq!(ended(dir, &["doctor"]).code, 0);
    let again = ended(dir, &["recover"]);
    assert_eq!((again.code, again.out.as_str()), (0, ""), "{}", again.err);
    assert!(again.err.starts_with("nothing is unfinished\n"), "{}", again.err);
}

#[test]
fn recover_makes_the_undo_that_a_failure_has_released() {
    let steps = isolate("ws-1", "4h", ", on: [failure]") + "  - {id: no, fail: not here}\n";
    let dir = files(&[("p.yaml", &playbook(&steps))]);
    let (tools, dir) = (Tools::serve(dir.path()), dir.path());
    let run = run(dir, &tools);
    assert_eq!(run.code, 1, "{}{}", run.out, run.err);
    assert!(
        run.err.contains("have to be undone now, which this command does not: 1; go on with:"),
        "{}",
        run.err
    );
    let recovered = ended(dir, &["recover", "--json"]);
    assert_eq!((recovered.code, recovered.json()), (0, serde_json::json!([])), "{}", recovered.err);
    assert!(recovered.err.contains("  default  ws-1  undone\n"), "{}", recovered.err);
    assert_eq!(contained(dir), []);
}

#[test]
fn an_undo_that_fails_is_told_and_no_success() {
    let steps = isolate("ws-1", "1s", ", retry: {attempts: 1}");
    let dir = files(&[("p.yaml", &playbook(&steps))]);
    let (tools, dir) = (Tools::serve(dir.path()), dir.path());
    let allow = format!("127.0.0.1:{}", tools.port);
    assert_eq!(run(dir, &tools).code, 0);
    let _ = until_overdue(dir);
    assert_eq!(tools.stop(), 0);
    let recovered = ended(dir, &["recover", "--allow-net", &allow]);
    assert_eq!(recovered.code, 1, "{}{}", recovered.out, recovered.err);
    assert!(recovered.out.contains("  default  ws-1  undo_failed: "), "{}", recovered.out);
    assert!(
        recovered.err.contains("containments whose undo has failed: 1, the first is tried again at"),
        "{}",
        recovered.err
    );
    assert_eq!(contained(dir), [("ws-1".to_owned(), "undo_failed".to_owned())]);
    let again = ended(dir, &["recover", "--allow-net", &allow]);
    assert_eq!(again.code, 1, "it is not undone yet: {}", again.err);
}

#[test]
fn an_undo_that_is_asked_for_without_an_engine_is_said_to_be_made_later() {
    let dir = files(&[("p.yaml", &playbook(&isolate("ws-1", "4h", "")))]);
    let (tools, dir) = (Tools::serve(dir.path()), dir.path());
    assert_eq!(run(dir, &tools).code, 0);
    let id = ended(dir, &["containments", "--json"]).json()[0]["id"].as_str().unwrap().to_owned();
    let undo = ["containments", "undo", &id, "--uid", "ana", "--reason", "a test"];
    let asked = ended(dir, &undo);
    let told = format!("{id}  is due now: the next engine here, or `updraft recover`, undoes it\n");
    assert_eq!((asked.code, asked.out), (0, told), "{}", asked.err);
    let recovered = ended(dir, &["recover"]);
    assert!(recovered.out.ends_with("  default  ws-1  undone\n"), "{}{}", recovered.out, recovered.err);
}
