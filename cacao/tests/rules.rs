//! Every rule that warns or refuses is provoked by one change of a playbook that has nothing to say of, and by that change alone.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod example;

use std::collections::BTreeSet;

use example::{id, playbook};
use serde_json::{Value, json};
use updraft_cacao::{Rule, Support, check, import};

/// A change of the playbook.
type Change = fn(&mut Value);

/// The rules that findings name.
fn rules(bytes: &[u8]) -> BTreeSet<Rule> {
    let findings = match check(bytes) {
        Ok(checked) => checked.warnings,
        Err(mistakes) => [mistakes.refused, mistakes.warned].concat(),
    };
    findings.iter().map(|finding| finding.rule).collect()
}

fn step<'v>(playbook: &'v mut Value, object_type: &str, number: u32) -> &'v mut Value {
    &mut playbook["workflow"][id(object_type, number)]
}

fn command(playbook: &mut Value, action: u32) -> &mut Value {
    &mut step(playbook, "action", action)["commands"][0]
}

fn remove(value: &mut Value, name: &str) {
    value.as_object_mut().unwrap().remove(name).unwrap();
}

/// Changes of the structure and of what a playbook says of itself.
const STRUCTURE: &[(Rule, Change)] = &[
    (Rule::NotCacao, |p| p["spec_version"] = json!("1.1")),
    (Rule::MissingProperty, |p| remove(p, "name")),
    (Rule::PropertyType, |p| p["labels"] = json!("endpoint")),
    (Rule::PropertyValue, |p| p["severity"] = json!(101)),
    (Rule::EmptyList, |p| p["labels"] = json!([])),
    (Rule::TooMany, |p| p["labels"] = json!(vec!["x"; 1_001])),
    (Rule::ObjectType, |p| p["agent_definitions"][id("organization", 1)]["type"] = json!("individual")),
    (Rule::Identifier, |p| p["created_by"] = json!("ACME Ltd.")),
    (Rule::IdentifierForm, |p| p["created_by"] = json!("identity--1")),
    (Rule::Timestamp, |p| p["created"] = json!("yesterday")),
    (Rule::TimestampPrecision, |p| p["created"] = json!("2026-03-01T08:00:00Z")),
    (Rule::OpenVocabulary, |p| p["playbook_types"] = json!(["migitation"])),
    (Rule::UnknownProperty, |p| p["banana"] = json!(1)),
    (Rule::Revoked, |p| p["revoked"] = json!(true)),
    (Rule::VersionNumber, |p| {
        p["created"] = json!("1950-03-01T08:00:00.000Z");
        p["modified"] = json!("1960-03-01T08:00:00.000Z");
    }),
    (Rule::ModifiedOrder, |p| p["modified"] = json!("2020-03-01T08:00:00.000Z")),
    (Rule::ValidityOrder, |p| p["valid_until"] = json!("2020-03-01T08:00:00.000Z")),
    (Rule::SignatureUnverified, |p| {
        p["signatures"] = json!([{
            "type": "jss",
            "id": id("jss", 1),
            "created": "2026-03-01T08:00:00.000Z",
            "modified": "2026-03-01T08:00:00.000Z",
            "signee": "Example",
            "related_to": id("playbook", 1),
            "related_version": "2026-03-01T08:00:00.000Z",
            "hash_algorithm": "sha-256",
            "algorithm": "ES256",
            "public_key": "x",
            "value": "x"
        }]);
    }),
    (Rule::ProcessingSummary, |p| p["playbook_processing_summary"] = json!({"while_logic": false})),
];

