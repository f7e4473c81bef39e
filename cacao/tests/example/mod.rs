//! A playbook that has every kind of object of the standard and nothing to say of, and changes of it.

use serde_json::{Value, json};

/// The id of an object of a type, with a number.
pub(crate) fn id(object_type: &str, number: u32) -> String {
    format!("{object_type}--6d9f4d2e-14f1-4b62-8a0b-{number:012x}")
}

/// The playbook.
pub(crate) fn playbook() -> Value {
    let mut playbook = metadata();
    playbook["workflow_start"] = json!(id("start", 1));
    playbook["workflow_exception"] = json!(id("action", 9));
    playbook["workflow"] = Value::Object([openers(), actions()].concat().into_iter().collect());
    playbook["agent_definitions"] = agents();
    playbook["target_definitions"] = targets();
    playbook["authentication_info_definitions"] = authentications();
    playbook
}

fn metadata() -> Value {
    json!({
        "type": "playbook",
        "spec_version": "cacao-2.0",
        "id": id("playbook", 1),
        "name": "Contain a host",
        "description": "Looks a host up, and isolates it.",
        "playbook_types": ["mitigation"],
        "playbook_activities": ["restrict-access"],
        "playbook_processing_summary": {"manual_playbook": false, "if_logic": true, "parallel_processing": true},
        "created_by": id("identity", 1),
        "created": "2026-03-01T08:00:00.000Z",
        "modified": "2026-03-02T08:00:00.000Z",
        "revoked": false,
        "valid_from": "2026-03-02T08:00:00.000Z",
        "valid_until": "2036-03-02T08:00:00.000Z",
        "derived_from": [id("playbook", 2)],
        "related_to": [id("indicator", 1)],
        "priority": 3,
        "severity": 70,
        "impact": 0,
        "industry_sectors": ["energy"],
        "labels": ["endpoint"],
        "external_references": [reference()],
        "markings": [id("marking-tlp", 1), id("marking-statement", 1)],
        "playbook_variables": {
            "__host__": {"type": "string", "description": "Which one.", "value": "pc-7", "external": true},
            "__count__": {"type": "integer", "value": "0", "constant": false},
            "__found__": {"type": "dictionary", "value": null},
            "__limit__": {"type": "integer", "value": "3", "constant": true}
        },
        "data_marking_definitions": markings(),
        "extension_definitions": {
            id("extension-definition", 1): {
                "type": "extension-definition",
                "name": "layout",
                "description": "Where steps are drawn.",
                "created_by": id("identity", 1),
                "schema": "https://example.com/layout.json",
                "version": "1.0.0",
                "external_references": [reference()]
            }
        }
    })
}

fn reference() -> Value {
    json!({
        "name": "report",
        "description": "What is known.",
        "source": "Example, 2026",
        "url": "https://example.com/report",
        "external_id": "1",
        "reference_id": id("malware", 1)
    })
}

fn markings() -> Value {
    let marking = |kind: &str| {
        json!({
            "type": kind,
            "id": id(kind, 1),
            "created_by": id("identity", 1),
            "created": "2026-03-01T08:00:00.000Z",
            "revoked": false,
            "valid_from": "2026-03-01T08:00:00.000Z",
            "valid_until": "2036-03-01T08:00:00.000Z",
            "labels": ["example"]
        })
    };
    let mut tlp = marking("marking-tlp");
    tlp["tlpv2_level"] = json!("TLP:GREEN");
    let mut statement = marking("marking-statement");
    statement["statement"] = json!("Copyright 2026 Example");
    let mut policy = marking("marking-iep");
    for (name, value) in [
        ("name", json!("policy")),
        ("description", json!("A policy.")),
        ("tlp", json!("green")),
        ("iep_version", json!(2)),
        ("start_date", json!("2026-03-01T08:00:00.000Z")),
        ("end_date", json!(null)),
        ("encrypt_in_transit", json!("may")),
        ("permitted_actions", json!("internally-visible-actions")),
        ("affected_party_notifications", json!("may")),
        ("attribution", json!("may")),
        ("unmodified_resale", json!("must-not")),
    ] {
        policy[name] = value;
    }
    policy["external_references"] = json!([]);
    json!({id("marking-tlp", 1): tlp, id("marking-statement", 1): statement, id("marking-iep", 1): policy})
}

/// start 1 → if 2 (true: action 3 → end 10) → parallel 4 (action 5 → end 11; while 6 (action 7 → end 12) → end 13) → switch 8 → end 20.
fn openers() -> Vec<(String, Value)> {
    vec![
        (id("start", 1), json!({"type": "start", "name": "begin", "on_completion": id("if-condition", 2)})),
        (
            id("if-condition", 2),
            json!({
                "type": "if-condition",
                "condition": "__host__:value = 'pc-7'",
                "on_true": id("action", 3),
                "on_false": id("end", 14),
                "on_completion": id("parallel", 4)
            }),
        ),
        (
            id("parallel", 4),
            json!({
                "type": "parallel",
                "next_steps": [id("action", 5), id("while-condition", 6)],
                "on_success": id("switch-condition", 8),
                "on_failure": id("end", 20)
            }),
        ),
        (
            id("while-condition", 6),
            json!({
                "type": "while-condition",
                "condition": "__count__:value < 3",
                "on_true": id("action", 7),
                "on_completion": id("end", 13)
            }),
        ),
        (
            id("switch-condition", 8),
            json!({
                "type": "switch-condition",
                "switch": "__host__:value",
                "cases": {"pc-7": id("playbook-action", 15), "default": id("end", 16)},
                "on_completion": id("end", 20)
            }),
        ),
        (
            id("playbook-action", 15),
            json!({
                "type": "playbook-action",
                "playbook_id": id("playbook", 2),
                "playbook_version": "2026-01-01T00:00:00.000Z",
                "in_args": ["__host__"],
                "out_args": ["__count__"],
                "on_completion": id("end", 17)
            }),
        ),
    ]
}

