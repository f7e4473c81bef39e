//! The translation of a CACAO playbook into a native one. Owns what each construct of the standard is in the native language; what
//! has no form there is refused by a rule, never left out in silence.

mod action;
mod address;
mod authentication;
mod bodies;
mod choice;
mod commands;
mod content;
mod exception;
mod graph;
mod names;
mod native;
mod out_args;
mod parallel;
mod playbook_action;
mod references;
mod repeat;
mod scope;
mod secrets;
mod steps;
mod texts;
mod variables;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use updraft_protocol::limits::{CACAO_TYPES, PLAYBOOK_STEPS, VARIABLES_SET};
use updraft_protocol::playbook::StepKind;
use updraft_protocol::{AuthoredNames, Playbook, Value};

use crate::described::joined;
use crate::finding::CacaoFinding;
use crate::model::{CacaoPlaybook, MarkingKind, VariableName};
use crate::rule::{Rule, Support};

use graph::{Graph, NoOrder};
use names::Names;
use native::{Fields, list, map, set};
use scope::Scope;
use secrets::Secrets;

pub(crate) use texts::part_as_text;

pub use secrets::TakenSecret;

/// A CACAO playbook as a native one.
#[derive(Debug)]
pub struct Translation {
    /// The native playbook.
    pub playbook: Playbook,
    /// The credentials that stand in the file. The native playbook names them.
    pub secrets: Vec<TakenSecret>,
    /// What is warned of.
    pub warnings: Vec<CacaoFinding>,
    /// What the steps and variables of the native playbook are called in the file.
    pub names: AuthoredNames,
}

/// Translates a playbook.
///
/// # Errors
/// All that is refused, and what is warned of besides.
pub fn translate(playbook: &CacaoPlaybook) -> Result<Translation, Vec<CacaoFinding>> {
    let graph = Graph::of(playbook).map_err(|no_order| vec![unordered(playbook, &no_order)])?;
    let ids = playbook.steps.keys().map(|id| id.as_str().to_owned());
    let mut translator = Translator {
        playbook,
        graph: &graph,
        findings: Vec::new(),
        names: Names::with_steps(ids),
        header: Header::default(),
        secrets: Secrets::of(playbook),
        written: Rc::new(playbook.steps.values().flat_map(variables::out_args).cloned().collect()),
        owners: BTreeMap::new(),
        ended: BTreeSet::new(),
        machines: BTreeMap::new(),
        results: BTreeMap::new(),
        failing: Vec::new(),
    };
    let native = translator.playbook();
    translator.secrets.check(&mut translator.findings);
    let Translator { findings, secrets, names, .. } = translator;
    if findings.iter().any(|finding| finding.rule.support() == Support::Refused) {
        return Err(findings);
    }
    let wrong = match Playbook::parse(Value::Object(native).to_string().as_bytes()) {
        Ok(native) => match too_large(&native) {
            None => {
                let (secrets, names) = (secrets.taken(), names.authored());
                return Ok(Translation { playbook: native, secrets, warnings: findings, names });
            }
            Some(message) => message,
        },
        Err(error) => format!("its translation is no playbook of Updraft: {error}"),
    };
    let wrong = CacaoFinding::new(Rule::Translation, &playbook.id, "", wrong);
    Err(findings.into_iter().chain([wrong]).collect())
}

/// What the translation has more of than a playbook may have.
fn too_large(native: &Playbook) -> Option<String> {
    let steps = native.walk();
    let set = steps.iter().filter_map(|walked| match &walked.step.kind {
        StepKind::Set(set) => Some(set.set.keys()),
        _ => None,
    });
    let set: BTreeSet<&String> = set.flatten().collect();
    let counted = [
        (steps.len(), PLAYBOOK_STEPS, "steps, with those for delays, results and copies"),
        (native.types.len(), CACAO_TYPES, "variables, with those of steps and of branches"),
        (set.len(), VARIABLES_SET, "variables that steps set, with those that results are kept in"),
    ];
    let (found, most, of) = counted.into_iter().find(|(found, most, _)| found > most)?;
    Some(format!("becomes {found} {of}, and {most} is the most"))
}