/// Changes of the workflow and of definitions.
const WORKFLOW: &[(Rule, Change)] = &[
    (Rule::StartStep, |p| {
        p["workflow_start"] = json!(id("if-condition", 2));
        remove(&mut p["workflow"], &id("start", 1));
    }),
    (Rule::PointerToNothing, |p| step(p, "action", 3)["on_completion"] = json!(id("end", 99))),
    (Rule::PointerCombination, |p| step(p, "if-condition", 2)["on_failure"] = json!(id("end", 20))),
    (Rule::PointerMissing, |p| {
        remove(step(p, "playbook-action", 15), "on_completion");
        remove(&mut p["workflow"], &id("end", 17));
    }),
    (Rule::PointerOfEnd, |p| step(p, "end", 10)["on_completion"] = json!(id("end", 20))),
    (Rule::PointerOfStart, |p| step(p, "start", 1)["on_failure"] = json!(id("end", 20))),
    (Rule::Cycle, |p| step(p, "action", 7)["on_completion"] = json!(id("while-condition", 6))),
    (Rule::UnreachableStep, |p| p["workflow"][id("end", 30)] = json!({"type": "end"})),
    (Rule::AgentUndefined, |p| step(p, "action", 3)["agent"] = json!(id("http-api", 99))),
    (Rule::TargetUndefined, |p| step(p, "action", 3)["targets"][0] = json!(id("http-api", 99))),
    (Rule::AuthenticationUndefined, |p| {
        p["target_definitions"][id("ssh", 1)]["authentication_info"] = json!(id("user-auth", 99));
    }),
    (Rule::MarkingUndefined, |p| p["markings"][0] = json!(id("marking-tlp", 99))),
    (Rule::MarkingId, |p| {
        p["data_marking_definitions"][id("marking-tlp", 1)]["id"] = json!(id("marking-tlp", 2))
    }),
    (Rule::MarkingRevoked, |p| p["data_marking_definitions"][id("marking-tlp", 1)]["revoked"] = json!(true)),
    (Rule::MarkingPolicy, |p| p["markings"] = json!([id("marking-iep", 1)])),
    (Rule::AddressValue, |p| {
        p["target_definitions"][id("http-api", 2)]["address"]["url"] = json!(["hxxps://edr[.]example[.]com"]);
    }),
    (Rule::Port, |p| p["target_definitions"][id("ssh", 1)]["port"] = json!("ssh")),
    (Rule::Extension, |p| p["playbook_extensions"] = json!({id("extension-definition", 1): {}})),
    (Rule::ExtensionUndefined, |p| p["playbook_extensions"] = json!({id("extension-definition", 2): {}})),
];

/// Changes of commands and variables.
const COMMANDS: &[(Rule, Change)] = &[
    (Rule::Condition, |p| step(p, "while-condition", 6)["condition"] = json!("__count__:value <")),
    (Rule::SwitchVariable, |p| step(p, "switch-condition", 8)["switch"] = json!("pc-7")),
    (Rule::CommandText, |p| command(p, 7)["command_b64"] = json!("dHJ1ZQ==")),
    (Rule::CommandText, |p| remove(command(p, 7), "command")),
    (Rule::Base64, |p| command(p, 5)["content_b64"] = json!("*")),
    (Rule::HttpStartLine, |p| command(p, 3)["command"] = json!("/hosts")),
    (Rule::HttpStartLineForm, |p| command(p, 3)["command"] = json!("POST hosts HTTP/1.1")),
    (Rule::HttpContent, |p| command(p, 3)["content_b64"] = json!("e30=")),
    (Rule::HttpHeader, |p| command(p, 3)["headers"]["Accept"] = json!(["a\r\nHost: b"])),
    (Rule::OpenC2Content, |p| remove(command(p, 5), "content_b64")),
    (Rule::OpenC2Method, |p| command(p, 5)["command"] = json!("GET /openc2 HTTP/1.1")),
    (Rule::VariableName, |p| p["playbook_variables"]["host"] = json!({"type": "string"})),
    (Rule::VariableValue, |p| p["playbook_variables"]["__count__"]["value"] = json!("many")),
    (Rule::VariableUndeclared, |p| step(p, "action", 3)["out_args"][0] = json!("__fuond__")),
    (Rule::VariableHidden, |p| {
        step(p, "action", 3)["step_variables"]["__host__"] = json!({"type": "string"})
    }),
    (Rule::ArgumentForm, |p| step(p, "action", 3)["out_args"][0] = json!("__found__:value")),
    (Rule::ConstantWritten, |p| step(p, "action", 3)["out_args"][0] = json!("__limit__")),
    (Rule::ConstantUnknown, |p| p["playbook_variables"]["__limit__"]["value"] = json!(null)),
    (Rule::ExternalOfStep, |p| step(p, "action", 3)["step_variables"]["__own__"]["external"] = json!(true)),
];

/// All changes.
fn changes() -> Vec<(Rule, Change)> {
    [STRUCTURE, WORKFLOW, COMMANDS].concat()
}

#[test]
fn each_change_provokes_its_rule_and_no_other() {
    let mut wrong = Vec::new();
    for (rule, change) in changes() {
        let mut changed = playbook();
        change(&mut changed);
        let found = rules(changed.to_string().as_bytes());
        if found != BTreeSet::from([rule]) {
            wrong.push((rule, found));
        }
    }
    assert_eq!(wrong, []);
}

