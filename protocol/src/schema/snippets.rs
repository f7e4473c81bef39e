//! Snippets for editors: what a step of each kind begins with. `defaultSnippets` is the word of the YAML language server and
//! of VS Code; `$1` and `${1:TEXT}` are the places that an author fills in.

use serde_json::{Value, json};

/// The snippet of a whole playbook.
pub(super) fn playbook() -> Value {
    json!([{
        "label": "playbook",
        "description": "A playbook with one call",
        "body": {
            "format": 1,
            "name": "${1:name}",
            "version": 1,
            "description": "${2:What it does}",
            "steps": [call()],
        },
    }])
}

/// The snippets of steps.
pub(super) fn steps() -> Value {
    let of = |(label, description, body): (&str, &str, Value)| json!({"label": label, "description": description, "body": body});
    let all = [calls(), choices(), waits()].concat();
    Value::Array(all.into_iter().map(of).collect())
}

fn call() -> Value {
    json!({"id": "${3:id}", "action": "http.request", "arguments": {"url": "https://${4:tool.internal}/${5:path}"}})
}

type Snippet = (&'static str, &'static str, Value);

fn calls() -> Vec<Snippet> {
    let post = |path: &str| json!({"method": "POST", "url": format!("https://${{2:tool.internal}}/hosts/{{{{ input.host }}}}/{path}"), "json": {}});
    vec![
        ("action", "Calls a tool", call()),
        (
            "containment",
            "Calls a tool, and takes back what it did when the time is over",
            json!({
                "id": "${1:isolate}",
                "action": "http.request",
                "arguments": post("isolate"),
                "at_most_once": true,
                "target": "{{ input.host }}",
                "expires": "${3:4h}",
                "undo": {"action": "http.request", "arguments": post("release")},
            }),
        ),
        (
            "sub-playbook",
            "Runs another playbook",
            json!({"id": "${1:id}", "playbook": "${2:name}", "with": {"host": "{{ input.host }}"}}),
        ),
        ("set", "Gives variables other values", json!({"set": {"${1:name}": "${2:value}"}})),
    ]
}

fn choices() -> Vec<Snippet> {
    let step = json!([{"delay": "${9:1s}"}]);
    vec![
        ("if", "Runs one of two bodies", json!({"if": "${1:input.score > 80}", "then": step, "else": step})),
        (
            "switch",
            "Runs the first case that fits",
            json!({"switch": "${1:input.severity}", "cases": [{"is": "${2:high}", "do": step}], "default": step}),
        ),
        (
            "for_each",
            "Runs a body for each item, many at once",
            json!({"id": "${1:id}", "for_each": "${2:input.hosts}", "as": "${3:host}", "at_once": 10, "do": step}),
        ),
        (
            "until",
            "Runs a body until a condition holds",
            json!({"id": "${1:id}", "until": "${2:variables.done}", "at_most": 30, "pause": "10s", "do": step}),
        ),
        (
            "parallel",
            "Runs branches at once",
            json!({"id": "${1:id}", "parallel": "all", "branches": {"${2:one}": step, "${3:two}": step}}),
        ),
        ("finally", "Runs a body, and a cleanup however it ends", json!({"do": step, "finally": step})),
    ]
}

fn waits() -> Vec<Snippet> {
    vec![
        (
            "approval",
            "Asks people, and waits for their answer",
            json!({
                "id": "${1:ask}",
                "approval": "${2:Isolate {{ input.host \\}\\}?}",
                "group": "${3:tier-2}",
                "timeout": "1d",
                "on_timeout": [{"fail": "nobody answered"}],
            }),
        ),
        (
            "wait_for",
            "Waits for a signal",
            json!({"id": "${1:id}", "wait_for": "${2:ticket-closed}", "timeout": "1d"}),
        ),
        ("delay", "Waits for a time", json!({"delay": "${1:10m}"})),
        (
            "wait_until",
            "Waits until an instant",
            json!({"wait_until": "${1:2027-01-05T08:00:00}", "zone": "${2:Europe/Zurich}"}),
        ),
        (
            "end",
            "Ends the execution or the branch, completed",
            json!({"end": {"${1:verdict}": "${2:clean}"}}),
        ),
        ("fail", "Ends the execution or the branch, failed", json!({"fail": "${1:reason}"})),
    ]
}
