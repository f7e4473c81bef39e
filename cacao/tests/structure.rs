//! The structure that is accepted is that which the JSON schemas of OASIS accept, as draft-07 reads them: by the published playbooks
//! and by changes of them. Where the two differ, the difference is listed here with its reason. The schemas are no part of this
//! repository: without `UPDRAFT_SHARED`, a folder that has them, nothing is compared.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod example;

use std::error::Error;
use std::path::PathBuf;

use jsonschema::{Draft, Retrieve, Uri, Validator};
use serde_json::{Value, json};
use updraft_cacao::{CacaoFinding, Rule, check};

/// What is refused here and not by the schemas.
const STRICTER: &[(Rule, &str)] = &[
    (Rule::DoubleProperty, "a reader of JSON takes one of the two"),
    (Rule::NotCacao, "other files are told what they are taken for"),
    (
        Rule::MissingProperty,
        "an entry whose key is no id of the standard is looked at too; in draft-07 it is not",
    ),
    (Rule::PropertyType, "as above; and the schema looks at no property of commands but the common ones"),
    (Rule::PropertyValue, "as above; and the standard has no negative timeout"),
    (Rule::EmptyList, "as above"),
    (Rule::TooMany, "everything has a bound"),
    (Rule::Identifier, "as above, and keys are ids too"),
    (Rule::Timestamp, "days that no month has"),
    (Rule::Revoked, "the schema knows structure alone, as for all rules from here on"),
    (Rule::VersionNumber, ""),
    (Rule::ObjectType, ""),
    (Rule::StartStep, ""),
    (Rule::PointerToNothing, ""),
    (Rule::PointerCombination, "the schema's condition for this holds for every step"),
    (Rule::PointerMissing, "as above"),
    (Rule::Cycle, ""),
    (Rule::Condition, ""),
    (Rule::SwitchVariable, ""),
    (Rule::AgentUndefined, ""),
    (Rule::TargetUndefined, ""),
    (Rule::AuthenticationUndefined, ""),
    (Rule::MarkingUndefined, ""),
    (Rule::AddressValue, "the patterns of the schema hold for texts around an address, too"),
    (Rule::Port, ""),
    (Rule::CommandText, "the schema of each command's type is referred to by nothing"),
    (Rule::Base64, "as above"),
    (Rule::HttpStartLine, "as above"),
    (Rule::HttpContent, "as above"),
    (Rule::HttpHeader, "as above"),
    (Rule::OpenC2Content, "as above"),
    (Rule::OpenC2Method, "as above"),
    (Rule::VariableName, ""),
    (Rule::VariableValue, ""),
    (Rule::VariableUndeclared, ""),
    (Rule::ConstantWritten, ""),
];

/// Whether what the schemas refuse at a place is accepted here, and why.
fn lenient(place: &str, warnings: &[CacaoFinding]) -> Option<&'static str> {
    let warned = |rule: Rule| warnings.iter().any(|finding| finding.rule == rule);
    if warned(Rule::IdentifierForm) {
        return Some("an id of another form is taken as it is, since published playbooks have such ids");
    }
    if place.contains("/marking-iep--") {
        return Some(
            "the schema wants references of such a marking to be texts and maps at once: none is valid",
        );
    }
    if place.ends_with("/delay") {
        return Some("a delay of 0 is none: the text of the standard allows it, its schema does not");
    }
    if place.ends_with("/value") {
        return Some(
            "a dictionary may be written as a map: the text of the standard allows it, its schema does not",
        );
    }
    if place.contains("/address/") {
        return Some(
            "`http://localhost:8080`, a reference to a variable: the schema's pattern wants a dot and letters",
        );
    }
    None
}

/// The schemas of a folder, by the end of their address.
struct Folder(PathBuf);

impl Retrieve for Folder {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        let (_, path) = uri.as_str().rsplit_once("/schemas/").ok_or("another address")?;
        Ok(serde_json::from_slice(&std::fs::read(self.0.join(path))?)?)
    }
}

fn folder() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("UPDRAFT_SHARED")?).join("cacao");
    folder.join("schemas").is_dir().then_some(folder)
}