fn unordered(playbook: &CacaoPlaybook, no_order: &NoOrder<'_>) -> CacaoFinding {
    match no_order {
        NoOrder::Missing { step, property, named } => {
            let message = format!("names `{named}`, and there is no such step");
            CacaoFinding::new(Rule::PointerToNothing, step, format!("{}.{property}", place(step)), message)
        }
        NoOrder::Cycle(cycle) => {
            let told: Vec<&str> = cycle.iter().map(|id| id.as_str()).collect();
            let message = format!(
                "steps follow each other in a circle, and only a `while-condition` repeats: {}",
                told.join(" → ")
            );
            let object = cycle.first().map_or(playbook.id.as_str(), |id| id.as_str());
            CacaoFinding::new(Rule::Cycle, object, format!("workflow[\"{object}\"]"), message)
        }
    }
}

/// The place of a step in the file.
fn place(id: impl std::fmt::Display) -> String {
    format!("workflow[\"{id}\"]")
}

/// What stands in the native playbook beside its steps.
#[derive(Debug, Default)]
struct Header {
    variables: Fields,
    types: Fields,
    constants: Fields,
    outputs: Fields,
}

/// A translation that goes on.
struct Translator<'p> {
    playbook: &'p CacaoPlaybook,
    graph: &'p Graph<'p>,
    findings: Vec<CacaoFinding>,
    names: Names,
    header: Header,
    secrets: Secrets,
    /// The names that steps write.
    written: Rc<BTreeSet<VariableName>>,
    /// The body that each step is in, in words.
    owners: BTreeMap<(bool, usize), String>,
    /// The `end` steps that have their native step.
    ended: BTreeSet<usize>,
    /// The native variables of machines, by the id and what is connected to.
    machines: BTreeMap<(String, String), String>,
    /// The variable in which results are looked into, of each path that runs beside others.
    results: BTreeMap<String, String>,
    /// The native steps whose failure nothing but `workflow_exception` handles, outside of bodies with a scope of their own.
    failing: Vec<String>,
}

impl Translator<'_> {
    /// Adds a finding about a step.
    fn found(&mut self, rule: Rule, step: usize, property: &str, message: impl Into<String>) {
        let id = self.graph.id(step);
        let dot = if property.is_empty() { "" } else { "." };
        self.findings.push(CacaoFinding::new(rule, id, format!("{}{dot}{property}", place(id)), message));
    }

    fn playbook(&mut self) -> Fields {
        let playbook = self.playbook;
        let scope = self.playbook_variables();
        let steps = self.main(&scope);
        let exception = self.exception(&scope);
        let mut native = map([("format", number(1)), ("name", Value::from(playbook.id.as_str()))]);
        let version = playbook.modified.seconds();
        match u32::try_from(version) {
            Ok(1..) => set(&mut native, "version", Value::parse(&version.to_string()).ok()),
            _ => {
                let message = "is before 1970 or after 2106; versions are counted in seconds of that time";
                self.findings.push(CacaoFinding::new(Rule::VersionNumber, &playbook.id, "modified", message));
            }
        }
        set(&mut native, "description", joined(Some(&playbook.name), playbook.description.as_deref()));
        let markings = self.markings();
        set(&mut native, "markings", (!markings.is_empty()).then_some(Value::Array(markings)));
        native.insert("steps".to_owned(), list(steps));
        set(&mut native, "catch", exception.map(list));
        let Header { variables, types, constants, outputs } = std::mem::take(&mut self.header);
        for (name, fields) in
            [("variables", variables), ("types", types), ("constants", constants), ("outputs", outputs)]
        {
            set(&mut native, name, (!fields.is_empty()).then_some(Value::Object(fields)));
        }
        native
    }

    /// The native markings: levels of TLP, and statements.
    fn markings(&self) -> Vec<Value> {
        let known = self.playbook.markings.iter().filter_map(|id| self.playbook.marking_definitions.get(id));
        let told = known.filter_map(|marking| match &marking.kind {
            MarkingKind::Tlp(level) => Some(level.clone()),
            MarkingKind::Statement(text) => Some(text.clone()),
            MarkingKind::Iep(_) => None,
        });
        told.map(Value::from).collect()
    }

    /// The steps from `workflow_start` on.
    fn main(&mut self, scope: &Scope) -> Vec<Fields> {
        let Some(start) = self.graph.number(&self.playbook.start) else {
            let message = format!("names `{}`, and there is no such step", self.playbook.start);
            let finding =
                CacaoFinding::new(Rule::PointerToNothing, &self.playbook.id, "workflow_start", message);
            self.findings.push(finding);
            return Vec::new();
        };
        self.main_line(start, scope)
    }
}

/// A whole number.
fn number(number: u64) -> Value {
    Value::parse(&number.to_string()).unwrap_or_default()
}
