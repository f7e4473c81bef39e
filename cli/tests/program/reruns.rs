//! `rerun`: an execution that has ended runs again, of which both tell.

use serde_json::json;

use crate::ended::{Ended, ended};
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
    assert!(taken_from(&other).is_null());

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
