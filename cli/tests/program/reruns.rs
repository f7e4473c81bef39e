//! `rerun`: an execution that has ended runs again, of which both tell.

use std::io::BufReader;
use std::process::Stdio;

use serde_json::json;

use crate::ended::{Ended, ended, read_until, updraft};
use crate::given::{files, playbook};

const STEPS: &str = "  - {id: pause, delay: 10ms}
  - if: not input.ok
    then: [{fail: 'no'}]
  - {end: '{{ steps.pause.status }}'}
";

#[test]
fn an_execution_that_has_ended_runs_again_with_what_it_has_or_with_what_is_given() {
    let newest = playbook("  - {id: pause, delay: 10ms}\n  - {end: '{{ input.ok }}'}\n")
        .replace("version: 1", "version: 2");
    let given = [
        ("p.yaml", &*playbook(STEPS)),
        ("newest.yaml", &*newest),
        ("bad.json", r#"{"ok": false}"#),
        ("good.json", r#"{"ok": true}"#),
    ];
    let dir = files(&given);
    let first = ended(dir.path(), &["run", "p.yaml", "--input", "bad.json", "--json"]);
    assert_eq!(first.code, 1, "{}", first.err);
    let peid = first.json()["execution"]["peid"].as_str().unwrap().to_owned();
    let rerun = |more: &[&str]| -> Ended {
        let who = ["rerun", &peid, "--uid", "ana", "--reason", "the tool is back", "--json"];
        ended(dir.path(), &[&who, more].concat())
    };
    let taken_from = |run: &Ended| run.json()["tasks"][0]["taken_from"].clone();
    let again = rerun(&["--id", "1"]);
    assert_eq!(again.code, 1, "{}", again.err);
    let execution = again.json()["execution"].clone();
    assert_eq!(execution["rerun_of"]["peid"], json!(peid));
    assert_eq!(execution["rerun_of"]["asked"], json!({"uid": "ana", "reason": "the tool is back"}));
    assert_eq!(taken_from(&again), first.json()["tasks"][0]["task_request_id"]);
    assert_eq!(rerun(&["--id", "1"]).json()["execution"]["peid"], execution["peid"]);
    assert!(taken_from(&rerun(&["--from", "pause"])).is_null());
    let other = rerun(&["--input", "good.json"]);
    assert_eq!((other.code, &other.json()["execution"]["output"]), (0, &json!("completed")), "{}", other.err);
    assert_eq!(taken_from(&other), first.json()["tasks"][0]["task_request_id"], "it reads no input");

    assert_eq!(ended(dir.path(), &["run", "newest.yaml", "--input", "bad.json"]).code, 0);
    let newer = rerun(&["--newest"]);
    assert_eq!((newer.code, &newer.json()["execution"]["output"]), (0, &json!(false)), "{}", newer.err);
    assert_eq!(taken_from(&newer), first.json()["tasks"][0]["task_request_id"]);

    let shown = ended(dir.path(), &["show", &peid]).out;
    let told = format!("rerun as {} by ana: the tool is back", execution["peid"].as_str().unwrap());
    assert_eq!((shown.matches("rerun as ").count(), shown.contains(&told)), (4, true), "{shown}");
    let wrong = rerun(&["--from", "nowhere"]);
    assert!(
        wrong.code == 2 && wrong.err.contains("no task of a step \"nowhere\""),
        "{} {}",
        wrong.code,
        wrong.err
    );
}

#[test]
fn what_failed_runs_again_in_bulk_once_it_is_confirmed() {
    let dir = files(&[("p.yaml", &playbook(STEPS)), ("bad.json", r#"{"ok": false}"#)]);
    for _ in 0..2 {
        assert_eq!(ended(dir.path(), &["run", "p.yaml", "--input", "bad.json"]).code, 1);
    }
    let rerun = |more: &[&str]| -> Ended {
        let who = ["rerun", "--uid", "ana", "--reason", "the tool is back", "--id", "1"];
        ended(dir.path(), &[&who, more].concat())
    };
    let asked = rerun(&["--where", "status=failed"]);
    assert!(asked.code == 2 && asked.err.contains("2 executions are to be run again"), "{}", asked.err);
    assert!(asked.err.contains("`--yes` does it without a question"), "{}", asked.err);
    let told = rerun(&["--where", "playbook=test", "--where", "since=1h", "--yes", "--json"]);
    assert_eq!(told.code, 1, "{}", told.err);
    let told = told.json();
    assert_eq!((told.as_array().unwrap().len(), &told[1]["status"]), (2, &json!("failed")), "{told}");
    let listed = ended(dir.path(), &["list", "--json"]).json();
    assert_eq!(listed.as_array().unwrap().len(), 4);
    let again = rerun(&["--where", "all", "--yes"]);
    assert_eq!(again.code, 0, "{}", again.err);
    assert!(again.err.contains("0 executions are to be run again"), "{}", again.err);
    let nothing = rerun(&["--where", "until=1h", "--yes"]);
    assert!(nothing.code == 0 && nothing.err.contains("0 executions"), "{}", nothing.err);
    for wrong in
        [&["--where", "user=ana"][..], &["--where", "all", "--where", "all"], &["--where", "status=paused"]]
    {
        assert_eq!(rerun(wrong).code, 2, "{wrong:?}");
    }
}

#[test]
fn the_engine_that_runs_there_runs_it_again() {
    let waits = playbook("  - {id: ask, approval: Isolate?}\n").replace("name: test", "name: waits");
    let dir =
        files(&[("p.yaml", &*playbook(STEPS)), ("waits.yaml", &*waits), ("bad.json", r#"{"ok": false}"#)]);
    let first = ended(dir.path(), &["run", "p.yaml", "--input", "bad.json", "--json"]);
    let peid = first.json()["execution"]["peid"].as_str().unwrap().to_owned();
    let mut command = updraft(dir.path(), &["run", "waits.yaml", "--json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    read_until(&mut errors, "ask");
    let rerun = |more: &[&str]| -> Ended {
        let who = ["rerun", &peid, "--uid", "ana", "--reason", "the tool is back", "--json"];
        ended(dir.path(), &[&who, more].concat())
    };
    let told = rerun(&["--id", "1"]);
    assert_eq!(told.code, 0, "{}", told.err);
    let again = told.json()["rerun"].as_str().unwrap().to_owned();
    assert_eq!(rerun(&["--id", "1"]).json()["rerun"], json!(again), "the same id is the same execution");
    let shown = ended(dir.path(), &["show", &again, "--json"]).json();
    assert_eq!(shown["execution"]["rerun_of"]["peid"], json!(peid));
    let wrong = rerun(&["--from", "nowhere"]);
    assert!(
        wrong.code == 1 && wrong.err.contains("no task of a step \"nowhere\""),
        "{} {}",
        wrong.code,
        wrong.err
    );
    crate::ended::signal(&child, "TERM");
    child.wait().unwrap();
}

#[test]
fn what_failed_runs_again_in_bulk_and_is_cancelled_by_the_engine_that_runs_there() {
    let waits = playbook("  - {id: ask, approval: Isolate?}\n").replace("name: test", "name: waits");
    let dir =
        files(&[("p.yaml", &*playbook(STEPS)), ("waits.yaml", &*waits), ("bad.json", r#"{"ok": false}"#)]);
    for _ in 0..2 {
        assert_eq!(ended(dir.path(), &["run", "p.yaml", "--input", "bad.json"]).code, 1);
    }
    let mut command = updraft(dir.path(), &["run", "waits.yaml", "--json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    read_until(&mut errors, "ask");
    let who = ["--uid", "ana", "--reason", "the tool is back"];
    let rerun = |more: &[&str]| ended(dir.path(), &[&["rerun"][..], &who, more].concat());
    let asked = rerun(&["--where", "all", "--id", "1"]);
    assert!(asked.code == 2 && asked.err.contains("2 executions are to be run again"), "{}", asked.err);
    let nameless = rerun(&["--where", "all", "--yes"]);
    assert!(nameless.code == 2 && nameless.err.contains("need an id"), "{}", nameless.err);
    let told =
        rerun(&["--where", "status=failed", "--where", "playbook=test", "--id", "1", "--yes", "--json"]);
    assert_eq!(told.code, 0, "{}", told.err);
    let told = told.json();
    assert_eq!((told.as_array().unwrap().len(), &told[0]["status"]), (2, &json!(null)), "{told}");
    let again = told[0]["rerun"].as_str().unwrap();
    let shown = ended(dir.path(), &["show", again, "--json"]).json();
    assert_eq!(shown["execution"]["rerun_of"]["peid"], told[0]["peid"]);
    let nothing = rerun(&["--where", "all", "--id", "1", "--yes"]);
    assert!(nothing.code == 0 && nothing.err.contains("0 executions"), "{}", nothing.err);

    let cancel = |more: &[&str]| ended(dir.path(), &[&["cancel"][..], &who, more].concat());
    let asked = cancel(&["--where", "all"]);
    assert!(asked.code == 2 && asked.err.contains("nothing was cancelled: `--yes`"), "{}", asked.err);
    for wrong in [&["--where", "status=failed", "--yes"][..], &["--yes"], &[]] {
        assert_eq!(cancel(wrong).code, 2, "{wrong:?}");
    }
    let told = cancel(&["--where", "playbook=waits", "--yes", "--json"]);
    assert_eq!(told.code, 0, "{}", told.err);
    let told = told.json();
    assert_eq!((told.as_array().unwrap().len(), &told[0]["status"]), (1, &json!("cancelled")), "{told}");
    assert_eq!((&told[0]["before"], &told[0]["refused"]), (&json!(false), &json!(null)));
    assert_eq!(child.wait().unwrap().code(), Some(3), "the process that ran it hears of it");
}
