//! Checks of the workflow as a graph: no way leads back to where it was, and every step is on one. Linear, whatever the number of ways.

use std::collections::BTreeMap;

use super::Check;
use crate::model::{CacaoId, WorkflowStep, WorkflowStepKind};
use crate::rule::Rule;

/// How far a step was walked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// It is on the way that is walked now.
    Open,
    /// All that follows it was walked.
    Done,
}

pub(super) fn check(check: &mut Check<'_>) {
    let playbook = check.playbook;
    let mut marks: BTreeMap<&CacaoId, Mark> = BTreeMap::new();
    let entries = [Some(&playbook.start), playbook.exception.as_ref()];
    for entry in entries.into_iter().flatten() {
        walk(check, entry, &mut marks);
    }
    if playbook.steps.contains_key(&playbook.start) {
        let lost: Vec<&CacaoId> = playbook.steps.keys().filter(|id| !marks.contains_key(id)).collect();
        // A step that could not be read, or a pointer that leads where it cannot, may be meant to lead to others.
        const BROKEN: &[Rule] = &[Rule::StartStep, Rule::PointerToNothing, Rule::PointerMissing, Rule::Cycle];
        let is_known = check.unread.is_empty() && !check.findings.tells(BROKEN);
        for id in lost.iter().filter(|_| is_known) {
            check.tell_step(Rule::UnreachableStep, id, "", "no way leads to the step; it is left out");
        }
        // Ways that lead back are told of steps that are left out, too.
        for id in lost {
            walk(check, id, &mut marks);
        }
    }
}

/// Walks all that follows a step, each step once.
fn walk<'c>(check: &mut Check<'c>, from: &'c CacaoId, marks: &mut BTreeMap<&'c CacaoId, Mark>) {
    let steps = &check.playbook.steps;
    let Some((from, step)) = steps.get_key_value(from).filter(|(id, _)| !marks.contains_key(id)) else {
        return;
    };
    marks.insert(from, Mark::Open);
    let mut way = vec![(from, followers(step))];
    while let Some((id, followers)) = way.last_mut() {
        let id = *id;
        let Some((name, to)) = followers.pop() else {
            marks.insert(id, Mark::Done);
            way.pop();
            continue;
        };
        let Some((to, step)) = steps.get_key_value(to) else { continue };
        match marks.get(to) {
            Some(Mark::Done) => {}
            Some(Mark::Open) => {
                let message = back(step, to);
                check.tell_step(Rule::Cycle, id, &name, message);
            }
            None => {
                marks.insert(to, Mark::Open);
                way.push((to, self::followers(step)));
            }
        }
    }
}

/// What a way that leads back is told.
fn back(step: &WorkflowStep, to: &CacaoId) -> String {
    let hint = match step.kind {
        WorkflowStepKind::While(_) => {
            ": what a `while-condition` repeats ends with an `end`, and the condition is looked at again by itself"
        }
        _ => ": what is to be repeated is the branch of a `while-condition`",
    };
    format!("leads back to `{to}`, which comes before it{hint}")
}

/// What follows a step, and the first steps of its branches, the last one first.
fn followers(step: &WorkflowStep) -> Vec<(String, &CacaoId)> {
    let branches = step.kind.branches();
    let pointers = step.pointers().map(|(name, id)| (name.to_owned(), id));
    let mut all: Vec<_> = branches.into_iter().chain(pointers).collect();
    all.reverse();
    all
}
