//! What runs without a network: dry runs, test cases, past executions through another version; held against what the engine did.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::ended::{Ended, ended};
use crate::given::{example, files, playbook};
use crate::tools::Tools;

const STEPS: &str = "  - {id: look, action: http.request, arguments: {url: '{{ variables.tools }}/{{ input.ip }}'}}
  - if: steps.look.output.body.score > 5
    then:
      - {id: block, action: http.request, arguments: {method: POST, url: '{{ variables.tools }}/blocks', json: {ip: '{{ input.ip }}'}, headers: {Key: {$secret: fw}}}}
  - {id: done, end: {blocked: '{{ steps.block.status|default(\"no\") }}'}}
";

const ANSWERS: &str =
    "answers:\n  - {step: look, body: {score: 7}}\n  - {step: block, status: 201, body: {id: 1}}\n";

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_dry_run_tells_every_call_and_goes_as_far_as_there_are_answers() {
    let dir = files(&[
        ("p.yaml", &playbook(STEPS)),
        ("a.json", r#"{"ip": "203.0.113.9"}"#),
        ("answers.yaml", ANSWERS),
    ]);
    let dry = |more: &[&str]| -> Ended {
        ended(dir.path(), &[&["run", "p.yaml", "--input", "a.json", "--dry-run"], more].concat())
    };
    let lacking = dry(&[]);
    assert_eq!(lacking.code, 5, "{}", lacking.err);
    let needed = r#"needs answer: step look (http.request {"url":"http://127.0.0.1:9/203.0.113.9"})"#;
    assert!(lacking.out.contains(needed), "{}", lacking.out);
    let whole = dry(&["--answers", "answers.yaml"]);
    assert_eq!(whole.code, 0, "{}{}", whole.out, whole.err);
    let call = r#"block  http.request (write) {"headers":{"Key":{"$secret":"fw"}},"json":{"ip":"203.0.113.9"},"method":"POST","url":"http://127.0.0.1:9/blocks"}  answer: answers[1]"#;
    assert!(whole.out.contains(call), "{}", whole.out);
    assert!(whole.out.contains(r#"output  {"blocked":"completed"}"#), "{}", whole.out);
    let json = dry(&["--answers", "answers.yaml", "--json"]).json();
    assert_eq!((&json["end"], &json["output"]), (&json!("completed"), &json!({"blocked": "completed"})));
    let path: Vec<&Value> = json["path"].as_array().unwrap().iter().map(|task| &task["step"]).collect();
    assert_eq!(path, ["look", "if_1", "block", "done"]);
    let examples = dry(&["--examples"]);
    assert_eq!(examples.code, 1, "an example has no score: {}", examples.out);
    assert!(!dir.path().join("updraft-data").exists(), "nothing is stored");
}

#[test]
fn what_is_written_wrongly_is_told_with_its_line() {
    let dir = files(&[
        ("p.yaml", &playbook(STEPS)),
        ("a.json", r#"{"ip": "203.0.113.9"}"#),
        ("typo.yaml", "answers:\n  - {step: lok, body: 1}\n"),
        ("broken.yaml", "answers:\n  - {step: look, bodi: 1}\n"),
        ("case.test.yaml", "playbook: p.yaml\ncases:\n  - name: a\n    expect: {path: [bloc]}\n"),
        ("lost.test.yaml", "playbook: nowhere.yaml\ncases:\n  - name: a\n"),
    ]);
    let dry = |answers: &str| {
        ended(dir.path(), &["run", "p.yaml", "--input", "a.json", "--dry-run", "--answers", answers])
    };
    let typo = dry("typo.yaml");
    let told = "typo.yaml: line 2, column 12, answers[0].step: no step \"lok\"; did you mean \"look\"?";
    assert!(typo.code == 2 && typo.err.contains(told), "{}", typo.err);
    let broken = dry("broken.yaml");
    let told =
        "broken.yaml: line 2, column 18, answers[0].bodi: there is no such field; did you mean \"body\"?";
    assert!(broken.code == 2 && broken.err.contains(told), "{}", broken.err);
    let case = ended(dir.path(), &["test", "case.test.yaml"]);
    let told = "case.test.yaml: line 4, column 21, cases[0].expect.path[0]: no step \"bloc\"; did you mean \"block\"?";
    assert!(case.code == 2 && case.err.contains(told), "{}", case.err);
    let lost = ended(dir.path(), &["test", "lost.test.yaml"]);
    assert!(lost.code == 2 && lost.err.contains("nowhere.yaml"), "{}", lost.err);
    let wrong = ended(dir.path(), &["run", "p.yaml", "--answers", "typo.yaml"]);
    assert!(wrong.code == 2 && wrong.err.contains("--dry-run"), "{}", wrong.err);
}

#[test]
fn the_examples_pass_their_tests() {
    let dir = tempfile::tempdir().unwrap();
    let junit = dir.path().join("report.xml");
    let run = ended(dir.path(), &["test", path(&examples()), "--junit", path(&junit)]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.out.contains("21 passed, 0 failed"), "{}", run.out);
    let report = std::fs::read_to_string(junit).unwrap();
    assert!(report.contains("<testsuites tests=\"21\" failures=\"0\">"), "{report}");
    let some = ended(dir.path(), &["test", path(&examples()), "--filter", "ransomware", "--json"]).json();
    assert_eq!(some.as_array().unwrap().len(), 6);
    let folders = std::fs::read_dir(examples()).unwrap().map(|entry| entry.unwrap().path());
    for folder in folders.filter(|folder| folder.join("playbook.yaml").exists()) {
        assert!(folder.join("playbook.test.yaml").exists(), "{} has no tests", folder.display());
    }
}

#[test]
fn a_case_that_differs_fails_and_says_where() {
    let cases = "playbook: p.yaml\ncases:\n  - name: it is blocked\n    alert: {ip: 203.0.113.9}\n    answers:\n      - {step: look, body: {score: 5}}\n    expect: {output: {blocked: completed}, path: [block]}\n";
    let dir = files(&[("p.yaml", &playbook(STEPS)), ("p.test.yaml", cases)]);
    let run = ended(dir.path(), &["test"]);
    assert_eq!(run.code, 1, "{}{}", run.out, run.err);
    for told in [
        "FAILED  it is blocked",
        "output.blocked: expected \"completed\", got \"no\"",
        "path[0]: expected block; the steps were look, if_1, done",
        "FAILED: 0 passed, 1 failed",
    ] {
        assert!(run.out.contains(told), "{}", run.out);
    }
    let empty = tempfile::tempdir().unwrap();
    let none = ended(empty.path(), &["test"]);
    assert!(none.code == 2 && none.err.contains("no test case there"), "{}", none.err);
}

/// Runs an example against the tools of the program; gives its document.
fn run_example(dir: &TempDir, tools: &Tools, name: &str, alert: &str) -> Value {
    let book = examples().join(name).join("playbook.yaml");
    let mut arguments =
        vec!["run".to_owned(), path(&book).to_owned(), "--input".to_owned(), alert.to_owned()];
    let text = std::fs::read_to_string(&book).unwrap();
    for variable in ["tools", "reputation", "intelligence", "sandbox"] {
        if text.contains(&format!("  {variable}: http")) {
            arguments.extend(["--endpoint".to_owned(), tools.place().replace("tools", variable)]);
        }
    }
    arguments.push("--json".to_owned());
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    ended(dir.path(), &arguments).json()
}

/// What an execution called: step, scope and attempts, in the order of these.
fn called(document: &Value) -> Vec<(String, String, u64)> {
    let tasks = document["tasks"].as_array().unwrap().iter();
    let calls = tasks.filter(|task| task["integration"] == "http").map(|task| {
        let text = |field: &str| task[field].as_str().unwrap().to_owned();
        (text("step_id"), text("scope"), task["attempt"].as_u64().unwrap())
    });
    let mut calls: Vec<_> = calls.collect();
    calls.sort();
    calls
}

/// The same of a dry run.
fn would_call(run: &Value) -> Vec<(String, String, u64)> {
    let text = |call: &Value, field: &str| call[field].as_str().unwrap().to_owned();
    let mut calls: Vec<(String, String, u64)> = Vec::new();
    for call in run["calls"].as_array().unwrap() {
        let (step, scope) = (text(call, "step"), text(call, "scope"));
        match calls.iter_mut().find(|(known, place, _)| *known == step && *place == scope) {
            Some((_, _, attempts)) => *attempts += 1,
            None => calls.push((step, scope, 1)),
        }
    }
    calls.sort();
    calls
}

#[test]
fn what_an_engine_did_comes_again_from_what_it_stored() {
    let dir = tempfile::tempdir().unwrap();
    let tools = Tools::serve(dir.path());
    for name in ["phishing-triage", "indicator-sweep"] {
        let alert = examples().join(name).join("alert.json");
        let book = examples().join(name).join("playbook.yaml");
        let document = run_example(&dir, &tools, name, path(&alert));
        let peid = document["execution"]["peid"].as_str().unwrap();
        let replayed = ended(dir.path(), &["replay", peid, "--playbook", path(&book), "--verbose"]);
        assert_eq!(replayed.code, 0, "{}{}", replayed.out, replayed.err);
        assert!(replayed.out.contains("1 executions: 1 same, 0 differ"), "{name}: {}", replayed.out);
        let arguments =
            ["run", path(&book), "--input", path(&alert), "--dry-run", "--answers-of", peid, "--json"];
        let dry = ended(dir.path(), &arguments).json();
        assert_eq!(dry["output"], document["execution"]["output"], "{name}");
        assert_eq!(would_call(&dry), called(&document), "{name}");
    }
}

#[test]
fn a_recorded_case_passes_and_names_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let tools = Tools::serve(dir.path());
    let document = run_example(&dir, &tools, "phishing-triage", path(&example("alert.json")));
    drop(tools);
    let peid = document["execution"]["peid"].as_str().unwrap();
    let book = example("playbook.yaml");
    let record = |file: &str, more: &[&str]| -> Ended {
        let common = ["test", "--record", peid, "--playbook", path(&book), "-o", file];
        ended(dir.path(), &[&common, more].concat())
    };
    let recorded = record("incident.test.yaml", &["--mask", "input.message.subject"]);
    assert_eq!(recorded.code, 0, "{}", recorded.err);
    assert!(!recorded.err.contains("differs"), "{}", recorded.err);
    let text = std::fs::read_to_string(dir.path().join("incident.test.yaml")).unwrap();
    for personal in ["ines.moreau", "Ines Moreau", "priya.raman", "Action required"] {
        assert!(!text.contains(personal), "{personal}: {text}");
    }
    let run = ended(dir.path(), &["test", "incident.test.yaml"]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.out.contains("1 passed, 0 failed"), "{}", run.out);
    let again = record("incident.test.yaml", &[]);
    assert_eq!(again.code, 2, "a file that is there stays: {}", again.err);
    let open = record("open.test.yaml", &["--keep-personal"]);
    assert_eq!(open.code, 0, "{}", open.err);
    let text = std::fs::read_to_string(dir.path().join("open.test.yaml")).unwrap();
    assert!(text.contains("ines.moreau@contoso.com"), "{text}");
    assert_eq!(ended(dir.path(), &["test", "open.test.yaml"]).code, 0);
    let wrong = record("other.test.yaml", &["--mask", "input.nobody"]);
    assert!(wrong.code == 2 && wrong.err.contains("the execution has no such value"), "{}", wrong.err);
}

#[test]
fn another_version_is_told_by_where_it_differs_and_what_it_lacks() {
    let dir = tempfile::tempdir().unwrap();
    let tools = Tools::serve(dir.path());
    for _ in 0..3 {
        run_example(&dir, &tools, "phishing-triage", path(&example("alert.json")));
    }
    drop(tools);
    let old = std::fs::read_to_string(example("playbook.yaml")).unwrap();
    let versions = [
        ("higher.yaml", old.replace("malicious_from: 80", "malicious_from: 101")),
        ("asks.yaml", old.replace("  - id: verdict\n", "  - {id: ask_more, action: http.request, arguments: {url: 'https://more.example/'}}\n  - id: verdict\n")),
        ("strict.yaml", old.replace("timeout: 15m\n", "timeout: 15m\ninputs: {type: object, required: [nobody]}\n")),
    ];
    for (name, text) in &versions {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    let replay = |version: &str, more: &[&str]| -> Ended {
        let common = ["replay", "--where", "all", "--playbook", version];
        ended(dir.path(), &[&common, more].concat())
    };
    let same = replay(path(&example("playbook.yaml")), &[]);
    assert!(same.code == 0 && same.out.contains("3 executions: 3 same"), "{}{}", same.out, same.err);
    let higher = replay("higher.yaml", &["--verbose"]);
    assert!(higher.out.contains("at harmless (search completed → harmless completed)"), "{}", higher.out);
    assert!(higher.out.contains("gone call: contain:quarantine/quarantine (http.request)"), "{}", higher.out);
    assert!(higher.out.contains("0 same, 3 differ"), "{}", higher.out);
    let kept = replay("higher.yaml", &["--keep-variables"]);
    assert!(kept.out.contains("3 same"), "{}", kept.out);
    let asks = replay("asks.yaml", &["--json"]).json();
    assert_eq!((&asks[0]["verdict"], &asks[0]["step"]), (&json!("needs_answer"), &json!("ask_more")));
    assert_eq!(asks[2]["new_calls"].as_array().unwrap().len(), 1);
    let strict = replay("strict.yaml", &[]);
    assert!(strict.code == 1 && strict.out.contains("input.nobody: is needed"), "{}", strict.out);
    let unknown =
        ended(dir.path(), &["replay", "01890a5d-ac96-774b-bcce-b302099a8057", "--playbook", "higher.yaml"]);
    assert!(
        unknown.code == 1 && unknown.out.contains("failed") && unknown.out.contains("has no such execution"),
        "{}",
        unknown.out
    );
}

#[test]
fn reads_may_be_made_for_real_and_nothing_else_is() {
    let dir = tempfile::tempdir().unwrap();
    let tools = Tools::serve(dir.path());
    let (book, alert, place) = (example("playbook.yaml"), example("alert.json"), tools.place());
    let arguments = [
        "run",
        path(&book),
        "--input",
        path(&alert),
        "--endpoint",
        &place,
        "--dry-run",
        "--allow-reads",
        "--json",
    ];
    let run = ended(dir.path(), &arguments);
    assert_eq!(run.code, 5, "{}{}", run.out, run.err);
    let run = run.json();
    let is_read = |call: &&Value| call["effect"] == "read" && call["answer"] == "read";
    assert!(run["calls"].as_array().unwrap().iter().filter(is_read).count() >= 4, "{run}");
    assert_eq!(run["unanswered"][0]["step"], "search", "what changes something is not called: {run}");
}
