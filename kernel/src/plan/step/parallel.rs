//! The step `parallel`: its planned form, and the checks of its branches.

use std::collections::BTreeMap;

use updraft_protocol::limits::PARALLEL_BRANCHES;
use updraft_protocol::playbook::Parallel;

use super::{Draft, Steps};
use crate::plan::StepIndex;
use crate::plan::graph::Field;

/// Several paths at once.
#[derive(Debug)]
pub struct PlannedParallel {
    /// The first step of each path; never empty.
    pub branches: Vec<StepIndex>,
}

impl PlannedParallel {
    /// Checks the fields of the step.
    pub(super) fn check(steps: &mut Steps<'_>, draft: &mut Draft, parallel: &Parallel) -> Option<Self> {
        let count = parallel.branches.len();
        if count == 0 {
            steps.mistakes.step(draft.at, "branches", "at least one branch is needed");
        }
        if count > PARALLEL_BRANCHES {
            let message = format!("{count} branches; at most {PARALLEL_BRANCHES} are allowed");
            steps.mistakes.step(draft.at, "branches", message);
            steps.resolved = false;
            return None;
        }
        let mut seen = BTreeMap::new();
        let mut branches = vec![];
        for (at, id) in parallel.branches.iter().enumerate() {
            let Some(branch) = steps.follow(draft, Field::Branch(at), id) else { continue };
            match seen.insert(branch, at) {
                None => branches.push(branch),
                Some(first) => {
                    seen.insert(branch, first);
                    draft.edges.pop();
                    let message = format!("\"{id}\" is also branches[{first}]");
                    steps.mistakes.step(draft.at, &format!("branches[{at}]"), message);
                }
            }
        }
        Some(Self { branches })
    }
}
