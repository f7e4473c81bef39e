//! Integrations in what calls nothing: those of the program need no permission, those of a backend are described by a file.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::ended::{Ended, ended};
use crate::given::files;

/// A command on another machine, then one here.
const COMMANDS: &str = r#"{"format": 1, "name": "commands", "version": 1, "steps": [
  {"id": "block", "action": "ssh.run", "arguments": {"host": "{{ input.gateway }}", "user": "soc", "key": {"$secret": "gateway-key"},
    "command": "nft add element inet filter blocked -- {{ input.ip }}"}},
  {"id": "fixed", "action": "ssh.run", "arguments": {"host": "gateway.example", "command": "uptime"}},
  {"id": "whois", "action": "bash.run", "arguments": {"command": "whois -- {{ input.ip }}"}},
  {"end": "{{ steps.block.output.stdout }}"}]}"#;

/// What they answer.
const PRINTED: &str = r#"{"answers": [
  {"action": "ssh.run", "output": {"exit_code": 0, "stdout": "done", "stderr": ""}},
  {"step": "whois", "output": {"exit_code": 0, "stdout": "nobody", "stderr": ""}}]}"#;

const ALERT: &str = r#"{"gateway": "gw-1", "ip": "203.0.113.9; reboot"}"#;

fn program(dir: &TempDir, arguments: &[&str]) -> Ended {
    ended(dir.path(), arguments)
}

/// The calls of a dry run, each as its action and one of its arguments.
fn calls(run: &Value, argument: &str) -> Vec<(String, Value)> {
    let calls = run["calls"].as_array().unwrap().iter();
    calls
        .map(|call| (call["action"].as_str().unwrap().to_owned(), call["arguments"][argument].clone()))
        .collect()
}

#[cfg(unix)]
#[test]
fn commands_of_shells_are_told_without_any_permission() {
    let dir = files(&[("p.json", COMMANDS), ("a.json", ALERT), ("printed.json", PRINTED)]);
    let arguments =
        ["run", "p.json", "--input", "a.json", "--dry-run", "--answers", "printed.json", "--json"];
    let run = program(&dir, &arguments);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let run = run.json();
    assert_eq!(run["output"], "done");
    let expected = [
        ("ssh.run", "nft add element inet filter blocked -- '203.0.113.9; reboot'"),
        ("ssh.run", "uptime"),
        ("bash.run", "whois -- '203.0.113.9; reboot'"),
    ];
    assert_eq!(calls(&run, "command"), expected.map(|(action, command)| (action.to_owned(), json!(command))));
    assert_eq!(run["calls"][0]["arguments"]["key"], json!({"$secret": "gateway-key"}));
    // With permissions nothing is called either: the machine and the known hosts need not be there.
    let allowed = ["--allow-bash", "--allow-ssh", "gw-1", "--ssh-known-hosts", "nowhere"];
    let again = program(&dir, &[&arguments[..], &allowed].concat());
    assert_eq!(again.json()["calls"], run["calls"], "{}", again.err);
    let unanswered = program(&dir, &["run", "p.json", "--input", "a.json", "--dry-run"]);
    assert_eq!(unanswered.code, 5, "{}", unanswered.err);
    assert!(unanswered.out.contains("needs answer: step block (ssh.run {"), "{}", unanswered.out);
    let wrong = COMMANDS.replace("gateway.example", "-oProxyCommand");
    std::fs::write(dir.path().join("wrong.json"), wrong).unwrap();
    let wrong = program(&dir, &["run", "wrong.json", "--input", "a.json", "--dry-run"]);
    assert!(wrong.code == 2 && wrong.err.contains("steps[1].arguments.host"), "{}", wrong.err);
}