fn actions() -> Vec<(String, Value)> {
    let end = |number: u32| (id("end", number), json!({"type": "end"}));
    let action = |number: u32, commands: Value, next: String| {
        let target = id("http-api", 2);
        let step = json!({
            "type": "action", "commands": commands, "agent": id("http-api", 1), "targets": [target], "on_completion": next
        });
        (id("action", number), step)
    };
    let mut look = action(
        3,
        json!([{
            "type": "http-api",
            "description": "Looks it up.",
            "version": "1",
            "playbook_activity": "scan-system",
            "external_references": [reference()],
            "command": "POST /hosts HTTP/1.1",
            "headers": {"Accept": ["application/json"]},
            "content": "{\"host\": \"__host__:value\"}"
        }]),
        id("end", 10),
    );
    for (name, value) in [
        ("description", json!("Looks a host up.")),
        ("external_references", json!([reference()])),
        ("delay", json!(5)),
        ("timeout", json!(60_000)),
        ("owner", json!(id("identity", 1))),
        ("step_variables", json!({"__own__": {"type": "string", "value": "x"}})),
        ("in_args", json!(["__host__", "__own__"])),
        ("out_args", json!(["__found__"])),
    ] {
        look.1[name] = value;
    }
    let openc2 = json!([{"type": "openc2-http", "command": "POST /openc2 HTTP/1.1", "content_b64": "e30="}]);
    let shell = json!([{"type": "bash", "command": "true"}, {"type": "ssh", "command_b64": "dHJ1ZQ=="}]);
    let mut run = action(7, shell, id("end", 12));
    run.1["agent"] = json!(id("group", 1));
    run.1["targets"] = json!([id("ssh", 1)]);
    let mut ask = action(9, json!([{"type": "manual", "command": "look at __host__:value"}]), id("end", 18));
    ask.1["agent"] = json!(id("group", 1));
    ask.1["targets"] = json!([id("individual", 1)]);
    vec![
        look,
        action(5, openc2, id("end", 11)),
        run,
        ask,
        end(10),
        end(11),
        end(12),
        end(13),
        end(14),
        end(16),
        end(17),
        end(18),
        end(20),
    ]
}

fn agents() -> Value {
    json!({
        id("http-api", 1): {
            "type": "http-api", "name": "soar", "address": {"dname": ["soar.example.com"]}, "port": "8080"
        },
        id("group", 1): {
            "type": "group",
            "name": "analysts",
            "description": "Who looks.",
            "contact": {"email": {"work": "soc@example.com"}, "phone": {"work": "1"}, "contact_details": "next door"},
            "location": {"name": "office", "region": "europe", "country": "CH"}
        },
        id("organization", 1): {"type": "organization", "name": "example"},
        id("location", 1): {"type": "location", "name": "office", "logical": ["office"]},
        id("sector", 1): {"type": "sector", "name": "energy", "sector": "energy"},
        id("security-category", 1): {"type": "security-category", "name": "edr", "category": ["endpoint"]}
    })
}

fn targets() -> Value {
    json!({
        id("http-api", 2): {
            "type": "http-api",
            "name": "edr",
            "address": {"url": ["https://edr.example.com/v1"]},
            "category": ["endpoint"],
            "authentication_info": id("http-basic", 1)
        },
        id("ssh", 1): {
            "type": "ssh", "name": "box", "address": {"ipv4": ["127.0.0.1"], "ipv6": ["::1"]}, "port": "22",
            "authentication_info": id("user-auth", 1)
        },
        id("linux", 1): {"type": "linux", "name": "box", "address": {"l2mac": ["00:00:5e:00:53:af"], "vlan": [7]}},
        id("net-address", 1): {
            "type": "net-address", "name": "box", "address": {"ipv4": ["192.0.2.2"]}, "authentication_info": id("oauth2", 1)
        },
        id("individual", 1): {"type": "individual", "name": "Ana", "contact": {"email": {"work": "ana@example.com"}}}
    })
}

fn authentications() -> Value {
    json!({
        id("http-basic", 1): {
            "type": "http-basic", "name": "edr", "user_id": "soar", "kms": true, "kms_key_identifier": "edr-password"
        },
        id("oauth2", 1): {
            "type": "oauth2",
            "oauth_header": "Authorization: Bearer",
            "token": "",
            "kms": true,
            "kms_key_identifier": "edr-token"
        },
        id("user-auth", 1): {
            "type": "user-auth", "username": "soar", "kms": true, "kms_key_identifier": "box-password"
        }
    })
}
