//! CACAO playbooks as operators meet them: files that were written from the standard, run by the program against tools over
//! real HTTP.

use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use crate::ended::{Ended, ended};
use crate::given::files;
use crate::recorder::{Asked, Recorder};

/// A playbook of the crate's tests.
pub(crate) fn book(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cacao/tests/playbooks").join(name);
    path.to_str().unwrap().to_owned()
}

/// Runs a playbook whose agents and targets of these ids are one tool.
pub(crate) fn run(
    dir: &TempDir,
    tool: &Recorder,
    file: &str,
    places: &[(&str, &str)],
    more: &[&str],
) -> Ended {
    let (file, allowed) = (book(file), tool.address.to_string());
    let places: Vec<String> =
        places.iter().map(|(id, path)| format!("{id}=http://{}{path}", tool.address)).collect();
    let mut arguments = vec!["run", &file, "--json", "--allow-net", &allowed];
    arguments.extend(places.iter().flat_map(|place| ["--endpoint", place]));
    arguments.extend(more);
    ended(dir.path(), &arguments)
}

pub(crate) fn id(kind: &str, number: &str) -> String {
    format!("{kind}--3b6a1b0e-7f3a-4c55-9a67-1f6f3f0a{number}")
}

pub(crate) fn tool(number: &str) -> String {
    format!("http-api--5b6a1b0e-7f3a-4c55-9a67-1f6f3f0a{number}")
}

/// The status of the execution that a run told of.
pub(crate) fn status(run: &Ended) -> String {
    run.json()["execution"]["execution_status"].as_str().unwrap_or_default().to_owned()
}

/// Whether a file below has this text.
pub(crate) fn has(dir: &Path, text: &str) -> bool {
    std::fs::read_dir(dir).unwrap().flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return has(&path, text);
        }
        std::fs::read(&path).unwrap().windows(text.len()).any(|found| found == text.as_bytes())
    })
}

pub(crate) fn lookups(score: u32, listed: bool) -> impl Fn(&Asked) -> (u16, String) {
    move |asked| match asked.target.split(['/', '?']).nth(1) {
        Some("v2") => (200, format!("{{\"score\": {score}, \"of\": 100}}")),
        Some("lists") => (200, format!("{{\"listed\": {listed}}}")),
        _ => (200, "{}".to_owned()),
    }
}

#[test]
fn branches_look_up_at_once_and_a_condition_decides_with_what_both_found() {
    let (scores, lists, firewall) = (tool("1001"), tool("1002"), tool("1003"));
    let places = [(&*scores, "/v2"), (&*lists, ""), (&*firewall, "")];
    for (score, listed, blocks) in [(91, true, true), (80, true, false), (91, false, false)] {
        let (dir, tool) = (files(&[]), Recorder::answering(lookups(score, listed)));
        let run = run(&dir, &tool, "parallel-lookups.json", &places, &["--var", "__ip__=\"203.0.113.9\""]);
        assert_eq!((run.code, &*status(&run)), (0, "completed"), "{}", run.err);
        tool.one("GET /v2/scores/203.0.113.9?detail=no");
        let search = tool.one("POST /lists/search");
        assert_eq!(search.json(), json!({ "address": "203.0.113.9", "limit": 80 }));
        assert_eq!(tool.asked().len(), if blocks { 3 } else { 2 }, "{:?}", tool.lines());
        if blocks {
            let block = tool.one("PUT /blocks/203.0.113.9");
            assert_eq!(block.json(), json!({ "score": 91, "note": "listed: true" }));
            assert_eq!(block.header("x-reason"), Some("score 91"));
            assert_eq!(block.header("authorization"), Some("Basic c29hcjpjb3JyZWN0IGhvcnNlIGJhdHRlcnk="));
        }
        let said = format!("{}{}", run.out, run.err);
        assert!(!said.contains("correct horse"), "{said}");
        assert!(!has(dir.path(), "correct horse"), "a secret of the file is stored nowhere");
        assert!(said.contains("TLP:CLEAR"), "{said}");
    }
}

