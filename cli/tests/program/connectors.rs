//! Connectors at the command line: checked, listed, called by hand, and run by playbooks.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use tempfile::TempDir;

use crate::ended::ended;
use crate::given::{files, playbook};

/// A tool that answers every request with what it was asked and by whom, until the test's process ends.
fn tool() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let (mut first, mut key) = (String::new(), String::new());
            while let Some(Ok(line)) = lines.next().filter(|line| !line.as_ref().is_ok_and(String::is_empty))
            {
                if first.is_empty() {
                    first = line;
                } else if let Some(value) = line.strip_prefix("x-key: ") {
                    key = value.to_owned();
                }
            }
            let body = format!(r#"{{"asked": "{first}", "score": 7, "key": "{key}"}}"#);
            let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json";
            let _ = write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        }
    });
    address
}

const EDR: &str = r#"connector: edr
version: 2
description: A tool of a test.
base_url: "{{ constants.server }}"
constants: {server: https://edr.example}
headers: {x-key: {$secret: edr-key}}
health: {action: look, arguments: {host: b}}
actions:
  look:
    description: Looks at a host.
    arguments: {required: [host], properties: {host: {type: string}, days: {type: integer}}}
    request: {path: "/hosts/{{ arguments.host }}", query: {days: "{{ arguments.days }}"}}
    result: {asked: "{{ body.asked }}", score: "{{ body.score }}", key: "{{ body.key }}"}
    example: {asked: nobody, score: 1, key: none}
    contract: {arguments: {host: a}, output: {asked: x, score: many, extra: 1}}
"#;

const PLAYBOOK: &str = "  - {id: look, action: edr.look, arguments: {host: 'ws 17'}}
  - end: '{{ steps.look.output }}'
";

/// A folder with a connector, a playbook and a secret; and the options that a tool needs.
fn folder() -> (TempDir, Vec<String>) {
    let dir = files(&[("p.yaml", &playbook(PLAYBOOK))]);
    for (folder, file, text) in [("tools", "edr.yaml", EDR), ("secrets", "edr-key", "the-key-of-all")] {
        std::fs::create_dir(dir.path().join(folder)).unwrap();
        std::fs::write(dir.path().join(folder).join(file), text).unwrap();
    }
    let address = tool();
    let constant = format!("edr.server=http://{address}");
    let net = address.to_string();
    let options = ["--connectors", "tools", "--secrets", "secrets", "--connector-constant", &constant];
    let options = options.into_iter().chain(["--allow-net", &net]).map(str::to_owned).collect();
    (dir, options)
}

fn with<'a>(arguments: &[&'a str], options: &'a [String]) -> Vec<&'a str> {
    arguments.iter().copied().chain(options.iter().map(String::as_str)).collect()
}

#[test]
fn a_playbook_runs_with_a_connector_and_shows_no_secret() {
    let (dir, options) = folder();
    let run = ended(dir.path(), &with(&["run", "p.yaml", "--json"], &options));
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let output = &run.json()["execution"]["output"];
    assert_eq!(output["asked"], "GET /hosts/ws%2017 HTTP/1.1");
    assert_eq!((&output["score"], &output["key"]), (&serde_json::json!(7), &serde_json::json!("***")));
    let valid = ended(dir.path(), &with(&["validate", "p.yaml"], &options));
    assert_eq!((valid.code, valid.out.trim()), (0, "p.yaml: ok"));
    let without = ended(dir.path(), &["validate", "p.yaml"]);
    assert!(without.code == 2 && without.out.contains("no integration \"edr\""), "{}", without.out);
}

#[test]
fn a_dry_run_answers_with_the_example_of_a_connector() {
    let (dir, _) = folder();
    let arguments = ["run", "p.yaml", "--dry-run", "--examples", "--json", "--connectors", "tools"];
    let run = ended(dir.path(), &arguments);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert_eq!(run.json()["output"]["asked"], "nobody");
}

#[test]
fn a_call_by_hand_shows_its_request_without_secrets_and_the_answer() {
    let (dir, options) = folder();
    let call = ["connector", "call", "edr.look", "--arg", "host=ws 17", "--arg", "days=3"];
    let run = ended(dir.path(), &with(&call, &options));
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(
        run.out.contains("/hosts/ws%2017\n  headers: x-key: {\"$secret\":\"edr-key\"}\n  query: days: 3\n"),
        "{}",
        run.out
    );
    assert!(run.out.contains("\"asked\": \"GET /hosts/ws%2017?days=3 HTTP/1.1\""), "{}", run.out);
    assert!(!run.out.contains("the-key") && !run.err.contains("the-key"), "{}{}", run.out, run.err);
    let show = ended(dir.path(), &with(&[&call[..], &["--show"]].concat(), &options[..2]));
    assert!(
        show.code == 0 && show.out.starts_with("GET https://edr.example/hosts/ws%2017\n"),
        "{}",
        show.out
    );
    for (call, says) in [
        (["connector", "call", "edr.lok"], "has no action `lok`; did you mean \"look\"?"),
        (["connector", "call", "edr.look"], "arguments.host: is needed"),
        (["connector", "call", "erd.look"], "no connector `erd`; there are edr"),
    ] {
        let refused = ended(dir.path(), &with(&call, &options));
        assert!(refused.code == 2 && refused.err.contains(says), "{}", refused.err);
    }
}

#[test]
fn connectors_are_listed_and_their_mistakes_told() {
    let (dir, _) = folder();
    let listed = ended(dir.path(), &["connector", "list", "--connectors", "tools"]);
    assert_eq!(listed.code, 0, "{}", listed.err);
    assert_eq!(listed.out, "edr version 2: A tool of a test.\n  edr.look (read): Looks at a host.\n");
    let json = ended(dir.path(), &["connector", "list", "--connectors", "tools", "--json"]).json();
    assert_eq!(json[0]["actions"][0]["secrets"], serde_json::json!(["edr-key"]));
    let good = ended(dir.path(), &["connector", "check", "tools/edr.yaml"]);
    assert_eq!((good.code, good.out.as_str()), (0, "tools/edr.yaml: ok: edr version 2, 1 actions\n"));
    std::fs::write(dir.path().join("tools/wrong.yaml"), EDR.replace("arguments.host", "argument.host"))
        .unwrap();
    let wrong = ended(dir.path(), &["connector", "check", "tools/wrong.yaml"]);
    assert!(
        wrong.code == 2
            && wrong.out.contains("tools/wrong.yaml: line 12, column 21, actions.look.request.path: "),
        "{}",
        wrong.out
    );
    let run = ended(dir.path(), &["run", "p.yaml", "--connectors", "tools"]);
    assert!(run.code == 2 && run.err.contains("wrong.yaml: line 12"), "{}", run.err);
}

#[test]
fn what_has_changed_in_the_answers_of_a_vendor_is_told() {
    let (dir, options) = folder();
    let live = ended(dir.path(), &with(&["connector", "check", "tools/edr.yaml", "--live"], &options[2..]));
    assert_eq!(live.code, 1, "{}{}", live.out, live.err);
    let told: Vec<&str> = live.out.lines().skip(1).collect();
    assert_eq!(
        told,
        [
            "edr: the vendor answers",
            "edr.look: extra: is not there any more",
            "edr.look: key: is new",
            "edr.look: score: was a text, is a number"
        ]
    );
}
