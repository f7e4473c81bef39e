//! The example of a day's work: what is blocked is what two of three tools call malicious, and the ticket says what was not
//! done.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::ended::{Ended, ended};
use crate::given::files;
use crate::tools::Tools;

fn example(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/indicator-sweep").join(file)
}

/// Runs the example for these indicators; `sandbox` is the place of one of its tools.
fn sweep(dir: &Path, tools: &Tools, indicators: Option<Value>, sandbox: Option<&str>) -> Ended {
    let mut report: Value = serde_json::from_slice(&std::fs::read(example("alert.json")).unwrap()).unwrap();
    if let Some(indicators) = indicators {
        report["indicators"] = indicators;
    }
    std::fs::write(dir.join("report.json"), report.to_string()).unwrap();
    let book = example("playbook.yaml");
    let place = |name: &str| format!("{name}=http://127.0.0.1:{}", tools.port);
    let (others, sandbox) = (
        ["tools", "reputation", "intelligence"].map(place),
        sandbox.map_or_else(|| place("sandbox"), |place| format!("sandbox=http://{place}")),
    );
    let mut arguments = vec!["run", book.to_str().unwrap(), "--input", "report.json", "--json"];
    for place in others.iter().chain([&sandbox]) {
        arguments.extend(["--endpoint", place]);
    }
    ended(dir, &[&arguments[..], &["--allow-net", "127.0.0.1:9", "--durability", "os"]].concat())
}

/// What the ticket says.
fn ticket(document: &Value) -> String {
    let tasks = document["tasks"].as_array().unwrap();
    let ticket = tasks.iter().find(|task| task["step_id"] == "ticket").unwrap();
    ticket["call"]["arguments"]["json"].to_string()
}

#[test]
fn what_two_of_three_tools_call_malicious_is_blocked_for_a_day_and_our_own_address_is_not() {
    let dir = files(&[]);
    let tools = Tools::serve(dir.path());
    let run = sweep(dir.path(), &tools, None, None);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let document = run.json();
    let output = &document["execution"]["output"];
    let blocked = [
        "contoso-payroll.com",
        "185.220.101.47",
        "45.155.205.233",
        // The lists of threat intelligence do not have it; the two others are enough.
        "91.215.85.142",
        "4be7e2d08b3c96f15a04d7c2e9816fb3a57d20e4c81b936f5502ad7e1c94b860",
        "9f2c1d7ae6b05483c1f0d9be77a4412e35d86c09b1fa2e7740c6d5938ab1e4f2",
    ];
    assert_eq!(output["blocked"], json!(blocked), "{output}");
    assert_eq!((&output["missed"], &output["not_judged"]), (&json!([]), &json!(0)), "{output}");
    assert_eq!(output["silent"], json!({"reputation": 0, "intelligence": 0, "sandbox": 0}), "{output}");
    assert!(ticket(&document).contains("6 of 8 indicators are blocked"), "{}", ticket(&document));
    let listed = ended(dir.path(), &["containments", "--json"]).json();
    let mut targets: Vec<&str> =
        listed.as_array().unwrap().iter().map(|entry| entry["target"].as_str().unwrap()).collect();
    targets.sort_unstable();
    let mut expected = blocked.to_vec();
    expected.sort_unstable();
    assert_eq!(targets, expected, "{listed}");
}

#[test]
fn a_tool_that_is_down_has_no_vote_and_the_ticket_says_how_often() {
    let dir = files(&[]);
    let tools = Tools::serve(dir.path());
    let indicators = json!([
        {"kind": "ip", "value": "185.220.101.47"},
        {"kind": "ip", "value": "91.215.85.142"},
    ]);
    // Of the second address, one of the two that answer says that it is malicious.
    let run = sweep(dir.path(), &tools, Some(indicators), Some("127.0.0.1:9"));
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let document = run.json();
    let output = &document["execution"]["output"];
    assert_eq!(output["blocked"], json!(["185.220.101.47"]), "{output}");
    assert_eq!(output["silent"], json!({"reputation": 0, "intelligence": 0, "sandbox": 2}), "{output}");
    let ticket = ticket(&document);
    assert!(
        ticket.contains("1 of 2 indicators are blocked") && ticket.contains("of the sandbox 2"),
        "{ticket}"
    );
}

#[test]
fn an_indicator_that_is_none_is_refused_and_one_that_cannot_be_judged_fails_what_says_so() {
    let dir = files(&[]);
    let tools = Tools::serve(dir.path());
    let none = json!([{"kind": "ip", "value": "../tickets"}, {"kind": "mail", "value": "a@b.example"}]);
    let refused = sweep(dir.path(), &tools, Some(none), None);
    assert_eq!(refused.code, 2, "{}{}", refused.out, refused.err);
    for place in ["indicators[0].value", "indicators[1].kind"] {
        assert!(refused.err.contains(place), "{}", refused.err);
    }
    // It begins as a known address does, so that it has votes; it is no address, so that it may be one of ours.
    let odd = json!([{"kind": "ip", "value": "185.220.101.470"}, {"kind": "ip", "value": "185.220.101.47"}]);
    let run = sweep(dir.path(), &tools, Some(odd), None);
    assert_eq!(run.code, 1, "{}{}", run.out, run.err);
    let document = run.json();
    let output = &document["execution"]["output"];
    assert_eq!(
        (&output["blocked"], &output["not_judged"]),
        (&json!(["185.220.101.47"]), &json!(1)),
        "{output}"
    );
    let ticket = ticket(&document);
    assert!(ticket.contains("Not judged: 1") && ticket.contains("\"high\""), "{ticket}");
}
