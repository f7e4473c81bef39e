//! Dry runs, test cases, recordings and replays of CACAO files: in the words of their authors, without their credentials.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cacao::{book, has, id, lookups, run, status, tool};
use crate::ended::{Ended, ended};
use crate::given::files;
use crate::recorder::{Asked, Recorder};

/// The words that the translation puts behind ids.
const MADE: [&str; 10] =
    [".out", ".result", ".copies", ".join", ".return", ".delay", ".variables", ".choice", ".1", "f0a7001:0"];

fn text(name: &str) -> String {
    std::fs::read_to_string(book(name)).unwrap()
}

/// Nothing that it says is of the translation, or a credential.
fn is_in_words_of_the_file(said: &str) {
    for word in MADE {
        let made = said.match_indices(word).find(|(at, _)| {
            said[..*at].ends_with(|c: char| c.is_ascii_hexdigit())
                && said[..*at].rfind("--").is_some_and(|id| at - id == 38)
        });
        assert_eq!(made, None, "{said}");
    }
    assert!(!said.contains("correct horse"), "{said}");
}

fn program(dir: &TempDir, arguments: &[&str]) -> Ended {
    let ended = ended(dir.path(), arguments);
    is_in_words_of_the_file(&ended.out);
    is_in_words_of_the_file(&ended.err);
    ended
}