#[cfg(unix)]
#[test]
fn test_cases_and_replays_know_commands_of_other_machines() {
    let answers = PRINTED.strip_prefix("{\"answers\": ").and_then(|rest| rest.strip_suffix('}')).unwrap();
    let case = format!(
        r#"{{"playbook": "p.json", "cases": [{{"name": "it is blocked", "alert": {ALERT}, "answers": {answers},
            "expect": {{"output": "done", "calls": [{{"step": "block", "arguments": {{"host": "gw-1"}}}}]}}}}]}}"#
    );
    let local = r#"{"format": 1, "name": "local", "version": 1, "steps": [{"set": {"x": 1}}, {"end": 7}]}"#;
    let other = r#"{"format": 1, "name": "local", "version": 2, "steps": [
        {"id": "ask", "action": "ssh.run", "arguments": {"host": "gw-1", "command": "uptime"}}, {"end": 7}]}"#;
    let dir =
        files(&[("p.json", COMMANDS), ("p.test.json", &case), ("local.json", local), ("other.json", other)]);
    let tested = program(&dir, &["test", "p.test.json"]);
    assert_eq!(tested.code, 0, "{}{}", tested.out, tested.err);
    let run = program(&dir, &["run", "local.json", "--json"]);
    let peid = run.json()["execution"]["peid"].as_str().unwrap().to_owned();
    let replayed = program(&dir, &["replay", &peid, "--playbook", "other.json"]);
    assert!(
        replayed.out.contains("needs answer") && replayed.out.contains("ssh.run"),
        "{}{}",
        replayed.out,
        replayed.err
    );
    let recorded = program(&dir, &["test", "--record", &peid, "--playbook", "other.json"]);
    assert!(recorded.err.contains("lacks an answer: step ask (ssh.run"), "{}", recorded.err);
}

#[test]
fn an_integration_of_a_backend_is_described_by_a_file() {
    let playbook = r#"{"format": 1, "name": "isolate", "version": 1, "steps": [
        {"id": "look", "action": "edr.look", "arguments": {"host": "{{ input.host }}"}},
        {"id": "isolate", "action": "edr.isolate",
         "arguments": {"command": "isolate {{ input.host }}", "token": {"$secret": "edr-token"}}},
        {"end": "{{ steps.isolate.output.job }}"}]}"#;
    let tools = "edr:\n  look: {effect: read, example: {id: 7}}\n  \
                 isolate: {secrets: true, arguments: {command: command}, example: {job: 42}}\n";
    let case = "playbook: p.json\ncases:\n  - name: it is isolated\n    alert: {host: 'ws 17'}\n    answers:\n      \
                - {action: edr.look, output: {}}\n      - {step: isolate, output: {job: 3}}\n    \
                expect: {output: 3, calls: [{action: edr.isolate, arguments: {command: \"isolate 'ws 17'\"}}]}\n";
    let dir = files(&[
        ("p.json", playbook),
        ("a.json", r#"{"host": "ws 17"}"#),
        ("tools.yaml", tools),
        ("p.test.yaml", case),
        ("wrong.yaml", "edr:\n  look: {effect: reed}\n"),
    ]);
    let dry = ["run", "p.json", "--input", "a.json", "--dry-run", "--examples", "--json"];
    let run = program(&dir, &[&dry[..], &["--integrations", "tools.yaml"]].concat());
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let run = run.json();
    assert_eq!((&run["output"], &run["calls"][0]["effect"]), (&json!(42), &json!("read")));
    assert_eq!(
        run["calls"][1]["arguments"]["command"], "isolate 'ws 17'",
        "a value is one word of a command"
    );
    let tested = program(&dir, &["test", "--integrations", "tools.yaml"]);
    assert_eq!(tested.code, 0, "{}{}", tested.out, tested.err);
    let unknown = program(&dir, &["test"]);
    assert!(unknown.code == 2 && unknown.err.contains("no integration \"edr\""), "{}", unknown.err);
    let wrong = program(&dir, &["test", "--integrations", "wrong.yaml"]);
    assert!(
        wrong.code == 2 && wrong.err.contains("wrong.yaml: line 2, column 18, edr.look.effect"),
        "{}",
        wrong.err
    );
    let reads = program(&dir, &[&dry[..5], &["--allow-reads", "--integrations", "tools.yaml"]].concat());
    assert!(
        reads.out.contains("only declared"),
        "a read of it cannot be made here: {}{}",
        reads.out,
        reads.err
    );
}
