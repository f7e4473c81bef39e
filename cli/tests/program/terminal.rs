//! What reaches a terminal: no control character, of whatever kind, from whatever place it came.

use std::process::Stdio;

use crate::ended::{Ended, ended, updraft};
use crate::given::{files, playbook};
use crate::tools::Tool;

/// Escape, its relative above ASCII, a mark that turns the direction of writing, a bell, and one that takes back.
const EVIL: &str = "a\u{1b}[2J\u{9b}31m\u{202e}b\u{7}c\u{8}\u{7f}\u{2066}\u{2028}d";

fn obeyed(c: char) -> bool {
    c.is_control() && c != '\n'
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn assert_harmless(run: &Ended, whose: &str) {
    for said in [&run.out, &run.err] {
        assert!(!said.contains(obeyed), "{whose}: {said:?}");
    }
}

#[test]
fn what_the_command_line_and_the_environment_say_is_shown_and_not_obeyed() {
    let dir = files(&[("p.yaml", &playbook("  - {id: done, end: null}\n"))]);
    let assigned = format!("{EVIL}={EVIL}");
    let option = format!("--{EVIL}");
    for arguments in [
        &[EVIL][..],
        &["run", &option],
        &["run", EVIL],
        &["run", "p.yaml", EVIL],
        &["run", "p.yaml", "--var", &assigned],
        &["run", "p.yaml", "--var", "n={\"\u{9b}"],
        &["run", "p.yaml", "--endpoint", &assigned],
        &["run", "p.yaml", "--tenant", EVIL],
        &["run", "p.yaml", "--input", EVIL],
        &["run", "p.yaml", "--allow-net", EVIL],
        &["run", "p.yaml", "--durability", EVIL],
        &["run", "p.yaml", "--on-reuse", EVIL, "--key", "k"],
        &["run", "p.yaml", "--log", EVIL],
        &["run", "p.yaml", "--store", EVIL],
        &["list", "--status", EVIL],
        &["list", "--data", EVIL],
        &["list", "--limit", EVIL],
        &["show", EVIL],
        &["cancel", EVIL, "--uid", EVIL, "--reason", EVIL],
        &["health", "--data", EVIL],
        &["top", "--data", EVIL],
        &["validate", EVIL],
        &["validate", "--json", EVIL],
        &["stress", "--assert", EVIL],
        &["stress", "--json", EVIL, "--data", EVIL],
        &["stress", "compare", EVIL, EVIL],
    ] {
        let run = ended(dir.path(), arguments);
        assert_ne!(run.code, 0, "{arguments:?}");
        assert!(!run.out.is_empty() || !run.err.is_empty(), "{arguments:?}");
        assert_harmless(&run, &format!("{arguments:?}"));
    }
    for variable in ["UPDRAFT_DATA", "UPDRAFT_LOG", "UPDRAFT_STORE", "UPDRAFT_ALLOW_NET"] {
        for arguments in [&["run", "p.yaml"][..], &["list"], &["run", "--help"]] {
            let run: Ended = updraft(dir.path(), arguments).env(variable, EVIL).output().unwrap().into();
            assert_harmless(&run, variable);
        }
    }
}

#[test]
fn what_files_say_is_shown_and_not_obeyed() {
    let yaml = EVIL.replace('\u{1b}', "\\e").replace(['\u{7}', '\u{8}', '\u{7f}'], "");
    let named = |text: &str| playbook(&format!("  - {{id: \"{text}\", end: null}}\n"));
    let dir = files(&[
        ("id.yaml", &named(&yaml)),
        ("raw.yaml", &named(EVIL)),
        ("key.yaml", &playbook(&format!("  - {{id: a, end: null, \"{yaml}\": 1}}\n"))),
        ("next.yaml", &playbook(&format!("  - {{id: a, delay: 1s, next: \"{yaml}\"}}\n"))),
        ("template.yaml", &playbook(&format!("  - {{id: a, end: \"{{{{ {yaml} }}}}\"}}\n"))),
        ("p.yaml", &playbook("  - {id: done, end: null}\n")),
        ("alert.json", &format!("{{\"a\": {EVIL}}}")),
        (
            "figures.json",
            &format!("{{\"scenario\": \"{}\", \"executions_per_s\": 1}}", "\\u009b\\u202e\\u001b[2J"),
        ),
        ("other.json", "{\"scenario\": \"x\", \"executions_per_s\": 1}"),
    ]);
    std::fs::create_dir(dir.path().join("net")).unwrap();
    std::fs::write(dir.path().join("net/allow-net"), format!("{EVIL}\n")).unwrap();
    for arguments in [
        &["validate", "id.yaml", "raw.yaml", "key.yaml", "next.yaml", "template.yaml"][..],
        &["validate", "--json", "id.yaml", "raw.yaml", "key.yaml", "next.yaml", "template.yaml"],
        &["run", "key.yaml"],
        &["run", "p.yaml", "--input", "alert.json"],
        &["run", "p.yaml", "--data", "net"],
        &["stress", "compare", "figures.json", "other.json"],
    ] {
        assert_harmless(&ended(dir.path(), arguments), &format!("{arguments:?}"));
    }
}

#[test]
fn what_alerts_and_tools_say_is_shown_and_not_obeyed_and_json_has_it_all_the_same() {
    let tool = Tool::listen();
    let steps = format!(
        "  - id: ask\n    action: http.request\n    arguments: {{url: \
         'http://{}/x', response: text}}\n    on_failure: continue\n  - {{id: done, end: \
         {{seen: '{{{{ input }}}}'}}}}\n",
        tool.address
    );
    let input = serde_json::json!({ "evil": EVIL, EVIL: 1 });
    let dir = files(&[("p.yaml", &playbook(&steps)), ("alert.json", &input.to_string())]);
    let allow = tool.address.to_string();
    let words = [
        "run",
        "p.yaml",
        "--input",
        "alert.json",
        "--alert-id",
        EVIL,
        "--uid",
        EVIL,
        "--key",
        EVIL,
        "--log",
        "trace",
        "--allow-net",
        &allow,
        "--durability",
        "os",
    ];
    for json in [false, true] {
        let data = if json { "a" } else { "b" };
        let mut arguments = [&words[..], &["--data", data]].concat();
        arguments.extend(json.then_some("--json"));
        let mut command = updraft(dir.path(), &arguments);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (_, mut stream) = tool.asked();
        let answer = format!(
            "HTTP/1.1 500 {EVIL}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{EVIL}",
            EVIL.len()
        );
        // A tool that says more than it may is hung up on.
        let _ = std::io::Write::write_all(&mut stream, answer.replace(['\u{7}', '\u{8}'], "").as_bytes());
        drop(stream);
        let run: Ended = child.wait_with_output().unwrap().into();
        assert_harmless(&run, "run");
        if json {
            assert_eq!(run.json()["execution"]["alert_id"], EVIL);
            assert_eq!(run.json()["execution"]["input"], input);
        }
        let again = ended(dir.path(), &arguments);
        assert!(again.err.contains("has this key"), "{}", again.err);
        assert_harmless(&again, "again");
        let listed = ended(dir.path(), &["list", "--data", data, "--json"]);
        assert_eq!(listed.json()[0]["uid"], EVIL);
        let peid = listed.json()[0]["peid"].as_str().unwrap().to_owned();
        assert_harmless(&listed, "list --json");
        for arguments in [&["list"][..], &["show", &peid], &["show", &peid, "--json"]] {
            let run = ended(dir.path(), &[arguments, &["--data", data]].concat());
            assert_eq!(run.code, 0, "{}", run.err);
            assert_harmless(&run, arguments[0]);
        }
    }
}