/// The steps of the path of a dry run, as they are called in the file.
fn path(run: &Value) -> Vec<String> {
    run["path"].as_array().unwrap().iter().map(|task| task["step"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_dry_run_tells_the_steps_of_the_file() {
    let (score, list) = (id("action", "1001"), id("action", "1002"));
    let block = "action--7b6a1b0e-7f3a-4c55-9a67-1f6f3f0a1001";
    let answers = json!({"answers": [
        {"step": score, "body": {"score": 91}},
        {"step": list, "scope": format!("parallel--2b6a1b0e-7f3a-4c55-9a67-1f6f3f0a1001:{list}"), "body": {"listed": true}},
        {"step": block, "body": null},
    ]});
    let dir = files(&[
        ("p.json", &text("parallel-lookups.json")),
        ("a.json", r#"{"__ip__": "203.0.113.9"}"#),
        ("answers.json", &answers.to_string()),
        ("made.json", &json!({"answers": [{"step": format!("{score}.out"), "body": 1}]}).to_string()),
    ]);
    let dry = ["run", "p.json", "--input", "a.json", "--dry-run", "--answers"];
    let told = program(&dir, &[&dry[..], &["answers.json"]].concat());
    assert_eq!(told.code, 0, "{}{}", told.out, told.err);
    assert!(told.out.contains(&format!("├ ✓ {score}  http.request")), "{}", told.out);
    let run = program(&dir, &[&dry[..], &["answers.json", "--json"]].concat()).json();
    assert_eq!(
        path(&run),
        [
            "start--1b6a1b0e-7f3a-4c55-9a67-1f6f3f0a1001",
            "parallel--2b6a1b0e-7f3a-4c55-9a67-1f6f3f0a1001",
            &*score,
            &*list,
            "end--6b6a1b0e-7f3a-4c55-9a67-1f6f3f0a1001",
            "end--6b6a1b0e-7f3a-4c55-9a67-1f6f3f0a1002",
            "if-condition--4b6a1b0e-7f3a-4c55-9a67-1f6f3f0a1001",
            block,
            "end--6b6a1b0e-7f3a-4c55-9a67-1f6f3f0a1003",
            "end--6b6a1b0e-7f3a-4c55-9a67-1f6f3f0a1005",
        ]
    );
    assert!(run["calls"][2]["arguments"].to_string().contains("$secret"), "{run}");
    let made = ended(dir.path(), &[&dry[..], &["made.json"]].concat());
    let told = format!("no step \"{score}.out\"; the step is \"{score}\"");
    assert!(made.code == 2 && made.err.contains(&told), "{}", made.err);
    let lacking = program(&dir, &["run", "p.json", "--input", "a.json", "--dry-run"]);
    assert!(lacking.code == 5 && lacking.out.contains("needs answer: step parallel--"), "{}", lacking.out);
}

#[test]
fn several_commands_on_several_machines_are_one_step() {
    let (block, undo) = (id("action", "7001"), id("action", "7002"));
    let south = "http://south.example/rules/203.0.113.9";
    let case = json!({"playbook": "p.json", "cases": [
        {
            "name": "both are done",
            "answers": [{"step": block, "body": null, "times": 4}],
            "expect": {"not": [undo], "calls": [{"step": block, "times": 4}, {"step": block, "arguments": {"url": south}}]},
        },
        {
            "name": "what failed is taken back",
            "answers": [
                {"step": block, "arguments": {"url": south}, "failure": {"status": 403}},
                {"step": block, "body": null},
                {"step": undo, "body": null},
            ],
            "expect": {
                "path_exactly": [id("start", "7001"), block, undo, id("end", "7001")],
                "calls": [{"step": block, "times": 2}, {"step": undo, "times": 2}],
            },
        },
    ]});
    let dir = files(&[("p.json", &text("two-firewalls.json")), ("p.test.json", &case.to_string())]);
    let run = program(&dir, &["test"]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let wrong = case.to_string().replace("\"path_exactly\":[", "\"path_exactly\":[\"end--none\",");
    std::fs::write(dir.path().join("p.test.json"), &wrong).unwrap();
    let unknown = program(&dir, &["test"]);
    let told = "cases[1].expect.path_exactly[0]: no step \"end--none\"";
    assert!(unknown.code == 2 && unknown.err.contains(told), "{}", unknown.err);
    let differs = wrong.replace("end--none", &undo);
    std::fs::write(dir.path().join("p.test.json"), differs).unwrap();
    let differs = program(&dir, &["test"]);
    let told = format!("the steps were {}, {block}, {undo}, {}", id("start", "7001"), id("end", "7001"));
    assert!(differs.code == 1 && differs.out.contains(&told), "{}", differs.out);
}

#[test]
fn a_form_and_rounds_of_a_loop_are_tested_by_the_names_of_the_file() {
    let (ask, stop) = (id("action", "8001"), id("action", "8002"));
    let form = json!({"playbook": "form.json", "cases": [{
        "name": "it is stopped",
        "approvals": [{"step": ask, "choice": "approve", "data": {"agreed": true, "minutes": 5}}],
        "variables": {id("http-api", "8001"): "https://hosts.internal"},
        "answers": [{"step": stop, "body": null}],
        "expect": {
            "path": [ask, stop],
            "questions": [{"step": ask, "question": "May db-1"}],
            "calls": [{"step": stop, "arguments": {"url": "https://hosts.internal/stop/db-1?minutes=5"}}],
        },
    }]});
    let (scan, look, round) = (id("action", "6001"), id("action", "6002"), id("while-condition", "6001"));
    let state = |at: u32, state: &str| json!({"step": look, "scope": format!("{round}:{at}"), "body": {"state": state, "found": {"names": [], "worst": 1}}});
    let rounds = json!({"playbook": "while.json", "cases": [{
        "name": "it is looked at three times",
        "answers": [{"step": scan, "body": {"scan": 7}}, state(0, "running"), state(1, "running"), state(2, "done")],
        "expect": {"path": [round, look, look, look], "calls": [{"step": look, "times": 3}, {"step": look, "scope": format!("{round}:2")}]},
    }]});
    let dir = files(&[
        ("form.json", &text("manual-form.json")),
        ("while.json", &text("while-scan.json")),
        ("form.test.json", &form.to_string()),
        ("while.test.json", &rounds.to_string()),
    ]);
    let run = program(&dir, &["test"]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
}

/// Runs the lookups against a tool; gives the id of the execution.
fn looked_up(dir: &TempDir, score: u32) -> String {
    let recorder = Recorder::answering(lookups(score, true));
    let (scores, lists, firewall) = (tool("1001"), tool("1002"), tool("1003"));
    let places = [(&*scores, "/v2"), (&*lists, ""), (&*firewall, "")];
    let ran = run(dir, &recorder, "parallel-lookups.json", &places, &["--var", "__ip__=\"203.0.113.9\""]);
    assert_eq!(&*status(&ran), "completed", "{}", ran.err);
    ran.json()["execution"]["peid"].as_str().unwrap().to_owned()
}

#[test]
fn a_case_is_made_of_an_execution_and_passes() {
    let dir = files(&[("p.json", &text("parallel-lookups.json"))]);
    let peid = looked_up(&dir, 91);
    let made = program(&dir, &["test", "--record", &peid, "--playbook", "p.json", "-o", "p.test.yaml"]);
    assert_eq!(made.code, 0, "{}", made.err);
    assert!(!made.err.contains("differs") && !made.err.contains("lacks"), "{}", made.err);
    let case = std::fs::read_to_string(dir.path().join("p.test.yaml")).unwrap();
    is_in_words_of_the_file(&case);
    assert!(case.contains(&tool("1001")), "places have the ids of the file: {case}");
    assert!(!case.contains("http_api_"), "{case}");
    let run = program(&dir, &["test"]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let dry =
        ["run", "p.json", "--var", "__ip__=\"203.0.113.9\"", "--dry-run", "--answers-of", &peid, "--json"];
    let dry = program(&dir, &dry).json();
    assert_eq!((&dry["end"], &dry["output"]["__score__"]), (&json!("completed"), &json!(91)));
    assert!(!has(&dir.path().join("updraft-data"), "correct horse"), "nothing of it is stored");
}

#[test]
fn calls_of_one_step_are_recorded_in_their_order() {
    let (north, south) = (id("http-api", "7001"), id("http-api", "7002"));
    let refuses = |asked: &Asked| match &*asked.line() {
        "POST /south/rules/203.0.113.9" => (403, String::new()),
        _ => (200, String::new()),
    };
    let dir = files(&[("p.json", &text("two-firewalls.json"))]);
    let recorder = Recorder::answering(refuses);
    let places = [(&*north, "/north"), (&*south, "/south")];
    let ran = run(&dir, &recorder, "two-firewalls.json", &places, &[]);
    let peid = ran.json()["execution"]["peid"].as_str().unwrap().to_owned();
    let made = program(&dir, &["test", "--record", &peid, "--playbook", "p.json", "-o", "p.test.yaml"]);
    assert!(made.code == 0 && !made.err.contains("differs"), "{}", made.err);
    let run = program(&dir, &["test"]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let replayed = program(&dir, &["replay", &peid, "--playbook", "p.json", "--verbose"]);
    assert!(replayed.out.contains("1 executions: 1 same"), "{}", replayed.out);
}

#[test]
fn executions_are_replayed_through_a_changed_file() {
    let dir = files(&[("same.json", &text("parallel-lookups.json"))]);
    let (high, low) = (looked_up(&dir, 91), looked_up(&dir, 40));
    let changed = |name: &str, from: &str, to: &str| {
        let text = text("parallel-lookups.json");
        assert!(text.contains(from), "{from}");
        let text = text.replace(from, to).replace(
            "\"modified\": \"2026-03-02T09:00:00.000Z\"",
            "\"modified\": \"2026-03-03T09:00:00.000Z\"",
        );
        std::fs::write(dir.path().join(name), text).unwrap();
    };
    let replay = |file: &str, more: &[&str]| {
        program(&dir, &[&["replay", "--where", "all", "--playbook", file][..], more].concat())
    };
    let same = replay("same.json", &[]);
    assert!(same.code == 0 && same.out.contains("2 executions: 2 same"), "{}{}", same.out, same.err);

    // Another threshold: the one that was blocked is not any more.
    changed("higher.json", "__score__:value > 80", "__score__:value > 95");
    let higher = replay("higher.json", &["--verbose"]);
    assert!(higher.out.contains("2 executions: 1 same, 1 differ"), "{}", higher.out);
    let block = "action--7b6a1b0e-7f3a-4c55-9a67-1f6f3f0a1001";
    assert!(higher.out.contains(&format!("{high}  differs")), "{}", higher.out);
    assert!(higher.out.contains(&format!("gone call: {block} (http.request)")), "{}", higher.out);

    // A time for a step makes other steps of it; to its author it is the same step.
    changed("timed.json", "\"name\": \"Score\",", "\"name\": \"Score\", \"timeout\": 60000, \"delay\": 5,");
    let timed = replay("timed.json", &["--verbose"]);
    assert!(timed.out.contains("2 executions: 2 same"), "{}", timed.out);
    assert!(!timed.out.contains("new call"), "{}", timed.out);

    // A further step needs what nobody recorded.
    changed(
        "more.json",
        "\"on_true\": \"action--7b6a1b0e-7f3a-4c55-9a67-1f6f3f0a1001\",\n      \"on_false\": \"end--6b6a1b0e-7f3a-4c55-9a67-1f6f3f0a1004\"",
        "\"on_true\": \"action--7b6a1b0e-7f3a-4c55-9a67-1f6f3f0a1001\",\n      \"on_false\": \"action--7b6a1b0e-7f3a-4c55-9a67-1f6f3f0a1009\"",
    );
    let more = std::fs::read_to_string(dir.path().join("more.json")).unwrap().replace(
        "\"end--6b6a1b0e-7f3a-4c55-9a67-1f6f3f0a1003\": {",
        r#""action--7b6a1b0e-7f3a-4c55-9a67-1f6f3f0a1009": {"type": "action", "commands": [{"type": "http-api", "command": "PUT /notes HTTP/1.1"}],
            "agent": "http-api--5b6a1b0e-7f3a-4c55-9a67-1f6f3f0a1003", "on_completion": "end--6b6a1b0e-7f3a-4c55-9a67-1f6f3f0a1004"},
            "end--6b6a1b0e-7f3a-4c55-9a67-1f6f3f0a1003": {"#,
    );
    std::fs::write(dir.path().join("more.json"), more).unwrap();
    let more = replay("more.json", &["--json"]).json();
    let of = |peid: &str| more.as_array().unwrap().iter().find(|told| told["peid"] == peid).unwrap().clone();
    assert_eq!(of(&high)["verdict"], "same");
    assert_eq!(
        (&of(&low)["verdict"], &of(&low)["step"]),
        (&json!("needs_answer"), &json!("action--7b6a1b0e-7f3a-4c55-9a67-1f6f3f0a1009"))
    );
}

#[test]
fn another_playbook_is_told_by_the_step_that_runs_it() {
    let (calls, isolate) = (id("playbook-action", "3001"), id("action", "3002"));
    let case = json!({"playbook": "p.json", "sub": ["sub.json"], "cases": [{
        "name": "the job is told",
        "alert": {"__host__": "ws/17"},
        "answers": [
            {"step": isolate, "within": calls, "body": {"job": 42}},
            {"step": id("action", "3003"), "body": null},
        ],
        "expect": {
            "path": [calls, id("action", "3003")],
            "calls": [{"step": isolate, "within": calls, "arguments": {"url": "https://edr.example/hosts/ws%2F17/isolate"}}],
        },
    }]});
    let dir = files(&[
        ("p.json", &text("calls-isolate-host.json")),
        ("sub.json", &text("isolate-host.json")),
        ("p.test.json", &case.to_string()),
    ]);
    let run = program(&dir, &["test"]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
}
