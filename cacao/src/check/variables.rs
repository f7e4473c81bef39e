//! Checks of variables: their types and values, and those that arguments name. References in texts are looked at by the translation.

use std::collections::{BTreeMap, BTreeSet};

use updraft_protocol::Value;

use super::Check;
use crate::finding::CacaoFinding;
use crate::model::{CacaoId, Variable, VariableName, WorkflowStep, WorkflowStepKind};
use crate::path::property;
use crate::rule::Rule;

pub(super) fn check(check: &mut Check<'_>) {
    let playbook = check.playbook;
    declared(check, &playbook.id, "playbook_variables", &playbook.variables, false);
    for (id, step) in &playbook.steps {
        let path = property(&property("workflow", id.as_str()), "step_variables");
        declared(check, id, &path, &step.variables, true);
        for name in step.variables.keys().filter(|name| playbook.variables.contains_key(*name)) {
            let message =
                "hides the variable of the playbook that has this name, in this step and its branches";
            check.findings.add(CacaoFinding::new(
                Rule::VariableHidden,
                id,
                property(&path, name.as_str()),
                message,
            ));
        }
    }
    arguments(check);
}

/// The variables of one dictionary.
fn declared(
    check: &mut Check<'_>,
    object: &CacaoId,
    path: &str,
    variables: &BTreeMap<VariableName, Variable>,
    of_step: bool,
) {
    for (name, variable) in variables {
        let path = property(path, name.as_str());
        let mut tell = |rule, inner: &str, message: String| {
            check.findings.add(CacaoFinding::new(rule, object, property(&path, inner), message));
        };
        if let Err(needed) = variable.variable_type.read(&variable.value) {
            // The value itself is not told: it may be a credential.
            let word = crate::path::short(variable.variable_type.word());
            tell(
                Rule::VariableValue,
                "value",
                format!("the value of a variable of the type `{word}` is {needed}"),
            );
        }
        if variable.external && of_step {
            let message =
                "counts for variables of the playbook alone; a step's own variable is given by nobody";
            tell(Rule::ExternalOfStep, "external", message.to_owned());
        }
        if variable.constant && !variable.external && variable.value == Value::Null {
            let message = "is a constant without a value: no step can read it";
            tell(Rule::ConstantUnknown, "constant", message.to_owned());
        }
    }
}

/// The variables that arguments name are declared, and none that is written is a constant. A variable of a step is known in its
/// branches: which those are is known to the translation, and here every step that opens branches may be the one.
fn arguments(check: &mut Check<'_>) {
    let playbook = check.playbook;
    let opens = |step: &&WorkflowStep| !step.kind.branches().is_empty();
    let of_openers: BTreeSet<&VariableName> =
        playbook.steps.values().filter(opens).flat_map(|step| step.variables.keys()).collect();
    for (id, step) in &playbook.steps {
        let (in_args, out_args) = match &step.kind {
            WorkflowStepKind::Action(action) => (&action.in_args, &action.out_args),
            WorkflowStepKind::PlaybookAction(action) => (&action.in_args, &action.out_args),
            _ => continue,
        };
        let own = |name: &VariableName| step.variables.get(name).or_else(|| playbook.variables.get(name));
        for (list, number, name) in listed("in_args", in_args).chain(listed("out_args", out_args)) {
            let path = format!("{list}[{number}]");
            match own(name) {
                Some(variable) if list == "out_args" && variable.constant => {
                    let message = format!("`{name}` is a constant, and is not written");
                    check.tell_step(Rule::ConstantWritten, id, &path, message);
                }
                None if !of_openers.contains(name) => {
                    let known = playbook.variables.keys().chain(step.variables.keys());
                    let near = check.findings.near(name.as_str(), known.map(VariableName::as_str));
                    let message =
                        format!("`{name}` is declared neither by the playbook nor by the step{near}");
                    check.tell_step(Rule::VariableUndeclared, id, &path, message);
                }
                _ => {}
            }
        }
    }
}

fn listed<'n>(
    list: &'static str,
    names: &'n [VariableName],
) -> impl Iterator<Item = (&'static str, usize, &'n VariableName)> {
    names.iter().enumerate().map(move |(number, name)| (list, number, name))
}
