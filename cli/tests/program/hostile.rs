//! The examples with alerts that an attacker wrote: nothing is done to what the alert does not name.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::ended::ended;
use crate::given::files;
use crate::tools::Tools;

fn example(name: &str, file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name).join(file)
}

fn alert(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(example(name, "alert.json")).unwrap()).unwrap()
}

/// The execution and its tasks, of an example with this alert.
fn run(dir: &Path, tools: &Tools, name: &str, alert: &Value) -> Value {
    std::fs::write(dir.join("alert.json"), alert.to_string()).unwrap();
    let (book, place) = (example(name, "playbook.yaml"), tools.place());
    let book = book.to_str().unwrap();
    let arguments =
        ["run", book, "--input", "alert.json", "--json", "--endpoint", &place, "--durability", "os"];
    ended(dir, &arguments).json()
}

/// How often each tool has acted.
fn acts(tools: &Tools) -> Value {
    let mut stream = TcpStream::connect(("127.0.0.1", tools.port)).unwrap();
    stream.write_all(b"GET /acts HTTP/1.1\r\nHost: tools\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let body = answer.split("\r\n\r\n").nth(1).unwrap();
    serde_json::from_str::<Value>(body).unwrap()["acts"].clone()
}

/// Why the tasks of a step failed, each of which did.
fn failures(document: &Value, step: &str) -> Vec<(String, String)> {
    let tasks = document["tasks"].as_array().unwrap().iter().filter(|task| task["step_id"] == step);
    let failure = |task: &Value| {
        assert_eq!(task["status"], "failed", "{task}");
        let text = |field: &str| task["error"][field].as_str().unwrap().to_owned();
        (text("kind"), text("message"))
    };
    tasks.map(failure).collect()
}

/// Why the one task of a step failed.
fn failure(document: &Value, step: &str) -> (String, String) {
    let mut failures = failures(document, step);
    assert_eq!(failures.len(), 1, "{step}: {failures:?}");
    failures.remove(0)
}

#[test]
fn no_host_and_no_account_is_touched_for_a_name_that_is_none() {
    let dir = files(&[]);
    let tools = Tools::serve(dir.path());
    let names = [
        json!("WS-1/../DC-1"),
        json!(".."),
        json!(""),
        json!(null),
        json!(["DC-1"]),
        json!("%2e%2e"),
        json!({"secret": "edr-token"}),
        json!("x\\..\\..\\DC-1"),
    ];
    let mut alert = alert("ransomware-containment");
    alert["hosts"] = names.iter().map(|name| json!({ "name": name })).collect();
    alert["accounts"] = json!(["../admin", "%252e%252e%252fadmin"]);
    alert["files"] = json!([]);
    alert["addresses"] = json!([]);
    let document = run(dir.path(), &tools, "ransomware-containment", &alert);
    assert_eq!(document["execution"]["execution_status"], "failed");
    let isolations = failures(&document, "isolate");
    assert_eq!(isolations.len(), names.len());
    for (kind, message) in isolations {
        assert_eq!(kind, "template");
        // What is no name is no target either.
        let has_place = message.contains("].arguments.url: ") || message.starts_with("target: must ");
        assert!(has_place, "{message}");
        assert!(!message.contains("DC-1") && !message.contains("edr-token"), "{message}");
    }
    assert_eq!(failures(&document, "find_account").len(), 2);
    assert_eq!(acts(&tools), json!({"tickets.open": 1}));
}

#[test]
fn what_is_contained_is_what_was_done_and_not_what_the_alert_names() {
    let dir = files(&[]);
    let tools = Tools::serve(dir.path());
    let mut alert = alert("ransomware-containment");
    alert["hosts"] = (1..=10).map(|at| json!({ "name": format!("WS 1/{at}") })).collect();
    let document = run(dir.path(), &tools, "ransomware-containment", &alert);
    let output = &document["execution"]["output"];
    assert_eq!(
        (&output["contained"], &output["hosts"]["isolated"]),
        (&json!(true), &json!(10)),
        "{document}"
    );
    assert_eq!(acts(&tools)["edr.isolate"], 10);
    alert["hosts"] = json!([{"name": "WS 1/1"}, {"name": ".."}, {"name": "WS 1/3"}]);
    let document = run(dir.path(), &tools, "ransomware-containment", &alert);
    assert_eq!(document["execution"]["execution_status"], "failed");
    let output = &document["execution"]["output"];
    assert_eq!(
        (&output["contained"], &output["hosts"]["isolated"]),
        (&json!(false), &json!(2)),
        "{document}"
    );
    assert_eq!(output["hosts"]["failed"], 1, "{document}");
    let message = document["execution"]["error"]["message"].as_str().unwrap();
    assert!(message.contains("2 of 3 hosts are isolated, 2 of 2 accounts disabled"), "{message}");
    alert["hosts"] = json!([]);
    let document = run(dir.path(), &tools, "ransomware-containment", &alert);
    let output = &document["execution"]["output"];
    assert_eq!(output["contained"], json!(false), "no host is named: {document}");
}

#[test]
fn an_alert_that_names_no_list_of_hosts_is_refused_before_anything_is_done() {
    let dir = files(&[]);
    let tools = Tools::serve(dir.path());
    let (book, place) = (example("ransomware-containment", "playbook.yaml"), tools.place());
    for (hosts, place_of) in
        [(None, "input.hosts: is needed"), (Some(json!("PC-1")), "input.hosts: a list is needed")]
    {
        let mut alert = alert("ransomware-containment");
        alert.as_object_mut().unwrap().remove("hosts");
        if let Some(hosts) = hosts {
            alert["hosts"] = hosts;
        }
        std::fs::write(dir.path().join("alert.json"), alert.to_string()).unwrap();
        let arguments = ["run", book.to_str().unwrap(), "--input", "alert.json", "--endpoint", &place];
        let refused = ended(dir.path(), &arguments);
        assert_eq!(refused.code, 2, "{}", refused.err);
        assert!(refused.err.contains(place_of), "{}", refused.err);
    }
    assert_eq!(acts(&tools), json!({}));
}

/// Answers the approvals that wait, each by its host; none waits twice.
fn answer(dir: &Path, answers: &[(&str, &str)]) {
    for _ in 0..600 {
        let listed = ended(dir, &["inbox", "--json"]);
        // Before the run has begun there is no data directory.
        let waiting = if listed.code == 0 { listed.json() } else { json!([]) };
        let waiting = waiting.as_array().unwrap();
        if waiting.len() < answers.len() {
            std::thread::sleep(std::time::Duration::from_millis(100));
            continue;
        }
        for (host, choice) in answers {
            let asks = |row: &&Value| row["question"].as_str().unwrap().contains(&format!("server {host}?"));
            let row = waiting.iter().find(asks).unwrap();
            let [peid, task] = ["peid", "task"].map(|field| row[field].as_str().unwrap());
            let answered = ended(dir, &["answer", peid, choice, "--task", task, "--uid", "ana"]);
            assert_eq!(answered.code, 0, "{}", answered.err);
        }
        return;
    }
    panic!("nothing waits");
}

#[test]
fn a_server_is_isolated_once_a_person_approves_and_the_output_says_what_became_of_each() {
    let dir = files(&[]);
    let tools = Tools::serve(dir.path());
    let mut alert = alert("ransomware-containment");
    alert["hosts"] = json!([
        {"name": "srv-1", "os": "Linux"},
        {"name": "DC-01", "kind": "Server"},
        {"name": "HV-7", "os": "Windows Server 2022"},
        {"name": "WS-1", "os": "Windows 11"},
        {"name": "WS-2"},
    ]);
    let answers = [("srv-1", "approve"), ("DC-01", "refuse"), ("HV-7", "approve")];
    let document = std::thread::scope(|scope| {
        let running = scope.spawn(|| run(dir.path(), &tools, "ransomware-containment", &alert));
        answer(dir.path(), &answers);
        running.join().unwrap()
    });
    let output = &document["execution"]["output"];
    let hosts = json!({
        "named": 5, "asked": ["srv-1", "DC-01", "HV-7"], "isolated": 4, "refused": ["DC-01"], "undecided": [], "failed": 0,
    });
    assert_eq!((&output["contained"], &output["hosts"]), (&json!(false), &hosts), "{document}");
    assert_eq!(acts(&tools)["edr.isolate"], 4);
    let tasks = document["tasks"].as_array().unwrap();
    let ticket = tasks.iter().find(|task| task["step_id"] == "ticket").unwrap();
    let title = ticket["call"]["arguments"]["json"]["title"].as_str().unwrap();
    assert!(
        title.starts_with("Ransomware NOT contained") && title.ends_with("4 of 5 hosts are isolated"),
        "{title}"
    );
}

#[test]
fn a_mail_whose_parts_lead_elsewhere_is_for_a_person_to_decide() {
    let dir = files(&[]);
    let tools = Tools::serve(dir.path());
    for (pointer, value, step) in [
        ("/message/sender_domain", json!("../../mail/search"), "lookup_domain"),
        ("/message/sender_domain", json!(null), "lookup_domain"),
        ("/message/urls/0", json!(["http://x.example/a"]), "lookup_url"),
        ("/message/attachments/0/sha256", json!(["a"]), "lookup_attachment"),
        ("/reported_by", json!("."), "lookup_user"),
        ("/reported_by", json!(""), "lookup_user"),
    ] {
        let mut alert = alert("phishing-triage");
        *alert.pointer_mut(pointer).unwrap() = value;
        let document = run(dir.path(), &tools, "phishing-triage", &alert);
        assert_eq!(document["execution"]["execution_status"], "failed", "{pointer}");
        assert_eq!(document["execution"]["error"]["kind"], "end_step");
        let (kind, message) = failure(&document, step);
        assert!(kind == "template" && message.contains("].arguments."), "{message}");
    }
    let acts = acts(&tools);
    assert_eq!(acts, json!({"tickets.open": 6}));
}

#[test]
fn a_link_is_asked_about_as_it_is_whatever_it_has_in_it() {
    let dir = files(&[]);
    let tools = Tools::serve(dir.path());
    for link in
        ["http://x.example/%2e%2e/../a?b=1&url=https://contoso.com#c", "../../mail/search", "a\r\nb\u{0}"]
    {
        let mut alert = alert("phishing-triage");
        alert["message"]["urls"] = json!([link]);
        let document = run(dir.path(), &tools, "phishing-triage", &alert);
        let tasks = document["tasks"].as_array().unwrap();
        let asked = tasks.iter().find(|task| task["step_id"] == "lookup_url").unwrap();
        assert_eq!(asked["response"]["body"]["value"], link, "{asked}");
        assert_eq!(document["execution"]["output"]["verdict"], "malicious");
    }
}
