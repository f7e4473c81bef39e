//! What follows a step in the run of an execution: what runs again where it shall run again from that step. Reads the order in
//! which tasks began, which is that of the steps in each run of a body.

use std::collections::BTreeMap;

use updraft_protocol::{StepId, TaskDocument};

use super::{openers, place};
use crate::plan::{Plan, PlannedKind};

/// What follows a step, by the run of a body.
pub(super) struct Following<'a> {
    /// The first of what follows in a scope: the task of the step itself, or the first after the task that opened the body
    /// in which the step is.
    first: BTreeMap<&'a str, u32>,
    /// By loops that run one round after the other, scope and step: the first round in which the step is. Later ones follow.
    rounds: BTreeMap<(&'a str, &'a str), u32>,
    /// When the tasks began that opened bodies.
    began: BTreeMap<(&'a str, &'a str), u32>,
}

impl<'a> Following<'a> {
    /// What follows the tasks of this step.
    pub(super) fn of(plan: &Plan, from: &StepId, tasks: &'a [TaskDocument]) -> Self {
        let began = tasks
            .iter()
            .map(|task| ((task.head.scope.as_str(), task.head.step_id.as_str()), task.head.task_seq))
            .collect();
        let mut following = Self { first: BTreeMap::new(), rounds: BTreeMap::new(), began };
        for task in tasks.iter().filter(|task| task.head.step_id == *from) {
            let seq = task.head.task_seq;
            earliest(&mut following.first, task.head.scope.as_str(), seq);
            for opener in openers(&task.head.scope) {
                let (outer, step, body) = opener;
                if let Some(round) = body.parse().ok().filter(|_| is_repeat(plan, step)) {
                    earliest(&mut following.rounds, place(opener), round);
                }
                if let Some(began) = following.began.get(&place(opener)) {
                    let after = began + 1;
                    earliest(&mut following.first, outer, after);
                }
            }
        }
        following
    }

    /// Whether a task follows.
    pub(super) fn has(&self, task: &TaskDocument) -> bool {
        let head = &task.head;
        let follows = |scope: &str, seq: u32| self.first.get(scope).is_some_and(|first| *first <= seq);
        follows(head.scope.as_str(), head.task_seq)
            || openers(&head.scope).any(|opener| {
                let began = self.began.get(&place(opener)).copied();
                began.is_some_and(|began| follows(opener.0, began))
                    || self
                        .rounds
                        .get(&place(opener))
                        .zip(opener.2.parse().ok())
                        .is_some_and(|(first, round): (&u32, u32)| *first < round)
            })
    }
}

fn is_repeat(plan: &Plan, step: &str) -> bool {
    let index = StepId::new(step).ok().and_then(|step| plan.index_of(&step));
    index.is_some_and(|index| matches!(plan.step(index).kind, PlannedKind::Repeat(_)))
}

/// Keeps the smaller of both.
fn earliest<K: Ord>(found: &mut BTreeMap<K, u32>, key: K, seq: u32) {
    let known = found.entry(key).or_insert(seq);
    *known = seq.min(*known);
}
