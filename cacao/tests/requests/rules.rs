//! Each rule of the translation that warns or refuses, provoked by a file that differs in one place from one that is taken.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use updraft_cacao::{Rule, import};

use super::{ACTION, END, LOGIN, START, TARGET, edr, file};

const CHOICE: &str = "if-condition--00000000-0000-4000-8000-000000000001";
const SWITCH: &str = "switch-condition--00000000-0000-4000-8000-000000000001";
const PARALLEL: &str = "parallel--00000000-0000-4000-8000-000000000001";
const OTHER: &str = "action--00000000-0000-4000-8000-000000000002";

/// What changes a file.
type Change = fn(&mut Value);

const CHANGES: &[(Rule, Change)] = &[
    (Rule::Condition, |file| choice(file, "__count__:value = 'a'")),
    (Rule::Condition, |file| choice(file, "__count__:value")),
    (Rule::SwitchVariable, |file| switch(file, "__nobody__:value", "1")),
    (Rule::SwitchCase, |file| switch(file, "__count__:value", "many")),
    (Rule::SharedStep, |file| {
        choice(file, "__count__:value = 1");
        file["workflow"][CHOICE]["on_completion"] = json!(ACTION);
    }),
    (Rule::TimeLimit, |file| file["workflow"][ACTION]["delay"] = json!(40_000_000_000_u64)),
    (Rule::OutArgs, |file| {
        file["target_definitions"][TARGET]["address"] = json!({"url": ["__base__:value"]});
        file["workflow"][ACTION]["out_args"] = json!(["__base__"]);
    }),
    (Rule::ParallelWrites, |file| {
        file["workflow"][START]["on_completion"] = json!(PARALLEL);
        file["workflow"][PARALLEL] =
            json!({"type": "parallel", "next_steps": [ACTION, OTHER], "on_completion": END});
        file["workflow"][ACTION]["out_args"] = json!(["__count__"]);
        file["workflow"][OTHER] = file["workflow"][ACTION].clone();
    }),
    (Rule::CommandWithoutAddress, |file| file["target_definitions"][TARGET]["address"] = json!({})),
    (Rule::AddressSeveral, |file| address(file, json!({"dname": ["a.example", "b.example"]}))),
    (Rule::AddressKind, |file| address(file, json!({"l2mac": ["00:00:5e:00:53:af"]}))),
    (Rule::AddressForm, |file| address(file, json!({"url": ["https://__open__:value/a"]}))),
    (Rule::AddressByStep, |file| {
        address(file, json!({"dname": ["__name__:value"]}));
        file["playbook_variables"]["__name__"] = json!({"type": "string", "value": "edr.example"});
        file["workflow"][ACTION]["out_args"] = json!(["__name__"]);
    }),
    (Rule::AgentType, |file| {
        file["agent_definitions"] = json!({"soarca--1": {"type": "soarca", "name": "a"}});
        file["workflow"][ACTION]["agent"] = json!("soarca--1");
    }),
    (Rule::BashElsewhere, |file| {
        file["workflow"][ACTION]["commands"] = json!([{"type": "bash", "command": "iptables -F"}]);
        let linux = "linux--00000000-0000-4000-8000-000000000001";
        let machine = json!({"type": "linux", "name": "a", "address": {"ipv4": ["203.0.113.9"]}});
        file["agent_definitions"] = json!({linux: machine});
        file["workflow"][ACTION]["agent"] = json!(linux);
    }),
    (Rule::AgentCredential, |file| {
        login(file, json!({"type": "http-basic", "user_id": "soar", "password": "correct horse"}));
        let agent = "http-api--00000000-0000-4000-8000-000000000002";
        file["agent_definitions"] = json!({agent: file["target_definitions"][TARGET].take()});
        file["workflow"][ACTION]["agent"] = json!(agent);
        let other = json!({"type": "http-api", "name": "a", "address": {"dname": ["other.example"]}});
        file["target_definitions"][TARGET] = other;
    }),
    (Rule::HttpTarget, |file| command(file, "GET /a/%2e%2e/b HTTP/1.1")),
    (Rule::UrlConflict, |file| command(file, "GET https://other.example/a HTTP/1.1")),
    (Rule::HttpMethod, |file| command(file, "BREW /a HTTP/1.1")),
    (Rule::HttpHeader, |file| {
        file["workflow"][ACTION]["commands"][0]["headers"] = json!({"Host": ["other.example"]});
    }),
    (Rule::Content, |file| {
        let command = &mut file["workflow"][ACTION]["commands"][0];
        command["headers"] = json!({"Content-Type": ["application/xml"]});
        command["content"] = json!("<a>__ip__:value</a>");
    }),
    (Rule::CommandType, |file| file["workflow"][ACTION]["commands"][0]["type"] = json!("a type")),
    (Rule::Authentication, |file| {
        login(file, json!({"type": "http-basic", "user_id": "soar"}));
    }),
    (Rule::SecretVariable, |file| {
        login(file, json!({"type": "http-basic", "user_id": "soar", "password": "__password__:value"}));
        command(file, "GET /__password__:value HTTP/1.1");
    }),
    (Rule::LiteralSecret, |file| {
        login(file, json!({"type": "http-basic", "user_id": "soar", "password": "correct horse"}));
    }),
    (Rule::VariableWithoutValue, |file| command(file, "GET /__ip__ HTTP/1.1")),
    (Rule::VariableUndeclared, |file| command(file, "GET /__nobody__:value HTTP/1.1")),
];