fn schema(folder: &std::path::Path) -> Validator {
    let schemas = folder.join("schemas");
    let schema: Value =
        serde_json::from_slice(&std::fs::read(schemas.join("playbook.json")).unwrap()).unwrap();
    jsonschema::options().with_draft(Draft::Draft7).with_retriever(Folder(schemas)).build(&schema).unwrap()
}

/// Compares the verdicts on a playbook.
fn compare(schema: &Validator, playbook: &Value, what: &str) {
    let ours = check(playbook.to_string().as_bytes());
    match (schema.is_valid(playbook), ours) {
        (true, Err(mistakes)) => {
            for finding in &mistakes.refused {
                let known = STRICTER.iter().any(|(rule, _)| *rule == finding.rule);
                assert!(known, "{what}: refused here alone: {finding}");
            }
        }
        (false, Ok(checked)) => {
            for error in schema.iter_errors(playbook) {
                let place = error.instance_path().to_string();
                let known = lenient(&place, &checked.warnings).is_some();
                assert!(known, "{what}: refused by the schema alone: {place}: {error}");
            }
        }
        _ => {}
    }
}

/// The pointers to all values.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    let mut inside = |name: &str, value: &Value| {
        let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        found.push(at.clone());
        places(value, &at, found);
    };
    match value {
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                inside(&number.to_string(), item);
            }
        }
        Value::Object(fields) => fields.iter().for_each(|(name, value)| inside(name, value)),
        _ => {}
    }
}

/// A playbook without the value at a place.
fn without(playbook: &Value, place: &str) -> Value {
    let mut changed = playbook.clone();
    let (around, name) = place.rsplit_once('/').unwrap();
    match changed.pointer_mut(around).unwrap() {
        Value::Array(items) => {
            items.remove(name.parse().unwrap());
        }
        Value::Object(fields) => {
            fields.remove(&name.replace("~1", "/").replace("~0", "~"));
        }
        _ => {}
    }
    changed
}

/// Other values in place of one.
fn others(value: &Value) -> Vec<Value> {
    let mut others = vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1e3),
        json!([]),
        json!({}),
        json!("x"),
    ];
    match value {
        Value::String(text) => {
            let mut first = text.chars();
            first.next();
            others.extend([json!(format!("{text}x")), json!(first.as_str()), json!(text.to_uppercase())]);
        }
        Value::Array(items) => others.push(json!([items.as_slice(), &[json!(7)]].concat())),
        Value::Object(fields) => {
            let mut fields = fields.clone();
            fields.insert("banana".to_owned(), json!("x"));
            others.push(Value::Object(fields));
        }
        _ => {}
    }
    others.retain(|other| other != value);
    others
}

/// Every change of a playbook, or of a large one every so many.
fn changes(playbook: &Value, most: usize) -> impl Iterator<Item = (String, Value)> {
    let mut all = Vec::new();
    places(playbook, "", &mut all);
    let changes: Vec<(String, Option<Value>)> = all
        .into_iter()
        .flat_map(|place| {
            let others = others(playbook.pointer(&place).unwrap()).into_iter().map(Some);
            std::iter::once(None).chain(others).map(move |other| (place.clone(), other)).collect::<Vec<_>>()
        })
        .collect();
    let every = changes.len().div_ceil(most);
    changes.into_iter().step_by(every).map(move |(place, other)| match other {
        None => (format!("without {place}"), without(playbook, &place)),
        Some(other) => {
            let mut changed = playbook.clone();
            let what = format!("{other} at {place}");
            *changed.pointer_mut(&place).unwrap() = other;
            (what, changed)
        }
    })
}

#[test]
fn verdicts_are_those_of_the_schemas_but_for_what_is_listed() {
    let Some(folder) = folder() else {
        return eprintln!("not compared: UPDRAFT_SHARED names no folder with `cacao/schemas`");
    };
    let schema = schema(&folder);
    compare(&schema, &example::playbook(), "the example");
    for (what, changed) in changes(&example::playbook(), 2_500) {
        compare(&schema, &changed, &what);
    }
    for entry in std::fs::read_dir(folder.join("playbooks")).unwrap() {
        let path = entry.unwrap().path();
        let playbook: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        compare(&schema, &playbook, &name);
        let most = if playbook.to_string().len() > 50_000 { 20 } else { 150 };
        for (what, changed) in changes(&playbook, most) {
            compare(&schema, &changed, &format!("{name}: {what}"));
        }
    }
}