#[test]
fn the_playbook_that_is_changed_has_nothing_to_say_of() {
    let imported = import(playbook().to_string().as_bytes()).unwrap();
    assert_eq!(imported.warnings, []);
}

/// Files that are no playbook changed in one place.
fn files() -> Vec<(Rule, Vec<u8>)> {
    let text = playbook().to_string();
    vec![
        (Rule::FileSize, format!("{text}{}", " ".repeat(1 << 20)).into_bytes()),
        (Rule::Json, text[..text.len() - 1].into()),
        (Rule::Json, [text.as_bytes(), b"\xFF"].concat()),
        (Rule::DoubleProperty, text.replacen('{', "{\"name\": \"a\",", 1).into_bytes()),
    ]
}

#[test]
fn a_file_that_is_no_playbook_is_refused_by_one_rule() {
    for (rule, bytes) in files() {
        assert_eq!(rules(&bytes), BTreeSet::from([rule]), "{rule}");
    }
}

#[test]
fn every_rule_of_reading_and_checking_that_warns_or_refuses_is_provoked() {
    let mut provoked: BTreeSet<Rule> = changes().iter().map(|(rule, _)| *rule).collect();
    provoked.extend(files().iter().map(|(rule, _)| *rule));
    // Those after it are of the translation.
    let all = Rule::ALL.iter().copied().filter(|rule| *rule <= Rule::ExternalOfStep);
    let all = all.filter(|rule| rule.support() != Support::Supported);
    assert_eq!(all.filter(|rule| !provoked.contains(rule)).collect::<Vec<_>>(), []);
}

#[test]
fn a_finding_names_the_object_the_place_and_the_rule() {
    let mut changed = playbook();
    step(&mut changed, "action", 3)["agent"] = json!(id("http-api", 3));
    let mistakes = check(serde_json::to_string_pretty(&changed).unwrap().as_bytes()).unwrap_err();
    let [finding] = &mistakes.refused[..] else { panic!("{mistakes:?}") };
    assert_eq!(finding.object, id("action", 3));
    assert_eq!(finding.path, format!("workflow[\"{}\"].agent", id("action", 3)));
    assert!(finding.line > 100 && finding.column == 7, "{finding:?}");
    let said = format!(
        "line {}, column 7, {}: names `{}`, and there is no such agent in `agent_definitions`; did you mean \"{}\"? (rule agent-undefined)",
        finding.line,
        finding.path,
        id("http-api", 3),
        id("http-api", 1)
    );
    assert_eq!(mistakes.to_string(), said);
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_file() {
    let mut changed = playbook();
    for (_, change) in [&STRUCTURE[1], &STRUCTURE[13], &WORKFLOW[3], &COMMANDS[13], &COMMANDS[6]] {
        change(&mut changed);
    }
    let mistakes = check(changed.to_string().as_bytes()).unwrap_err();
    let told: BTreeSet<&str> = mistakes.refused.iter().map(|finding| finding.rule.name()).collect();
    assert_eq!(
        told,
        BTreeSet::from(["missing-property", "revoked", "pointer-missing", "variable-undeclared"]),
        "{mistakes}"
    );
    assert_eq!(mistakes.warned.len(), 1);
    assert!(mistakes.refused.is_sorted_by_key(|finding| (finding.line, finding.column)));
}

#[test]
fn no_credential_and_no_value_of_a_variable_is_ever_told() {
    const SECRETS: [&str; 3] = ["correct horse", "battery staple", "hunter2"];
    for (_, change) in changes() {
        let mut changed = playbook();
        let definitions = &mut changed["authentication_info_definitions"];
        definitions[id("http-basic", 1)]["password"] = json!(SECRETS[0]);
        definitions[id("oauth2", 1)]["token"] = json!(SECRETS[1]);
        change(&mut changed);
        let imported = format!("{:?}", import(changed.to_string().as_bytes()));
        changed["playbook_variables"]["__pin__"] = json!({"type": "uuid", "value": SECRETS[2]});
        let checked = format!("{:?}", check(changed.to_string().as_bytes()));
        for told in [imported, checked] {
            assert!(SECRETS.iter().all(|secret| !told.contains(secret)), "{told}");
        }
    }
}