fn command(file: &mut Value, line: &str) {
    file["workflow"][ACTION]["commands"][0]["command"] = json!(line);
}

fn address(file: &mut Value, address: Value) {
    file["target_definitions"][TARGET]["address"] = address;
    file["target_definitions"][TARGET].as_object_mut().expect("a map").remove("port");
}

fn login(file: &mut Value, info: Value) {
    file["authentication_info_definitions"][LOGIN] = info;
    file["target_definitions"][TARGET]["authentication_info"] = json!(LOGIN);
}

fn choice(file: &mut Value, condition: &str) {
    file["workflow"][START]["on_completion"] = json!(CHOICE);
    file["workflow"][CHOICE] =
        json!({"type": "if-condition", "condition": condition, "on_true": ACTION, "on_completion": END});
}

fn switch(file: &mut Value, asked: &str, case: &str) {
    file["workflow"][START]["on_completion"] = json!(SWITCH);
    file["workflow"][SWITCH] =
        json!({"type": "switch-condition", "switch": asked, "cases": {case: ACTION}, "on_completion": END});
}

/// The rules of which something is told.
fn rules(file: &Value) -> BTreeSet<Rule> {
    let found = match import(file.to_string().as_bytes()) {
        Ok(import) => import.warnings,
        Err(mistakes) => [mistakes.refused, mistakes.warned].concat(),
    };
    found.into_iter().map(|finding| finding.rule).collect()
}

#[test]
fn each_rule_is_provoked_by_one_change() {
    let base = {
        let mut file = file(json!({"type": "http-api", "command": "GET /a HTTP/1.1"}), edr());
        file.as_object_mut().expect("a map").remove("authentication_info_definitions");
        file
    };
    let usual = rules(&base);
    for (rule, change) in CHANGES {
        let mut file = base.clone();
        change(&mut file);
        let found = rules(&file);
        assert!(found.contains(rule), "{rule}: {found:?}");
        assert!(!usual.contains(rule), "{rule}");
    }
}

#[test]
fn no_finding_has_a_credential() {
    let mut file = file(json!({"type": "http-api", "command": "GET /__password__:value HTTP/1.1"}), edr());
    file["target_definitions"][TARGET]["authentication_info"] = json!(LOGIN);
    file["playbook_variables"]["__password__"] = json!({"type": "integer", "value": "correct horse"});
    let mistakes = import(file.to_string().as_bytes()).expect_err("it is refused");
    assert!(!format!("{mistakes} {mistakes:?}").contains("correct horse"));
}
