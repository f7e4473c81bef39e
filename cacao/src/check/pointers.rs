//! Checks of the pointers of each step: that they lead to steps, that those are there which must be, and none which must not.

use super::Check;
use crate::model::{CacaoId, WorkflowStepKind};
use crate::rule::Rule;

pub(super) fn check(check: &mut Check<'_>) {
    start(check);
    let playbook = check.playbook;
    if let Some(exception) = &playbook.exception {
        leads(check, None, "workflow_exception", exception);
    }
    for (id, step) in &playbook.steps {
        for (name, to) in step.pointers() {
            leads(check, Some(id), name, to);
        }
        for (name, to) in step.kind.branches() {
            leads(check, Some(id), &name, to);
        }
        if !check.unread.contains(id) {
            combination(check, id);
        }
    }
}

/// The first step is there, and is a start.
fn start(check: &mut Check<'_>) {
    let playbook = check.playbook;
    let start = &playbook.start;
    leads(check, None, "workflow_start", start);
    let is_other = playbook
        .steps
        .get(start)
        .is_some_and(|step| !check.unread.contains(start) && step.kind != WorkflowStepKind::Start);
    if is_other {
        check.tell(Rule::StartStep, "workflow_start", format!("`{start}` is no step of the type `start`"));
    }
}

fn leads(check: &mut Check<'_>, from: Option<&CacaoId>, name: &str, to: &CacaoId) {
    let steps = &check.playbook.steps;
    if to.is_stand_in() || steps.contains_key(to) {
        return;
    }
    let near = check.findings.near(to.as_str(), steps.keys().map(CacaoId::as_str));
    let message = format!("leads to `{to}`, and there is no such step{near}");
    match from {
        Some(id) => check.tell_step(Rule::PointerToNothing, id, name, message),
        None => check.tell(Rule::PointerToNothing, name, message),
    }
}

/// `on_completion`, or `on_success` and perhaps `on_failure`; an end none, a start `on_completion`.
fn combination(check: &mut Check<'_>, id: &CacaoId) {
    let Some(step) = check.playbook.steps.get(id) else { return };
    let names: Vec<&str> = step.pointers().map(|(name, _)| name).collect();
    match (&step.kind, &names[..]) {
        (WorkflowStepKind::End, []) => {}
        (WorkflowStepKind::End, [first, ..]) => {
            check.tell_step(Rule::PointerOfEnd, id, first, "stands in an end, after which nothing follows");
        }
        (WorkflowStepKind::Start, names) if names.iter().any(|name| *name != "on_completion") => {
            let message = "a start has `on_completion` alone: it cannot fail";
            check.tell_step(Rule::PointerOfStart, id, "", message);
        }
        (_, ["on_completion", other, ..]) => {
            let message =
                "stands beside `on_completion`, which is both: write that, or `on_success` and `on_failure`";
            check.tell_step(Rule::PointerCombination, id, other, message);
        }
        (kind, [] | ["on_failure"]) => {
            let needed = match kind {
                WorkflowStepKind::Start => "`on_completion` is missing",
                _ => {
                    "`on_completion` or `on_success` is missing: what follows the step, an `end` if nothing does"
                }
            };
            check.tell_step(Rule::PointerMissing, id, "", needed);
        }
        _ => {}
    }
}