#[test]
fn an_external_variable_comes_of_the_alert_and_keeps_its_type() {
    let (scores, lists, firewall) = (tool("1001"), tool("1002"), tool("1003"));
    let places = [(&*scores, "/v2"), (&*lists, ""), (&*firewall, "")];
    let dir = files(&[
        ("alert.json", r#"{"__ip__": "203.0.113.9", "other": 1}"#),
        ("wrong.json", r#"{"__ip__": 7}"#),
    ]);
    let tool = Recorder::answering(lookups(1, false));
    let given = run(&dir, &tool, "parallel-lookups.json", &places, &["--input", "alert.json"]);
    assert_eq!((given.code, &*status(&given)), (0, "completed"), "{}", given.err);
    tool.one("GET /v2/scores/203.0.113.9?detail=no");
    let tool = Recorder::answering(lookups(1, false));
    for more in [&["--input", "wrong.json"][..], &[]] {
        let wrong = run(&dir, &tool, "parallel-lookups.json", &places, more);
        assert_ne!(wrong.code, 0, "{more:?} {:?} {}", tool.lines(), wrong.err);
        assert!(
            tool.asked().is_empty(),
            "nothing is asked about an address that is none: {:?}",
            tool.lines()
        );
    }
}

#[test]
fn a_switch_takes_the_case_of_its_value_and_goes_on_after_it() {
    let desk = tool("2001");
    let cases: [(&str, &str, &[&str], &str); 3] = [
        (
            "high",
            r#""ws 17/a""#,
            &["POST /pages", "POST /hosts/ws%2017%2Fa/freeze", "POST /hosts/ws%2017%2Fa/isolate"],
            "p1",
        ),
        ("medium", r#""a&b=c""#, &["POST /tickets?host=a%26b%3Dc"], "t1"),
        ("unheard of", r#""x""#, &[], "none"),
    ];
    for (severity, host, asked, queue) in cases {
        let answer = |asked: &Asked| match &*asked.target {
            "/pages" => (200, r#"{"queue": "p1"}"#.to_owned()),
            target if target.starts_with("/tickets") => (200, r#"{"queue": "t1"}"#.to_owned()),
            _ => (200, String::new()),
        };
        let (dir, tool) = (files(&[]), Recorder::answering(answer));
        let (severity, host) = (format!("__severity__=\"{severity}\""), format!("__host__={host}"));
        let more = ["--var", &severity, "--var", &host];
        let run = run(&dir, &tool, "switch-severity.json", &[(&desk, "")], &more);
        assert_eq!((run.code, &*status(&run)), (0, "completed"), "{}", run.err);
        let lines: Vec<String> =
            asked.iter().map(|line| (*line).to_owned()).chain(["POST /notes".to_owned()]).collect();
        assert_eq!(tool.lines(), lines);
        assert_eq!(tool.one("POST /notes").json(), json!({ "queue": queue }));
        let tasks = run.json()["tasks"].clone();
        let steps: Vec<&str> =
            tasks.as_array().unwrap().iter().filter_map(|task| task["step_id"].as_str()).collect();
        assert!(steps.contains(&"switch-condition--2b6a1b0e-7f3a-4c55-9a67-1f6f3f0a2001"), "{steps:?}");
        assert!(steps.contains(&&*id("action", "2003")), "ids are those of the file: {steps:?}");
    }
}

#[test]
fn another_playbook_takes_arguments_and_gives_results_back() {
    let desk = tool("3001");
    let sub = std::fs::read_to_string(book("isolate-host.json")).unwrap();
    for (code, line) in [(200, "POST /done/42"), (404, "POST /failed/ws%2F17")] {
        let answer = move |asked: &Asked| match asked.target.starts_with("/hosts/") {
            true => (code, r#"{"job": 42}"#.to_owned()),
            false => (200, String::new()),
        };
        let tool = Recorder::answering(answer);
        // What another playbook connects to is said by that one alone.
        let place = format!(r#""url": ["http://{}"]"#, tool.address);
        let sub = sub.replace(r#""dname": ["edr.example"]"#, &place);
        let dir = files(&[("sub.json", &sub)]);
        let more = ["--sub", "sub.json", "--var", r#"__host__="ws/17""#];
        let run = run(&dir, &tool, "calls-isolate-host.json", &[(&desk, "")], &more);
        assert_eq!((run.code, &*status(&run)), (0, "completed"), "{}{}", run.err, run.out);
        assert_eq!(tool.lines(), ["POST /hosts/ws%2F17/isolate", line]);
    }
}

#[test]
fn an_exception_is_told_by_its_step_and_never_as_completed() {
    let only = tool("4001");
    let failing = |fails: &'static [&'static str]| {
        move |asked: &Asked| {
            if fails.contains(&&*asked.target) { (403, String::new()) } else { (200, String::new()) }
        }
    };
    let cases: [(&'static [&'static str], &[&str], &str); 3] = [
        (&[], &["POST /first", "POST /second"], "completed"),
        (&["/first"], &["POST /first", "POST /mend", "POST /second"], "completed"),
        (&["/second"], &["POST /first", "POST /second", "POST /tell"], "failed"),
    ];
    for (fails, asked, ends) in cases {
        let (dir, tool) = (files(&[]), Recorder::answering(failing(fails)));
        let run = run(&dir, &tool, "acting-exception.json", &[(&only, "")], &[]);
        assert_eq!((&*status(&run), run.code == 0), (ends, ends == "completed"), "{}", run.err);
        assert_eq!(tool.lines(), asked);
        if ends == "failed" {
            assert_eq!(tool.one("POST /tell").json(), json!({ "host": "ws-17" }));
            let error = run.json()["execution"]["error"].to_string();
            assert!(error.contains("403"), "the end names the first failure: {error}");
        }
    }
}

#[test]
fn tokens_are_those_of_the_file_or_fetched_with_its_client_and_stored_nowhere() {
    let dir = files(&[]);
    let answer = |asked: &Asked| match &*asked.target {
        "/token" => {
            (200, r#"{"access_token": "fetched", "token_type": "Bearer", "expires_in": 3600}"#.to_owned())
        }
        _ => (200, "{}".to_owned()),
    };
    let tool = Recorder::answering(answer);
    let file = std::fs::read_to_string(book("oauth2.json")).unwrap();
    let file = file.replace("https://login.example", &format!("http://{}", tool.address));
    std::fs::write(dir.path().join("oauth2.json"), file).unwrap();
    let place = |number: &str| format!("{}=http://{}", id("http-api", number), tool.address);
    let (inventory, edr, allowed) = (place("5001"), place("5002"), tool.address.to_string());
    let arguments = [
        "run",
        "oauth2.json",
        "--json",
        "--allow-net",
        &allowed,
        "--endpoint",
        &inventory,
        "--endpoint",
        &edr,
    ];
    let run = ended(dir.path(), &arguments);
    assert_eq!((run.code, &*status(&run)), (0, "completed"), "{}", run.err);
    let bearer = |line: &str| tool.one(line).header("authorization").unwrap().to_owned();
    assert_eq!(bearer("GET /hosts/ws%2017%2Fa"), "Bearer eyJ-a-token-of-the-file");
    assert_eq!(bearer("DELETE /hosts/ws%2017%2Fa"), "Bearer fetched");
    let form = tool.one("POST /token").body;
    assert!(form.contains("client_credentials") && form.contains("hosts.write"), "{form}");
    let data = dir.path().join("updraft-data");
    for secret in ["eyJ-a-token-of-the-file", "client-secret-of-the-file"] {
        assert!(!run.out.contains(secret) && !run.err.contains(secret) && !has(&data, secret), "{secret}");
    }
}

#[test]
fn two_files_with_different_credentials_of_one_name_are_refused() {
    let text = std::fs::read_to_string(book("parallel-lookups.json")).unwrap();
    let other = text.replace("correct horse battery", "another one of these");
    let dir = files(&[("one.json", &text), ("two.json", &other)]);
    let arguments = ["run", "one.json", "--sub", "two.json", "--allow-net", "192.0.2.10"];
    let run = ended(dir.path(), &arguments);
    assert_eq!(run.code, 2, "{}", run.err);
    assert!(
        run.err.contains("two.json: its credential cacao.http-basic--") && run.err.contains("one.json"),
        "{}",
        run.err
    );
    assert!(!run.err.contains("another one of these"), "{}", run.err);
    assert!(!dir.path().join("updraft-data/journal").exists(), "nothing was begun");
}

#[cfg(unix)]
#[test]
fn credentials_of_a_file_are_written_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let name = "cacao.http-basic--8b6a1b0e-7f3a-4c55-9a67-1f6f3f0a1001.password";
    let (dir, file) = (files(&[(name, "what others could read")]), book("parallel-lookups.json"));
    let kept = dir.path().join(name);
    std::fs::set_permissions(&kept, PermissionsExt::from_mode(0o644)).unwrap();
    let imported = ended(dir.path(), &["import", "cacao", &file, "-o", "out.json", "--secrets-to", "."]);
    assert_eq!(imported.code, 0, "{}", imported.err);
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), "correct horse battery");
    assert_eq!(std::fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
    let written = std::fs::read_to_string(dir.path().join("out.json")).unwrap();
    assert!(written.contains(name) && !written.contains("correct horse"), "{written}");
    assert!(!imported.err.contains("correct horse"), "{}", imported.err);
    let (allowed, secrets) = (&["--allow-net", "192.0.2.10"], &["--secrets", "."]);
    let checked = ended(dir.path(), &[&["validate", "out.json"][..], allowed, secrets].concat());
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);
}

#[test]
fn a_while_goes_round_until_its_condition_no_longer_holds() {
    let scanner = id("http-api", "6001");
    for (last, alarms) in [
        (r#"{"state": "done", "found": {"names": ["a"], "worst": 9}}"#, 1),
        (r#"{"state": "failed", "found": {"names": [], "worst": 9}}"#, 0),
    ] {
        let rounds = std::sync::atomic::AtomicUsize::new(0);
        let answer = move |asked: &Asked| match &*asked.line() {
            "POST /scans" => (200, r#"{"scan": 7}"#.to_owned()),
            "GET /scans/7" if rounds.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 2 => {
                (200, r#"{"state": "running", "found": {"names": [], "worst": 0}}"#.to_owned())
            }
            "GET /scans/7" => (200, last.to_owned()),
            _ => (200, String::new()),
        };
        let (dir, tool) = (files(&[]), Recorder::answering(answer));
        let run = run(&dir, &tool, "while-scan.json", &[(&scanner, "")], &[]);
        assert_eq!((run.code, &*status(&run)), (0, "completed"), "{}", run.err);
        assert_eq!(tool.lines().iter().filter(|line| *line == "GET /scans/7").count(), 3);
        let told: Vec<_> = tool.asked().into_iter().filter(|asked| asked.target == "/alarms").collect();
        assert_eq!(told.len(), alarms);
        for alarm in told {
            assert_eq!(alarm.json(), json!({ "found": { "names": ["a"], "worst": 9 } }));
        }
    }
}

#[test]
fn each_command_acts_on_each_target_and_a_failure_is_handled_by_the_step() {
    let (north, south) = (id("http-api", "7001"), id("http-api", "7002"));
    let places = [(&*north, "/north"), (&*south, "/south")];
    let all = [
        "POST /north/rules/203.0.113.9",
        "POST /south/rules/203.0.113.9",
        "POST /north/commit",
        "POST /south/commit",
    ];
    let (dir, tool) = (files(&[]), Recorder::answering(|_| (200, String::new())));
    let done = run(&dir, &tool, "two-firewalls.json", &places, &[]);
    assert_eq!((done.code, &*status(&done)), (0, "completed"), "{}", done.err);
    assert_eq!(tool.lines(), all);
    let refuses = |asked: &Asked| {
        if asked.line() == "POST /south/rules/203.0.113.9" {
            (403, String::new())
        } else {
            (200, String::new())
        }
    };
    let (dir, tool) = (files(&[]), Recorder::answering(refuses));
    let mended = run(&dir, &tool, "two-firewalls.json", &places, &[]);
    assert_eq!((mended.code, &*status(&mended)), (0, "completed"), "{}", mended.err);
    let taken_back = ["DELETE /north/rules/203.0.113.9", "DELETE /south/rules/203.0.113.9"];
    assert_eq!(tool.lines(), [&all[..2], &taken_back[..]].concat());
}

#[test]
fn a_value_inside_of_quotes_of_a_shell_is_refused_with_the_step_and_the_rule_beside_what_is_warned_of() {
    let playbook = |command: &str| {
        let step = |kind: &str| id(kind, "0001");
        json!({
            "type": "playbook", "spec_version": "cacao-2.0", "id": id("playbook", "0001"), "name": "Look",
            "created_by": id("identity", "0001"),
            "created": "2026-01-05T08:00:00.000Z", "modified": "2026-01-05T08:00:00.000Z",
            "description_of_nothing": "x",
            "workflow_start": step("start"),
            "playbook_variables": {"__ip__": {"type": "ipv4-addr", "value": "192.0.2.7", "external": true}},
            "agent_definitions": {step("individual"): {"type": "individual", "name": "This machine"}},
            "workflow": {
                step("start"): {"type": "start", "on_completion": step("action")},
                step("action"): {
                    "type": "action", "on_completion": step("end"), "agent": step("individual"),
                    "commands": [{"type": "bash", "command": command}]
                },
                step("end"): {"type": "end"}
            }
        })
        .to_string()
    };
    for (command, why) in [
        ("echo \"__ip__:value\"", "leave the quotes away"),
        ("echo '__ip__:value'", "leave the quotes away"),
        ("echo $(host __ip__:value)", "inside of `$(…)` no value may stand"),
        ("cat <<END\n__ip__:value\nEND", "in the lines of `<<`"),
        ("__ip__:value --now", "may not choose the program"),
    ] {
        let dir = files(&[("p.json", &playbook(command))]);
        let told = ended(dir.path(), &["validate", "p.json", "--allow-bash"]);
        let lines: Vec<&str> = told.out.lines().collect();
        let place = format!("p.json: workflow[\"{}\"], arguments.command: ", id("action", "0001"));
        assert_eq!((told.code, lines.len()), (2, 2), "{}", told.out);
        assert!(lines[0].starts_with(&place) && lines[0].contains(why), "{}", told.out);
        assert!(lines[0].ends_with("(rule shell-value)"), "{}", told.out);
        assert!(lines[1].contains("note: warning: ") && lines[1].ends_with("(rule unknown-property)"));
    }
    let dir = files(&[("p.json", &playbook("host __ip__:value | head -n 1"))]);
    let told = ended(dir.path(), &["validate", "p.json", "--allow-bash"]);
    assert_eq!((told.code, told.out.lines().next()), (0, Some("p.json: ok")), "{}", told.out);
}
